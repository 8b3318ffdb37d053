"""Unsolicited mail: its limits, which are counted by what a caller cannot invent, and the names in it."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from odoportal.accounts import unsolicited
from odoportal.accounts.models import Person, Role, UnsolicitedMail
from odoportal.accounts.unsolicited import LIMITS, MAX_NAME_LENGTH, PER_MAILBOX, MailKind, TooManyMails, plain_name
from odoportal.core import clock, database, i18n
from odoportal.core.identity import Identity
from odoportal.mail.outbox import Mail, compose
from odoportal.rooms.people import service
from odoportal.rooms.signin import email_change
from tests.making import NOON, identity_of
from tests.rooms.people.conftest import member, people, store  # noqa: F401 - fixtures
from tests.rooms.people.test_page import send
from tests.states import signed_in

People = dict[str, Identity]
VICTIM = "victim@example.org"
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    clock.set_source(lambda: NOON)
    yield
    clock.set_source(None)


def letters(to: str = VICTIM) -> int:
    with database.read_session() as session:
        return len(session.exec(select(Mail).where(Mail.to == to)).all())


def ask(who: Identity, email: str = VICTIM, at: datetime = NOON, kind: MailKind = MailKind.INVITATION) -> TooManyMails | None:
    try:
        with database.write_session() as session:
            unsolicited.count_mail(session, kind, who.person_id, None if kind is MailKind.EMAIL else who.account.account_id, email, at)
    except TooManyMails as why:
        return why
    return None


@pytest.mark.case("A-31")
@pytest.mark.asvs("2.4.1")
def test_a_mailbox_is_invited_three_times_a_day_however_it_is_asked(people: People) -> None:  # noqa: F811
    """An attack that once sent 59 mails in 1.4 seconds, by resending, and by withdrawing and inviting again, is stopped."""
    owner = people["owner"]
    assert send(owner, "invite", mark="0", email=VICTIM, role="billing", language="en").ok
    assert send(owner, "resend", VICTIM, mark="1").ok
    assert send(owner, "withdraw", VICTIM, mark="2").ok
    assert send(owner, "invite", mark="3", email=VICTIM, role="billing", language="en").ok
    for mark in "456789":
        error = send(owner, "resend", VICTIM, mark=mark).error
        assert error.startswith("This address was emailed several times in the last 24 hours. Try again after")
        assert "25" in error
    assert send(owner, "withdraw", VICTIM, mark="a").ok
    spellings = (VICTIM, VICTIM.upper(), "vic.tim@example.org", "victim+x@example.org", "v.ictim+y@Example.ORG")
    for mark, spelling in zip("bcdef", spellings, strict=True):
        assert send(owner, "invite", mark=mark, email=spelling, role="billing", language="en").error, spelling
    assert letters() == 3


def test_the_limit_of_a_mailbox_is_everybody_s_and_of_every_kind(people: People) -> None:  # noqa: F811
    assert ask(people["owner"]) is None
    assert ask(people["stranger"], kind=MailKind.COPY) is None
    assert ask(people["stranger"], kind=MailKind.EMAIL) is None
    for kind in MailKind:
        refused = ask(people["owner"], at=NOON + HOUR, kind=kind)
        assert refused is not None
        assert (refused.mailbox, refused.until) == (True, NOON + unsolicited.DAY)
    assert ask(people["owner"], "other@example.org") is None


@pytest.mark.parametrize("kind", MailKind)
def test_one_person_asks_so_many_mailboxes_and_is_told_when_to_go_on(people: People, kind: MailKind) -> None:  # noqa: F811
    owner, limit = people["owner"], LIMITS[kind].person
    for n in range(limit.most):
        assert ask(owner, f"a{n}@example.org", NOON + timedelta(seconds=n), kind) is None
    refused = ask(owner, "z@example.org", NOON + timedelta(minutes=5), kind)
    assert refused is not None
    assert (refused.mailbox, refused.until) == (False, NOON + limit.span)
    assert ask(owner, "z@example.org", refused.until - timedelta(seconds=1), kind) is not None
    assert ask(owner, "z@example.org", refused.until, kind) is None
    # The window slides: only one mail becomes free at this instant.
    assert ask(owner, "y@example.org", refused.until, kind) is not None
    assert ask(people["stranger"], "y@example.org", refused.until, kind) is None


def test_all_of_an_account_together_ask_so_many(people: People) -> None:  # noqa: F811
    limits = LIMITS[MailKind.INVITATION]
    with database.write_session() as session:
        second = member(session, people["owner"].account.account_id, "second@example.com", Role.OWNER)
    for n in range(limits.account.most):
        assert ask(people["owner"] if n < limits.person.most else second, f"a{n}@example.org") is None
    assert ask(second, "z@example.org") is not None


def test_what_was_refused_is_not_counted_and_writes_nothing(people: People) -> None:  # noqa: F811
    for _ in range(PER_MAILBOX.most + 2):
        ask(people["owner"])
    with database.read_session() as session:
        assert len(session.exec(select(UnsolicitedMail)).all()) == PER_MAILBOX.most
    assert send(people["owner"], "invite", email=VICTIM, role="billing", language="en").error
    with database.read_session() as session:
        assert service.invitations(session, people["owner"].account.account_id) == []
    assert letters() == 0


def test_a_form_that_is_sent_again_counts_once(people: People) -> None:  # noqa: F811
    for _ in range(5):
        assert send(people["owner"], "invite", email=VICTIM, role="billing", language="en").ok
    with database.read_session() as session:
        assert len(session.exec(select(UnsolicitedMail)).all()) == 1


@pytest.mark.asvs("2.4.1")
def test_another_email_is_limited_and_the_one_that_waits_is_not_lost_by_it(people: People) -> None:  # noqa: F811
    who = people["owner"]

    def request(session: Session, email: str) -> bool:
        return email_change.request(session, who.person_id, "set", email, NOON)

    for _ in range(PER_MAILBOX.most):
        with database.write_session() as session:
            assert request(session, VICTIM)
    with pytest.raises(TooManyMails), database.write_session() as session:
        request(session, VICTIM)
    with database.read_session() as session:
        assert email_change.find_unconfirmed(session, who.person_id, NOON) is not None
    assert letters() == PER_MAILBOX.most


def test_counts_are_forgotten_after_a_day(people: People) -> None:  # noqa: F811
    ask(people["owner"])
    with database.write_session() as session:
        assert unsolicited.purge_expired(session, NOON + unsolicited.DAY - timedelta(seconds=1)) == 0
        assert unsolicited.purge_expired(session, NOON + unsolicited.DAY) == 1


# --- names chosen by the customer ----------------------------------------------------------------------------------

LINKS = (
    "https://evil.example/pay",
    "www.evil.example",
    "evil.example",
    "Pay at evil.example/now or lose it",
    "evil.example:8080",
    "evil。example",
    "Call 1-800-555-0199",
    "x@evil.example",
    "a\u202eelpmaxe.live",
    "\uff45\uff56\uff49\uff4c\uff0e\uff45\uff58\uff41\uff4d\uff50\uff4c\uff45",
    "A" * 200,
    "<b>Bank</b>",
    "Odo\nBcc: x@y.com",
)


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.case("A-31")
def test_nothing_in_a_name_is_made_clickable_in_the_letter(people: People, store: Engine, name: str) -> None:  # noqa: F811
    owner = people["owner"]
    with database.write_session() as session:
        session.get_one(Person, owner.person_id).name = name[:200]
        service.invite(session, replace(owner, name=name[:200]), VICTIM, Role.BILLING, "en", NOON)
        session.flush()
        made = session.exec(select(Mail).order_by(col(Mail.id).desc())).first()
        assert made is not None
        message = compose(made)
    assert len(message["Subject"]) <= MAX_NAME_LENGTH + len(" invites you to ODOportal")
    assert "\n" not in message["Subject"]
    first = next(line for line in made.text.splitlines() if "invites you to join" in line)
    said = first.partition(f" ({owner.email})")[0]
    for text in (message["Subject"], said):
        assert not re.search(r"://|\w\.\w|@|\d|[\u202a-\u202e]|/", text), text


@given(st.text(max_size=200))
def test_whatever_the_name_it_is_short_and_holds_no_address(name: str) -> None:
    said = plain_name(name, "")
    assert len(said) <= MAX_NAME_LENGTH
    assert not re.search(r"[:/@\d\r\n]|\.\S", said)
    assert said.isprintable()


@pytest.mark.parametrize("name", ["Maria Gagnon", "Jean-François L’Écuyer", "Transports St-Jérôme inc.", "O'Brien, Sean (IT)", "李 明"])
def test_a_usual_name_stays_as_it_is(name: str) -> None:
    assert plain_name(name, "x@example.com") == name


def test_a_name_without_letters_is_the_email() -> None:
    assert plain_name("1-800-555-0199", "x@example.com") == "x@example.com"


def test_what_is_said_names_the_instant() -> None:
    with i18n.use("fr"), signed_in(replace(identity_of(1), region="fr-CA")):
        assert "2020-09-25" in unsolicited.limit_message(TooManyMails(NOON + unsolicited.DAY, True))
