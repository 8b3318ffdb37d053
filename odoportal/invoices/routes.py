"""Invoices and credit notes as files."""

from starlette.routing import Route

from odoportal.foundation import papers
from odoportal.foundation.i18n import t
from odoportal.invoices import archive
from odoportal.invoices.pdf import credit_note_sheet, invoice_sheet

ROUTES = (
    papers.route("/invoices", lambda number: t("Invoice {number}", number=number), invoice_sheet),
    papers.route("/credit-notes", lambda number: t("Credit note {number}", number=number), credit_note_sheet),
    Route("/{language}/invoices.zip", archive.post, methods=["POST"]),
)
