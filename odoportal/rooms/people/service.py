"""Rules of an account's people: who is there, invitations, roles, and that an owner always stays.

Whatever changes something takes `who` does it, and asks for the right again within its transaction (`rights.claim`), which also keeps
every other change of the same account's people waiting: of two owners who remove each other at the same time, one stays. Each is a row of
the account's changes; `client` is the network address it came from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import delete as sql_delete
from sqlmodel import Session, col, func, select

from odoportal.accounts import ending, unsolicited
from odoportal.accounts.activity_log import ActivityKind, Actor, record
from odoportal.accounts.ending import Lost
from odoportal.accounts.models import Account, Membership, Person, Role
from odoportal.accounts.rights import Right, require_right
from odoportal.accounts.service import email_key, spoken_for
from odoportal.core.identity import Identity, digest
from odoportal.mail import outbox
from odoportal.rooms.people import mails
from odoportal.rooms.people.models import Invitation
from odoportal.rooms.signin import two_factor

LIFE = timedelta(days=7)
MOST_OPEN = 50
KEEP_EXPIRED = timedelta(days=30)


class NoSuchPerson(LookupError):
    """The account has no such person, or no such invitation: removed, withdrawn or accepted in the meantime, or never there."""


class NoEmail(ValueError):
    """It is no email that can be invited."""


class Already(ValueError):
    """The email belongs to the account already."""


class AlreadyInvited(ValueError):
    """There is an invitation for the email already."""


class TooManyInvitations(ValueError):
    """The account has `MOST_OPEN` invitations that nobody has accepted."""


class NoSecondFactor(ValueError):
    """Who would require a second factor of everybody has none."""


class LastOwner(ValueError):
    """It would leave the account without an owner who can sign in."""


@dataclass(frozen=True)
class Member:
    """Somebody of the account. `email` names the person in the account's pages."""

    person_id: int
    email: str
    name: str
    role: Role
    blocked: bool
    signed_in_at: datetime | None
    two_step: bool


def members(session: Session, account_id: int) -> Sequence[Member]:
    """Everybody of an account, by name."""
    found = session.exec(
        select(Person, Membership.role)
        .join(Membership, col(Membership.person_id) == col(Person.id))
        .where(Membership.account_id == account_id)
    ).all()
    safe = two_factor.who_have_one(session, [p.id or 0 for p, _ in found])
    shown = [Member(p.id or 0, p.email, p.name, Role(role), p.disabled_at is not None, p.signed_in_at, p.id in safe) for p, role in found]
    return sorted(shown, key=lambda m: (m.name.casefold(), m.email))


def invitations(session: Session, account_id: int) -> Sequence[Invitation]:
    """An account's invitations that nobody has accepted, by email; some may be over."""
    return session.exec(select(Invitation).where(Invitation.account_id == account_id).order_by(col(Invitation.email))).all()


def invite(session: Session, who: Identity, email: str, role: Role, language: str, now: datetime, client: str = "") -> Invitation:
    """Invite an email to the account and mail the link; it says nothing about whether there is a person of that email elsewhere.

    Raises:
        NotAllowed: the person may not.
        NoEmail, Already, AlreadyInvited, TooManyInvitations: as they say.
        TooManyLetters: enough mailboxes were written to for now, or this one was.
    """
    require_right(session, who, Right.PEOPLE)
    account_id = who.account.account_id
    try:
        address = validate_email(email.strip(), check_deliverability=False).normalized
    except EmailNotValidError:
        raise NoEmail(email) from None
    known = spoken_for(session, address, now)
    if known is not None and session.get(Membership, (account_id, known.id)) is not None:
        raise Already(address)
    if _invitation(session, account_id, address) is not None:
        raise AlreadyInvited(address)
    if session.exec(select(func.count()).select_from(Invitation).where(Invitation.account_id == account_id)).one() >= MOST_OPEN:
        raise TooManyInvitations
    unsolicited.count(session, unsolicited.Kind.INVITATION, who.person_id, account_id, address, now)
    seed = outbox.new_seed()
    made = Invitation(
        account_id=account_id,
        email=address,
        email_key=email_key(address),
        role=role.value,
        language=language,
        hash=digest(outbox.token_of(seed)),
        invited_by=who.person_id,
        created_at=now,
        expires_at=now + LIFE,
    )
    session.add(made)
    session.flush()
    mails.asked_to_join(session, made, who, seed, now)
    _note(session, ActivityKind.INVITED, who, now, client, about=address, after={"role": role.value})
    return made


