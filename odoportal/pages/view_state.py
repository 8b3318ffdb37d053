"""The state of pages that show one view: loads it, shows a failure, and retries."""

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, TypeVar

import reflex as rx

from odoportal.core import i18n
from odoportal.core.identity import Identity

View = TypeVar("View")


def unfilled(view: View) -> View:
    """Return a field for a view that is not loaded yet: one shared value, which Reflex would otherwise copy for each tab."""
    return rx.field(default_factory=lambda: view)  # pyright: ignore[reportReturnType]


class PageState(rx.State, mixin=True):
    """The state of a page with one view: a mixin for subclasses of `SessionState` that declare `view` and override `_fetch`."""

    filled: bool = False

    if TYPE_CHECKING:
        # `SessionState` has them; an annotation alone would become a variable of the state.
        async def _load_or_fail(self, showing: Awaitable[object]) -> None: ...

        async def _fill_header(self, again: bool = False) -> tuple[Identity, str]: ...

    @rx.event
    async def load(self) -> None:
        """Load the view of the address."""
        await self._load_view()

    @rx.event
    async def retry(self) -> None:
        """Load the view and the header again: after a failure, or after a form was saved."""
        await self._load_view(again=True)

    async def _load_view(self, again: bool = False) -> None:
        await self._load_or_fail(self._fill(again))

    async def _fill(self, again: bool) -> None:
        who, language = await self._fill_header(again)
        with i18n.use(language):
            self.view = await self._fetch(who)
        self.filled = True

    async def _fetch(self, who: Identity) -> Any:
        """Return the view in the current language."""
        raise NotImplementedError
