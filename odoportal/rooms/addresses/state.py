"""Reflex states of the address book."""

from typing import Any, ClassVar

from odoportal.core import database
from odoportal.core.identity import Identity
from odoportal.lists.query import ListRules
from odoportal.pages.list_state import ListState, MakeView
from odoportal.pages.state import SessionState
from odoportal.pages.view_state import PageState, unfilled
from odoportal.rooms.addresses.service import RULES
from odoportal.rooms.addresses.view import AddressesView, EditView, addresses_view, edit_view


class Addresses(ListState, SessionState):
    """The state of the list: one page of the book."""

    view: AddressesView = unfilled(AddressesView())
    rules: ClassVar[ListRules] = RULES
    draw: ClassVar[MakeView] = staticmethod(addresses_view)


class EditAddress(PageState, SessionState):
    """The state of the form of one address, with the fields of the country in the page's query."""

    view: EditView = unfilled(EditView())

    async def _fetch(self, who: Identity) -> Any:
        return await database.read(edit_view, who, dict(self.router.url.query_parameters))