def resend(session: Session, who: Identity, email: str, now: datetime, client: str = "") -> Invitation:
    """Mail an invitation again, with a new link for another 7 days; the link before no longer works.

    Raises:
        NotAllowed: the person may not.
        NoSuchPerson: there is no such invitation.
        TooManyLetters: enough mailboxes were written to for now, or this one was.
    """
    require_right(session, who, Right.PEOPLE)
    held = _held(session, who.account.account_id, email)
    unsolicited.count(session, unsolicited.Kind.INVITATION, who.person_id, held.account_id, held.email, now)
    seed = outbox.new_seed()
    held.hash, held.expires_at, held.invited_by = digest(outbox.token_of(seed)), now + LIFE, who.person_id
    session.add(held)
    session.flush()
    mails.asked_to_join(session, held, who, seed, now)
    _note(session, ActivityKind.INVITED_AGAIN, who, now, client, about=held.email)
    return held


def withdraw(session: Session, who: Identity, email: str, now: datetime, client: str = "") -> Invitation:
    """Take an invitation back: its link no longer works.

    Raises:
        NotAllowed: the person may not.
        NoSuchPerson: there is no such invitation.
    """
    require_right(session, who, Right.PEOPLE)
    held = _held(session, who.account.account_id, email)
    session.delete(held)
    session.flush()
    _note(session, ActivityKind.WITHDRAWN, who, now, client, about=held.email, before={"role": held.role})
    return held


def role_of(session: Session, who: Identity, email: str) -> Role:
    """The role of somebody of the asker's account.

    Raises:
        NoSuchPerson: nobody of the account has this email.
    """
    return Role(_member(session, who.account.account_id, email)[1].role)


def change_role(
    session: Session, who: Identity, email: str, role: Role, now: datetime, client: str = "", kept: frozenset[str] = frozenset()
) -> Role:
    """Give somebody of the account another role, in force at the next click. The same one is not told by mail.

    What the person set up and has no right to any more ends (`accounts.ending`).

    Args:
        session: writing.
        who: does it.
        email: whose role it is.
        role: the new one.
        now: the instant.
        client: the network address it comes from.
        kept: of what would end, what `who` takes over.

    Returns:
        The role before.

    Raises:
        NotAllowed: the person may not.
        NoSuchPerson: nobody of the account has this email.
        LastOwner: it is the only owner.
    """
    require_right(session, who, Right.PEOPLE)
    person, held = _member(session, who.account.account_id, email)
    before = Role(held.role)
    if before == role:
        return before
    if before is Role.OWNER:
        _another_owner(session, who.account.account_id, held.person_id)
    held.role = role.value
    session.add(held)
    session.flush()
    mails.role_changed(session, person, who.account, role, now)
    was, is_ = {"role": before.value}, {"role": role.value}
    _note(session, ActivityKind.ROLE, who, now, client, about=person.email, subject_id=person.id, before=was, after=is_)
    _end(session, who, held.person_id, role.value, now, client, kept)
    return before


