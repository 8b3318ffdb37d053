"""Lookup and creation of people (by email), accounts (by number) and memberships."""

import unicodedata
from datetime import datetime

from email_validator import EmailNotValidError, validate_email
from sqlmodel import Session, col, select

from odoportal.accounts.models import Account, EarlierEmail, FilePerson, Membership, Person, Role
from odoportal.core.folding import strip_invisible
from odoportal.core.i18n import region_of

MAX_EMAIL_LENGTH = 254


class UnknownAccount(LookupError):
    """No account has this number; the message names it."""


class UnusableEmail(ValueError):
    """An email that cannot be given to a person; the message says why."""


def email_key(email: str) -> str:
    """Return the unique key of an email: stripped, NFKC-normalized and case-folded.

    Only different forms of the same letter are merged: `ı` remains distinct from `i`, and `+tag` and dots are kept.
    """
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", email.strip()).casefold())


def find_person(session: Session, email: str) -> Person | None:
    """Return the person with this email, ignoring case; None when there is none or the email is empty or too long."""
    if not email or len(email) > MAX_EMAIL_LENGTH:
        return None
    return session.exec(select(Person).where(Person.email_key == email_key(email))).first()


def person_holding_email(session: Session, email: str, now: datetime) -> Person | None:
    """Return the person who has this email, or had it and may still take it back; None when the email is free.

    Call it before giving an email to a person: an earlier email that was given to another person could not be taken back.

    Args:
        session: A database session.
        email: The email, in any case.
        now: The current instant, compared with the end of reservations.
    """
    # Look for the current holder first: an email that is being changed meanwhile is still held now, or reserved at the second query.
    if (holder := find_person(session, email)) is not None:
        return holder
    if not email or len(email) > MAX_EMAIL_LENGTH:
        return None
    earlier_holders = select(Person).join(EarlierEmail, col(EarlierEmail.person_id) == col(Person.id))
    with_this_email = earlier_holders.where(EarlierEmail.email_key == email_key(email), col(EarlierEmail.reserved_until) > now)
    return session.exec(with_this_email.order_by(col(EarlierEmail.left_at).desc())).first()


def save_file_values(session: Session, person: Person) -> None:
    """Save the person's name, phone and language as the values of Odotrack's files. Call it before the portal changes the person.

    Values that an import has already saved are kept.
    """
    if session.get(FilePerson, person.id) is None:
        assert person.id is not None  # noqa: S101 - read from the database
        session.add(FilePerson(person_id=person.id, name=person.name, phone=person.phone, language=person.language))
        session.flush()


def find_account(session: Session, number: str) -> Account:
    """Return the account with this number.

    Raises:
        UnknownAccount: If there is none.
    """
    account = session.exec(select(Account).where(Account.number == number)).first()
    if account is None:
        raise UnknownAccount(f"There is no account {number}.")
    return account


def get_or_create_person(session: Session, email: str, now: datetime, name: str | None = None, language: str = "fr") -> Person:
    """Return the person with this email, creating the person if there is none.

    Args:
        session: A writing database session.
        email: The email as typed.
        now: The current instant.
        name: The name of a new person; by default the part of the email before the `@`.
        language: The language of a new person, which also sets the region format.

    Raises:
        UnusableEmail: If it is not an email address, has the same key as another person's email, or is still reserved for its previous
            holder.
    """
    try:
        address = validate_email(email.strip(), check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise UnusableEmail(f"{email!r} is not an email address: {error}") from None
    known = person_holding_email(session, address, now)
    if known is not None:
        if known.email_key != email_key(address):
            raise UnusableEmail(f"{address!r} was recently the email of {known.email!r}, who may take it back for 7 days.")
        if known.email.lower() != address.lower():
            # `straße@` and `strasse@` share a key but are two mailboxes: one must not get the access of the other.
            raise UnusableEmail(f"{address!r} is too similar to {known.email!r}, which belongs to another person.")
        return known
    person = Person(
        email=address,
        email_key=email_key(address),
        name=(strip_invisible(name or "").strip() or address.split("@")[0])[:200],
        language=language,
        region=region_of(language),
        created_at=now,
    )
    session.add(person)
    session.flush()
    return person


def add_member(session: Session, account: Account, person: Person, role: Role) -> bool:
    """Make a person a member of an account and return True; return False for a member, whose role is kept."""
    if session.get(Membership, (account.id, person.id)) is not None:
        return False
    assert account.id is not None and person.id is not None  # noqa: S101 - both were read from the database
    session.add(Membership(account_id=account.id, person_id=person.id, role=role.value))
    session.flush()
    return True
