"""Routes of the order confirmations."""

from odoportal.core.i18n import t
from odoportal.documents import routes
from odoportal.rooms.orders.pdf import order_sheet

ROUTES = (routes.route("/orders", lambda number: t("Order {number}", number=number), order_sheet),)
