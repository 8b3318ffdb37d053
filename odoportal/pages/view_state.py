"""What the state of every page that shows one view does: fill it, say so where that failed, try again."""

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, TypeVar

import reflex as rx

from odoportal.core import i18n
from odoportal.core.identity import Identity

View = TypeVar("View")


def unfilled(view: View) -> View:
    """What a state shows before it is filled: one value for all tabs, where Reflex would copy it for each of them."""
    return rx.field(default_factory=lambda: view)  # pyright: ignore[reportReturnType]


class PageState(rx.State, mixin=True):
    """A page's state, mixed into one that descends from `SessionState`, declares `view`, and says in `_look` what it shows."""

    filled: bool = False

    if TYPE_CHECKING:
        # `SessionState` has them; an annotation alone would become a variable of the state.
        async def _try(self, showing: Awaitable[object]) -> None: ...

        async def _arrive(self, anew: bool = False) -> tuple[Identity, str]: ...

    @rx.event
    async def load(self) -> None:
        """Show what the address asks for."""
        await self._show()

    @rx.event
    async def retry(self) -> None:
        """Ask again, for the header too: after a failure, or since a form was done."""
        await self._show(anew=True)

    async def _show(self, anew: bool = False) -> None:
        await self._try(self._fill(anew))

    async def _fill(self, anew: bool) -> None:
        who, language = await self._arrive(anew)
        with i18n.use(language):
            self.view = await self._look(who)
        self.filled = True

    async def _look(self, who: Identity) -> Any:
        """The view, in the language in use."""
        raise NotImplementedError
