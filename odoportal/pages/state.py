"""The signed-in person on the screen. Every state with a customer's data descends from this one."""

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
    """Header, counts, and the end of the session. What is filled here is bound to one session and one account.

    `failed`: what the page asked for could not be loaded; `troubles` counts what failed otherwise.
    `release` is the server's, so that a page of an older one notices.
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
    _by_itself: bool = False
    _shell_for: str = ""
    running: ClassVar[str] = ""

    @rx.event
    @needs(Right.ENTER)
    async def stay(self) -> None:
        """The person asked to stay signed in; the gate has noted it."""
        self._note_end(require_identity())

    @rx.event
    @needs(Right.ENTER)
    async def trouble(self) -> None:
        """A handler failed: say so on the screen, without details; under its name the log has them."""
        self.troubles, self.reference = self.troubles + 1, request_id.request.get()

    @rx.event
    async def load(self) -> None:
        """Fill the header on a page that shows nothing else of the customer."""
        await self._try(self._arrive())

    async def _try(self, showing: Awaitable[object]) -> None:
        """Show what a page asks for; where the database does not answer, the page says so and offers to try again."""
        try:
            await showing
        except SQLAlchemyError as why:
            _log.error("a page could not be loaded: %s", type(why).__name__)
            self.failed = True
        else:
            self.failed = False

    async def _arrive(self, anew: bool = False) -> tuple[Identity, str]:
        """The person and the page's language; fills the header where it shows another person, account or format.

        Args:
            anew: count again even so.
        """
        who, here = require_identity(), self._here()
        language = "en" if here.startswith("/en") else "fr"
        key = f"{who.key}:{who.region}:{who.name}:{who.email}"
        if anew or self._shell_for != key:
            self.shell = await database.read(shell_view, who, here, clock.today(), get_settings())
            self._shell_for, self.ready = key, True
        self._note_end(who)
        self.release = type(self).running
        return who, language

    def _here(self) -> str:
        """The address in the browser, from its path on."""
        url = self.router.url
        return str(url.path) + (f"?{url.query}" if url.query else "")

    def _note_end(self, who: Identity) -> None:
        end = min(who.ends_at, who.idle_end) if who.idle_end else who.ends_at
        self.ends = int(end.timestamp())

    def _bind(self, key: str) -> None:
        """Forget everything and belong to another identity (empty: nobody)."""
        self.reset()
        self._bound = key

    def _refuse(self) -> None:
        """Say on the screen that the person's role does not allow what was asked."""
        self.denied += 1

    def _anew(self) -> None:
        """Make the browser open its page again: it shows another account, or another role, than the person has now."""
        inside = str(self.router.url.path).split("/")[1:2]
        self.gone = self._here() if inside and inside[0] in i18n.LANGUAGES else "/"

    def _unknown(self) -> dict[str, dict[str, Any]]:
        """Who asks cannot be told. Returns what may be said to anybody: that it failed."""
        self.failed = True
        return {self.get_full_name(): {f"failed{FIELD_MARKER}": True}}

    def _leave(self) -> None:
        """Make the browser leave the page for sign-in: nobody is signed in any more."""
        wanted = self._here()
        language = next((part for part in i18n.LANGUAGES if wanted.startswith(f"/{part}")), "fr")
        self.gone = f"/{language}/login?" + urlencode({"ended": "1", "next": wanted}, quote_via=quote)
