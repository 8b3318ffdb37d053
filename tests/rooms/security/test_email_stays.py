"""An email that a person gave up stays reserved while the change can be undone, despite imports, invitations and requests."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import col, select

from odoportal.accounts.models import Account, Membership, Person, Role
from odoportal.accounts.service import UnusableEmail, email_key
from odoportal.core import clock, database
from odoportal.core.identity import ActiveMembership as Held
from odoportal.demo.data import EXAMPLE
from odoportal.importing.importer import Options, run_import
from odoportal.mail.outbox import token_of
from odoportal.rooms.people import accept_invitation
from odoportal.rooms.people import service as people
from odoportal.rooms.signin import passwords, service
from tests.making import identity_of
from tests.rooms.security.conftest import EMAIL, Browser, letters, stored
from tests.rooms.security.test_email import NEW, ask, confirm
from tests.rooms.signin.conftest import GOOD, add_person

THIRD = "third@example.com"


def everybody() -> set[str]:
    """Return the emails of all people."""
    with database.read_session() as session:
        return set(session.exec(select(Person.email)).all())


def owner(email: str, number: str = "1042") -> Any:
    """Create an owner of an account and return a signed-in identity of that person."""
    made = add_person(email, accounts=(number,))
    with database.read_session() as session:
        account_id = session.exec(select(Account.id).where(Account.number == number)).one() or 0
    mine = Held(account_id, number, f"Transport {number}", "owner")
    return identity_of(account_id, number).__class__(
        **{**identity_of(account_id).__dict__, "person_id": made, "account": mine, "memberships": (mine,)}
    )


def test_an_import_that_says_nothing_new_leaves_a_changed_email_and_its_way_back(opened: Callable[[], Browser]) -> None:
    """The whole sequence works: example data, a password, an email change, the nightly import, the reset form, and the undo link."""
    now = clock.now()
    assert run_import(EXAMPLE, now=now).kept
    before = everybody()
    with database.write_session() as session:
        session.exec(select(Person).where(Person.email_key == email_key(EMAIL))).one().password = passwords.hash_password(GOOD)
    web = opened()
    web.sign_in()
    confirm(web, ask(web))
    told: list[int] = []
    invite = Options(notify=True)
    again = run_import(EXAMPLE, now=now, invite=lambda _session, person, _account: told.append(person), options=invite)
    assert [(counts.new, counts.changed) for counts in again.files.values()] == [(0, 0)] * len(again.files)
    assert (told, everybody()) == ([], (before - {EMAIL}) | {NEW})
    mails = len(letters())
    opened().client.post("/en/forgot", data={"email": EMAIL})
    assert len(letters()) == mails
    notice = next(letter for letter in letters(EMAIL) if "undo?" in letter.text)
    assert confirm(opened(), notice).headers["location"] == "/en/login?undone=1"
    assert everybody() == before
    assert not web.inside


def test_it_was_not_me_puts_the_email_back_whatever_was_imported(opened: Callable[[], Browser]) -> None:
    run_import(EXAMPLE, now=clock.now())
    with database.write_session() as session:
        maria = session.exec(select(Person).where(Person.email_key == email_key(EMAIL))).one()
        maria.password = passwords.hash_password(GOOD)
    opened().sign_in()
    thief = opened()
    thief.sign_in()
    alert = letters(EMAIL)[-1]
    assert "alert?" in alert.text
    confirm(thief, ask(thief))
    confirm(thief, ask(thief, THIRD))
    run_import(EXAMPLE, now=clock.now())
    mine = opened()
    assert mine.link(alert).status_code == 200
    assert mine.client.post("/en/alert", data={"ok": "1"}).status_code == 303
    assert {EMAIL} == everybody() & {EMAIL, NEW, THIRD}
    back = next(letter for letter in letters(NEW) if "undo?" in letter.text)
    assert thief.link(back).status_code == 410


def test_an_undo_takes_back_what_came_after_it(web: Browser, opened: Callable[[], Browser], maria: int) -> None:
    confirm(web, ask(web))
    confirm(web, ask(web, THIRD))
    first, second = (next(letter for letter in letters(to) if "undo?" in letter.text) for to in (EMAIL, NEW))
    assert confirm(opened(), first).status_code == 303
    # The intruder may own the mailbox of the change in between, so its undo link must not work.
    assert opened().link(second).status_code == 410
    assert stored(maria).email == EMAIL
    # The intruder's email is available to other people again at once.
    assert add_person(NEW)


def test_an_undo_of_the_second_change_leaves_the_first(web: Browser, opened: Callable[[], Browser], maria: int, now: Any) -> None:
    confirm(web, ask(web))
    now.move(minutes=1)
    confirm(web, ask(web, THIRD))
    first, second = (next(letter for letter in letters(to) if "undo?" in letter.text) for to in (EMAIL, NEW))
    assert confirm(opened(), second).status_code == 303
    assert stored(maria).email == NEW
    assert confirm(opened(), first).status_code == 303
    assert stored(maria).email == EMAIL


def test_nobody_else_can_have_an_email_that_may_be_taken_back(web: Browser, opened: Callable[[], Browser], maria: int, now: Any) -> None:
    other = opened()
    add_person("luc@example.com")
    other.sign_in("luc@example.com")
    confirm(web, ask(web))
    for email in (EMAIL, EMAIL.upper()):
        assert other.form("email", address=email, current=GOOD)["ok"]
    assert all("email?" not in letter.text for letter in letters(EMAIL))
    now.move(days=6, hours=23, minutes=59)
    with (
        database.write_session() as session,
        pytest.raises(UnusableEmail, match=r"was recently the email of 'maria.gagnon@example.com'"),
    ):
        service.invite(session, EMAIL, "1042", clock.now())
    notice = next(letter for letter in letters(EMAIL) if "undo?" in letter.text)
    assert opened().link(notice).status_code == 200
    now.move(minutes=1)
    with database.write_session() as session:
        assert service.invite(session, EMAIL, "1042", clock.now()).id != maria


def test_a_change_that_was_asked_for_before_is_not_confirmed(web: Browser, opened: Callable[[], Browser], maria: int) -> None:
    other = opened()
    add_person("luc@example.com")
    other.sign_in("luc@example.com")
    confirm(web, ask(web))
    theirs = ask(other, THIRD)
    confirm(web, ask(web, THIRD))
    confirm(web, ask(web, "fourth@example.com"))
    assert confirm(other, theirs).status_code == 410
    assert stored(maria).email == "fourth@example.com"


def test_a_person_may_have_an_email_back_that_only_that_person_left(web: Browser, maria: int) -> None:
    confirm(web, ask(web))
    confirm(web, ask(web, EMAIL))
    assert stored(maria).email == EMAIL


def test_an_invitation_to_a_mailbox_that_was_left_makes_nobody(web: Browser, maria: int, now: Any) -> None:
    colleague, stranger = owner("owner@example.com"), owner("stranger@example.com", "2000")
    with database.write_session() as session:
        people.invite(session, stranger, EMAIL, Role.OWNER, "en", clock.now())
    before = letters(EMAIL)[-1]
    confirm(web, ask(web))
    with database.write_session() as session:
        with pytest.raises(people.AlreadyMember):
            people.invite(session, colleague, EMAIL, Role.OWNER, "en", clock.now())
        assert accept_invitation.open_invitation(session, token_of(before.seed), clock.now()) is None
        assert accept_invitation.accept(session, token_of(before.seed), clock.now(), "Somebody", "stored") is None
        people.resend(session, stranger, EMAIL, now.move(days=6))
    after = letters(EMAIL)[-1]
    now.move(days=1)
    with database.write_session() as session:
        joined = accept_invitation.accept(session, token_of(after.seed), clock.now(), "Somebody", "stored")
        assert joined is not None
        assert joined.id != maria
        assert session.exec(select(col(Membership.account_id)).where(Membership.person_id == joined.id)).all() == [
            stranger.account.account_id
        ]


def test_a_name_that_was_chosen_while_joining_stays(portal: Any) -> None:
    run_import(EXAMPLE, now=clock.now())
    inviting = owner("owner@example.com", "2000")
    with database.write_session() as session:
        people.invite(session, inviting, EMAIL, Role.BILLING, "fr", clock.now())
    with database.write_session() as session:
        assert accept_invitation.accept(session, token_of(letters(EMAIL)[-1].seed), clock.now(), "Maria Tremblay", "stored") is not None
    again = run_import(EXAMPLE, now=clock.now())
    assert (again.files["people.csv"].new, again.files["people.csv"].changed) == (0, 0)
    with database.read_session() as session:
        assert session.exec(select(Person.name).where(Person.email_key == EMAIL)).one() == "Maria Tremblay"
