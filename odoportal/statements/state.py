"""The statement of account on the screen."""

from typing import ClassVar

from odoportal.accounts.listing import Drawn, ListState
from odoportal.accounts.showing import unfilled
from odoportal.accounts.state import SessionState
from odoportal.foundation.listing import ListRules
from odoportal.statements.view import RULES, StatementView, statement_view


class Statements(ListState, SessionState):
    """The statement of one period."""

    view: StatementView = unfilled(StatementView())
    rules: ClassVar[ListRules] = RULES
    draw: ClassVar[Drawn] = staticmethod(statement_view)
