"""Routes of the invoice and credit note files."""

from starlette.routing import Route

from odoportal.core.i18n import t
from odoportal.documents import routes
from odoportal.rooms.invoices import archive
from odoportal.rooms.invoices.pdf import credit_note_sheet, invoice_sheet

ROUTES = (
    routes.route("/invoices", lambda number: t("Invoice {number}", number=number), invoice_sheet),
    routes.route("/credit-notes", lambda number: t("Credit note {number}", number=number), credit_note_sheet),
    Route("/{language}/invoices.zip", archive.post, methods=["POST"]),
)
