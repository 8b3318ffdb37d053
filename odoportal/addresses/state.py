"""The address book on the screen."""

from typing import ClassVar

import reflex as rx

from odoportal.accounts.listing import Drawn, Listed
from odoportal.accounts.state import Signed
from odoportal.addresses.service import RULES
from odoportal.addresses.view import AddressesView, EditView, addresses_view, edit_view
from odoportal.foundation import database, i18n
from odoportal.foundation.listing import ListRules


class Addresses(Listed, Signed):
    """One page of the book."""

    view: AddressesView = AddressesView()
    rules: ClassVar[ListRules] = RULES
    draw: ClassVar[Drawn] = staticmethod(addresses_view)


class EditAddress(Signed):
    """One address, to be written."""

    view: EditView = EditView()
    filled: bool = False

    @rx.event
    async def load(self) -> None:
        """Show what is stored, with the fields of the country that the address asks for."""
        await self._try(self._show())

    @rx.event
    async def retry(self) -> None:
        """A form was done, or it failed before: show what is stored now."""
        await self._try(self._show())

    async def _show(self) -> None:
        who, language = await self._arrive()
        with i18n.use(language):
            self.view = await database.read(edit_view, who, dict(self.router.url.query_parameters))
        self.filled = True
