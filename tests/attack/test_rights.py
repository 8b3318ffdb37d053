"""Every role against every handler, page, form and route: the registries must match the table of rights."""

import asyncio
import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlmodel import select

from odoportal.accounts.models import Membership, Person, Role
from odoportal.accounts.rights import ROLES_BY_RIGHT, Right, may
from odoportal.forms.view import version_of
from tests.attack.conftest import Cookies, Victim
from tests.attack.test_handlers import handler_rights, log_text
from tests.attack.wire import ORDERS, PEOPLE, SIGNED, tab, value
from tests.server import LARGE, OVERDUE, READ_ONLY, TWO_ACCOUNTS, Portal, write_session

UNGUARDED = {"/healthz", "/readyz", "/auth/sign-out", "/auth/region", "/hooks/cards", "/sandbox/{ref}"}
"""Routes without a right: they concern the browser or the person's own format and no account, or they are the payment provider's.

The provider's webhook is signed. Its page in a demonstration knows neither session nor account.
"""


@contextmanager
def acting_as(rows: Engine, email: str, role: str) -> Iterator[None]:
    """Give a person a role in every account, and restore the old roles afterwards."""

    def put(roles: dict[int, str] | str) -> dict[int, str]:
        with write_session(rows) as session:
            person = session.exec(select(Person).where(Person.email == email)).one()
            held = session.exec(select(Membership).where(Membership.person_id == person.id)).all()
            before = {m.account_id: m.role for m in held}
            for m in held:
                m.role = roles if isinstance(roles, str) else roles[m.account_id]
                session.add(m)
            session.commit()
            return before

    before = put(role)
    try:
        yield
    finally:
        put(before)


@pytest.mark.asvs("8.1.1")
def test_the_checked_in_list_says_the_right_of_every_handler(registry: dict[str, Any]) -> None:
    said = {name: who for name, who in handler_rights().items() if who not in {"anyone", "nobody"}}
    assert said == {name: registry["handlers"][name] for name in said}


@pytest.mark.asvs("8.2.1")
def test_every_route_is_guarded(registry: dict[str, Any]) -> None:
    assert {path for path, _, right in registry["routes"] if not right} <= UNGUARDED


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.asvs("8.2.1")
@pytest.mark.asvs("8.3.1")
def test_each_handler_does_what_the_table_says_for_each_role(portal: Portal, cookie_of: Cookies, rows: Engine, role: Role) -> None:
    """With a payload that no handler takes, an allowed role gets a validation failure and any other role is refused first."""

    async def run() -> None:
        async with tab(portal.url, cookie_of(OVERDUE)) as signed:
            await signed.load("/en/orders")
            for name in ours:
                await signed.send(name, {"no handler takes this": 1})
            await signed.fence()

    ours = {name: who for name, who in handler_rights().items() if who not in {"anyone", "nobody"}}
    before = log_text(portal)
    with acting_as(rows, OVERDUE, role):
        asyncio.run(run())
    said = log_text(portal)[len(before) :].splitlines()
    for name, right in ours.items():
        word = f"input_validation_fail handler={name[-120:]}" if may(role, right) else f"authz_fail role={role} handler={name[-120:]}"
        assert any(line.endswith(word) or word in line for line in said), (word, right)


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.asvs("8.2.1")
def test_each_page_and_route_is_there_for_the_roles_that_have_the_right(
    portal: Portal, cookie_of: Cookies, rows: Engine, registry: dict[str, Any], role: Role
) -> None:
    cookie = cookie_of(OVERDUE)
    with acting_as(rows, OVERDUE, role):
        for path, right in registry["pages"]:
            assert portal.ask(f"/fr{path}", cookie=cookie).status == (200 if may(role, right) else 404), path
        for path, methods, right in registry["routes"]:
            if not right or may(role, right):
                continue
            address = path.replace("{language}", "fr").replace("{number:path}", "1")
            form = {} if "POST" in methods else None
            assert portal.ask(address, cookie=cookie, form=form).status == 404, path


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.asvs("8.2.1")
@pytest.mark.asvs("8.3.1")
def test_each_form_does_what_the_table_says_for_each_role(
    portal: Portal, cookie_of: Cookies, rows: Engine, registry: dict[str, Any], role: Role
) -> None:
    """With a form that cannot be read, an allowed role gets status 400 and any other role is refused first."""
    cookie, pages = cookie_of(OVERDUE), dict(registry["pages"])
    assert registry["forms"]
    with acting_as(rows, OVERDUE, role):
        for path, name, right in registry["forms"]:
            answer = portal.ask(f"/en{path}", form={"form": name}, cookie=cookie, accept="application/json", origin=portal.url)
            expected = 404 if not may(role, pages[path]) else 400 if may(role, right) else 403
            assert answer.status == expected, (name, answer.body)
            page = portal.ask(f"/en{path}", form={"form": name}, cookie=cookie, origin=portal.url)
            assert page.status == answer.status, name


