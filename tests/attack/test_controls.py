"""Control tests: without the guards the attacks succeed, so the tests of the event gate can fail."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from reflex_base.event import Event
from sqlalchemy import Engine

from odoportal.core import database
from odoportal.core.identity import Identity
from odoportal.pages.state import SessionState
from odoportal.rooms.orders.page import Orders
from odoportal.web.event_gate import EventGate
from tests.making import account, identity_of, order
from tests.states import new_state, set_address, signed_in

LOAD = f"{Orders.get_full_name()}.load"


@pytest.fixture
def people(stored: Engine) -> dict[str, Identity]:
    """Return two people with one order each, by the hash of their session."""
    with database.write_session() as session:
        mine, theirs = account(session, "A"), account(session, "B")
        order(session, mine, "26367")
        order(session, theirs, "55555")
    return {"maria": replace(identity_of(mine, "A"), session="maria"), "eve": replace(identity_of(theirs, "B"), session="eve", name="Eve")}


async def show(people: dict[str, Identity], guarded: bool) -> str:
    """Return the whole state that Eve's browser receives on a tab that was Maria's, before anything is loaded for Eve."""
    root = new_state("/en/orders", "sid=maria")
    orders = await root.get_state(Orders)
    with signed_in(people["maria"]):
        await (await root.get_state(SessionState)).load()
        await orders.load()
    (await root.get_state(SessionState))._bound = people["maria"].key
    set_address(root, "/en/orders", "sid=eve")

    async def resolve(hashed: str | None, _account: str | None) -> Identity | None:
        return people.get(hashed or "")

    async def touch(_who: Identity) -> None:
        return None

    if guarded:
        await EventGate(SessionState, resolve, touch, lambda _who, _name: True).preprocess(None, root, Event(name=LOAD))  # type: ignore[arg-type]
    sent: Any = root.dict()
    return repr(sent)


@pytest.mark.asvs("7.2.4")
@pytest.mark.case("A-51")
def test_the_next_person_on_a_tab_would_see_the_last_one_s_orders_without_the_gate(people: dict[str, Identity]) -> None:
    assert "26367" in asyncio.run(show(people, guarded=False))
    shown = asyncio.run(show(people, guarded=True))
    assert "26367" not in shown
    assert "Maria" not in shown


@pytest.mark.asvs("8.2.1")
def test_a_handler_called_without_the_gate_reads_for_whoever_is_named(people: dict[str, Identity]) -> None:
    async def run(asks: Identity | None) -> list[str]:
        orders = await new_state("/en/orders", "sid=eve").get_state(Orders)
        with signed_in(asks):
            await orders.load()
        return [row.number for row in orders.view.rows]

    assert asyncio.run(run(people["maria"])) == ["26367"]
    with pytest.raises(PermissionError):
        asyncio.run(run(None))


@pytest.mark.asvs("8.4.1")
def test_without_the_account_in_the_query_another_s_order_would_be_found(people: dict[str, Identity]) -> None:
    from sqlmodel import select

    from odoportal.rooms.orders import service
    from odoportal.rooms.orders.models import Order

    with database.read_session() as session:
        assert session.exec(select(Order).where(Order.number == "55555")).first() is not None
        assert service.get(session, people["maria"].account.account_id, "55555") is None
