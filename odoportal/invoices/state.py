"""The list of invoices on the screen."""

from typing import ClassVar

from odoportal.accounts.listing import Drawn, ListState
from odoportal.accounts.showing import unfilled
from odoportal.accounts.state import SessionState
from odoportal.foundation.listing import ListRules
from odoportal.invoices.service import RULES
from odoportal.invoices.view import InvoicesView, invoices_view


class Invoices(ListState, SessionState):
    """One page of invoices, and the open one."""

    view: InvoicesView = unfilled(InvoicesView())
    rules: ClassVar[ListRules] = RULES
    draw: ClassVar[Drawn] = staticmethod(invoices_view)
