"""A colleague is invited on a phone, accepts in another browser, does what the role allows, and is removed."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from tests.browser.conftest import Open, live, mailed
from tests.server import EMPTY, LARGE, READ_ONLY, Portal

NORA = "nora.tremblay@exemple.ca"
NEW_PASSWORD = "une route qui monte doucement"


def open_people(open_page: Open, email: str, **more: str) -> Page:
    return live(open_page("/fr/profile/people", email, **more))


@pytest.fixture
def forgotten(portal: Portal) -> Iterator[None]:
    """Takes the colleague out again, whatever came of the test."""
    yield
    rows = portal.engine()
    with rows.begin() as connection:
        for table in ("membership", "browser_session"):
            connection.execute(text(f"DELETE FROM {table} WHERE person_id = (SELECT id FROM person WHERE email = :e)"), {"e": NORA})
        connection.execute(text("DELETE FROM invitation WHERE email = :e"), {"e": NORA})
    rows.dispose()


@pytest.mark.usefixtures("forgotten")
def test_a_colleague_is_invited_accepts_is_refused_and_is_removed(open_page: Open, portal: Portal) -> None:
    owner = open_people(open_page, EMPTY, size="phone")
    owner.fill("#invite-email", NORA)
    owner.select_option("#invite-role", "billing")
    owner.get_by_role("button", name="Inviter").click()
    expect(owner.get_by_text(f"L’invitation à {NORA} est en route.")).to_be_visible()
    expect(owner.locator(".asked li")).to_contain_text("Facturation")

    nora = open_page(mailed(portal, NORA, "join").removeprefix(portal.url), size="phone")
    expect(nora.get_by_text("Votre rôle serait")).to_contain_text("Facturation")
    nora.fill("#name", "Nora Tremblay")
    nora.fill("#password", NEW_PASSWORD)
    nora.get_by_role("button", name="Accepter l’invitation").click()
    nora.get_by_label("Courriel").fill(NORA)
    nora.locator("#password").fill(NEW_PASSWORD)
    nora.get_by_role("button", name="Se connecter", exact=True).click()
    expect(nora.get_by_role("heading", name="Tableau de bord")).to_be_visible()
    nora.goto("/fr/profile/people")
    expect(live(nora).get_by_role("heading", name="Propriétaires de ce compte")).to_be_visible()
    expect(nora.get_by_text(EMPTY)).to_be_visible()
    expect(nora.locator("main form")).to_have_count(0)
    for form in ("invite", "role", "remove", "resend", "withdraw"):
        refused = nora.request.post("/fr/profile/people", form={"form": form, "key": EMPTY}, headers={"origin": portal.url})
        assert refused.status == 403, form

    owner.reload()
    live(owner).get_by_role("link", name="Nora Tremblay").click()
    dialog = owner.get_by_role("dialog")
    dialog.get_by_role("button", name="Retirer du compte").click()
    asked = owner.get_by_role("alertdialog")
    expect(asked.get_by_role("button", name="Annuler")).to_be_focused()
    asked.get_by_role("button", name="Retirer").click()
    expect(owner.get_by_text("Cette personne ne fait plus partie du compte.")).to_be_visible()
    expect(dialog).to_have_count(0)
    expect(owner.get_by_text("Nora Tremblay")).to_have_count(0)
    nora.get_by_role("link", name="Tableau de bord").click()
    expect(nora).to_have_url(re.compile(r"/fr/login\?ended=1"))


def test_a_role_is_changed_in_the_dialog_and_put_back(open_page: Open) -> None:
    owner = open_people(open_page, LARGE)
    row = owner.locator("tr", has_text=READ_ONLY)
    for role, word in (("billing", "Facturation"), ("read_only", "Lecture seule")):
        row.get_by_role("link", name="Modifier").click()
        owner.select_option("#role-role", role)
        owner.get_by_role("button", name="Changer le rôle").click()
        expect(owner.get_by_text("en vigueur dès le prochain clic.", exact=False).last).to_be_visible()
        owner.keyboard.press("Escape")
        expect(owner.get_by_role("dialog")).to_have_count(0)
        expect(row).to_contain_text(word)
        expect(row.get_by_role("link", name="Modifier")).to_be_focused()


@pytest.mark.usefixtures("forgotten")
def test_without_script_somebody_is_invited_and_the_invitation_withdrawn(open_page: Open) -> None:
    owner = open_page("/fr/profile/people", EMPTY, script=False)
    owner.get_by_role("button", name="Inviter").click()
    expect(owner.locator("form[data-form=invite] .summary")).to_contain_text("Ce champ est obligatoire.")
    owner.fill("#invite-email", NORA)
    owner.get_by_role("button", name="Inviter").click()
    expect(owner.locator(".asked li")).to_contain_text(NORA)
    owner.get_by_role("button", name="Retirer l’invitation").click()
    expect(owner.get_by_text("L’invitation est retirée.", exact=False)).to_be_visible()
    expect(owner.get_by_text("Aucune invitation en attente.")).to_be_visible()


def test_the_only_owner_is_told_in_the_dialog_without_script_too(open_page: Open) -> None:
    owner = open_page("/fr/profile/people", EMPTY, script=False)
    owner.get_by_role("link", name="Modifier").first.click()
    owner.get_by_role("button", name="Retirer du compte").click()
    expect(owner.get_by_role("dialog").locator(".summary")).to_contain_text("Un compte a besoin d’un propriétaire")
