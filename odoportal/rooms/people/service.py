"""Rules of an account's people: members, invitations and roles. An account always keeps an owner.

Every function that makes a change takes the identity (`who`) and checks the right again within its transaction (`rights.require_right`).
That also locks the account, so that changes to its people run one after the other: if two owners remove each other at the same time, one
stays. Each change is a row of the account's activity; `client` is the network address it came from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import delete as sql_delete
from sqlmodel import Session, col, func, select

from odoportal.accounts import unsolicited
from odoportal.accounts.access_loss import AccessLoss
from odoportal.accounts.activity_log import ActivityKind, Actor, PeopleActivity, record
from odoportal.accounts.models import Account, Membership, Person, Role
from odoportal.accounts.rights import Right, require_right
from odoportal.accounts.service import email_key, person_holding_email
from odoportal.core.folding import name_order
from odoportal.core.identity import Identity, token_hash
from odoportal.mail import outbox
from odoportal.pages import room
from odoportal.rooms.people import mails
from odoportal.rooms.people.models import Invitation
from odoportal.rooms.signin import two_factor

INVITATION_LIFETIME = timedelta(days=7)
MOST_OPEN_INVITATIONS = 50
KEEP_EXPIRED = timedelta(days=30)


class NoSuchPerson(LookupError):
    """The account has no such person or invitation: removed, withdrawn or accepted in the meantime, or it never existed."""


class InvalidEmail(ValueError):
    """The text is not a valid email."""


class AlreadyMember(ValueError):
    """The person with this email already belongs to the account."""

    field = "email"


class AlreadyInvited(ValueError):
    """The account already has an invitation for this email."""

    field = "email"


class TooManyInvitations(ValueError):
    """The account already has `MOST_OPEN_INVITATIONS` open invitations."""


class NoSecondFactor(ValueError):
    """The person who wants to require a second factor of all members has none."""


class LastOwner(ValueError):
    """The change would leave the account without an owner who can sign in."""


@dataclass(frozen=True)
class Member:
    """A person who belongs to the account. The forms of the account's pages identify the person by `email`."""

    person_id: int
    email: str
    name: str
    role: Role
    blocked: bool
    signed_in_at: datetime | None
    two_step: bool


def members(session: Session, account_id: int) -> Sequence[Member]:
    """Return all members of an account, sorted by name."""
    rows = session.exec(
        select(Person, Membership.role)
        .join(Membership, col(Membership.person_id) == col(Person.id))
        .where(Membership.account_id == account_id)
    ).all()
    with_two_step = two_factor.people_with_second_factor(session, [p.id or 0 for p, _ in rows])
    everyone = [
        Member(p.id or 0, p.email, p.name, Role(role), p.disabled_at is not None, p.signed_in_at, p.id in with_two_step) for p, role in rows
    ]
    return sorted(everyone, key=lambda m: (name_order(m.name), m.email))


def invitations(session: Session, account_id: int) -> Sequence[Invitation]:
    """Return an account's open invitations, sorted by email; some may have expired."""
    return session.exec(select(Invitation).where(Invitation.account_id == account_id).order_by(col(Invitation.email))).all()


def invite(session: Session, who: Identity, email: str, role: Role, language: str, now: datetime, client: str = "") -> Invitation:
    """Invite an email to the account and mail the link. The result does not reveal whether a person with this email exists elsewhere.

    Raises:
        NotAllowed: the person lacks the right.
        InvalidEmail, AlreadyMember, AlreadyInvited, TooManyInvitations: see these classes.
        TooManyMails: the limit of mails to other mailboxes, or to this one, is reached for now.
    """
    require_right(session, who, Right.PEOPLE)
    account_id = who.account.account_id
    try:
        address = validate_email(email.strip(), check_deliverability=False).normalized
    except EmailNotValidError:
        raise InvalidEmail(email) from None
    known = person_holding_email(session, address, now)
    if known is not None and session.get(Membership, (account_id, known.id)) is not None:
        raise AlreadyMember(address)
    if _find_invitation(session, account_id, address) is not None:
        raise AlreadyInvited(address)
    if session.exec(select(func.count()).select_from(Invitation).where(Invitation.account_id == account_id)).one() >= MOST_OPEN_INVITATIONS:
        raise TooManyInvitations
    unsolicited.count_mail(session, unsolicited.MailKind.INVITATION, who.person_id, account_id, address, now)
    seed = outbox.new_seed()
    invitation = Invitation(
        account_id=account_id,
        email=address,
        email_key=email_key(address),
        role=role.value,
        language=language,
        hash=token_hash(outbox.token_of(seed)),
        invited_by=who.person_id,
        created_at=now,
        expires_at=now + INVITATION_LIFETIME,
    )
    session.add(invitation)
    session.flush()
    mails.invite(session, invitation, who, seed, now)
    _record(session, PeopleActivity.INVITED, who, now, client, about=address, after={"role": role.value})
    return invitation