def remove(session: Session, who: Identity, email: str, now: datetime, client: str = "", kept: frozenset[str] = frozenset()) -> Person:
    """Take somebody out of the account, in force at the next click. The person stays, for other accounts and for what was done.

    What the person set up in the account ends (`accounts.ending`), but for what `who` takes over (`kept`).

    Raises:
        NotAllowed: the person may not.
        NoSuchPerson: nobody of the account has this email.
        LastOwner: it is the only owner.
    """
    require_right(session, who, Right.PEOPLE)
    person, held = _member(session, who.account.account_id, email)
    if held.role == Role.OWNER:
        _another_owner(session, who.account.account_id, held.person_id)
    session.delete(held)
    session.flush()
    mails.removed(session, person, who.account, now)
    _note(session, ActivityKind.REMOVED, who, now, client, about=person.email, subject_id=person.id, before={"role": held.role})
    _end(session, who, held.person_id, "", now, client, kept)
    return person


def _end(session: Session, who: Identity, person_id: int, role: str, now: datetime, client: str, kept: frozenset[str]) -> None:
    # Whoever leaves takes nothing over: somebody who stays must.
    keeper = who.person_id if who.person_id != person_id else None
    lost = Lost(who.account.account_id, person_id, Actor.of(who, client), role=role, keeper=keeper, kept=kept)
    ending.end(session, lost, now)


def requires_two_step(session: Session, who: Identity) -> bool:
    """Whether nobody sees the asker's account who has no second factor."""
    return session.exec(select(Account.two_step).where(Account.id == who.account.account_id)).one()


def require_two_step(session: Session, who: Identity, on: bool, now: datetime, client: str = "") -> bool:
    """Let only people with a second factor see the account, or everybody again; whoever has none is told. False where it was so already.

    It is in force at everybody's next click: `signin.sessions.resolve` asks for it.

    Raises:
        NotAllowed: the person may not.
        NoSecondFactor: the person has none, and would be held back, too.
    """
    require_right(session, who, Right.PEOPLE)
    account = session.get_one(Account, who.account.account_id, populate_existing=True)
    if account.two_step == on:
        return False
    everybody = members(session, who.account.account_id)
    if on and not any(m.person_id == who.person_id and m.two_step for m in everybody):
        raise NoSecondFactor
    account.two_step = on
    session.flush()
    for member in everybody:
        if on and not member.two_step and not member.blocked:
            mails.two_step_required(session, session.get_one(Person, member.person_id), who.account, now)
    _note(session, ActivityKind.TWO_STEP_REQUIRED if on else ActivityKind.TWO_STEP_FREE, who, now, client, about=who.account.number)
    return True


def _note(session: Session, what: ActivityKind, who: Identity, now: datetime, client: str, **more: Any) -> None:
    record(session, what, Actor.of(who, client), now, account_id=who.account.account_id, **more)


def purge_expired(session: Session, now: datetime) -> int:
    """Forget invitations that ended long ago; returns how many."""
    return session.exec(sql_delete(Invitation).where(col(Invitation.expires_at) <= now - KEEP_EXPIRED)).rowcount


def _invitation(session: Session, account_id: int, email: str) -> Invitation | None:
    mine = select(Invitation).where(Invitation.account_id == account_id, Invitation.email_key == email_key(email))
    return session.exec(mine).first()


def _held(session: Session, account_id: int, email: str) -> Invitation:
    if (found := _invitation(session, account_id, email)) is None:
        raise NoSuchPerson(email)
    return found


def _member(session: Session, account_id: int, email: str) -> tuple[Person, Membership]:
    found = session.exec(
        select(Person, Membership)
        .join(Membership, col(Membership.person_id) == col(Person.id))
        .where(Membership.account_id == account_id, Person.email_key == email_key(email))
        .execution_options(populate_existing=True)
    ).first()
    if found is None:
        raise NoSuchPerson(email)
    return found[0], found[1]


def _another_owner(session: Session, account_id: int, person_id: int) -> None:
    others = session.exec(
        select(func.count())
        .select_from(Membership)
        .join(Person, col(Person.id) == col(Membership.person_id))
        .where(
            Membership.account_id == account_id,
            Membership.role == Role.OWNER,
            Membership.person_id != person_id,
            col(Person.disabled_at).is_(None),
            # Nobody signs in without a password: who was only ever invited cannot look after the account.
            Person.password != "",
        )
    ).one()
    if not others:
        raise LastOwner
