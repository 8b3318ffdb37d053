"""An accountant's address is added on a phone, in French, confirmed in another browser, and stopped with the unsubscribe link."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from sqlalchemy import text

from odoportal.core import signing
from odoportal.mail.outbox import UNSUBSCRIBE
from odoportal.rooms.notifications.unsubscribe import of_copy
from odoportal.settings import get_settings
from tests.browser.conftest import Open, live, mailed_link
from tests.server import EMPTY, Portal

BOOKS = "livres@exemple.ca"


@pytest.fixture
def cleaned_up(portal: Portal) -> Iterator[None]:
    """Delete the choices and addresses of the test, even if it fails."""
    yield
    rows = portal.engine()
    with rows.begin() as connection:
        connection.execute(text("DELETE FROM notice_choice"))
        connection.execute(text("DELETE FROM invoice_copy WHERE email = :e"), {"e": BOOKS})
    rows.dispose()


@pytest.mark.usefixtures("cleaned_up")
def test_an_accountant_is_added_confirms_and_stops(open_page: Open, portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = live(open_page("/fr/profile", EMPTY, size="phone"))
    owner.get_by_role("link", name="Avis").click()
    live(owner).fill("#copy-email", BOOKS)
    owner.get_by_role("button", name="Ajouter l’adresse").click()
    expect(owner.locator(".record-asked li")).to_contain_text("À confirmer avant")

    books = open_page(mailed_link(portal, BOOKS, "copy").removeprefix(portal.url), size="phone")
    expect(books.get_by_text(f"{BOOKS} recevra une copie")).to_be_visible()
    books.get_by_role("button", name="Recevoir des copies").click()
    expect(books.get_by_text("Cette adresse recevra désormais une copie")).to_be_visible()
    owner.reload()
    expect(live(owner).locator(".record-asked li")).to_contain_text("Confirmée")

    rows = portal.engine()
    with rows.connect() as connection:
        number = connection.execute(text("SELECT id FROM invoice_copy WHERE email = :e"), {"e": BOOKS}).scalar_one()
    rows.dispose()
    monkeypatch.setenv("ODOPORTAL_SECRET", (portal.data / "secret").read_text("ascii"))
    get_settings.cache_clear()
    books.goto(f"/fr{UNSUBSCRIBE}?token={signing.sign(UNSUBSCRIBE, of_copy(number))}")
    other = books.get_by_role("link", name="English")
    expect(other).to_have_attribute("href", re.compile("token="))
    other.click()
    books.get_by_role("button", name="Stop these emails").click()
    expect(books.get_by_text("You will no longer receive “New invoices” by email")).to_be_visible()
    books.get_by_role("button", name="Turn them back on").click()
    expect(books.get_by_text("You receive “New invoices” by email")).to_be_visible()

    owner.get_by_role("button", name="Retirer").click()
    owner.get_by_role("alertdialog").get_by_role("button", name="Retirer").click()
    expect(owner.get_by_text("Aucune adresse ne reçoit encore de copies.")).to_be_visible()


@pytest.mark.usefixtures("cleaned_up")
def test_what_one_gets_is_chosen_without_script(open_page: Open) -> None:
    page = open_page("/fr/profile/notices", EMPTY, script=False)
    page.get_by_label("Nouvelles factures").uncheck()
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_text("Enregistré.")).to_be_visible()
    expect(page.get_by_label("Nouvelles factures")).not_to_be_checked()
    expect(page.get_by_label("Paiements reçus")).to_be_checked()
