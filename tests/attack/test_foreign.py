"""One customer cannot reach another customer's orders, invoices, accounts or tabs."""

import asyncio
import re
import uuid
from typing import Any
from urllib.parse import quote

import pytest

from tests.attack.conftest import Cookies, Victim
from tests.attack.wire import HOME, HYDRATE, INVOICES, ORDERS, ROOT, Tab, tab, value
from tests.server import TWO_ACCOUNTS, Portal

UNKNOWN = "999999"
_TIME = re.compile(r"\d{1,2}:\d\d\xa0[ap]\.m\.|\d{1,2} h \d\d|\d{1,2}\xa0h\xa0\d\d")


def fetch(portal: Portal, cookie: str, path: str) -> tuple[int, str]:
    """Return the status and body of a page, with times of day replaced."""
    answer = portal.ask(path, cookie=cookie)
    return answer.status, _TIME.sub("TIME", answer.body)


def assert_hidden(text: str, mine: Victim, theirs: Victim) -> None:
    """Check that a text holds none of the other person's markers, except those that both people share."""
    for marker in theirs.markers:
        assert marker not in text or marker in mine.markers


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("orders?open=", "order"),
        ("invoices?open=", "invoice"),
        ("invoices?order=", "order"),
        ("orders?q=", "order"),
        ("invoices?q=", "invoice"),
    ],
)
@pytest.mark.asvs("8.2.2")
@pytest.mark.case("A-61", "A-62")
def test_another_s_number_is_as_unknown_as_any_in_a_document(
    portal: Portal, cookie_of: Cookies, victim: Victim, attacker: Victim, path: str, what: str, language: str
) -> None:
    number, mine = getattr(victim, what), cookie_of(attacker.email)
    foreign = fetch(portal, mine, f"/{language}/{path}{number}")
    unknown = fetch(portal, mine, f"/{language}/{path}{UNKNOWN}")
    assert foreign[0] == unknown[0] == 200
    assert foreign[1].replace(number, "NUMBER") == unknown[1].replace(UNKNOWN, "NUMBER")
    assert_hidden(foreign[1], attacker, victim)


def test_the_control_the_owner_does_see_it(portal: Portal, cookie_of: Cookies, victim: Victim) -> None:
    for path in (f"orders?open={victim.order}", f"invoices?open={victim.invoice}", f"invoices?order={victim.order}"):
        body = fetch(portal, cookie_of(victim.email), f"/en/{path}")[1]
        assert victim.markers[1] in body
        assert "Order not found" not in body


@pytest.mark.asvs("8.4.1")
def test_another_account_in_the_address_is_not_found(portal: Portal, cookie_of: Cookies, victim: Victim, attacker: Victim) -> None:
    for path in ("/en/", "/en/orders", "/fr/invoices", "/en/profile", f"/en/orders?open={victim.order}"):
        mark = "&" if "?" in path else "?"
        foreign = fetch(portal, cookie_of(attacker.email), f"{path}{mark}account={victim.account}")
        assert foreign == fetch(portal, cookie_of(attacker.email), f"{path}{mark}account=00000")
        assert foreign[0] == 404
        assert_hidden(foreign[1], attacker, victim)


@pytest.mark.parametrize(
    ("path", "what", "state"),
    [
        ("orders?open=", "order", ORDERS),
        ("invoices?open=", "invoice", INVOICES),
        ("invoices?order=", "order", INVOICES),
        ("orders?q=", "order", ORDERS),
    ],
)
@pytest.mark.asvs("8.2.2")
@pytest.mark.case("A-61")
def test_another_s_number_is_as_unknown_as_any_on_the_socket(
    portal: Portal, cookie_of: Cookies, victim: Victim, attacker: Victim, path: str, what: str, state: str
) -> None:
    number = getattr(victim, what)

    async def run() -> None:
        async with tab(portal.url, cookie_of(attacker.email)) as signed:
            foreign = _TIME.sub("TIME", repr(await signed.load(f"/en/{path}{number}", state)))
            unknown = _TIME.sub("TIME", repr(await signed.navigate(f"/en/{path}{UNKNOWN}", state)))
            assert foreign.replace(number, "NUMBER") == unknown.replace(UNKNOWN, "NUMBER")
            assert_hidden(signed.text, attacker, victim)

    asyncio.run(run())


