"""Confirmations of orders as files."""

from odoportal.foundation import papers
from odoportal.foundation.i18n import t
from odoportal.orders.pdf import order_sheet

ROUTES = (papers.route("/orders", lambda number: t("Order {number}", number=number), order_sheet),)
