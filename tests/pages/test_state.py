"""Tests of the states of signed-in people: loading, failing, and reset for another identity."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from odoportal.core import database
from odoportal.observability import request_id
from odoportal.pages import list_page
from odoportal.pages.shell_view import ShellView
from odoportal.pages.state import SessionState
from odoportal.rooms.dashboard.page import Home
from odoportal.rooms.dashboard.view import HomeView
from odoportal.rooms.invoices.page import Invoices
from odoportal.rooms.invoices.view import InvoicesView
from odoportal.rooms.orders.page import Orders
from odoportal.rooms.orders.view import OrdersView
from tests.making import NOON, account, identity_of, invoice, order
from tests.states import new_state, set_address, signed_in

LISTS = [(Orders, OrdersView, "/en/orders", "26367"), (Invoices, InvoicesView, "/en/invoices", "212048")]


@pytest.fixture
def mine(stored: Engine) -> int:
    with database.write_session() as session:
        made = account(session)
        order(session, made, "26367")
        invoice(session, made, "212048", "576.07")
        return made


@pytest.mark.parametrize(("kind", "empty", "path", "number"), LISTS)
def test_a_list_shows_what_its_address_asks_for(mine: int, kind: Any, empty: Any, path: str, number: str) -> None:
    async def run() -> None:
        root = new_state(f"{path}?q={number}&open={number}")
        state = await root.get_state(kind)
        assert (state.view, state.filled, state.version) == (empty(), False, 0)
        with signed_in(identity_of(mine)):
            await state.load()
            assert ([r.number for r in state.view.rows], state.filled, state.failed, state.version) == ([number], True, False, 1)
            assert state.view.details.number == number
            set_address(root, f"{path}?q=zzz")
            await state.load()
            assert (state.view.rows, state.view.frame.empty, state.version) == ([], "no-match", 2)
        assert (state.shell.name, state.ready) == ("Maria Gagnon", True)

    asyncio.run(run())


@pytest.mark.parametrize(("kind", "empty", "path", "number"), LISTS)
def test_the_rows_are_in_the_language_of_the_address(mine: int, kind: Any, empty: Any, path: str, number: str) -> None:
    async def run() -> None:
        root = new_state(path)
        state = await root.get_state(kind)
        with signed_in(identity_of(mine)):
            await state.load()
            english = state.view.frame.tabs[0].text
            set_address(root, path.replace("/en", "/fr"))
            await state.load()
        assert english.startswith("All")
        assert state.view.frame.tabs[0].text.startswith("Tou")

    asyncio.run(run())


@pytest.mark.parametrize(("kind", "empty", "path", "number"), LISTS)
@pytest.mark.asvs("16.5.2")
def test_a_failure_says_so_and_a_retry_recovers(
    mine: int, kind: Any, empty: Any, path: str, number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object) -> None:
        raise OperationalError("SELECT", {}, Exception("disk I/O error"))

    async def run() -> None:
        state = await new_state(path).get_state(kind)
        with signed_in(identity_of(mine)):
            await state.load()
            shown = state.view
            with monkeypatch.context() as patch:
                patch.setattr(list_page, "page_view", broken)
                await state.load()
                assert (state.failed, state.filled, state.version) == (True, True, 2)
                assert state.view == shown
            await state.retry()
        assert (state.failed, state.version, len(state.view.rows)) == (False, 3, 1)

    asyncio.run(run())


def test_a_retry_counts_the_menu_anew(mine: int) -> None:
    async def run() -> None:
        state = await new_state().get_state(Orders)
        with signed_in(identity_of(mine)):
            await state.load()
            with database.write_session() as session:
                order(session, mine, "26368")
            await state.load()
            assert state.shell.counts["/orders"] == "1"
            await state.retry()
            assert state.shell.counts["/orders"] == "2"

    asyncio.run(run())


def test_the_home_page_fills(mine: int) -> None:
    async def run() -> None:
        state = await new_state("/fr/").get_state(Home)
        with signed_in(identity_of(mine)):
            await state.load()
        assert (state.filled, state.ready) == (True, True)
        assert state.view.owed == "$576.07"
        assert state.view.owed_url.startswith("/fr/invoices")

    asyncio.run(run())


@pytest.mark.asvs("14.3.1")
def test_another_identity_finds_everything_forgotten(mine: int) -> None:
    async def run() -> None:
        root = new_state("/en/orders?open=26367")
        states = {kind: await root.get_state(kind) for kind in (SessionState, Orders, Invoices, Home)}
        with signed_in(identity_of(mine)):
            for kind in (Orders, Invoices, Home):
                await states[kind].load()
        root._clean()
        states[SessionState]._bind("another")
        assert states[SessionState]._bound == "another"
        assert states[SessionState].shell == ShellView()
        assert (states[SessionState].ready, states[SessionState].ends, states[SessionState].gone, states[SessionState]._shell_for) == (
            False,
            0,
            "",
            "",
        )
        assert states[Orders].view == OrdersView()
        assert states[Invoices].view == InvoicesView()
        assert states[Home].view == HomeView()
        assert not any(states[kind].filled for kind in (Orders, Invoices, Home))
        # The reset must be sent to the browser too, so that its copy of the data is overwritten.
        sent = repr(root.get_delta())
        assert "view" in sent
        assert "Maria" not in sent
        assert "26367" not in sent.replace("open=26367", "").replace("'open': '26367'", "")

    asyncio.run(run())


def test_another_account_or_format_fills_the_header_anew(mine: int) -> None:
    async def run() -> None:
        state = await new_state().get_state(SessionState)
        with database.write_session() as session:
            second = account(session, "2000")
        with signed_in(identity_of(mine)):
            await state.load()
        assert state.shell.account == "Transport 1042"
        with signed_in(identity_of(second, "2000")):
            await state.load()
        assert state.shell.account == "Transport 2000"
        with signed_in(identity_of(second, "2000", "fr-CA")):
            await state.load()
        assert not state.shell.region_en

    asyncio.run(run())


def test_the_end_of_the_session_is_the_nearer_one(mine: int) -> None:
    async def run() -> None:
        state = await new_state().get_state(SessionState)
        someone = identity_of(mine)
        for idle, nearer in (
            (NOON + timedelta(minutes=30), NOON + timedelta(minutes=30)),
            (None, someone.ends_at),
            (NOON + timedelta(hours=13), someone.ends_at),
        ):
            with signed_in(replace(someone, idle_end=idle)):
                await state.stay()
            assert state.ends == int(nearer.timestamp())

    asyncio.run(run())


@pytest.mark.parametrize(
    ("address", "login"),
    [
        ("/en/orders?q=a b&open=5", "/en/login?ended=1&next=%2Fen%2Forders%3Fq%3Da%20b%26open%3D5"),
        ("/fr/", "/fr/login?ended=1&next=%2Ffr%2F"),
        ("//evil.example/", "/fr/login?ended=1&next=%2F"),
        ("javascript:alert(1)", "/fr/login?ended=1&next="),
    ],
)
@pytest.mark.asvs("3.7.2")
def test_leaving_leads_to_sign_in_on_this_site(address: str, login: str) -> None:
    async def run() -> None:
        state = await new_state(address).get_state(SessionState)
        state._go_to_sign_in()
        assert state.gone.startswith(login)

    asyncio.run(run())


def test_a_failure_is_told_with_the_name_the_log_has_it_under() -> None:
    async def run() -> None:
        state = await new_state().get_state(SessionState)
        request_id.request.set("ABCDEFGH23")
        await state.trouble()
        assert (state.troubles, state.reference) == (1, "ABCDEFGH23")

    asyncio.run(run())


@pytest.mark.parametrize("kind", [SessionState, Orders, Invoices, Home])
@pytest.mark.asvs("8.3.1")
@pytest.mark.asvs("16.5.3")
def test_without_the_gate_s_word_no_handler_reads_anything(mine: int, kind: Any) -> None:
    async def run() -> None:
        state = await new_state().get_state(kind)
        with signed_in(None), pytest.raises(PermissionError):
            await state.load()

    asyncio.run(run())
