"""Every page whose view cannot be loaded says so, and recovers."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from odoportal.accounts.models import Person
from odoportal.core import database, i18n
from odoportal.odoportal import PAGES
from odoportal.pages.view_state import PageState
from odoportal.ui.page import drawing_page
from odoportal.web.page import Page
from tests.making import NOON, account, identity_of
from tests.states import new_state, signed_in

OURS = [page for page in PAGES if page.load is not None]
VIEWS = [page for page in OURS if issubclass(page.load.state, PageState)]


@contextmanager
def away() -> Iterator[Any]:
    """Raise an error in place of a reading session: the database does not answer."""
    raise OperationalError("SELECT", {}, Exception("connection refused"))
    yield


@pytest.mark.parametrize("page", OURS, ids=lambda page: page.path)
@pytest.mark.asvs("16.5.2")
def test_a_page_whose_database_is_away_says_so_and_recovers(stored: Engine, monkeypatch: pytest.MonkeyPatch, page: Page) -> None:
    with database.write_session() as session:
        me = identity_of(account(session))
        session.add(Person(id=me.person_id, email=me.email, email_key=me.email, name=me.name, created_at=NOON))

    async def run() -> None:
        state: Any = await new_state(f"/fr{page.path}").get_state(page.load.state)
        with signed_in(me):
            with monkeypatch.context() as patch:
                patch.setattr(database, "read_session", away)
                await state.load()
                assert (state.failed, getattr(state, "filled", False)) == (True, False)
            again = state.retry if issubclass(page.load.state, PageState) else state.load
            await again()
        assert (state.failed, getattr(state, "filled", True)) == (False, True)

    asyncio.run(run())


@pytest.mark.parametrize("page", VIEWS, ids=lambda page: page.path)
def test_a_page_that_could_not_be_loaded_offers_to_try_again(page: Page) -> None:
    with i18n.use("en"), drawing_page(page.path):
        drawn = str(page.content().render())
    assert str(page.load.state.failed) in drawn
