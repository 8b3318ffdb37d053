"""Rules of an account's people: who may change whom, and that an account always keeps an owner."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from odoportal.accounts.models import Membership, Person, Role
from odoportal.accounts.rights import Right, require_right
from odoportal.core import database
from odoportal.core.identity import Identity, NotAllowed
from odoportal.mail import outbox
from odoportal.mail.outbox import Mail
from odoportal.rooms.people import accept_invitation, service
from odoportal.rooms.people.models import Invitation
from tests.making import NOON
from tests.rooms.people.conftest import member, person

People = dict[str, Identity]
NEW = "new@example.org"


def roles(account_id: int) -> dict[str, str]:
    with database.read_session() as session:
        return {m.email: m.role for m in service.members(session, account_id)}


def letters() -> list[tuple[str, str, str]]:
    with database.read_session() as session:
        return [(m.to, m.language, m.text) for m in session.exec(select(Mail).order_by(col(Mail.id)))]


def token() -> str:
    """Return the token of the link in the newest mail."""
    with database.read_session() as session:
        return outbox.token_of(session.exec(select(Mail).order_by(col(Mail.id).desc())).first().seed)  # type: ignore[union-attr]


def accept(link: str, **more: str) -> Person | None:
    with database.write_session() as session:
        return accept_invitation.accept(session, link, NOON, **more)


CHANGES: list[Callable[[Session, Identity], Any]] = [
    lambda s, w: service.invite(s, w, NEW, Role.OWNER, "fr", NOON),
    lambda s, w: service.resend(s, w, "asked@example.org", NOON),
    lambda s, w: service.withdraw(s, w, "asked@example.org", NOON),
    lambda s, w: service.change_role(s, w, "billing@example.com", Role.OWNER, NOON),
    lambda s, w: service.remove(s, w, "billing@example.com", NOON),
]


@pytest.mark.parametrize("change", CHANGES, ids=["invite", "resend", "withdraw", "role", "remove"])
@pytest.mark.asvs("8.2.1")
def test_only_an_owner_changes_anything_and_only_of_the_own_account(people: People, change: Callable[[Session, Identity], Any]) -> None:
    with database.write_session() as session:
        service.invite(session, people["owner"], "asked@example.org", Role.BILLING, "fr", NOON)
    before = (roles(people["owner"].account.account_id), letters())
    for name in ("billing", "operations", "read_only"):
        with pytest.raises(NotAllowed), database.write_session() as session:
            change(session, people[name])
    # The event gate has passed, but the role was lowered or the person removed since.
    for stale in (replace(people["owner"], person_id=people["billing"].person_id), replace(people["owner"], person_id=10**6)):
        with pytest.raises(NotAllowed), database.write_session() as session:
            change(session, stale)
    if change is not CHANGES[0]:
        with pytest.raises(service.NoSuchPerson), database.write_session() as session:
            change(session, people["stranger"])
    assert (roles(people["owner"].account.account_id), letters()) == before
    with database.write_session() as session:
        change(session, people["owner"])
    assert (roles(people["owner"].account.account_id), letters()) != before or change is CHANGES[2]


def test_an_accepted_invitation_makes_the_person_and_works_once(people: People) -> None:
    mine = people["owner"].account.account_id
    with database.write_session() as session:
        service.invite(session, people["owner"], "  New@Example.org ", Role.BILLING, "fr", NOON)
    to, language, text = letters()[-1]
    assert (to, language) == ("New@example.org", "fr")
    assert "Facturation" in text
    assert "/fr/join?token=" in text
    with database.read_session() as session:
        asked = accept_invitation.open_invitation(session, token(), NOON)
        assert asked is not None
        assert (asked.account.number, asked.inviter, asked.known) == ("1042", "Owner", None)
    # Before it is accepted, there is neither a membership nor a person.
    assert "New@example.org" not in roles(mine)
    assert accept(token()) is None
    made = accept(token(), name="Nora Neuf", password_hash="hashed")
    assert made is not None
    assert (made.name, made.language, made.password) == ("Nora Neuf", "fr", "hashed")
    assert roles(mine)["New@example.org"] == "billing"
    assert accept(token(), name="Again", password_hash="other") is None


@pytest.mark.asvs("6.3.8")
def test_an_invitation_of_a_person_of_another_account_reads_the_same_and_keeps_the_password(people: People) -> None:
    mine, stranger = people["owner"].account.account_id, people["stranger"].email
    with database.write_session() as session:
        service.invite(session, people["owner"], stranger, Role.READ_ONLY, "en", NOON)
        service.invite(session, people["owner"], "nobody@example.com", Role.READ_ONLY, "en", NOON)
    known, unknown = (text.replace(to, "TO") for to, _, text in letters()[-2:])
    assert known == unknown
    with database.read_session() as session:
        listed = [(i.role, i.language, i.created_at, i.expires_at) for i in service.invitations(session, mine)]
    assert listed[0] == listed[1]
    assert stranger not in roles(mine)
    with database.read_session() as session:
        link = outbox.token_of(session.exec(select(Mail).where(Mail.to == stranger)).one().seed)
    assert accept(link, name="Other name", password_hash="other password")
    assert roles(mine)[stranger] == "read_only"
    with database.read_session() as session:
        kept = session.exec(select(Person).where(Person.email == stranger)).one()
        assert (kept.name, kept.password) == ("Stranger", "set")


@pytest.mark.parametrize(
    ("email", "why"),
    [
        ("", service.InvalidEmail),
        ("x", service.InvalidEmail),
        ("a@b", service.InvalidEmail),
        ("a@b.com\nBcc: x@y.com", service.InvalidEmail),
        ("BILLING@example.com", service.AlreadyMember),
        ("asked@example.org", service.AlreadyInvited),
        ("Asked@Example.ORG", service.AlreadyInvited),
    ],
)
def test_what_cannot_be_invited(people: People, email: str, why: type[Exception]) -> None:
    with database.write_session() as session:
        service.invite(session, people["owner"], "asked@example.org", Role.BILLING, "fr", NOON)
    before = letters()
    with pytest.raises(why), database.write_session() as session:
        service.invite(session, people["owner"], email, Role.BILLING, "fr", NOON)
    assert letters() == before


@pytest.mark.asvs("6.4.1")
def test_a_link_dies_by_time_by_a_newer_one_by_withdrawal_and_with_its_person(people: People) -> None:
    owner = people["owner"]
    with database.write_session() as session:
        service.invite(session, owner, NEW, Role.BILLING, "fr", NOON)
    first = token()
    for after, works in ((timedelta(days=7, seconds=-1), True), (timedelta(days=7), False)):
        with database.read_session() as session:
            assert (accept_invitation.open_invitation(session, first, NOON + after) is not None) is works
    with database.write_session() as session:
        service.resend(session, owner, NEW, NOON + timedelta(days=8))
    second = token()
    with database.read_session() as session:
        assert accept_invitation.open_invitation(session, first, NOON) is None
        assert accept_invitation.open_invitation(session, second, NOON + timedelta(days=14)) is not None
        assert accept_invitation.open_invitation(session, "", NOON) is None
    with database.write_session() as session:
        person(session, "NEW@example.org")
        session.exec(select(Person).where(Person.email == "NEW@example.org")).one().disabled_at = NOON
    # An email with the same key, folded from another spelling, is another mailbox.
    with database.write_session() as session:
        session.exec(select(Person).where(Person.email == "NEW@example.org")).one().email_key = NEW
        assert accept_invitation.open_invitation(session, second, NOON) is None
        service.withdraw(session, owner, NEW, NOON)
        assert accept_invitation.open_invitation(session, second, NOON) is None


@pytest.mark.asvs("6.3.8")
def test_an_invitation_never_gives_access_to_a_mailbox_that_only_folds_alike(people: People) -> None:
    with database.write_session() as session:
        person(session, "strasse@example.com")
        service.invite(session, people["owner"], "straße@example.com", Role.OWNER, "fr", NOON)
    assert accept(token(), name="Eve", password_hash="eve") is None


def test_a_role_is_changed_and_told_in_the_person_s_language(people: People, store: Engine) -> None:
    owner, mine = people["owner"], people["owner"].account.account_id
    with database.write_session() as session:
        session.exec(select(Person).where(Person.email == "billing@example.com")).one().language = "fr"
    with database.write_session() as session:
        assert service.change_role(session, owner, "Billing@Example.com", Role.OPERATIONS, NOON) is Role.BILLING
        assert service.change_role(session, owner, "billing@example.com", Role.OPERATIONS, NOON) is Role.OPERATIONS
    assert roles(mine)["billing@example.com"] == "operations"
    ((to, language, text),) = letters()
    assert (to, language) == ("billing@example.com", "fr")
    assert "Opérations" in text


def test_the_last_owner_stays(people: People) -> None:
    owner, mine = people["owner"], people["owner"].account.account_id

    def refused() -> None:
        for change in (
            lambda s: service.remove(s, owner, owner.email, NOON),
            lambda s: service.change_role(s, owner, owner.email, Role.BILLING, NOON),
        ):
            with pytest.raises(service.LastOwner), database.write_session() as session:
                change(session)

    refused()
    with database.write_session() as session:
        member(session, mine, "never@example.com", Role.OWNER, password="")
        member(session, mine, "gone@example.com", Role.OWNER)
        session.exec(select(Person).where(Person.email == "gone@example.com")).one().disabled_at = NOON
        # Owners of another account and invitations of owners do not count either.
        service.invite(session, owner, NEW, Role.OWNER, "fr", NOON)
    refused()
    with database.write_session() as session:
        member(session, mine, "second@example.com", Role.OWNER)
        service.remove(session, owner, owner.email, NOON)
    assert owner.email not in roles(mine)


def _both(first: Callable[[], Any], second: Callable[[], Any]) -> list[Any]:
    """Run two functions at the same time and return what each returned or raised."""

    def tried(work: Callable[[], Any]) -> Any:
        try:
            return work()
        except Exception as why:
            return why

    with ThreadPoolExecutor(2) as pool:
        return [job.result(60) for job in [pool.submit(tried, work) for work in (first, second)]]


def _remove_each_other(people: People, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], int]:
    """Let two owners remove each other at once; return both results and the number of owners left.

    After finding that another owner remains, each waits up to a second for the other.
    """
    one, mine = people["owner"], people["owner"].account.account_id
    with database.write_session() as session:
        two = member(session, mine, "second@example.com", Role.OWNER)
    meeting, check = threading.Barrier(2), service._require_another_owner

    def met(*args: Any) -> None:
        check(*args)
        try:
            meeting.wait(1)
        except threading.BrokenBarrierError:
            return

    monkeypatch.setattr(service, "_require_another_owner", met)

    def remove(who: Identity, email: str) -> Callable[[], Any]:
        def work() -> Any:
            with database.write_session() as session:
                return service.remove(session, who, email, NOON)

        return work

    came = _both(remove(one, two.email), remove(two, one.email))
    return came, list(roles(mine).values()).count("owner")


@pytest.mark.asvs("15.4.2")
def test_of_two_owners_who_remove_each_other_one_stays(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    came, owners = _remove_each_other(people, monkeypatch)
    assert owners == 1
    assert sorted(type(c).__name__ for c in came) == ["NotAllowed", "Person"]


def test_the_control_without_the_lock_nobody_stays(people: People, store: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    if store.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time, with or without the lock")
    monkeypatch.setattr(service, "require_right", lambda *_: None)
    assert _remove_each_other(people, monkeypatch)[1] == 0


def test_of_two_who_use_a_link_at_once_one_does(people: People) -> None:
    with database.write_session() as session:
        service.invite(session, people["owner"], NEW, Role.BILLING, "fr", NOON)
    link = token()
    came = _both(lambda: accept(link, name="A", password_hash="a"), lambda: accept(link, name="B", password_hash="b"))
    assert len([c for c in came if isinstance(c, Person)]) == 1
    assert roles(people["owner"].account.account_id)[NEW] == "billing"


def test_the_right_is_asked_of_the_row_and_not_of_what_the_gate_believed(people: People) -> None:
    with database.write_session() as session:
        assert require_right(session, people["billing"], Right.BILLING).role == "billing"
        session.get_one(Membership, (people["billing"].account.account_id, people["billing"].person_id)).role = "read_only"
        session.flush()
        with pytest.raises(NotAllowed):
            require_right(session, people["billing"], Right.BILLING)


def test_old_invitations_are_forgotten(people: People) -> None:
    with database.write_session() as session:
        service.invite(session, people["owner"], NEW, Role.BILLING, "fr", NOON)
        assert service.purge_expired(session, NOON + timedelta(days=37, seconds=-1)) == 0
        assert service.purge_expired(session, NOON + timedelta(days=37)) == 1
        assert session.exec(select(Invitation)).all() == []


def test_an_account_has_so_many_open_invitations_at_most(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST_OPEN_INVITATIONS", 2)
    with database.write_session() as session:
        for n in range(2):
            service.invite(session, people["owner"], f"{n}@example.org", Role.BILLING, "fr", NOON)
        with pytest.raises(service.TooManyInvitations):
            service.invite(session, people["owner"], NEW, Role.BILLING, "fr", NOON)