def resend(session: Session, who: Identity, email: str, now: datetime, client: str = "") -> Invitation:
    """Mail an invitation again, with a new link that is valid for 7 days; the previous link no longer works.

    Raises:
        NotAllowed: the person lacks the right.
        NoSuchPerson: there is no such invitation.
        TooManyMails: the limit of mails to other mailboxes, or to this one, is reached for now.
    """
    require_right(session, who, Right.PEOPLE)
    invitation = _get_invitation(session, who.account.account_id, email)
    unsolicited.count_mail(session, unsolicited.MailKind.INVITATION, who.person_id, invitation.account_id, invitation.email, now)
    seed = outbox.new_seed()
    invitation.hash, invitation.expires_at, invitation.invited_by = (
        token_hash(outbox.token_of(seed)),
        now + INVITATION_LIFETIME,
        who.person_id,
    )
    session.add(invitation)
    session.flush()
    mails.invite(session, invitation, who, seed, now)
    _record(session, PeopleActivity.INVITED_AGAIN, who, now, client, about=invitation.email)
    return invitation


def withdraw(session: Session, who: Identity, email: str, now: datetime, client: str = "") -> Invitation:
    """Withdraw an invitation: its link no longer works.

    Raises:
        NotAllowed: the person lacks the right.
        NoSuchPerson: there is no such invitation.
    """
    require_right(session, who, Right.PEOPLE)
    invitation = _get_invitation(session, who.account.account_id, email)
    session.delete(invitation)
    session.flush()
    _record(session, PeopleActivity.WITHDRAWN, who, now, client, about=invitation.email, before={"role": invitation.role})
    return invitation


def role_of(session: Session, who: Identity, email: str) -> Role:
    """Return the role of a member of the signed-in person's account.

    Raises:
        NoSuchPerson: no member of the account has this email.
    """
    return Role(_get_member(session, who.account.account_id, email)[1].role)


def change_role(
    session: Session, who: Identity, email: str, role: Role, now: datetime, client: str = "", kept: frozenset[str] = frozenset()
) -> Role:
    """Change a member's role, effective at the member's next click, and notify the member by mail. The same role changes nothing.

    Things that the member set up and no longer has the right to are ended (`accounts.access_loss`).

    Args:
        session: a writing session.
        who: the identity that makes the change.
        email: the member's email.
        role: the new role.
        now: the instant.
        client: the network address the change comes from.
        kept: keys of the things that would end but that `who` takes over.

    Returns:
        The previous role.

    Raises:
        NotAllowed: the person lacks the right.
        NoSuchPerson: no member of the account has this email.
        LastOwner: the member is the only owner.
    """
    require_right(session, who, Right.PEOPLE)
    person, membership = _get_member(session, who.account.account_id, email)
    before = Role(membership.role)
    if before == role:
        return before
    if before is Role.OWNER:
        _require_another_owner(session, who.account.account_id, membership.person_id)
    membership.role = role.value
    session.add(membership)
    session.flush()
    mails.role_changed(session, person, who.account, role, now)
    old, new = {"role": before.value}, {"role": role.value}
    _record(session, PeopleActivity.ROLE, who, now, client, about=person.email, subject_id=person.id, before=old, after=new)
    _end(session, who, membership.person_id, role.value, now, client, kept)
    return before


