"""The people of an account: a role changed in the dialog, and everything without script. The rest is in `test_account_tour`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text
from sqlmodel import Session, col, select

from odoportal.accounts.models import Person
from odoportal.rooms.notifications.models import InvoiceCopy
from odoportal.rooms.people.models import Invitation
from tests.browser.conftest import Open, live, temporary_account
from tests.server import EMPTY, LARGE, READ_ONLY, Portal, write_session

NORA = "nora.tremblay@exemple.ca"
NEW_PASSWORD = "une route qui monte doucement"


def open_people(open_page: Open, email: str, **more: str) -> Page:
    return live(open_page("/fr/profile/people", email, **more))


@pytest.fixture
def cleaned_up(portal: Portal) -> Iterator[None]:
    """Delete the colleague and the invitation, even if the test fails."""
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
        owner.get_by_role("button", name="Modifier le rôle").click()
        expect(owner.get_by_text("prend effet immédiatement.", exact=False).last).to_be_visible()
        owner.keyboard.press("Escape")
        expect(owner.get_by_role("dialog")).to_have_count(0)
        expect(row).to_contain_text(word)
        expect(row.get_by_role("link", name="Modifier")).to_be_focused()


@pytest.mark.usefixtures("cleaned_up")
def test_without_script_somebody_is_invited_and_the_invitation_withdrawn(open_page: Open) -> None:
    owner = open_page("/fr/profile/people", EMPTY, script=False)
    owner.get_by_role("button", name="Inviter").click()
    expect(owner.locator("form[data-form=invite] .form-summary")).to_contain_text("Ce champ est obligatoire.")
    owner.fill("#invite-email", NORA)
    owner.get_by_role("button", name="Inviter").click()
    expect(owner.locator(".record-asked li")).to_contain_text(NORA)
    owner.get_by_role("button", name="Retirer l’invitation").click()
    expect(owner.get_by_text("L’invitation a été retirée.", exact=False)).to_be_visible()
    expect(owner.get_by_text("Aucune invitation en attente.")).to_be_visible()


def test_the_only_owner_is_told_in_the_dialog_without_script_too(open_page: Open) -> None:
    owner = open_page("/fr/profile/people", EMPTY, script=False)
    owner.get_by_role("link", name="Modifier").first.click()
    owner.get_by_role("button", name="Retirer du compte").click()
    expect(owner.get_by_role("dialog").locator(".form-summary")).to_contain_text("Un compte a besoin d’un propriétaire")


ACCOUNTANT, STRANGE = "comptable@exemple.ca", "copies@ailleurs.exemple"
_ONCE = iter(range(10**6))


@dataclass(frozen=True)
class Leaving:
    """An owner, and the email and id of another owner who will be removed."""

    owner: str
    email: str
    person_id: int


@pytest.fixture
def leaving(portal: Portal) -> Iterator[Leaving]:
    """Yield an account whose second owner has added two addresses for copies of invoices and has invited a person."""
    # Use new emails each time: a cached session cookie is worthless once its person is deleted.
    owner, email = (f"{name}{next(_ONCE)}@exemple.ca" for name in ("claire.fortin", "denis.roy"))
    people = {owner: ("Claire Fortin", "owner"), email: ("Denis Roy", "owner")}
    engine = portal.engine()
    with temporary_account(portal, "7701", "Transport Fortin", people) as account_id:
        with write_session(engine) as session:
            person_id = session.exec(select(Person.id).where(Person.email == email)).one()
            assert person_id is not None
            now = datetime.now(UTC)
            for box in (ACCOUNTANT, STRANGE):
                session.add(
                    InvoiceCopy(
                        account_id=account_id, email=box, email_key=box, language="fr", hash=box, asked_by=person_id,
                        expires_at=now, confirmed_at=now,
                    )
                )  # fmt: skip
            session.add(
                Invitation(
                    account_id=account_id, email=NORA, email_key=NORA, role="owner", language="fr", hash=NORA, invited_by=person_id,
                    created_at=now, expires_at=now + timedelta(days=7),
                )
            )  # fmt: skip
            session.commit()
        yield Leaving(owner, email, person_id)
    engine.dispose()


def copies_left(portal: Portal) -> list[str]:
    engine = portal.engine()
    with Session(engine) as session:
        found = session.exec(select(InvoiceCopy.email).where(col(InvoiceCopy.email).in_([ACCOUNTANT, STRANGE]))).all()
    engine.dispose()
    return sorted(found)


@pytest.mark.parametrize("script", [True, False])
def test_an_owner_sees_and_decides_what_somebody_who_is_removed_had_set_up(
    open_page: Open, portal: Portal, leaving: Leaving, script: bool
) -> None:
    page = open_page(f"/fr/profile/people?open={leaving.person_id}", leaving.owner, size="phone", script=script)
    owner = live(page) if script else page
    section = owner.locator("form[data-form=remove]") if not script else owner.get_by_role("dialog").locator("form").last
    keep = section.get_by_label(f"Continuer l’envoi à {ACCOUNTANT}")
    for email in (ACCOUNTANT, STRANGE):
        expect(section.get_by_label(f"Continuer l’envoi à {email}")).not_to_be_checked()
    keep.check()
    section.get_by_role("button", name="Retirer du compte").click()
    if script:
        owner.get_by_role("alertdialog").get_by_role("button", name="Retirer", exact=True).click()
    expect(owner.get_by_text("Cette personne ne fait plus partie du compte.")).to_be_visible()
    expect(owner.get_by_text("Aucune invitation en attente.")).to_be_visible()
    assert copies_left(portal) == [ACCOUNTANT]
    owner.goto("/fr/profile/changes")
    main = (live(owner) if script else owner).locator("main")
    for what in ("Invitation retirée", "Adresse pour copies de factures retirée", "Adresse pour copies de factures reprise"):
        expect(main).to_contain_text(what)
