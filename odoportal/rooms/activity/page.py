"""The activity page of an account, for its owners."""

from typing import ClassVar

from odoportal.accounts.rights import Right
from odoportal.core.i18n import t
from odoportal.lists.list_table import ListTable
from odoportal.pages.list_page import ListPage, ListState
from odoportal.pages.state import SessionState
from odoportal.pages.view_state import unfilled
from odoportal.rooms.activity.columns import CHANGES
from odoportal.rooms.activity.view import ChangesView
from odoportal.ui.template import Bound, Node, View, el


class Changes(ListState, SessionState):
    """A page of the list of changes."""

    view: ChangesView = unfilled(ChangesView())
    table: ClassVar[ListTable] = CHANGES
    needs: ClassVar[Right] = Right.CHANGES


def _lead(_view: Bound) -> Node:
    return el(
        "p",
        t("Who changed what in this account. For a person’s sign-in settings, only the fact that they changed is shown."),
        cls="soft lead",
    )


PAGE = ListPage(CHANGES, Changes, parents=lambda: [("/profile", t("Profile"))], lead=lambda: [View(_lead).component(None)])
