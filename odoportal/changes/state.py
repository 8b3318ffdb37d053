"""The changes on the screen."""

from typing import ClassVar

from odoportal.accounts.listing import Drawn, ListState
from odoportal.accounts.rights import Right
from odoportal.accounts.showing import unfilled
from odoportal.accounts.state import SessionState
from odoportal.changes.service import RULES
from odoportal.changes.view import ChangesView, changes_view
from odoportal.foundation.listing import ListRules


class Changes(ListState, SessionState):
    """One page of changes."""

    view: ChangesView = unfilled(ChangesView())
    rules: ClassVar[ListRules] = RULES
    draw: ClassVar[Drawn] = staticmethod(changes_view)
    needs: ClassVar[Right] = Right.CHANGES
