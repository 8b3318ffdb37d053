"""The state of the invoices page."""

from typing import ClassVar

from odoportal.lists.query import ListRules
from odoportal.pages.list_state import ListState, MakeView
from odoportal.pages.state import SessionState
from odoportal.pages.view_state import unfilled
from odoportal.rooms.invoices.service import RULES
from odoportal.rooms.invoices.view import InvoicesView, invoices_view


class Invoices(ListState, SessionState):
    """A page of the list of invoices, and the open invoice."""

    view: InvoicesView = unfilled(InvoicesView())
    rules: ClassVar[ListRules] = RULES
    draw: ClassVar[MakeView] = staticmethod(invoices_view)
