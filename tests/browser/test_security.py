"""Ways to sign in, in browsers and in French: a new password, passkeys, the password hint. The rest is in `test_account_tour`."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text
from sqlmodel import SQLModel, select

from odoportal.accounts.models import Membership, Person
from odoportal.accounts.service import email_key
from tests.browser.conftest import Open, live
from tests.server import GUIDE, PASSWORD, Portal, write_session

DIANE = "diane@transportgagnon.ca"
NEW = "sept tortues jaunes voyagent"


@pytest.fixture(autouse=True)
def diane(portal: Portal) -> Iterator[int]:
    """Yield the id of a person used only in this module, because her sessions end and her password changes."""
    engine = portal.engine()
    with write_session(engine) as session:
        known = session.exec(select(Person).where(Person.email == GUIDE)).one()
        made = Person(
            email=DIANE, email_key=email_key(DIANE), name="Diane Roy", language="fr", region="fr-CA", password=known.password,
            created_at=known.created_at,
        )  # fmt: skip
        session.add(made)
        session.flush()
        number = session.exec(select(Membership.account_id).where(Membership.person_id == known.id)).first()
        assert made.id is not None and number is not None
        session.add(Membership(account_id=number, person_id=made.id, role="read_only"))
        session.commit()
        person = made.id
    yield person
    with engine.begin() as connection:
        for table in reversed(SQLModel.metadata.sorted_tables):
            for column in {"person_id", "subject_id"} & set(table.c.keys()):
                connection.execute(table.delete().where(table.c[column] == person))
        connection.execute(text("DELETE FROM person WHERE id = :id"), {"id": person})
    engine.dispose()


def sign_in(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("Courriel").fill(DIANE)
    page.locator("#password").fill(password)
    page.get_by_role("button", name="Se connecter", exact=True).click()


def test_after_another_password_the_page_goes_on_under_the_new_session(open_page: Open) -> None:
    page, other = open_page("/fr/login"), open_page("/fr/login")
    for browser in (page, other):
        sign_in(browser)
        expect(browser.get_by_role("heading", name="Tableau de bord")).to_be_visible()
    page.goto("/fr/profile/security")
    live(page)
    before = page.context.cookies()
    page.locator("#new_password-current").fill(PASSWORD)
    page.locator("#new_password-password").fill(NEW)
    page.get_by_role("button", name="Modifier le mot de passe").click()
    expect(page.get_by_text("Votre mot de passe a été modifié. Tous les autres navigateurs ont été déconnectés.")).to_be_visible()
    assert page.context.cookies() != before
    # Over the socket, which was opened again: no document is loaded, and the session is valid.
    page.evaluate("window.kept = true")
    page.locator(".shell > nav.shell-side").get_by_role("link", name="Factures").click()
    expect(page.locator("[data-row]").first).to_be_visible()
    assert page.evaluate("window.kept")
    other.locator(".shell > nav.shell-side").get_by_role("link", name="Factures").click()
    expect(other.get_by_text("Votre session a pris fin.")).to_be_visible()
    sign_in(other, NEW)
    expect(other.get_by_role("heading", name="Factures")).to_be_visible()


def add_authenticator(page: Page) -> Any:
    """Add a virtual authenticator to a page's browser, and return the CDP session that controls it."""
    speaks = page.context.new_cdp_session(page)
    speaks.send("WebAuthn.enable")
    about = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    speaks.send("WebAuthn.addVirtualAuthenticator", {"options": about})
    return speaks


def sign_out(page: Page) -> None:
    page.context.clear_cookies()
    page.goto("/fr/login")


def test_a_passkey_is_made_used_both_ways_and_removed(open_page: Open) -> None:
    page = open_page("/fr/login", size="phone")
    add_authenticator(page)
    sign_in(page)
    expect(page.get_by_role("heading", name="Tableau de bord")).to_be_visible()
    page.goto("/fr/profile/security")
    live(page)
    page.locator("#passkey_begin-current").fill(PASSWORD)
    page.get_by_role("button", name="Ajouter une clé d’accès").click()
    page.get_by_label("Nom de la clé d’accès").fill("Mon téléphone")
    page.get_by_role("button", name="Créer la clé d’accès").click()
    expect(page.locator(".form-shown code")).to_have_count(10)
    page.get_by_role("link", name="Je les ai conservés").click()
    expect(page.locator(".security-list").get_by_text("Mon téléphone")).to_be_visible()
    # In place of the password, without a second step.
    sign_out(page)
    page.get_by_role("button", name="Se connecter avec une clé d’accès").click()
    expect(page.get_by_role("heading", name="Tableau de bord")).to_be_visible()
    # After the password, as the second step.
    sign_out(page)
    sign_in(page)
    expect(page.get_by_text("Confirmez avec votre clé d’accès que c’est bien vous.")).to_be_visible()
    expect(page.get_by_text("demandent un navigateur")).to_be_hidden()
    page.get_by_role("button", name="Utiliser une clé d’accès").click()
    expect(page.get_by_role("heading", name="Tableau de bord")).to_be_visible()
    page.goto("/fr/profile/security")
    live(page)
    expect(page.get_by_role("cell").get_by_text("Mot de passe et clé d’accès")).to_be_visible()
    page.locator("#passkey_remove-current").fill(PASSWORD)
    page.locator("form").filter(has=page.locator("#passkey_remove-which")).get_by_role("button", name="Retirer la clé d’accès").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Retirer la clé d’accès").click()
    expect(page.locator("#passkey_remove-which")).to_have_count(0)
    sign_out(page)
    page.get_by_role("button", name="Se connecter avec une clé d’accès").click()
    expect(page.get_by_text("Nous n’avons pas pu vous connecter avec une clé d’accès.")).to_be_visible()


def test_without_a_device_or_without_script_words_say_so(open_page: Open) -> None:
    page = open_page("/fr/login")
    speaks = add_authenticator(page)
    (device,) = [speaks.send("WebAuthn.addVirtualAuthenticator", {"options": {"protocol": "ctap2", "transport": "usb"}})]
    speaks.send("WebAuthn.setAutomaticPresenceSimulation", {"authenticatorId": device["authenticatorId"], "enabled": True})
    page.get_by_role("button", name="Se connecter avec une clé d’accès").click()
    expect(page.get_by_text("Aucune clé d’accès n’a été utilisée.")).to_be_visible()
    plain = open_page("/fr/login", script=False)
    expect(plain.get_by_role("button", name="Se connecter avec une clé d’accès")).to_be_hidden()
    expect(plain.get_by_role("button", name="Se connecter", exact=True)).to_be_visible()


def test_the_hint_follows_what_is_typed_and_sends_nothing(open_page: Open) -> None:
    page = open_page("/fr/login")
    sign_in(page)
    expect(page.get_by_role("heading", name="Tableau de bord")).to_be_visible()
    page.goto("/fr/profile/security")
    live(page)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    field, hint = page.locator("#new_password-password"), page.locator(".strength")
    for typed, says, level in (
        ("court", "Caractères encore manquants\u00a0: 10.", "1"),
        ("motdepassemotdepasse", "Facile à deviner.", "1"),
        ("aaaaaaaaaaaaaaaaaaaaaa", "Facile à deviner.", "1"),
        ("1234567890123456789", "Facile à deviner.", "1"),
        ("tortue jaune 1975", "Pas mal.", "2"),
        (NEW, "Difficile à deviner.", "3"),
    ):
        field.fill(typed)
        expect(hint.get_by_role("status")).to_contain_text(says)
        expect(hint).to_have_attribute("data-level", level)
    field.fill("")
    expect(hint.get_by_role("status")).to_be_empty()
    assert sent == []
