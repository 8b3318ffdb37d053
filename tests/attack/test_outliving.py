"""Attacks over HTTP: returning by one's own invitation, flooding a stranger's mailbox, rewriting a default address without the right."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlmodel import Session, col, select

from odoportal.accounts.models import Membership, Person
from odoportal.mail.outbox import Mail
from odoportal.rooms.addresses.models import Address, AddressDefault
from tests.browser.conftest import mailed_link, temporary_account
from tests.server import Answer, Portal, write_session

SPARE = "spare@ailleurs.exemple"
PEOPLE, EDIT, JOIN = "/en/profile/people", "/en/addresses/edit", "/en/join"


@dataclass(frozen=True)
class Account:
    """An account's id, and the session cookies of its people."""

    id: int
    owner: str
    thief: str
    operations: str


@pytest.fixture
def account(portal: Portal) -> Iterator[Account]:
    """Yield an account with two owners, one of them malicious, and a person with the operations role."""
    mark = secrets.token_hex(3)
    roles = {"owner": "owner", "thief": "owner", "operations": "operations"}
    people = {f"{name}.{mark}@exemple.ca": (name.title(), role) for name, role in roles.items()}
    with temporary_account(portal, f"77{mark}", "Transport Ailleurs", people) as made:
        yield Account(made, *(portal.sign_in(email) for email in people))


def send(portal: Portal, path: str, form: str, cookie: str, key: str = "", **fields: str) -> Answer:
    data = {"form": form, "key": key, "version": "", "once": secrets.token_hex(16), **fields}
    return portal.ask(path, form=data, cookie=cookie, accept="application/json")


@pytest.mark.asvs("8.3.2")
def test_who_was_removed_is_not_let_in_by_an_invitation_of_their_own(portal: Portal, account: Account) -> None:
    rows = portal.engine()
    assert send(portal, PEOPLE, "invite", account.thief, email=SPARE, role="owner", language="en").status == 200
    link = mailed_link(portal, SPARE, "join").removeprefix(portal.url)
    with Session(rows) as session:
        mine = select(Person.email).join(Membership).where(Membership.account_id == account.id, col(Person.name) == "Thief")
        email = session.exec(mine).one()
    assert send(portal, PEOPLE, "remove", account.owner, key=email).status == 200
    opened = portal.ask(link)
    cookie = next(c for c in opened.cookies if "odo_" in c).split(";")[0]
    page = portal.ask(JOIN, cookie=cookie)
    assert page.status == 410
    assert "This invitation is no longer valid" in page.body
    assert portal.ask(JOIN, form={"name": "Spare", "password": "une route qui monte doucement"}, cookie=cookie).status == 410
    with Session(rows) as session:
        assert session.exec(select(Person).where(Person.email == SPARE)).first() is None
    rows.dispose()


@pytest.mark.case("A-31")
@pytest.mark.asvs("2.4.1")
def test_a_stranger_s_mailbox_is_not_filled(portal: Portal, account: Account) -> None:
    victim = f"victim.{secrets.token_hex(3)}@ailleurs.exemple"
    assert send(portal, PEOPLE, "invite", account.thief, email=victim, role="owner", language="en").status == 200
    answers = [send(portal, PEOPLE, "resend", account.thief, key=victim) for _ in range(20)]
    assert "Try again after" in json.loads(answers[-1].body)["error"]
    rows = portal.engine()
    with Session(rows) as session:
        assert len(session.exec(select(Mail).where(Mail.to == victim)).all()) == 3
    rows.dispose()


@pytest.mark.asvs("8.2.1")
def test_operations_does_not_rewrite_the_billing_address(portal: Portal, account: Account) -> None:
    rows, code = portal.engine(), "~billing"
    parts = {"name": "Ailleurs", "line1": "12, rue Un", "city": "Laval", "province": "QC", "postal_code": "H7L 3J5", "country": "CA"}
    with write_session(rows) as session:
        made = Address.model_validate({"account_id": account.id, "code": code, **parts})
        session.add(made)
        session.flush()
        session.add(AddressDefault(account_id=account.id, purpose="billing", address_id=made.id or 0))
        session.commit()
    evil = {**parts, "name": "Evil Inc.", "line1": "1, rue du Voleur", "line2": "", "district": ""}
    version = json.loads(send(portal, EDIT, "address", account.operations, code, **evil).body)["version"]
    assert send(portal, EDIT, "address", account.operations, code, **evil, version=version).status == 403
    assert send(portal, EDIT, "remove", account.operations, code).status == 403
    with Session(rows) as session:
        assert session.exec(select(Address.line1).where(Address.account_id == account.id)).all() == ["12, rue Un"]
    with write_session(rows) as session:
        session.delete(session.get_one(AddressDefault, (account.id, "billing")))
        session.commit()
    rows.dispose()
