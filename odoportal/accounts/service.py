"""Who there is: people found by email, accounts by number, and who belongs to which."""

import unicodedata
from datetime import datetime

from email_validator import EmailNotValidError, validate_email
from sqlmodel import Session, col, select

from odoportal.accounts.models import Account, EarlierEmail, FilePerson, Membership, Person, Role
from odoportal.core.folding import without_marks
from odoportal.core.i18n import region_of

LONGEST_EMAIL = 254


class UnknownAccount(LookupError):
    """There is no account with this number; the text says which."""


class UnusableEmail(ValueError):
    """An email that cannot be given to a person; the text says why."""


def email_key(email: str) -> str:
    """What makes an email unique: NFKC and folded case, without the spaces around it.

    Only what is the same letter in another form is folded: `ı` stays apart from `i`, `+tag` and dots stay.
    """
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", email.strip()).casefold())


def find_person(session: Session, email: str) -> Person | None:
    """The person with this email, in whatever case it is typed; None when there is none or it is no email."""
    if not email or len(email) > LONGEST_EMAIL:
        return None
    return session.exec(select(Person).where(Person.email_key == email_key(email))).first()


def spoken_for(session: Session, email: str, now: datetime) -> Person | None:
    """Return whoever has this email, or had it and may still take it back; None when it is free.

    Every place that gives an email to a person asks this first: an earlier email that became somebody else's could not be taken back.

    Args:
        session: a session.
        email: in whatever case it is typed.
        now: the instant.
    """
    # First who has it: an email that is just being changed is either still there, or reserved by the time this looks.
    if (holder := find_person(session, email)) is not None:
        return holder
    if not email or len(email) > LONGEST_EMAIL:
        return None
    reserved = select(Person).join(EarlierEmail, col(EarlierEmail.person_id) == col(Person.id))
    mine = reserved.where(EarlierEmail.email_key == email_key(email), col(EarlierEmail.reserved_until) > now)
    return session.exec(mine.order_by(col(EarlierEmail.left_at).desc())).first()


def keep_file(session: Session, person: Person) -> None:
    """Remember a person as Odotrack's files would find it. Call it before the portal changes the person.

    Where an import has noted what the files said, that stays.
    """
    if session.get(FilePerson, person.id) is None:
        assert person.id is not None  # noqa: S101 - read from the database
        session.add(FilePerson(person_id=person.id, name=person.name, phone=person.phone, language=person.language))
        session.flush()


def find_account(session: Session, number: str) -> Account:
    """The account with this number.

    Raises:
        UnknownAccount: when there is none.
    """
    account = session.exec(select(Account).where(Account.number == number)).first()
    if account is None:
        raise UnknownAccount(f"There is no account {number}.")
    return account


def person_of_email(session: Session, email: str, now: datetime, name: str | None = None, language: str = "fr") -> Person:
    """The person with this email, made if there is none. `name` and `language` are for a new one only.

    Raises:
        UnusableEmail: when it is no email address, one that folds to somebody else's, or one that somebody had until lately.
    """
    try:
        address = validate_email(email.strip(), check_deliverability=False).normalized
    except EmailNotValidError as why:
        raise UnusableEmail(f"{email!r} is not an email address: {why}") from None
    known = spoken_for(session, address, now)
    if known is not None:
        if known.email_key != email_key(address):
            raise UnusableEmail(f"{address!r} was the email of {known.email!r} until lately, and may be taken back for 7 days.")
        if known.email.lower() != address.lower():
            # `straße@` and `strasse@` have one key and two mailboxes: never give the one's access to the other.
            raise UnusableEmail(f"{address!r} is too close to {known.email!r}, which belongs to somebody else.")
        return known
    person = Person(
        email=address,
        email_key=email_key(address),
        name=(without_marks(name or "").strip() or address.split("@")[0])[:200],
        language=language,
        region=region_of(language),
        created_at=now,
    )
    session.add(person)
    session.flush()
    return person


def join(session: Session, account: Account, person: Person, role: Role) -> bool:
    """Make a person a member of an account; a member keeps the role there is. Returns whether the person is new in it."""
    if session.get(Membership, (account.id, person.id)) is not None:
        return False
    assert account.id is not None and person.id is not None  # noqa: S101 - both were read from the database
    session.add(Membership(account_id=account.id, person_id=person.id, role=role.value))
    session.flush()
    return True
