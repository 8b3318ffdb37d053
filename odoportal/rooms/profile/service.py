"""Business rules of a person's own profile: phone numbers, and saving the details."""

import re
from collections.abc import Mapping
from datetime import datetime

import phonenumbers
from sqlmodel import Session

from odoportal.accounts.activity_log import Actor, record
from odoportal.accounts.models import Person
from odoportal.accounts.service import save_file_values
from odoportal.rooms.profile.activity import ProfileActivity

FIELDS = ("name", "phone", "language", "region")
HOME_COUNTRY = "CA"
"""The region of a phone number typed without a country code."""


class UnusablePhone(ValueError):
    """The typed text is not a valid phone number."""


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
    """Return a person's stored details by field."""
    person = session.get_one(Person, person_id)
    return {name: getattr(person, name) for name in FIELDS}


def change_details(session: Session, person_id: int, values: Mapping[str, str], by: Actor, now: datetime) -> None:
    """Store a person's details, by field; the phone as `phone_number` returns it."""
    before, person = details(session, person_id), session.get_one(Person, person_id)
    save_file_values(session, person)
    for name in FIELDS:
        setattr(person, name, values[name])
    record(session, ProfileActivity.CHANGED, by, now, subject_id=person_id, before=before, after=details(session, person_id))