def test_the_table_names_every_right_and_an_owner_has_all() -> None:
    assert set(ROLES_BY_RIGHT) == set(Right)
    assert all(may(Role.OWNER, right) for right in Right)
    assert not any(
        may(role, right) for role, right in (("owner ", "see"), ("", "see"), ("owner", ""), ("owner", "nothing"), ("admin", "own"))
    )


@pytest.mark.asvs("8.3.2")
@pytest.mark.case("A-48")
def test_a_lowered_role_is_in_force_at_the_next_click_of_an_open_page(
    portal: Portal, cookie_of: Cookies, rows: Engine, attacker: Victim
) -> None:
    async def run() -> None:
        async with tab(portal.url, cookie_of(OVERDUE)) as open_:
            assert (await open_.load("/en/orders"))["rows"]
            with acting_as(rows, OVERDUE, Role.READ_ONLY):
                await open_.send(f"{SIGNED}.stay", {}, "/en/orders?page=2")
                # The page opens again with what the new role may see; its old data is forgotten.
                assert await open_.redirected() == "/en/orders?page=2"
                await open_.send(f"{ORDERS}.retry", {}, "/en/orders")
                assert (await open_.view())["rows"]

    asyncio.run(run())


@pytest.mark.asvs("8.3.2")
def test_what_an_owner_does_to_somebody_is_in_force_in_the_page_that_person_has_open(
    portal: Portal, cookie_of: Cookies, rows: Engine
) -> None:
    page = "/en/profile/people"

    def do(form: str, **fields: str) -> None:
        key = {"form": form, "key": READ_ONLY, "once": secrets.token_hex(16), **fields}
        answer = portal.ask(page, form=key, cookie=cookie_of(LARGE), accept="application/json", origin=portal.url)
        assert json.loads(answer.body)["ok"], answer.body

    async def run() -> None:
        async with tab(portal.url, cookie_of(READ_ONLY)) as theirs:
            assert (await theirs.load(page, PEOPLE))["may"]
            do("role", role="billing", version=version_of({"role": "owner"}))
            await theirs.send(f"{PEOPLE}.retry", {}, page)
            assert await theirs.redirected() == page
            await theirs.send(f"{PEOPLE}.retry", {}, page)
            assert not (await theirs.view(PEOPLE))["may"]
            do("remove")
            await theirs.send(f"{PEOPLE}.retry", {}, page)
            assert (await theirs.redirected()).startswith("/en/login?ended=1")

    with rows.connect() as connection:
        found = "SELECT m.account_id, m.person_id FROM membership m JOIN person p ON p.id = m.person_id WHERE p.email = :e"
        (mine,) = connection.execute(text(found), {"e": READ_ONLY}).all()
    try:
        with write_session(rows) as session:
            session.get_one(Membership, tuple(mine)).role = "owner"
            session.commit()
        asyncio.run(run())
    finally:
        with write_session(rows) as session:
            session.merge(Membership(account_id=mine.account_id, person_id=mine.person_id, role="read_only"))
            session.commit()


@pytest.mark.asvs("8.4.1")
def test_a_click_on_a_page_of_another_account_is_not_done_in_this_one(portal: Portal, cookie_of: Cookies) -> None:
    """An event is refused if the address names another account than the one the page was opened in."""

    async def run() -> None:
        async with tab(portal.url, cookie_of(TWO_ACCOUNTS)) as odd:
            await odd.load("/en/orders?account=10418")
            shell = next(s for f in odd.frames if (s := value(f, SIGNED, "shell")) and s["several"])
            second = next(a["key"] for a in shell["accounts"] if a["key"] != "10418")
            await odd.send(f"{SIGNED}.stay", {}, f"/en/orders?account={second}")
            assert await odd.redirected() == f"/en/orders?account={second}"

    asyncio.run(run())


@pytest.mark.asvs("8.4.1")
def test_the_address_of_a_person_of_two_accounts_always_says_which(portal: Portal, cookie_of: Cookies) -> None:
    cookie = cookie_of(TWO_ACCOUNTS)
    plain = portal.ask("/fr/orders?q=a", cookie=cookie)
    assert (plain.status, plain.headers["location"]) == (303, "/fr/orders?q=a&account=10418")
    known = portal.ask(plain.headers["location"], cookie=cookie)
    assert known.status == 200
    (other,) = set(re.findall(r'href="\?account=(\w+)"', known.body)) - {"10418"}
    # A link followed on a page of the other account before the script has loaded.
    for referer, leads in (
        (f"{portal.url}/fr/invoices?account={other}", other),
        (f"{portal.url}/fr/invoices?account=00000", "10418"),
        (f"https://evil.example/?account={other}", "10418"),
    ):
        answer = portal.ask("/fr/orders", cookie=cookie, referer=referer)
        assert answer.headers["location"] == f"/fr/orders?account={leads}"
    assert portal.ask("/fr/orders", cookie=cookie_of(OVERDUE)).status == 200
