"""The state of the activity page."""

from typing import ClassVar

from odoportal.accounts.rights import Right
from odoportal.lists.query import ListRules
from odoportal.pages.list_state import ListState, MakeView
from odoportal.pages.state import SessionState
from odoportal.pages.view_state import unfilled
from odoportal.rooms.activity.service import rules
from odoportal.rooms.activity.view import ChangesView, changes_view


class Changes(ListState, SessionState):
    """A page of the list of changes."""

    view: ChangesView = unfilled(ChangesView())
    rules: ClassVar[ListRules] = rules()
    draw: ClassVar[MakeView] = staticmethod(changes_view)
    needs: ClassVar[Right] = Right.CHANGES
