"""Things that would outlive a person's access are revoked, in every way access can end; the owner decides about copies of invoices."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from odoportal.accounts.activity_log import STAFF, Actor
from odoportal.accounts.models import Change, Membership, Person, Role
from odoportal.core import clock, database, i18n
from odoportal.core.identity import Identity
from odoportal.core.money import ZERO
from odoportal.importing.importer import Options, run_import
from odoportal.mail import outbox
from odoportal.mail.outbox import Mail
from odoportal.pages import room
from odoportal.rooms.invoices.models import Invoice
from odoportal.rooms.notifications import copies, mails, unsubscribe
from odoportal.rooms.notifications.models import InvoiceCopy
from odoportal.rooms.notifications.view import notices_view
from odoportal.rooms.people import accept_invitation, service
from odoportal.rooms.people.models import FileRole
from odoportal.rooms.people.view import people_view
from odoportal.rooms.privacy import service as privacy
from odoportal.rooms.signin import lockout, staff
from tests.making import NOON
from tests.rooms.people.conftest import member
from tests.rooms.people.test_page import send
from tests.rooms.people.test_service import accept, token

People = dict[str, Identity]
SPARE = "spare@evil.example"
BOOKS = "copies@evil.example"
R = "r@evil.example"
LATER = NOON + timedelta(hours=1)


@pytest.fixture(autouse=True)
def _noon(store: Engine) -> Any:
    clock.set_source(lambda: LATER)
    yield
    clock.set_source(None)


@pytest.fixture
def thief(people: People) -> Identity:
    """Return a second owner, who has invited another email."""
    with database.write_session() as session:
        made = member(session, people["owner"].account.account_id, R, Role.OWNER)
        service.invite(session, made, SPARE, Role.OWNER, "en", NOON)
    return made


def add_copy(who: Identity, email: str = BOOKS, confirmed: bool = True) -> str:
    """Add an address for copies of invoices and return the token of its confirmation link."""
    with database.write_session() as session, i18n.use("en"):
        copies.add(session, who, Actor.of(who), email, "en", NOON)
    link = token()
    if confirmed:
        with database.write_session() as session:
            assert copies.confirm(session, link, "", NOON)
    return link


def activity(account_id: int) -> list[tuple[str, str, int | None]]:
    with database.read_session() as session:
        rows = select(Change).where(Change.account_id == account_id).order_by(col(Change.id))
        return [(c.what, c.about, c.person_id) for c in session.exec(rows)]


def going(who: Identity) -> list[str]:
    with database.read_session() as session:
        return [copy.email for copy in copies.active(session, who.account.account_id)]


def listed(who: Identity) -> list[str]:
    with database.read_session() as session:
        return [i.email for i in service.invitations(session, who.account.account_id)]


def by_import(role: str, thief: Identity, folder: Any) -> None:
    """Import another role for the thief than the last import did."""
    with database.write_session() as session:
        session.add(FileRole(account_id=thief.account.account_id, person_id=thief.person_id, role="owner"))
    (folder / "people.csv").write_text(f"account,email,name,role\n1042,{R},R,{role}\n")
    assert run_import(folder, now=LATER, options=Options()).kept


WAYS: dict[str, tuple[Callable[[Session, Identity, Identity], Any], bool]] = {
    "removed": (lambda s, owner, _: service.remove(s, owner, R, LATER), True),
    "lowered": (lambda s, owner, _: service.change_role(s, owner, R, Role.BILLING, LATER), True),
    "disabled": (lambda s, *_: staff.disable(s, R, LATER), False),
    "it was not me": (
        lambda s, _, thief: lockout.lock_out(s, s.get_one(Person, thief.person_id), NOON, Actor(thief.person_id), LATER),
        False,
    ),
}


@pytest.mark.parametrize("way", [*WAYS, "import"])
@pytest.mark.asvs("8.3.2")
def test_an_invitation_ends_with_the_right_of_whoever_sent_it(people: People, thief: Identity, way: str, tmp_path: Any) -> None:
    owner, link = people["owner"], token()
    with database.write_session() as session:
        service.invite(session, owner, "kept@example.org", Role.BILLING, "en", NOON)
    other = token()
    if way == "import":
        by_import("operations", thief, tmp_path)
        doer = None
    else:
        with database.write_session() as session:
            WAYS[way][0](session, owner, thief)
        doer = owner.person_id if WAYS[way][1] else thief.person_id if way == "it was not me" else None
    assert listed(owner) == ["kept@example.org"]
    assert ("invitation_withdrawn", SPARE, doer) in activity(owner.account.account_id)
    with database.read_session() as session:
        assert accept_invitation.open_invitation(session, link, LATER) is None
    assert accept(link, name="Spare", password_hash="hashed") is None
    # The invitation stays withdrawn, even if the account is enabled and the role given back.
    with database.write_session() as session:
        staff.enable(session, R, LATER)
        session.merge(Membership(account_id=owner.account.account_id, person_id=thief.person_id, role="owner"))
    assert accept(link, name="Spare", password_hash="hashed") is None
    # The other owner's invitation is still valid.
    assert accept(other, name="Kept", password_hash="hashed") is not None


@pytest.mark.parametrize("lost", ["removed", "lowered", "disabled"])
def test_the_inviter_s_right_is_asked_when_the_invitation_is_used(people: People, thief: Identity, lost: str) -> None:
    """The right is checked on use, even if it was lost without ending what the person set up."""
    link, at = token(), (thief.account.account_id, thief.person_id)
    with database.write_session() as session:
        if lost == "removed":
            session.delete(session.get_one(Membership, at))
        elif lost == "lowered":
            session.get_one(Membership, at).role = "billing"
        else:
            session.get_one(Person, thief.person_id).disabled_at = NOON
    with database.read_session() as session:
        assert accept_invitation.open_invitation(session, link, LATER) is None
    assert accept(link, name="Spare", password_hash="hashed") is None
    assert listed(thief) == [SPARE]


def test_an_invitation_that_another_owner_sent_again_is_theirs(people: People, thief: Identity) -> None:
    with database.write_session() as session:
        service.resend(session, people["owner"], SPARE, LATER)
    link = token()
    with database.write_session() as session:
        service.remove(session, people["owner"], R, LATER)
    assert accept(link, name="Spare", password_hash="hashed") is not None


def test_what_was_set_up_before_somebody_else_was_in_stays(people: People, thief: Identity) -> None:
    add_copy(thief)
    with database.write_session() as session:
        lockout.lock_out(session, session.get_one(Person, thief.person_id), NOON + timedelta(seconds=1), Actor(thief.person_id), LATER)
    assert (listed(thief), going(thief)) == ([SPARE], [BOOKS])
    with database.write_session() as session:
        lockout.lock_out(session, session.get_one(Person, thief.person_id), NOON, Actor(thief.person_id), LATER)
    assert (listed(thief), going(thief)) == ([], [])


def _accept_while_removed(people: People, link: str, monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], Any]:
    """Accept an invitation while its sender is removed, after it was found valid; return the order of the two and accept's result."""
    order: list[str] = []
    found, removed = threading.Event(), threading.Event()
    look = accept_invitation.open_invitation

    def paused(*args: Any) -> Any:
        asked = look(*args)
        found.set()
        # Wait for the removal; the timeout covers the case that the removal itself is blocked by the lock.
        removed.wait(1)
        return asked

    monkeypatch.setattr(accept_invitation, "open_invitation", paused)

    def take() -> Any:
        try:
            with database.write_session() as session:
                person = accept_invitation.accept(session, link, LATER, name="Spare", password_hash="hashed")
        finally:
            order.append("accepted")
        return person

    def remove() -> None:
        assert found.wait(30)
        with database.write_session() as session:
            service.remove(session, people["owner"], R, LATER)
        order.append("removed")
        removed.set()

    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(take), pool.submit(remove)]
        came = [job.result(60) for job in jobs]
    return order, came[0]


