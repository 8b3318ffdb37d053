"""The address book on the screen."""

from typing import Any, ClassVar

from odoportal.accounts.listing import Drawn, ListState
from odoportal.accounts.showing import PageState, unfilled
from odoportal.accounts.state import SessionState
from odoportal.addresses.service import RULES
from odoportal.addresses.view import AddressesView, EditView, addresses_view, edit_view
from odoportal.foundation import database
from odoportal.foundation.identity import Identity
from odoportal.foundation.listing import ListRules


class Addresses(ListState, SessionState):
    """One page of the book."""

    view: AddressesView = unfilled(AddressesView())
    rules: ClassVar[ListRules] = RULES
    draw: ClassVar[Drawn] = staticmethod(addresses_view)


class EditAddress(PageState, SessionState):
    """One address, to be written, with the fields of the country that the page's address asks for."""

    view: EditView = unfilled(EditView())

    async def _look(self, who: Identity) -> Any:
        return await database.read(edit_view, who, dict(self.router.url.query_parameters))
