"""The end of a session, at every entry point: documents, new sockets, and sockets that are already open."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from odoportal.accounts.models import Membership, Person
from odoportal.core.identity import token_hash
from odoportal.rooms.signin.models import BrowserSession
from tests.attack.wire import HYDRATE, ON_LOAD, ORDERS, SIGNED, Tab, tab, value
from tests.server import OVERDUE, Portal, write_session

PATH = "/en/orders"
MARKERS = ("Coopérative", "coopdesneiges")


@pytest.fixture
def cookie(portal: Portal) -> Iterator[str]:
    """Yield the cookie of a separate session, which is signed out afterwards."""
    made = portal.sign_in(OVERDUE)
    yield made
    portal.ask("/auth/sign-out", form={"language": "en"}, cookie=made)


def session_hash(cookie: str) -> str:
    return token_hash(cookie.split("=", 1)[1])


@contextmanager
def database_change(rows: Engine, change: Callable[[Session], Callable[[Session], None] | None]) -> Iterator[None]:
    """Apply a change to the portal's database, and undo it afterwards with the function that `change` returns."""
    with write_session(rows) as session:
        undo = change(session)
        session.commit()
    try:
        yield
    finally:
        if undo:
            with write_session(rows) as session:
                undo(session)
                session.commit()


def set_back(cookie: str, **when: timedelta) -> Callable[[Session], None]:
    """Return a change that sets times of a session back, such as its beginning or its last use."""

    def change(session: Session) -> None:
        row = session.get_one(BrowserSession, session_hash(cookie))
        for name, delta in when.items():
            setattr(row, name, datetime.now(UTC) - delta)
        session.add(row)

    return change


def disable(session: Session) -> Callable[[Session], None]:
    def put(session: Session, value: datetime | None) -> None:
        person = session.exec(select(Person).where(Person.email == OVERDUE)).one()
        person.disabled_at = value
        session.add(person)

    put(session, datetime.now(UTC))
    return lambda again: put(again, None)


def remove_membership(session: Session) -> Callable[[Session], None]:
    person = session.exec(select(Person).where(Person.email == OVERDUE)).one()
    row = session.exec(select(Membership).where(Membership.person_id == person.id)).one()
    kept = row.model_dump()
    session.delete(row)
    return lambda again: again.add(Membership(**kept))


async def assert_refused(portal: Portal, cookie: str, open_: Tab) -> None:
    """Check that no one is signed in: on a document, on a new socket, and on the open one."""
    before = len(open_.frames)
    await open_.send(f"{ORDERS}.retry", {}, PATH)
    assert (await open_.redirected()).startswith("/en/login?ended=1")
    await open_.send(ON_LOAD, {}, f"{PATH}?page=2")
    after = await open_.fence()
    assert not any(marker in repr(open_.frames[before:]) for marker in MARKERS)
    assert not any((value(f, ORDERS, "view") or {}).get("rows") for f in after)
    answer = await asyncio.to_thread(portal.ask, PATH, cookie=cookie)
    assert (answer.status, answer.headers["location"]) == (303, "/en/login?ended=1&next=%2Fen%2Forders")
    async with tab(portal.url, cookie) as new:
        await new.send(HYDRATE, {}, PATH)
        await new.redirected()
        assert not any(marker in new.text for marker in MARKERS)


def check_end(portal: Portal, cookie: str, end: Callable[[], Any]) -> None:
    """Use a session on an open socket, end it, and check that it is refused."""

    async def run() -> None:
        async with tab(portal.url, cookie) as open_:
            assert (await open_.load(PATH))["rows"]
            assert any(marker in open_.text for marker in MARKERS)
            with end():
                await assert_refused(portal, cookie, open_)

    asyncio.run(run())


@pytest.mark.asvs("7.4.1")
@pytest.mark.case("A-40")
def test_after_sign_out(portal: Portal, cookie: str) -> None:
    @contextmanager
    def out() -> Iterator[None]:
        answer = portal.ask("/auth/sign-out", form={"language": "en"}, cookie=cookie)
        assert (answer.status, answer.headers["location"]) == (303, "/en/login?out=1")
        assert any("odo_session=" in line and "max-age=0" in line.lower() for line in answer.cookies)
        yield

    check_end(portal, cookie, out)


@pytest.mark.asvs("7.3.1")
def test_after_half_an_hour_without_doing_anything(portal: Portal, cookie: str, rows: Engine) -> None:
    check_end(portal, cookie, lambda: database_change(rows, set_back(cookie, seen_at=timedelta(minutes=30, seconds=1))))


@pytest.mark.asvs("7.3.2")
def test_after_twelve_hours_whatever_one_does(portal: Portal, cookie: str, rows: Engine) -> None:
    check_end(portal, cookie, lambda: database_change(rows, set_back(cookie, created_at=timedelta(hours=12, seconds=1))))


@pytest.mark.asvs("7.4.2")
def test_after_the_person_is_disabled(portal: Portal, cookie: str, rows: Engine) -> None:
    check_end(portal, cookie, lambda: database_change(rows, disable))


@pytest.mark.asvs("8.3.2")
def test_after_the_person_left_the_account(portal: Portal, cookie: str, rows: Engine) -> None:
    check_end(portal, cookie, lambda: database_change(rows, remove_membership))


