"""Signing out, losing a session, and resetting the password."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from sqlalchemy import text

from tests.browser.conftest import Open, live, mailed_link, temporary_account
from tests.server import FLEET, PASSWORD, Portal

OWNER = "iris@boulangeriedupont.example.com"
NEW_PASSWORD = "une route qui monte doucement"


@pytest.fixture
def bakery(portal: Portal) -> Iterator[None]:
    """Yield while an account exists whose owner's sessions and password no other test needs."""
    with temporary_account(portal, "7303", "Boulangerie Dupont", {OWNER: ("Iris Dupont", "owner")}):
        yield


def test_signing_out_in_one_tab_leaves_the_other(open_page: Open) -> None:
    page = open_page("/en/login")
    page.get_by_label("Email").fill(FLEET)
    page.locator("#password").fill(PASSWORD)
    page.get_by_role("button", name="Login").click()
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
    other = page.context.new_page()
    other.goto("/en/orders")
    live(other)
    expect(other.locator("#live tbody tr")).to_have_count(10)
    page.locator("[popovertarget=user-menu]").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    expect(other).to_have_url(re.compile(r"/en/login\?.*next=%2Fen%2Forders"))
    page.go_back()
    expect(page).to_have_url(re.compile(r"/en/login"))


@pytest.mark.usefixtures("bakery")
def test_a_session_ended_on_the_server_ends_at_the_next_click(open_page: Open, portal: Portal) -> None:
    page = open_page("/en/login?next=%2Fen%2Forders")
    page.get_by_label("Email").fill(OWNER)
    page.locator("#password").fill(PASSWORD)
    page.get_by_role("button", name="Login").click()
    expect(live(page).get_by_role("heading", name="No orders yet")).to_be_visible()
    with portal.engine().begin() as connection:
        connection.execute(text("DELETE FROM browser_session WHERE person_id = (SELECT id FROM person WHERE email = :e)"), {"e": OWNER})
    page.locator(".shell > nav.shell-side").get_by_role("link", name="Invoices").click()
    expect(page).to_have_url(re.compile(r"/en/login\?ended=1&next=%2Fen%2Finvoices"))
    expect(page.get_by_text("Your session has ended.")).to_be_visible()


@pytest.mark.usefixtures("bakery")
def test_the_password_is_reset_from_the_mail(open_page: Open, portal: Portal) -> None:
    page = open_page("/fr/login", size="phone")
    page.get_by_role("link", name="Mot de passe oublié?").click()
    page.get_by_label("Courriel").fill(OWNER)
    page.get_by_role("button", name="Envoyer le lien").click()
    expect(page.get_by_role("heading", level=2)).to_be_visible()
    page.goto(mailed_link(portal, OWNER, "reset"))
    expect(page).to_have_url(re.compile(r"/fr/reset$"))
    page.locator("#password").fill("trop court")
    page.locator("[type=submit]").click()
    expect(page.locator("#password-note .field-error")).to_be_visible()
    page.locator("#password").fill(NEW_PASSWORD)
    page.locator("[type=submit]").click()
    expect(page).to_have_url(re.compile(r"/fr/login\?changed=1"))
    page.get_by_label("Courriel").fill(OWNER)
    page.locator("#password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Se connecter", exact=True).click()
    expect(page.get_by_role("heading", name="Tableau de bord")).to_be_visible()
