"""Routes of the statement files."""

from starlette.routing import Route

from odoportal.core.i18n import t
from odoportal.lists import download
from odoportal.rooms.statements.exports import statement_table
from odoportal.rooms.statements.pdf import download_statement
from odoportal.rooms.statements.view import RULES

ROUTES = (
    *download.routes("/statement", RULES, lambda: t("Statement"), statement_table, ("csv",)),
    Route("/{language}/statement.pdf", download_statement),
)