def remove(session: Session, who: Identity, email: str, now: datetime, client: str = "", kept: frozenset[str] = frozenset()) -> Person:
    """Remove a member from the account, effective at the member's next click. The person's row is kept for other accounts and the activity.

    What the person set up in the account is ended (`accounts.access_loss`), except for what `who` takes over (`kept`).

    Raises:
        NotAllowed: the person lacks the right.
        NoSuchPerson: no member of the account has this email.
        LastOwner: the member is the only owner.
    """
    require_right(session, who, Right.PEOPLE)
    person, membership = _get_member(session, who.account.account_id, email)
    if membership.role == Role.OWNER:
        _require_another_owner(session, who.account.account_id, membership.person_id)
    session.delete(membership)
    session.flush()
    mails.removed(session, person, who.account, now)
    _record(session, PeopleActivity.REMOVED, who, now, client, about=person.email, subject_id=person.id, before={"role": membership.role})
    _end(session, who, membership.person_id, "", now, client, kept)
    return person


def _end(session: Session, who: Identity, person_id: int, role: str, now: datetime, client: str, kept: frozenset[str]) -> None:
    # A person who leaves cannot take things over: only a remaining member can.
    keeper = who.person_id if who.person_id != person_id else None
    lost = AccessLoss(who.account.account_id, person_id, Actor.of(who, client), role=role, keeper=keeper, kept=kept)
    room.revoke(session, lost, now)


def requires_two_step(session: Session, who: Identity) -> bool:
    """Return whether the signed-in person's account requires a second factor of all members."""
    return session.exec(select(Account.two_step).where(Account.id == who.account.account_id)).one()


def require_two_step(session: Session, who: Identity, required: bool, now: datetime, client: str = "") -> bool:
    """Require a second factor of all members, or stop requiring it. Members without one who can sign in are notified by mail.

    Effective at each member's next click, because `signin.sessions.resolve` checks it.

    Returns:
        Whether the setting changed.

    Raises:
        NotAllowed: the person lacks the right.
        NoSecondFactor: the person has none and would be locked out as well.
    """
    require_right(session, who, Right.PEOPLE)
    account = session.get_one(Account, who.account.account_id, populate_existing=True)
    if account.two_step == required:
        return False
    everyone = members(session, who.account.account_id)
    if required and not any(m.person_id == who.person_id and m.two_step for m in everyone):
        raise NoSecondFactor
    account.two_step = required
    session.flush()
    for member in everyone:
        if required and not member.two_step and not member.blocked:
            mails.two_step_required(session, session.get_one(Person, member.person_id), who.account, now)
    kind = PeopleActivity.TWO_STEP_REQUIRED if required else PeopleActivity.TWO_STEP_OPTIONAL
    _record(session, kind, who, now, client, about=who.account.number)
    return True


def _record(session: Session, kind: ActivityKind, who: Identity, now: datetime, client: str, **more: Any) -> None:
    record(session, kind, Actor.of(who, client), now, account_id=who.account.account_id, **more)


def purge_expired(session: Session, now: datetime) -> int:
    """Delete invitations that expired at least `KEEP_EXPIRED` ago and return their number."""
    return session.exec(sql_delete(Invitation).where(col(Invitation.expires_at) <= now - KEEP_EXPIRED)).rowcount


def _find_invitation(session: Session, account_id: int, email: str) -> Invitation | None:
    mine = select(Invitation).where(Invitation.account_id == account_id, Invitation.email_key == email_key(email))
    return session.exec(mine).first()


def _get_invitation(session: Session, account_id: int, email: str) -> Invitation:
    if (found := _find_invitation(session, account_id, email)) is None:
        raise NoSuchPerson(email)
    return found


def _get_member(session: Session, account_id: int, email: str) -> tuple[Person, Membership]:
    found = session.exec(
        select(Person, Membership)
        .join(Membership, col(Membership.person_id) == col(Person.id))
        .where(Membership.account_id == account_id, Person.email_key == email_key(email))
        .execution_options(populate_existing=True)
    ).first()
    if found is None:
        raise NoSuchPerson(email)
    return found[0], found[1]


def _require_another_owner(session: Session, account_id: int, person_id: int) -> None:
    others = session.exec(
        select(func.count())
        .select_from(Membership)
        .join(Person, col(Person.id) == col(Membership.person_id))
        .where(
            Membership.account_id == account_id,
            Membership.role == Role.OWNER,
            Membership.person_id != person_id,
            col(Person.disabled_at).is_(None),
            # A person without a password cannot sign in, so an owner who has never set one does not count.
            Person.password != "",
        )
    ).one()
    if not others:
        raise LastOwner
