"""Pages that fail the test on any console error or policy violation."""

import email
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.policy import default

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect
from sqlmodel import SQLModel, col, delete, select

from odoportal.accounts.models import Account, Change, Membership, Person
from odoportal.accounts.service import email_key
from tests.chromium import Scheme, new_context
from tests.server import GUIDE, Portal, writer

Open = Callable[..., Page]


@pytest.fixture(scope="session")
def cookies(portal: Portal) -> Callable[[str], str]:
    """The session's cookie of a person, signed in once for all tests that do not sign out."""
    known: dict[str, str] = {}

    def of(email: str) -> str:
        if email not in known:
            known[email] = portal.sign_in(email, keep="1")
        return known[email]

    return of


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console said against the pages of a test."""
    return []


@pytest.fixture
def pardoned() -> list[str]:
    """Parts of what a test brings the console to say."""
    return []


@pytest.fixture
def open_page(
    portal: Portal, chromium: Browser, cookies: Callable[[str], str], complaints: list[str], pardoned: list[str]
) -> Iterator[Open]:
    """`open_page(address, email=…, size="phone", scheme="dark", script=True)`: a page in a context of its own."""
    contexts: list[BrowserContext] = []

    def said(message: ConsoleMessage) -> None:
        expected = "Failed to load resource" in message.text and ("404" in message.text or "422" in message.text or "410" in message.text)
        # A page that is left before its socket is open: the browser says so, and nothing is lost.
        expected = expected or "WebSocket is closed before the connection is established" in message.text
        expected = expected or any(part in message.text for part in pardoned)
        if message.type in {"error", "warning"} and not expected:
            complaints.append(f"{message.type}: {message.text}")

    def opened(address: str, email: str = "", size: str = "pc", scheme: Scheme = "light", script: bool = True) -> Page:
        context = new_context(chromium, portal, cookies(email) if email else "", size, scheme, script)
        contexts.append(context)
        page = context.new_page()
        page.on("console", said)
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@contextmanager
def account_of_its_own(portal: Portal, number: str, name: str, people: Mapping[str, tuple[str, str]]) -> Iterator[int]:
    """An account with nothing in it but people, whose password is everybody's; yields its number, and takes out all that came of it.

    Args:
        portal: where.
        number: the account's.
        name: of the account.
        people: a name and a role for each email.
    """
    engine = portal.engine()
    with writer(engine) as session:
        known = session.exec(select(Person).where(Person.email == GUIDE)).one()
        account = Account(number=number, name=name, created_at=known.created_at)
        session.add(account)
        session.flush()
        assert account.id is not None
        made = account.id
        for address, (called, role) in people.items():
            person = Person(
                email=address, email_key=email_key(address), name=called, language="fr", region="fr-CA", password=known.password,
                created_at=known.created_at,
            )  # fmt: skip
            session.add(person)
            session.flush()
            assert person.id is not None
            session.add(Membership(account_id=made, person_id=person.id, role=role))
        session.commit()
    yield made
    with writer(engine) as session:
        # Whoever was invited meanwhile belongs to it, too; so does whoever was removed, as its changes say.
        members = session.exec(select(Membership.person_id).where(Membership.account_id == made)).all()
        about = session.exec(select(Change.subject_id).where(Change.account_id == made)).all()
        theirs = {*members, *about} - {None}
        for table in reversed(SQLModel.metadata.sorted_tables):
            for column in {"person_id", "subject_id"} & set(table.c.keys()):
                session.exec(delete(table).where(table.c[column].in_(theirs)))
            if "account_id" in table.c:
                session.exec(delete(table).where(table.c.account_id == made))
        session.exec(delete(Person).where(col(Person.id).in_(theirs)))
        session.exec(delete(Account).where(col(Account.id) == made))
        session.commit()
    engine.dispose()


def live(page: Page) -> Page:
    """Wait until the live page has taken the place of the rows that the server wrote."""
    expect(page.locator(".first")).to_have_count(0)
    return page


def mailed(portal: Portal, to: str, page: str) -> str:
    """The address of a page in the newest letter to a person; letters are files in the data folder, written within seconds."""
    for _ in range(100):
        for file in sorted((portal.data / "mail").glob("*.eml"), reverse=True):
            letter = email.message_from_bytes(file.read_bytes(), policy=default)
            body = letter.get_body(("plain",))
            found = re.search(rf"https?://\S+/{page}\?token=\S+", body.get_content()) if body and to in str(letter["To"]) else None
            if found:
                return found[0]
        portal.ask("/healthz")
    raise AssertionError("no letter with a link came")
