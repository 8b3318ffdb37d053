"""Passkeys (WebAuthn level 2): registration, and authentication as a second step or in place of the password.

A device signs the site's name and the portal's challenge, so an answer made for another site or an earlier challenge is refused. A
challenge belongs to one browser and is used by the first answer, valid or not. The device must verify its user (UV).
"""

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from sqlalchemy import delete as sql_delete
from sqlalchemy import update as sql_update
from sqlmodel import Session, col, select
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers import parse_authentication_credential_json as parse_answer
from webauthn.helpers import parse_registration_credential_json as parse_new
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from odoportal.accounts.models import Person
from odoportal.core.identity import token_hash
from odoportal.rooms.signin import security_log
from odoportal.rooms.signin.models import Passkey, PasskeyCeremony
from odoportal.settings import get_settings

LIFE = timedelta(minutes=5)
MOST = 20
LONGEST_ANSWER = 16_000
SITE = "ODOportal"
_UNREADABLE = (WebAuthnException, ValueError, TypeError, KeyError, RecursionError)
"""Exceptions the library raises on malformed answers."""


class ChallengePurpose(StrEnum):
    """The purpose of a challenge. An answer is checked only against a challenge of the same purpose."""

    ADD = "add"
    STEP = "step"
    SIGN_IN = "sign-in"


@dataclass(frozen=True)
class Answer:
    """A browser's answer to a challenge: the token the challenge is bound to, and the device's signed response as JSON."""

    token: str
    signed: str


def of_person(session: Session, person_id: int) -> Sequence[Passkey]:
    """Return a person's passkeys, oldest first."""
    return session.exec(select(Passkey).where(Passkey.person_id == person_id).order_by(col(Passkey.id))).all()


def begin_registration(session: Session, person_id: int, token: str, now: datetime) -> None:
    """Create the challenge for a new passkey, bound to the browser with `token`."""
    known = of_person(session, person_id)
    handle = known[0].handle if known else bytes_to_base64url(secrets.token_bytes(32))
    _create_challenge(session, ChallengePurpose.ADD, token, now, person_id, handle)


def registration_options(session: Session, person: Person, token: str, now: datetime) -> str:
    """Return the WebAuthn creation options for a new passkey, as JSON; empty if no passkey is being added."""
    ceremony = session.get(PasskeyCeremony, _hash(ChallengePurpose.ADD, token))
    if ceremony is None or person.id is None or now >= ceremony.expires_at or ceremony.person_id != person.id:
        return ""
    selection = AuthenticatorSelectionCriteria(
        resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
    )
    options = generate_registration_options(
        rp_id=_rp_id(),
        rp_name=SITE,
        user_id=base64url_to_bytes(ceremony.handle),
        user_name=person.email,
        user_display_name=person.name or person.email,
        challenge=base64url_to_bytes(ceremony.challenge),
        timeout=int(LIFE.total_seconds() * 1000),
        authenticator_selection=selection,
        exclude_credentials=_descriptors(of_person(session, person.id)),
    )
    return options_to_json(options)


def add(session: Session, person_id: int, answer: Answer, name: str, now: datetime) -> Passkey | None:
    """Verify and store a new passkey.

    Returns:
        None if the challenge or the browser's answer is invalid, the passkey is already known, or the person has `MOST` passkeys.
    """
    ceremony = _use_challenge(session, ChallengePurpose.ADD, answer.token, now)
    if ceremony is None or ceremony.person_id != person_id or len(of_person(session, person_id)) >= MOST:
        return None
    try:
        sent = parse_new(answer.signed[:LONGEST_ANSWER])
        verified = verify_registration_response(
            credential=sent,
            expected_challenge=base64url_to_bytes(ceremony.challenge),
            expected_rp_id=_rp_id(),
            expected_origin=get_settings().origin,
            require_user_verification=True,
        )
    except _UNREADABLE as why:
        _log_refusal(why, person_id)
        return None
    credential, public = bytes_to_base64url(verified.credential_id), bytes_to_base64url(verified.credential_public_key)
    if session.exec(select(Passkey.id).where(Passkey.credential == credential)).first() is not None:
        return None
    transports = ",".join(transport.value for transport in sent.response.transports or [])
    passkey = Passkey(
        person_id=person_id, handle=ceremony.handle, credential=credential, public_key=public, sign_count=verified.sign_count,
        transports=transports, name=name, added_at=now,
    )  # fmt: skip
    session.add(passkey)
    session.flush()
    return passkey