def test_the_control_a_session_just_before_its_ends_works(portal: Portal, cookie: str, rows: Engine) -> None:
    async def run() -> None:
        async with tab(portal.url, cookie) as open_:
            await open_.load(PATH)
            with database_change(rows, set_back(cookie, seen_at=timedelta(minutes=29), created_at=timedelta(hours=11, minutes=59))):
                assert (await open_.navigate(f"{PATH}?page=1"))["rows"]

    asyncio.run(run())


def test_a_kept_session_has_no_idle_end_but_ends_after_thirty_days(portal: Portal, rows: Engine) -> None:
    kept = portal.sign_in(OVERDUE, keep="1")
    with database_change(rows, set_back(kept, seen_at=timedelta(days=20), created_at=timedelta(days=29, hours=23))):
        assert portal.ask(PATH, cookie=kept).status == 200
    with database_change(rows, set_back(kept, created_at=timedelta(days=30, seconds=1))):
        assert portal.ask(PATH, cookie=kept).status == 303


def seen(rows: Engine, cookie: str) -> datetime:
    with write_session(rows) as session:
        return session.get_one(BrowserSession, session_hash(cookie)).seen_at


@pytest.mark.asvs("7.3.1")
@pytest.mark.case("A-44")
def test_a_reconnect_keeps_nobody_signed_in_but_a_navigation_and_a_click_do(portal: Portal, cookie: str, rows: Engine) -> None:
    async def run() -> None:
        set_back(cookie, seen_at=timedelta(minutes=5))
        async with tab(portal.url, cookie) as open_:
            with database_change(rows, set_back(cookie, seen_at=timedelta(minutes=5))):
                quiet = seen(rows, cookie)
                for _ in range(3):
                    await open_.load(PATH)
                await open_.fence()
                assert seen(rows, cookie) == quiet
                await open_.navigate(f"{PATH}?page=2")
                assert seen(rows, cookie) > quiet + timedelta(minutes=4)
            for handler in (f"{SIGNED}.stay", f"{ORDERS}.retry"):
                with database_change(rows, set_back(cookie, seen_at=timedelta(minutes=5))):
                    quiet = seen(rows, cookie)
                    await open_.send(handler, {}, PATH)
                    await open_.fence()
                    assert seen(rows, cookie) > quiet + timedelta(minutes=4)

    asyncio.run(run())


def test_whoever_asks_to_stay_is_told_the_new_end(portal: Portal, cookie: str, rows: Engine) -> None:
    async def run() -> None:
        async with tab(portal.url, cookie) as open_:
            await open_.load(PATH)
            with database_change(rows, set_back(cookie, seen_at=timedelta(minutes=28))):
                await open_.send(f"{SIGNED}.stay", {}, PATH)
                ends = await open_.until(lambda frame: value(frame, SIGNED, "ends"))
            while not ends >= int((seen(rows, cookie) + timedelta(minutes=30)).timestamp()):
                ends = await open_.until(lambda frame: value(frame, SIGNED, "ends"))

    asyncio.run(run())


@pytest.mark.asvs("7.3.1")
def test_a_document_counts_as_activity_and_a_failure_does_not(portal: Portal, cookie: str, rows: Engine) -> None:
    with database_change(rows, set_back(cookie, seen_at=timedelta(minutes=5))):
        quiet = seen(rows, cookie)
        for path in ("/icons.svg", "/healthz", "/en/no-such-page", "/en/orders?account=00000"):
            portal.ask(path, cookie=cookie)
        assert seen(rows, cookie) == quiet
        portal.ask(PATH, cookie=cookie)
        assert seen(rows, cookie) > quiet + timedelta(minutes=4)


@pytest.mark.asvs("7.2.4")
@pytest.mark.case("A-41")
def test_a_sign_in_gives_a_new_session_whatever_cookie_came(portal: Portal) -> None:
    planted = "odo_session=planted-by-somebody-else-000000000000000"
    answer = portal.ask("/en/login", form={"email": OVERDUE, "password": "grand tour du lac"}, cookie=planted)
    fresh = next(c for c in answer.cookies if c.startswith("odo_session=")).split(";")[0]
    assert fresh != planted
    assert portal.ask(PATH, cookie=planted).status == 303
    assert portal.ask(PATH, cookie=fresh).status == 200
    portal.ask("/auth/sign-out", form={}, cookie=fresh)


@pytest.mark.asvs("7.2.4")
def test_signing_in_again_ends_the_session_that_came_along(portal: Portal, cookie: str) -> None:
    answer = portal.ask("/en/login", form={"email": OVERDUE, "password": "grand tour du lac"}, cookie=cookie)
    fresh = next(c for c in answer.cookies if c.startswith("odo_session=")).split(";")[0]
    assert portal.ask(PATH, cookie=cookie).status == 303
    portal.ask("/auth/sign-out", form={}, cookie=fresh)


@pytest.mark.asvs("3.3.4")
@pytest.mark.asvs("3.3.2")
@pytest.mark.case("A-52")
def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(portal: Portal) -> None:
    for keep in ({}, {"keep": "1"}):
        answer = portal.ask("/en/login", form={"email": OVERDUE, "password": "grand tour du lac", **keep})
        line = next(c for c in answer.cookies if c.startswith("odo_session=")).lower()
        flags = {part.strip() for part in line.split(";")[1:]}
        assert {"httponly", "samesite=lax", "path=/"} <= flags
        assert not any(flag.startswith("domain") for flag in flags)
        assert ("max-age=2592000" in flags) is bool(keep)
        portal.ask("/auth/sign-out", form={}, cookie=line.split(";")[0])
