"""The statement of account as files."""

from starlette.routing import Route

from odoportal.foundation import export
from odoportal.foundation.i18n import t
from odoportal.statements.exports import statement_table
from odoportal.statements.pdf import download
from odoportal.statements.view import RULES

ROUTES = (
    *export.routes("/statement", RULES, lambda: t("Statement"), statement_table, ("csv",)),
    Route("/{language}/statement.pdf", download),
)