@pytest.mark.parametrize("forged", ["", "&account=10418", "&account="], ids=["plain", "own-last", "empty-last"])
@pytest.mark.asvs("8.4.1")
def test_another_account_on_the_socket_is_nobody(portal: Portal, cookie_of: Cookies, victim: Victim, attacker: Victim, forged: str) -> None:
    async def run() -> None:
        async with tab(portal.url, cookie_of(attacker.email)) as signed:
            await signed.load("/en/orders")
            await signed.send(f"{ORDERS}.load", {}, f"/en/orders?account={victim.account}{forged}")
            await signed.send(f"{INVOICES}.retry", {}, f"/en/invoices?account={victim.account}{forged}")
            await signed.fence()
            assert_hidden(signed.text, attacker, victim)

    asyncio.run(run())


def test_a_person_of_two_accounts_sees_each_only_in_its_own_tab(portal: Portal, cookie_of: Cookies) -> None:
    async def run() -> None:
        async with tab(portal.url, cookie_of(TWO_ACCOUNTS)) as signed:
            await signed.send(HYDRATE, {}, "/en/")
            await signed.view(HOME)
            shell: Any = next(s for f in signed.frames if (s := value(f, ORDERS.rpartition(".")[0], "shell")) and s["several"])
            first, second = (a["key"] for a in shell["accounts"])
            one = await signed.navigate(f"/en/orders?account={first}")
            other = await signed.navigate(f"/en/orders?account={second}")
            assert {r["number"] for r in one["rows"]}.isdisjoint(r["number"] for r in other["rows"])
            assert other["rows"] or one["rows"]
            assert all(f"account={second}" in r["details"] for r in other["rows"])

    asyncio.run(run())


@pytest.mark.asvs("7.2.1")
@pytest.mark.asvs("4.4.3")
@pytest.mark.case("A-42", "A-43")
def test_another_s_tab_token_is_worth_nothing(portal: Portal, cookie_of: Cookies, victim: Victim, attacker: Victim) -> None:
    async def run() -> None:
        token = str(uuid.uuid4())
        async with tab(portal.url, cookie_of(victim.email), token) as theirs:
            await theirs.load(f"/en/orders?open={victim.order}")
            assert victim.markers[0] in theirs.text
            # Try while the victim's tab is open and after it is closed: with a wrong cookie, without one, and with the attacker's own.
            await steal(portal, token, cookie_of, victim, attacker)
        await steal(portal, token, cookie_of, victim, attacker)
        async with tab(portal.url, cookie_of(victim.email), token) as back:
            assert (await back.load("/en/orders"))["rows"]
            assert attacker.markers[0] not in back.text

    asyncio.run(run())


async def steal(portal: Portal, token: str, cookie_of: Cookies, victim: Victim, attacker: Victim) -> None:
    for cookie in ("", "odo_session=wrong", "sid=wrong"):
        async with tab(portal.url, cookie, token) as thief:
            await thief.send(f"{ORDERS}.load", {}, f"/en/orders?open={victim.order}")
            await thief.send(HYDRATE, {}, f"/en/orders?open={victim.order}")
            await thief.redirected()
            await thief.fence()
            assert_hidden(thief.text, attacker, victim)
    async with tab(portal.url, cookie_of(attacker.email), token) as thief:
        await thief.send(f"{ROOT}.hydrate", {}, "/en/orders")
        await thief.load(f"/en/orders?open={victim.order}")
        assert_hidden(thief.text, attacker, victim)
        assert attacker.markers[0] in thief.text


@pytest.mark.asvs("4.4.3")
def test_a_session_s_hash_sent_as_the_socket_s_own_cookie_is_nobody(
    portal: Portal, cookie_of: Cookies, victim: Victim, attacker: Victim
) -> None:
    from odoportal.core.identity import token_hash

    async def run() -> Tab:
        stolen = token_hash(cookie_of(victim.email).split("=", 1)[1])
        async with tab(portal.url, f"sid={stolen}") as thief:
            await thief.send(HYDRATE, {}, "/en/orders")
            await thief.redirected()
            return thief

    assert_hidden(asyncio.run(run()).text, attacker, victim)


@pytest.mark.asvs("8.2.2")
@pytest.mark.case("A-63")
def test_searching_for_another_s_name_finds_nothing(portal: Portal, cookie_of: Cookies, victim: Victim, attacker: Victim) -> None:
    for marker in (*victim.markers, victim.account, "%", "_"):
        for room in ("orders", "invoices"):
            status, body = fetch(portal, cookie_of(attacker.email), f"/en/{room}?q={quote(marker)}&size=100&sort=password")
            assert status == 200
            assert victim.order not in body.replace(marker, "")
            assert victim.invoice not in body.replace(marker, "")
