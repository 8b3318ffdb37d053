"""Rules of notifications: who gets which kinds for an account."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from odoportal.accounts.activity_log import Actor, record
from odoportal.accounts.models import Membership, Role
from odoportal.core.identity import Identity, NotAllowed
from odoportal.rooms.notifications.activity import NotificationActivity
from odoportal.rooms.notifications.models import InvoiceCopy, NoticeChoice, NotificationKind

_BILLING_ROLES = frozenset({Role.OWNER, Role.BILLING})
DEFAULTS: Mapping[NotificationKind, frozenset[Role]] = {
    NotificationKind.INVOICE: _BILLING_ROLES,
    NotificationKind.PAYMENT: _BILLING_ROLES,
    NotificationKind.OVERDUE: _BILLING_ROLES,
    NotificationKind.ENDING: _BILLING_ROLES | {Role.OPERATIONS},
    NotificationKind.CARD: _BILLING_ROLES,
}
"""The roles that get a kind of notification if the person has not chosen: owner and billing, and for agreements also operations."""


@dataclass(frozen=True)
class Reader:
    """A person who gets notifications for an account."""

    account_id: int
    person_id: int


def wants(role: str, kind: NotificationKind, chosen: bool | None) -> bool:
    """Return whether a person gets a kind of notification: by choice, or by role if the person has not chosen."""
    return role in DEFAULTS[kind] if chosen is None else chosen


def chosen(session: Session, account_id: int, person_id: int) -> Mapping[NotificationKind, bool]:
    """Return what a person has chosen in an account, by kind. Kinds without a choice are absent."""
    mine = select(NoticeChoice).where(NoticeChoice.account_id == account_id, NoticeChoice.person_id == person_id)
    return {NotificationKind(row.kind): row.wanted for row in session.exec(mine)}


def choices(session: Session, account_id: int, person_id: int, role: str) -> dict[str, str]:
    """Return which notifications a person gets for an account, as values of the form: "1" for on, "" for off."""
    own_choices = chosen(session, account_id, person_id)
    return {kind.value: "1" if wants(role, kind, own_choices.get(kind)) else "" for kind in NotificationKind}


def copies(session: Session, account_id: int) -> Sequence[InvoiceCopy]:
    """Return all addresses for copies of an account's invoices, including unconfirmed, stopped and paused ones."""
    return session.exec(select(InvoiceCopy).where(InvoiceCopy.account_id == account_id).order_by(col(InvoiceCopy.email))).all()


def added_by(session: Session, account_id: int, person_id: int) -> Sequence[InvoiceCopy]:
    """Return the addresses for copies of an account's invoices that a person added or took over."""
    return [copy for copy in copies(session, account_id) if copy.asked_by == person_id]


def choose(session: Session, who: Identity, wanted: Mapping[str, str], by: Actor, now: datetime) -> None:
    """Store which notifications a person wants for the account, as values of the form (see `choices`)."""
    account, reader = who.account, Reader(who.account.account_id, who.person_id)
    stored = choices(session, account.account_id, who.person_id, account.role)
    for kind in NotificationKind:
        if wanted[kind] != stored[kind]:
            switch(session, reader, kind, wanted[kind] == "1", by, now)


def switch(session: Session, reader: Reader, kind: NotificationKind, on: bool, by: Actor, now: datetime) -> bool:
    """Switch a kind of notification on or off for a person of an account; return False if it already was.

    Raises:
        NotAllowed: if the person is not a member of the account.
    """
    account_id, person_id = reader.account_id, reader.person_id
    member = session.exec(
        select(Membership).where(Membership.account_id == account_id, Membership.person_id == person_id).with_for_update()
    ).first()
    if member is None:
        raise NotAllowed(kind)
    row = session.exec(
        select(NoticeChoice)
        .where(NoticeChoice.account_id == account_id, NoticeChoice.person_id == person_id, col(NoticeChoice.kind) == kind.value)
        .execution_options(populate_existing=True)
    ).first()
    before = wants(member.role, kind, row.wanted if row else None)
    if before == on:
        return False
    if row is None:
        session.add(NoticeChoice(account_id=account_id, person_id=person_id, kind=kind.value, wanted=on, changed_at=now))
    else:
        row.wanted, row.changed_at = on, now
    was, is_ = ({kind.value: "1" if value else ""} for value in (before, on))
    record(session, NotificationActivity.CHOICES, by, now, account_id=account_id, subject_id=person_id, before=was, after=is_)
    session.flush()
    return True
