"""The state of the signed-in person. Every state with customer data is a subclass."""

import logging
from collections.abc import Awaitable
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

import reflex as rx
from reflex_base.constants.state import FIELD_MARKER
from sqlalchemy.exc import SQLAlchemyError

from odoportal.accounts.rights import Right, needs
from odoportal.core import clock, database, i18n
from odoportal.core.identity import Identity, require_identity
from odoportal.observability import request_id
from odoportal.pages.shell_view import ShellView, shell_view
from odoportal.pages.view_state import unfilled
from odoportal.settings import get_settings

_log = logging.getLogger("odoportal.pages")


class SessionState(rx.State):
    """The header, the menu's counts and the end of the session. Its data belong to one session and one account.

    `failed`: the page's data could not be loaded; `troubles` counts other failures.
    `release` is the server's, so that a page of an older release notices.
    """

    shell: ShellView = unfilled(ShellView())
    ready: bool = False
    gone: str = ""
    ends: int = 0
    failed: bool = False
    troubles: int = 0
    denied: int = 0
    reference: str = ""
    release: str = ""
    _bound: str = ""
    _reconnecting: bool = False
    _shell_for: str = ""
    running: ClassVar[str] = ""

    @rx.event
    @needs(Right.ENTER)
    async def stay(self) -> None:
        """Stay signed in. The event gate has already recorded the activity."""
        self._note_end(require_identity())

    @rx.event
    @needs(Right.ENTER)
    async def trouble(self) -> None:
        """Show that a handler failed. The details are in the log, under the reference shown."""
        self.troubles, self.reference = self.troubles + 1, request_id.request.get()

    @rx.event
    async def load(self) -> None:
        """Fill the header, on a page without other customer data."""
        await self._load_or_fail(self._fill_header())

    async def _load_or_fail(self, showing: Awaitable[object]) -> None:
        """Load a page's data. If the database does not answer, the page says so and offers a retry."""
        try:
            await showing
        except SQLAlchemyError as why:
            _log.error("a page could not be loaded: %s", type(why).__name__)
            self.failed = True
        else:
            self.failed = False

    async def _fill_header(self, again: bool = False) -> tuple[Identity, str]:
        """Return the person and the page's language; fill the header if it shows another person, account or format.

        Args:
            again: Fill the header in any case, to count again.
        """
        who, here = require_identity(), self._here()
        language = "en" if here.startswith("/en") else "fr"
        key = f"{who.key}:{who.region}:{who.name}:{who.email}"
        if again or self._shell_for != key:
            self.shell = await database.read(shell_view, who, here, clock.today(), get_settings())
            self._shell_for, self.ready = key, True
        self._note_end(who)
        self.release = type(self).running
        return who, language

    def _here(self) -> str:
        """Return path and query of the browser's address."""
        url = self.router.url
        return str(url.path) + (f"?{url.query}" if url.query else "")

    def _note_end(self, who: Identity) -> None:
        end = min(who.ends_at, who.idle_end) if who.idle_end else who.ends_at
        self.ends = int(end.timestamp())

    def _bind(self, key: str) -> None:
        """Discard all data and belong to another identity; empty for none."""
        self.reset()
        self._bound = key

    def _show_denied(self) -> None:
        """Show that the person's role does not allow the action."""
        self.denied += 1

    def _reload_page(self) -> None:
        """Make the browser load its page again: it shows an account or a role that the person no longer has."""
        inside = str(self.router.url.path).split("/")[1:2]
        self.gone = self._here() if inside and inside[0] in i18n.LANGUAGES else "/"

    def _unavailable_delta(self) -> dict[str, dict[str, Any]]:
        """Return the update for a page whose identity cannot be determined: only that loading failed."""
        self.failed = True
        return {self.get_full_name(): {f"failed{FIELD_MARKER}": True}}

    def _go_to_sign_in(self) -> None:
        """Make the browser go to the sign-in page: the session has ended."""
        wanted = self._here()
        language = next((part for part in i18n.LANGUAGES if wanted.startswith(f"/{part}")), "fr")
        self.gone = f"/{language}/login?" + urlencode({"ended": "1", "next": wanted}, quote_via=quote)