@pytest.mark.asvs("15.4.2")
def test_nobody_accepts_after_the_inviter_was_removed(people: People, thief: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    order, person = _accept_while_removed(people, token(), monkeypatch)
    assert order == ["accepted", "removed"]
    assert person is not None


def test_the_withdrawn_row_alone_keeps_it_right_too(
    people: People, thief: Identity, store: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    if store.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time, with or without the lock")
    monkeypatch.setattr(accept_invitation, "lock_account", lambda *_: None)
    order, person = _accept_while_removed(people, token(), monkeypatch)
    assert (order[0], person) == ("removed", None)


def test_the_control_without_both_lets_somebody_in(people: People, thief: Identity, store: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    if store.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time, with or without the lock")
    monkeypatch.setattr(accept_invitation, "lock_account", lambda *_: None)
    monkeypatch.setattr(room, "revoke", lambda *_: None)
    order, person = _accept_while_removed(people, token(), monkeypatch)
    assert order[0] == "removed"
    assert person is not None


# --- copies of invoices ------------------------------------------------------------------------------------------


def boxes(who: Identity, person_id: int, form: str = "remove") -> list[str]:
    """Return the addresses that have a box in the dialog of a person."""
    with i18n.use("en"), database.read_session() as session:
        details = people_view(session, who, {"open": str(person_id)}, LATER).details
    assert all(row.value == "" for row in getattr(details, form).rows)
    return [row.label for row in getattr(details, form).rows]


@pytest.mark.parametrize(("form", "fields"), [("remove", {}), ("role", {"role": "operations"})])
def test_each_copy_is_kept_or_stopped_by_the_owner(people: People, thief: Identity, form: str, fields: dict[str, str]) -> None:
    owner = people["owner"]
    for email in (BOOKS, "accountant@example.org"):
        add_copy(thief, email)
    add_copy(owner, "mine@example.org")
    assert boxes(owner, thief.person_id, form) == ["accountant@example.org", BOOKS]
    version = people_view_version(owner, thief.person_id) if form == "role" else ""
    kept = {f"keep-{copies.key_of('accountant@example.org')}": "1", f"keep-{copies.key_of(BOOKS)}": ""}
    assert send(owner, form, R, version, **fields, **kept).ok
    assert going(owner) == ["accountant@example.org", "mine@example.org"]
    did = activity(owner.account.account_id)
    assert ("copy_kept", "accountant@example.org", owner.person_id) in did
    assert ("copy_removed", BOOKS, owner.person_id) in did
    # A kept address now belongs to the owner who kept it, and ends with that owner's access.
    with database.write_session() as session:
        assert {copy.asked_by for copy in copies.copies(session, owner.account.account_id)} == {owner.person_id}


def people_view_version(who: Identity, person_id: int) -> str:
    with i18n.use("en"), database.read_session() as session:
        return people_view(session, who, {"open": str(person_id)}, LATER).details.role.version


def test_another_role_that_looks_after_billing_changes_nothing(people: People, thief: Identity) -> None:
    add_copy(thief)
    with database.write_session() as session:
        service.change_role(session, people["owner"], R, Role.BILLING, LATER)
    assert going(thief) == [BOOKS]


@pytest.mark.parametrize("stray", ["keep-0", "keep-" + "g" * 16, "keep"])
def test_a_box_that_is_none_keeps_nothing(people: People, thief: Identity, stray: str) -> None:
    from odoportal.forms.fields import validate
    from odoportal.rooms.people import forms

    checked = validate(forms.RemovePerson, {stray: "1"})
    assert isinstance(checked, dict) or checked.keep == frozenset()


@pytest.mark.parametrize("way", ["removed", "lowered", "disabled", "it was not me", "import"])
def test_the_link_that_confirms_a_copy_dies_with_the_right(people: People, thief: Identity, way: str, tmp_path: Any) -> None:
    link = add_copy(thief, confirmed=False)
    if way == "import":
        by_import("operations", thief, tmp_path)
    else:
        with database.write_session() as session:
            if way == "lowered":
                service.change_role(session, people["owner"], R, Role.OPERATIONS, LATER)
            else:
                WAYS[way][0](session, people["owner"], thief)
    for role in ("", "owner"):
        if role:
            with database.write_session() as session:
                staff.enable(session, R, LATER)
                session.merge(Membership(account_id=thief.account.account_id, person_id=thief.person_id, role=role))
        with database.write_session() as session:
            assert not copies.confirm(session, link, "", LATER)
    assert going(thief) == []


@pytest.mark.parametrize("lost", ["removed", "lowered", "disabled"])
def test_the_right_of_who_added_a_copy_is_asked_when_it_is_used(people: People, thief: Identity, lost: str) -> None:
    """The right is checked on use, even if it was lost without ending what the person set up."""
    link, at = add_copy(thief, "waits@example.org", confirmed=False), (thief.account.account_id, thief.person_id)
    add_copy(thief)
    with database.write_session() as session:
        if lost == "removed":
            session.delete(session.get_one(Membership, at))
        elif lost == "lowered":
            session.get_one(Membership, at).role = "operations"
        else:
            session.get_one(Person, thief.person_id).disabled_at = NOON
    with database.write_session() as session:
        assert not copies.confirm(session, link, "", LATER)
    assert going(thief) == []


def test_where_nobody_was_asked_a_copy_is_paused_until_somebody_keeps_it(people: People, thief: Identity) -> None:
    add_copy(thief)
    with database.write_session() as session:
        staff.disable(session, R, LATER)
    assert going(thief) == []

    def rows() -> list[tuple[str, str]]:
        with i18n.use("en"), database.read_session() as session:
            return [(row.on or row.off, row.held) for row in notices_view(session, people["billing"], LATER).copies]

    assert rows() == [("Paused", "The person who added it no longer manages billing.")]
    with database.write_session() as session, i18n.use("en"):
        copies.resume(session, people["billing"], Actor.of(people["billing"]), BOOKS, LATER)
        with pytest.raises(copies.NoSuchCopy):
            copies.resume(session, people["billing"], Actor.of(people["billing"]), "none@example.org", LATER)
    assert (rows(), going(thief)) == ([("Confirmed", "")], [BOOKS])
    assert ("copy_kept", BOOKS, people["billing"].person_id) in activity(thief.account.account_id)


def test_whoever_leaves_keeps_nothing_going(people: People, thief: Identity) -> None:
    """A person who leaves neither keeps nor removes copies: a remaining member decides."""
    add_copy(thief)
    add_copy(thief, "second@example.org")
    assert boxes(thief, thief.person_id) == []
    with i18n.use("en"), database.read_session() as session:
        assert BOOKS in people_view(session, thief, {"open": str(thief.person_id)}, LATER).details.leaving
    assert send(thief, "remove", R, **{f"keep-{copies.key_of(BOOKS)}": "1"}).ok
    assert going(people["owner"]) == []
    with database.read_session() as session:
        assert {copy.email for copy in session.exec(select(InvoiceCopy))} == {BOOKS, "second@example.org"}


def test_copies_that_wait_in_the_outbox_do_not_leave_after_their_address_was_removed(people: People, thief: Identity) -> None:
    add_copy(thief)
    with database.write_session() as session, i18n.use("en"):
        copy = session.exec(select(InvoiceCopy)).one()
        account = session.get_one(mails.Account, thief.account.account_id)
        bill = Invoice(
            account_id=account.id or 0, number="1", number_order=1, issued_on=NOON.date(), due_on=NOON.date(), terms_en="", terms_fr="",
            subtotal=ZERO, total=ZERO, paid=ZERO, pending=ZERO, credited=ZERO, search="",
        )  # fmt: skip
        mails.write_invoice_copy(session, copy, account, bill, b"%PDF-", NOON)
        stop = unsubscribe.of_copy(copy.id or 0)
        assert len(session.exec(select(Mail).where(Mail.unsubscribe == stop)).all()) == 1
        service.remove(session, people["owner"], R, LATER)
        assert session.exec(select(Mail).where(Mail.unsubscribe == stop)).all() == []
        # Mails to people are kept.
        assert outbox.cancel_unsent(session, stop) == 0
        assert session.exec(select(Mail)).all() != []


# --- closing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["removed", "lowered", "disabled", "it was not me"])
def test_a_request_to_close_the_account_ends_with_the_right(people: People, thief: Identity, way: str) -> None:
    with database.write_session() as session, i18n.use("en"):
        privacy.ask_to_close(session, thief, Actor.of(thief), "", NOON)
    with database.write_session() as session:
        room.revoke_everywhere(session, people["owner"].person_id, STAFF, LATER)
        assert privacy.closing_request(session, thief.account.account_id) is not None
        WAYS[way][0](session, people["owner"], thief)
        assert privacy.closing_request(session, thief.account.account_id) is None
    assert "closing_taken_back" in [what for what, *_ in activity(thief.account.account_id)]
