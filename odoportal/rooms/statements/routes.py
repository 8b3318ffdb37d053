"""Routes of the statement files."""

from starlette.routing import Route

from odoportal.core.i18n import t
from odoportal.lists import download
from odoportal.rooms.statements.exports import period_name, statement_table
from odoportal.rooms.statements.pdf import download_statement
from odoportal.rooms.statements.view import RULES

ROUTES = (
    *download.routes("/statement", RULES, lambda: t("Statement"), statement_table, period_name),
    Route("/{language}/statement.pdf", download_statement),
)
