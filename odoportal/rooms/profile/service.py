"""Business rules of a person's own profile: phone numbers, and saving the details."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import phonenumbers
from sqlmodel import Session

from odoportal.accounts.activity_log import Actor, record
from odoportal.accounts.models import Person
from odoportal.accounts.service import save_file_values
from odoportal.core.i18n import t, use
from odoportal.forms.handling import FormResult, SentForm, conflict
from odoportal.rooms.profile.activity import ProfileActivity

HOME_COUNTRY = "CA"
"""The region of a phone number typed without a country code."""


class UnusablePhone(ValueError):
    """The typed text is not a valid phone number."""


@dataclass(frozen=True)
class Details:
    """The details a person can change."""

    name: str
    phone: str
    language: str
    region: str


def phone_number(typed: str) -> str:
    """Return a phone number as it is stored: in international format, with its extension; empty stays empty.

    Args:
        typed: the number in any usual notation, such as `(418) 555-0142 poste 12`; without a country code it is Canadian.

    Raises:
        UnusablePhone: if it is not a valid number.
    """
    if not typed:
        return ""
    try:
        number = phonenumbers.parse(re.sub(r"\bposte\b\.?", "ext.", typed, flags=re.IGNORECASE), HOME_COUNTRY)
    except phonenumbers.NumberParseException:
        raise UnusablePhone(typed) from None
    if not phonenumbers.is_valid_number(number):
        raise UnusablePhone(typed)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def details(session: Session, person_id: int) -> dict[str, str]:
    """Return a person's stored details by form field."""
    person = session.get_one(Person, person_id)
    return {"name": person.name, "phone": person.phone, "language": person.language, "region": person.region}


def change_details(session: Session, sent: SentForm[Any], wanted: Details, now: datetime) -> FormResult:
    """Store a person's details, or return the conflict if they were changed since the form was shown."""
    stored = details(session, sent.who.person_id)
    if clash := conflict(sent, stored):
        return clash
    person = session.get_one(Person, sent.who.person_id)
    save_file_values(session, person)
    person.name, person.phone, person.language, person.region = wanted.name, wanted.phone, wanted.language, wanted.region
    record(
        session,
        ProfileActivity.CHANGED,
        Actor.of(sent),
        now,
        subject_id=person.id,
        before=stored,
        after=details(session, sent.who.person_id),
    )
    with use(wanted.language):
        # Redirect a person who chose another language to the page in that language.
        return FormResult(t("Saved."), go=f"/{wanted.language}/profile" if wanted.language != stored["language"] else "")
