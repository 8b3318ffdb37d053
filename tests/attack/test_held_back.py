"""If an account requires two-step sign-in, people without it see no more of its data, over the socket or HTTP, from the next click on."""

import asyncio
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, select, text
from sqlmodel import col

from odoportal.accounts.models import Account, Membership, Person
from odoportal.accounts.rights import ROLES_BY_RIGHT, Right
from odoportal.core.identity import HELD_BACK
from tests.attack.conftest import Cookies
from tests.attack.test_handlers import handler_rights
from tests.attack.wire import ORDERS, SIGNED, tab, value
from tests.server import FLEET, TWO_ACCOUNTS, Portal

RETRY = f"{ORDERS}.retry"


def _require_two_step(rows: Engine, account: str, on: bool) -> None:
    with rows.begin() as connection:
        connection.execute(text("UPDATE account SET two_step = :on WHERE number = :n"), {"on": on, "n": account})


def _accounts(rows: Engine, email: str) -> list[str]:
    theirs = select(col(Account.number)).join(Membership, col(Membership.account_id) == col(Account.id))
    theirs = theirs.join(Person, col(Person.id) == col(Membership.person_id)).where(col(Person.email) == email)
    with rows.connect() as connection:
        return sorted(connection.scalars(theirs).all(), key=lambda number: number.zfill(40))


@pytest.fixture
def required(rows: Engine) -> Iterator[str]:
    """Yield the number of the fleet's account, whose person has no second step; the requirement is switched off afterwards."""
    (number,) = _accounts(rows, FLEET)
    yield number
    _require_two_step(rows, number, False)


@pytest.mark.asvs("8.3.2")
@pytest.mark.asvs("6.3.3")
def test_whoever_has_no_second_factor_is_stopped_at_the_next_click_of_an_open_page(
    portal: Portal, cookie_of: Cookies, rows: Engine, required: str
) -> None:
    async def run() -> None:
        async with tab(portal.url, cookie_of(FLEET)) as open_:
            numbers = [row["number"] for row in (await open_.load("/en/orders"))["rows"]]
            _require_two_step(rows, required, True)
            before = len(open_.frames)
            await open_.send(RETRY, {}, "/en/orders")
            assert await open_.until(lambda frame: value(frame, SIGNED, "gone")) == "/en/orders"
            # No handler returns the account's data, even if it is called with its own page in the address.
            for name, right in handler_rights().items():
                if right in set(Right):
                    await open_.send(name, {}, "/en/orders")
            await open_.fence()
            shown_text = repr(open_.frames[before:])
            assert all(number in repr(open_.frames[:before]) for number in numbers)
            assert numbers
            assert not any(number in shown_text for number in numbers)
            _require_two_step(rows, required, False)
            assert (await open_.load("/en/orders"))["rows"]

    asyncio.run(run())


@pytest.mark.asvs("8.2.1")
@pytest.mark.asvs("6.3.3")
def test_every_page_leads_to_where_it_is_set_up_and_no_file_and_no_form_answers(
    portal: Portal, cookie_of: Cookies, rows: Engine, required: str
) -> None:
    cookie = cookie_of(FLEET)
    assert portal.ask("/fr/orders", cookie=cookie).status == 200
    _require_two_step(rows, required, True)
    for path in ("/", "/orders", "/invoices", "/statement", "/cards", "/addresses", "/profile", "/profile/people", "/profile/changes"):
        answer = portal.ask(f"/fr{path}", cookie=cookie)
        assert (answer.status, answer.headers["location"]) == (303, "/fr/profile/security"), path
    for path in ("/orders.csv", "/invoices.xlsx", "/statement.pdf", "/profile/changes.csv", "/profile/data.zip"):
        assert portal.ask(f"/fr{path}", cookie=cookie).status == 404, path
    sent = portal.ask("/en/profile/people", form={"form": "invite"}, cookie=cookie, accept="application/json", origin=portal.url)
    assert sent.status == 303
    page = portal.ask("/fr/profile/security", cookie=cookie)
    assert page.status == 200
    assert "exige la connexion en deux étapes" in page.body


@pytest.mark.asvs("8.2.1")
def test_another_account_that_does_not_require_it_is_open(portal: Portal, cookie_of: Cookies, rows: Engine) -> None:
    cookie, (first, second) = cookie_of(TWO_ACCOUNTS), _accounts(rows, TWO_ACCOUNTS)[:2]
    _require_two_step(rows, first, True)
    try:
        held = portal.ask(f"/en/orders?account={first}", cookie=cookie)
        assert (held.status, held.headers["location"]) == (303, f"/en/profile/security?account={first}")
        assert portal.ask(f"/en/orders?account={second}", cookie=cookie).status == 200
        shown = portal.ask(f"/en/profile/security?account={first}", cookie=cookie)
        assert f"?account={second}" in shown.body
    finally:
        _require_two_step(rows, first, False)


def test_held_back_is_no_role_and_has_one_right() -> None:
    assert [right for right, held in ROLES_BY_RIGHT.items() if HELD_BACK in held] == [Right.ENTER]