def authentication_options(session: Session, purpose: ChallengePurpose, token: str, now: datetime, person_id: int | None = None) -> str:
    """Create a challenge and return the WebAuthn request options for it, as JSON.

    Args:
        session: the writing database session.
        purpose: the purpose of the challenge.
        token: a secret token that only this browser has.
        now: the current instant.
        person_id: the person who must answer; None if any person may, identified by the passkey.
    """
    ceremony = _create_challenge(session, purpose, token, now, person_id)
    options = generate_authentication_options(
        rp_id=_rp_id(),
        challenge=base64url_to_bytes(ceremony.challenge),
        timeout=int(LIFE.total_seconds() * 1000),
        allow_credentials=_descriptors(of_person(session, person_id)) if person_id is not None else None,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def verify(session: Session, purpose: ChallengePurpose, answer: Answer, now: datetime) -> Passkey | None:
    """Verify an answer and record the use of its passkey; return None if it is invalid. The challenge is used in either case."""
    ceremony = _use_challenge(session, purpose, answer.token, now)
    if ceremony is None:
        return None
    try:
        sent = parse_answer(answer.signed[:LONGEST_ANSWER])
        found = session.exec(select(Passkey).where(Passkey.credential == sent.id)).first()
        if found is None or ceremony.person_id not in {None, found.person_id}:
            return None
        handle = sent.response.user_handle
        # If no person was identified before, the answer must contain the user handle; otherwise the handle is optional.
        if (handle or ceremony.person_id is None) and bytes_to_base64url(handle or b"") != found.handle:
            return None
        verified = verify_authentication_response(
            credential=sent,
            expected_challenge=base64url_to_bytes(ceremony.challenge),
            expected_rp_id=_rp_id(),
            expected_origin=get_settings().origin,
            credential_public_key=base64url_to_bytes(found.public_key),
            credential_current_sign_count=found.sign_count,
            require_user_verification=True,
        )
    except _UNREADABLE as why:
        _log_refusal(why, ceremony.person_id)
        return None
    # Compare and set: of two concurrent answers with the same counter, only one may succeed.
    update = sql_update(Passkey).where(col(Passkey.id) == found.id, col(Passkey.sign_count) == found.sign_count)
    updated = session.exec(update.values(sign_count=verified.new_sign_count, used_at=now).execution_options(synchronize_session="fetch"))
    return found if updated.rowcount == 1 else None


def rename(session: Session, person_id: int, passkey_id: int, name: str) -> str | None:
    """Rename one of a person's passkeys and return its old name; None if the person has no such passkey."""
    found = _find(session, person_id, passkey_id)
    if found is None:
        return None
    before, found.name = found.name, name
    return before


def remove(session: Session, person_id: int, passkey_id: int) -> str | None:
    """Delete one of a person's passkeys and return its name; None if the person has no such passkey."""
    found = _find(session, person_id, passkey_id)
    if found is None:
        return None
    session.delete(found)
    session.flush()
    return found.name


def remove_all(session: Session, person_id: int, since: datetime | None = None) -> list[str]:
    """Delete a person's passkeys, or only those added since an instant, and all the person's open challenges; return the names."""
    removed = [found for found in of_person(session, person_id) if since is None or found.added_at >= since]
    for found in removed:
        session.delete(found)
    session.exec(sql_delete(PasskeyCeremony).where(col(PasskeyCeremony.person_id) == person_id))
    session.flush()
    return [found.name for found in removed]


def purge_expired(session: Session, now: datetime) -> int:
    """Delete expired challenges; return their number."""
    return session.exec(sql_delete(PasskeyCeremony).where(col(PasskeyCeremony.expires_at) <= now)).rowcount


def _find(session: Session, person_id: int, passkey_id: int) -> Passkey | None:
    return session.exec(select(Passkey).where(Passkey.person_id == person_id, Passkey.id == passkey_id)).first()


def _rp_id() -> str:
    """Return the relying-party id that passkeys are bound to: the portal's host name."""
    return urlsplit(get_settings().origin).hostname or "localhost"


def _hash(purpose: ChallengePurpose, token: str) -> str:
    return token_hash(f"passkey {purpose} {token}")


def _create_challenge(
    session: Session, purpose: ChallengePurpose, token: str, now: datetime, person_id: int | None, handle: str = ""
) -> PasskeyCeremony:
    session.exec(sql_delete(PasskeyCeremony).where(col(PasskeyCeremony.hash) == _hash(purpose, token)))
    challenge = bytes_to_base64url(secrets.token_bytes(32))
    ceremony = PasskeyCeremony(hash=_hash(purpose, token), person_id=person_id, challenge=challenge, handle=handle, expires_at=now + LIFE)
    session.add(ceremony)
    session.flush()
    return ceremony


def _use_challenge(session: Session, purpose: ChallengePurpose, token: str, now: datetime) -> PasskeyCeremony | None:
    """Use a challenge; return None if there is none, or it is expired or already used."""
    ceremony = session.get(PasskeyCeremony, _hash(purpose, token))
    if ceremony is None:
        return None
    session.expunge(ceremony)
    deleted = session.exec(sql_delete(PasskeyCeremony).where(col(PasskeyCeremony.hash) == ceremony.hash)).rowcount
    return ceremony if deleted == 1 and now < ceremony.expires_at else None


def _descriptors(known: Sequence[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=base64url_to_bytes(found.credential),
            transports=[AuthenticatorTransport(transport) for transport in found.transports.split(",") if transport],
        )
        for found in known
    ]


def _log_refusal(why: Exception, person_id: int | None) -> None:
    security_log.log_event(
        "authn_passkey_refused", logging.WARNING, person=person_id or "unknown", why=f"{type(why).__name__}: {why}"[:200]
    )
