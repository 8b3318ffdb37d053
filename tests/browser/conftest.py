"""Fixtures that open pages in a browser and fail the test on any console error or policy violation."""

import email
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from email.policy import default

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect
from sqlmodel import SQLModel, col, delete, select

from odoportal.accounts.models import Account, Change, Membership, Person
from odoportal.accounts.service import email_key
from tests.chromium import Scheme, new_context
from tests.server import GUIDE, Portal, write_session

Open = Callable[..., Page]
# The scheme changes colours only, and the language texts only: each size has both, and the sizes together every pair of them.
SCHEMES: dict[str, tuple[tuple[str, Scheme], ...]] = {
    "phone": (("fr", "light"), ("en", "dark")),
    "tablet": (("fr", "dark"), ("en", "light")),
    "pc": (("fr", "light"), ("en", "dark")),
}


@pytest.fixture(scope="session")
def cookies(portal: Portal) -> Callable[[str], str]:
    """Return a function that gives a person's session cookie, for tests that do not sign out; each person signs in once."""
    known: dict[str, str] = {}

    def of(email: str) -> str:
        if email not in known:
            known[email] = portal.sign_in(email, keep="1")
        return known[email]

    return of


@pytest.fixture
def console_errors() -> list[str]:
    """Return the list of console errors and warnings of a test's pages."""
    return []


@pytest.fixture
def allowed_messages() -> list[str]:
    """Return the list of message parts that a test expects in the console."""
    return []


def collect_errors(page: Page, errors: list[str], allowed: Sequence[str] = ()) -> None:
    """Append the page's console errors and warnings to a list, except harmless ones and those that contain an allowed part."""

    def on_console(message: ConsoleMessage) -> None:
        expected = "Failed to load resource" in message.text and ("404" in message.text or "422" in message.text or "410" in message.text)
        # Chromium warns when a page is left before its socket is open; that is harmless.
        expected = expected or "WebSocket is closed before the connection is established" in message.text
        expected = expected or any(part in message.text for part in allowed)
        if message.type in {"error", "warning"} and not expected:
            errors.append(f"{message.type}: {message.text}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: errors.append(f"error: {error}"))


@pytest.fixture
def open_page(
    portal: Portal, chromium: Browser, cookies: Callable[[str], str], console_errors: list[str], allowed_messages: list[str]
) -> Iterator[Open]:
    """Yield `open_page(address, email=…, size="phone", scheme="dark", script=True)`, which opens a page in a separate browser context."""
    contexts: list[BrowserContext] = []

    def opened(address: str, email: str = "", size: str = "pc", scheme: Scheme = "light", script: bool = True) -> Page:
        context = new_context(chromium, portal, cookies(email) if email else "", size, scheme, script)
        contexts.append(context)
        page = context.new_page()
        collect_errors(page, console_errors, allowed_messages)
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert console_errors == []


@contextmanager
def temporary_account(portal: Portal, number: str, name: str, people: Mapping[str, tuple[str, str]]) -> Iterator[int]:
    """Yield the id of a new account with nothing but people, who use the demonstration's password; delete all of it afterwards.

    Args:
        portal: The portal to make it in.
        number: The account's number.
        name: The account's name.
        people: A name and a role for each email.
    """
    engine = portal.engine()
    with write_session(engine) as session:
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
    with write_session(engine) as session:
        # People invited during the test belong to the account, too. People removed from it are found in its activity.
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
    """Wait until the live page has replaced the rows that the server wrote, and return the page."""
    expect(page.locator(".layout-first")).to_have_count(0)
    return page


def axe_violations(page: Page) -> list[tuple[str, list[str]]]:
    """Return the accessibility rules that the page breaks, with the HTML of up to three elements that break each."""
    # A page keeps the script until another document is loaded.
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    # The other results are large, and are left in the page.
    found = page.evaluate("axe.run({resultTypes: ['violations']}).then((results) => results.violations)")
    return [(rule["id"], [node["html"][:160] for node in rule["nodes"]][:3]) for rule in found]


def assert_accessible(page: Page) -> None:
    """Assert that the page breaks no rule of axe in the scheme it has, and fits a window 320 pixels wide, which it then has."""
    assert axe_violations(page) == [], page.url
    page.set_viewport_size({"width": 320, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320, page.url


def mailed_link(portal: Portal, to: str, page: str) -> str:
    """Return the link to a page in the newest mail to a person; mails are files in the data folder, written within seconds.

    Raises:
        AssertionError: If no such mail arrives.
    """
    for _ in range(100):
        for file in sorted((portal.data / "mail").glob("*.eml"), reverse=True):
            letter = email.message_from_bytes(file.read_bytes(), policy=default)
            body = letter.get_body(("plain",))
            found = re.search(rf"https?://\S+/{page}\?token=\S+", body.get_content()) if body and to in str(letter["To"]) else None
            if found:
                return found[0]
        portal.ask("/healthz")
    raise AssertionError("no letter with a link came")
