"""The people of an account: a role changed in the dialog, and everything without script. The rest is in `test_account_tour`."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from tests.browser.conftest import Open, live
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
