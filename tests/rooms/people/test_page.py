"""The page of people: what each role sees, and what the forms do."""

import asyncio
import json
from datetime import timedelta

import pytest
from sqlmodel import col, select

from odoportal.accounts.models import Change, Membership, Person, Role
from odoportal.accounts.rights import ROLES_BY_RIGHT, Right
from odoportal.core import clock, database, i18n
from odoportal.core.identity import Identity, NotAllowed
from odoportal.forms.fields import FormModel, validate
from odoportal.forms.handling import FormResult, SentForm
from odoportal.forms.view import version_of
from odoportal.pages.shell_view import right_labels
from odoportal.rooms.people import forms, service
from odoportal.rooms.people.view import PeopleView, people_view
from tests.making import NOON
from tests.states import signed_in

People = dict[str, Identity]
ASKED = "asked@example.org"


def shown(who: Identity, **query: str) -> PeopleView:
    with i18n.use("en"), database.read_session() as session:
        return people_view(session, who, query, NOON)


def send(who: Identity, form: str, key: str = "", version: str = "", mark: str = "a", **fields: str) -> FormResult:
    """Submit a form and return its result; each `mark` is a separate submission."""
    rule = forms.HANDLERS[form]
    with i18n.use("en"), signed_in(who):
        values = validate(rule.model, fields)
        if isinstance(values, dict):
            return FormResult(errors=values)
        return asyncio.run(_answer(SentForm(form, who, "en", values, key, version, mark * 32, "203.0.113.9", "")))


async def _answer(sent: SentForm[FormModel]) -> FormResult:
    return await forms.HANDLERS[sent.form].run(sent)


def role_now(email: str) -> str:
    with database.read_session() as session:
        found = select(Membership.role).join(Person, col(Person.id) == Membership.person_id).where(Person.email == email)
        return session.exec(found).one()


def invite(who: Identity, email: str = ASKED, mark: str = "a") -> FormResult:
    return send(who, "invite", mark=mark, email=email, role="billing", language="fr")


def test_an_owner_sees_everybody_and_who_is_invited(people: People) -> None:
    owner = people["owner"]
    assert invite(owner).notice == f"The invitation to {ASKED} is on its way."
    with database.write_session() as session:
        session.get_one(Person, people["billing"].person_id).signed_in_at = NOON
        session.get_one(Person, people["operations"].person_id).disabled_at = NOON
    view = shown(owner)
    assert [(p.name, p.role, p.you, p.blocked, p.seen) for p in view.people] == [
        ("Billing", "Billing", False, False, "2020-09-24 12:00\u00a0p.m."),
        ("Operations", "Operations", False, True, "Never"),
        ("Owner", "Owner", True, False, "Never"),
        ("Read_Only", "Read-only", False, False, "Never"),
    ]
    assert [(i.key, i.role, i.over) for i in view.invitations] == [(ASKED, "Billing", False)]


def test_an_invitation_that_is_over_says_so_and_is_sent_again(people: People) -> None:
    clock.set_source(lambda: NOON)
    invite(people["owner"])
    with i18n.use("en"), database.read_session() as session:
        (over,) = people_view(session, people["owner"], {}, NOON + timedelta(days=7)).invitations
    assert (over.over, over.until) == (True, "Expired")
    clock.set_source(lambda: NOON + timedelta(days=8))
    assert send(people["owner"], "resend", ASKED, mark="b").notice == "Sent again."
    with i18n.use("en"), database.read_session() as session:
        assert not people_view(session, people["owner"], {}, NOON + timedelta(days=14)).invitations[0].over


@pytest.mark.parametrize("role", ["billing", "operations", "read_only"])
@pytest.mark.asvs("8.2.3")
def test_whoever_may_change_nothing_sees_the_owners_and_no_control(people: People, role: str) -> None:
    invite(people["owner"])
    view = shown(people[role], open=str(people["owner"].person_id))
    assert [(o.name, o.email) for o in view.owners] == [("Owner", "owner@example.com")]
    assert (view.may, view.people, view.invitations, view.details.asked, view.count) == (False, [], [], "", "")
    assert "operations@example.com" not in repr(view) or role == "operations"
    assert ASKED not in repr(view)


def test_the_table_of_roles_is_the_table_that_is_enforced(people: People) -> None:
    view = shown(people["read_only"])
    assert {(row.key, cell.key) for row in view.rights for cell in row.cells if cell.yes} == {
        (r, o) for r, who in ROLES_BY_RIGHT.items() for o in who if r is not Right.ENTER
    }
    with i18n.use("en"):
        words = right_labels()
    assert set(words) == set(Right) - {Right.ENTER}, "which is nothing of an account"
    for card in view.roles:
        assert [line.text for line in card.can] == [
            words[right] for right in ROLES_BY_RIGHT if right in words and Role(card.key) in ROLES_BY_RIGHT[right]
        ]
    assert [card.key for card in view.roles if card.mine] == ["read_only"]


