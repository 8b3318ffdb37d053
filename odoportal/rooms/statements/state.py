"""The state of the statement page."""

from typing import ClassVar

from odoportal.lists.query import ListRules
from odoportal.pages.list_state import ListState, MakeView
from odoportal.pages.state import SessionState
from odoportal.pages.view_state import unfilled
from odoportal.rooms.statements.view import RULES, StatementView, statement_view


class Statements(ListState, SessionState):
    """The statement of one period."""

    view: StatementView = unfilled(StatementView())
    rules: ClassVar[ListRules] = RULES
    draw: ClassVar[MakeView] = staticmethod(statement_view)