@pytest.mark.asvs("8.2.2")
def test_somebody_of_another_account_is_nobody_here(people: People) -> None:
    details = shown(people["owner"], open=str(people["stranger"].person_id)).details
    assert (details.asked, details.number, details.name) == (str(people["stranger"].person_id), "", "")
    for form, more in (("role", {"role": "owner"}), ("remove", {})):
        refused = send(people["owner"], form, "stranger@example.com", **more)
        assert refused.error.startswith("This no longer exists")


def test_a_role_is_changed_unless_somebody_else_did(people: People) -> None:
    owner, email = people["owner"], "billing@example.com"
    before = shown(owner, open=str(people["billing"].person_id)).details.role
    assert (before.key, before.initial) == (email, {"role": "billing"})
    assert send(owner, "role", email, before.version, role="operations").ok
    assert role_now(email) == "operations"
    clash = send(owner, "role", email, before.version, "b", role="read_only")
    assert clash.errors == {"role": "Saved value: “Operations”."}
    assert clash.version == version_of({"role": "operations"})
    assert send(owner, "role", email, clash.version, "c", role="read_only").ok
    assert role_now(email) == "read_only"


def test_the_only_owner_is_told_why_not(people: People) -> None:
    owner = people["owner"]
    for form, more in (("role", {"role": "billing"}), ("remove", {})):
        refused = send(owner, form, owner.email, version_of({"role": "owner"}), **more)
        assert refused.error.startswith("An account needs an owner")
    assert role_now(owner.email) == "owner"


def test_an_invitation_that_cannot_be_says_why(people: People) -> None:
    owner = people["owner"]
    assert invite(owner).ok
    assert invite(owner, mark="b").errors == {"email": "This person has already been invited. Send the invitation again, below."}
    assert invite(owner, "billing@example.com", "c").errors == {"email": "This person already belongs to the account."}
    assert invite(owner, "nobody", "d").errors == {"email": "Enter an email address, such as name@example.com."}
    assert invite(owner, "stranger@example.com", "e").ok, "that there is such a person elsewhere is not told"
    assert send(owner, "withdraw", ASKED, mark="f").go == "/en/profile/people?done=withdrawn"
    assert send(owner, "withdraw", ASKED, mark="0").error.startswith("This no longer exists")


@pytest.mark.asvs("2.3.3")
def test_a_form_sent_twice_is_one_invitation(people: People) -> None:
    first, again = invite(people["owner"]), invite(people["owner"])
    assert (first.ok, first) == (True, again)
    assert len(shown(people["owner"]).invitations) == 1


# The two forms that ask for the password first are tested in `test_two_step`.
@pytest.mark.parametrize("form", sorted(forms.HANDLERS.keys() - {"require", "release"}))
@pytest.mark.asvs("8.3.1")
def test_a_role_that_was_lowered_since_the_page_asked_is_refused_in_the_transaction(people: People, form: str) -> None:
    assert forms.HANDLERS[form].right == Right.PEOPLE
    fields = {"invite": {"email": ASKED, "role": "owner", "language": "fr"}, "role": {"role": "owner"}}.get(form, {})
    with pytest.raises(NotAllowed):
        send(people["billing"], form, "operations@example.com", version_of({"role": "operations"}), **fields)


@pytest.mark.asvs("16.2.1")
def test_every_change_is_a_row_of_the_account(people: People) -> None:
    owner, email = people["owner"], "billing@example.com"
    invite(owner)
    send(owner, "resend", ASKED, mark="b")
    send(owner, "withdraw", ASKED, mark="c")
    send(owner, "role", email, version_of({"role": "billing"}), "d", role="owner")
    send(owner, "remove", email, mark="e")
    with database.read_session() as session:
        rows = session.exec(select(Change).order_by(col(Change.id))).all()
    assert {(r.account_id, r.person_id, r.address) for r in rows} == {(owner.account.account_id, owner.person_id, "203.0.113.9")}
    assert [(r.what, r.about, json.loads(r.before), json.loads(r.after)) for r in rows] == [
        ("invited", ASKED, {}, {"role": "billing"}),
        ("invited_again", ASKED, {}, {}),
        ("invitation_withdrawn", ASKED, {"role": "billing"}, {}),
        ("role", email, {"role": "billing"}, {"role": "owner"}),
        ("removed", email, {"role": "owner"}, {}),
    ]
    with database.read_session() as session:
        assert [m.email for m in service.members(session, owner.account.account_id)] == [
            "operations@example.com",
            "owner@example.com",
            "read_only@example.com",
        ]
