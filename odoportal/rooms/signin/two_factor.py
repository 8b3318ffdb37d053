"""The second step of a sign-in: authenticator-app codes (RFC 6238), passkeys, ten recovery codes, and trusted browsers.

An app's secret is derived from a random seed with the portal's secret, so a copy of the database cannot generate codes. A recovery code
has more than 112 bits, so an unsalted hash of it is enough (ASVS 6.5.2). A code works once: the statement that accepts it also uses up its
time step or deletes its row.
"""

import base64
import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pyotp.hotp import HOTP
from pyotp.totp import TOTP
from sqlalchemy import delete as sql_delete
from sqlalchemy import update as sql_update
from sqlmodel import Session, col, func, select

from odoportal.accounts.models import Account, Membership, Person
from odoportal.core.identity import token_hash
from odoportal.rooms.signin import passkeys
from odoportal.rooms.signin.activity import SigninActivity
from odoportal.rooms.signin.models import Authenticator, KnownBrowser, Passkey, RecoveryCode, SecondStep, SignInMethod
from odoportal.settings import get_settings

ISSUER = "ODOportal"
STEP = 30
DRIFT = 1
"""Time steps by which an app's clock may differ, in either direction."""
SETTING_UP = timedelta(minutes=15)
LIFE = timedelta(minutes=5)
MOST_TRIES = 5
TRUST = timedelta(days=30)
CODES = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _LETTERS = 4, 6


def secret_of(seed: str) -> str:
    """Derive an app's secret (base32) from its seed and the portal's secret."""
    key = get_settings().secret.get_secret_value().encode()
    return base64.b32encode(hmac.digest(key, b"odoportal authenticator v1:" + seed.encode(), hashlib.sha256)[:20]).decode()


def _secret_id() -> str:
    """Return a short identifier of the portal's secret, stored with each seed; the secret cannot be derived from it."""
    key = get_settings().secret.get_secret_value().encode()
    return hmac.digest(key, b"odoportal authenticator key v1", hashlib.sha256).hex()[:12]


def is_readable(app: Authenticator) -> bool:
    """Return whether an app was set up with the current ODOPORTAL_SECRET; with another secret, its codes are never valid.

    An older seed without an identifier of its secret counts as readable.
    """
    name, named, _ = app.seed.partition(".")
    return not named or hmac.compare_digest(name, _secret_id())


def count_unreadable(session: Session) -> int:
    """Return the number of people whose authenticator app was set up with another ODOPORTAL_SECRET."""
    apps = session.exec(select(Authenticator).where(col(Authenticator.confirmed_at).is_not(None)))
    return sum(not is_readable(app) for app in apps)


def uri_of(seed: str, email: str) -> str:
    """Return the `otpauth://` URI that the QR code contains."""
    return TOTP(secret_of(seed)).provisioning_uri(name=email, issuer_name=ISSUER)


def active_app(session: Session, person_id: int) -> Authenticator | None:
    """Return a person's active authenticator app, that is, one whose first code was confirmed."""
    found = session.get(Authenticator, person_id)
    return found if found is not None and found.confirmed_at is not None else None


def people_with_second_factor(session: Session, people: Collection[int]) -> set[int]:
    """Return those of the given people who have an active second factor of any kind."""
    apps = select(Authenticator.person_id).where(col(Authenticator.person_id).in_(people), col(Authenticator.confirmed_at).is_not(None))
    keys = select(Passkey.person_id).where(col(Passkey.person_id).in_(people))
    return {*session.exec(apps).all(), *session.exec(keys).all()}


def required_by(session: Session, person_id: int) -> str:
    """Return the name of an account that forbids removing the person's last second factor; empty if a factor may be removed."""
    if (active_app(session, person_id) is not None) + len(passkeys.of_person(session, person_id)) > 1:
        return ""
    theirs = select(Account.name).join(Membership, col(Membership.account_id) == col(Account.id))
    return session.exec(theirs.where(Membership.person_id == person_id, col(Account.two_step)).order_by(Account.number)).first() or ""


def pending_app(session: Session, person_id: int, now: datetime) -> Authenticator | None:
    """Return the authenticator app that waits for its first code, or None."""
    found = session.get(Authenticator, person_id)
    return found if found is not None and found.confirmed_at is None and now < found.created_at + SETTING_UP else None


def begin_setup(session: Session, person_id: int, now: datetime) -> None:
    """Begin to set up an authenticator app with a new secret, inactive until its first code; keep an app that is already active."""
    if active_app(session, person_id) is not None:
        return
    session.exec(sql_delete(Authenticator).where(col(Authenticator.person_id) == person_id))
    session.add(Authenticator(person_id=person_id, seed=f"{_secret_id()}.{secrets.token_urlsafe(32)}", created_at=now))
    session.flush()


def confirm_setup(session: Session, person_id: int, code: str, now: datetime) -> list[str] | None:
    """Activate the authenticator app by its first code; return the recovery codes to show once, or None if the code is wrong."""
    found = pending_app(session, person_id, now)
    if found is None or not _use_code(session, found, code, now):
        return None
    found.confirmed_at = now
    session.add(found)
    stop_trusting(session, person_id)
    return renew_codes(session, person_id, now)


def remove(session: Session, person_id: int) -> bool:
    """Remove a person's authenticator app; return whether there was one."""
    removed = session.exec(sql_delete(Authenticator).where(col(Authenticator.person_id) == person_id)).rowcount
    clean_up(session, person_id)
    return removed > 0


def remove_since(session: Session, person_id: int, since: datetime) -> list[SigninActivity]:
    """Remove the app and recovery codes set up since an instant, and an app being set up; return the activity kinds to record."""
    app = session.get(Authenticator, person_id)
    app_is_new = app is not None and app.confirmed_at is not None and app.confirmed_at >= since
    if app is not None and (app_is_new or app.confirmed_at is None):
        # The intruder may have seen the secret of an app being set up, so it must not be activated later.
        session.delete(app)
        session.flush()
    made = sql_delete(RecoveryCode).where(col(RecoveryCode.person_id) == person_id, col(RecoveryCode.made_at) >= since)
    codes = session.exec(made).rowcount > 0
    return [*([SigninActivity.TWO_STEP_OFF] if app_is_new else []), *([SigninActivity.CODES_REMOVED] if codes else [])]


def clean_up(session: Session, person_id: int) -> bool:
    """Clean up after a factor was removed: stop trusting browsers and, if no factor is left, delete recovery codes and open second steps.

    Returns:
        Whether a factor is left.
    """
    stop_trusting(session, person_id)
    if people_with_second_factor(session, [person_id]):
        return True
    session.exec(sql_delete(RecoveryCode).where(col(RecoveryCode.person_id) == person_id))
    session.exec(sql_delete(SecondStep).where(col(SecondStep.person_id) == person_id))
    return False


def renew_codes(session: Session, person_id: int, now: datetime) -> list[str]:
    """Replace a person's recovery codes by ten new ones and return them."""
    session.exec(sql_delete(RecoveryCode).where(col(RecoveryCode.person_id) == person_id))
    codes = ["-".join("".join(secrets.choice(_ALPHABET) for _ in range(_LETTERS)) for _ in range(_GROUPS)) for _ in range(CODES)]
    session.add_all([RecoveryCode(person_id=person_id, hash=_recovery_hash(code), made_at=now) for code in codes])
    session.flush()
    return codes


def codes_left(session: Session, person_id: int) -> int:
    """Return the number of unused recovery codes."""
    return session.exec(select(func.count()).select_from(RecoveryCode).where(RecoveryCode.person_id == person_id)).one()


def needed(session: Session, person_id: int, device: str, now: datetime) -> bool:
    """Return whether a sign-in needs a second step: the person has a second factor and the browser is not trusted.

    `device` is the hash of the browser's known-browser cookie.
    """
    if not people_with_second_factor(session, [person_id]):
        return False
    known = session.get(KnownBrowser, (person_id, device))
    return known is None or known.trusted_until is None or now >= known.trusted_until


@dataclass(frozen=True)
class UsableFactors:
    """The second factors a person can use, besides recovery codes.

    Attributes:
        app: whether there is a working authenticator app.
        keys: whether there are passkeys.
        dead_app: whether there is an app that was set up with another ODOPORTAL_SECRET, so that its codes are never valid.
    """

    app: bool = False
    keys: bool = False
    dead_app: bool = False


def usable_factors(session: Session, token: str, now: datetime) -> UsableFactors | None:
    """Return the second factors usable for the open second step of a token, or None if there is no such step."""
    step = find_step(session, token, now)
    if step is None:
        return None
    app = active_app(session, step.person_id)
    works = app is not None and is_readable(app)
    return UsableFactors(works, bool(passkeys.of_person(session, step.person_id)), app is not None and not works)


def passkey_options(session: Session, token: str, now: datetime) -> str:
    """Return the WebAuthn request options for the open second step of a token, as JSON; empty if there is no such step."""
    step = find_step(session, token, now)
    return passkeys.authentication_options(session, passkeys.ChallengePurpose.STEP, token, now, step.person_id) if step else ""


def begin_step(session: Session, person: Person, keep: bool, now: datetime) -> str:
    """Begin the second step after a correct password; return its token, of which only the hash is stored."""
    assert person.id is not None  # noqa: S101 - read from the database
    token = secrets.token_urlsafe(32)
    session.add(
        SecondStep(
            hash=token_hash(token),
            person_id=person.id,
            keep=keep,
            password_hash=token_hash(person.password),
            tries=0,
            expires_at=now + LIFE,
        )
    )
    session.flush()
    return token


def find_step(session: Session, token: str, now: datetime) -> SecondStep | None:
    """Return the open second step of a token.

    Returns:
        None if it is unknown or expired, its tries are used up, the person is disabled, or the password has changed since.
    """
    found = session.exec(
        select(SecondStep, Person)
        .join(Person, col(Person.id) == col(SecondStep.person_id))
        .where(
            SecondStep.hash == token_hash(token),
            col(SecondStep.expires_at) > now,
            col(SecondStep.tries) < MOST_TRIES,
            col(Person.disabled_at).is_(None),
        )
    ).first()
    return found[0] if found and found[0].password_hash == token_hash(found[1].password) else None


@dataclass(frozen=True)
class TryResult:
    """The result of a try.

    Attributes:
        way: how the person was authenticated; None if the try failed.
        last: whether no further try is left.
    """

    way: SignInMethod | None = None
    last: bool = False


def try_proof(session: Session, step: SecondStep, proof: str | passkeys.Answer, now: datetime) -> TryResult:
    """Check a code of the app, a recovery code, or a passkey's answer.

    The try is counted before the check, so that concurrent tries cannot exceed the limit.
    """
    updated = session.exec(
        sql_update(SecondStep)
        .where(col(SecondStep.hash) == step.hash, col(SecondStep.tries) < MOST_TRIES)
        .values(tries=col(SecondStep.tries) + 1)
        .execution_options(synchronize_session="fetch")
    )
    if updated.rowcount != 1:
        return TryResult(last=True)
    method = _check_proof(session, step.person_id, proof, now)
    if method is not None:
        session.exec(sql_delete(SecondStep).where(col(SecondStep.hash) == step.hash))
    return TryResult(method, method is None and step.tries >= MOST_TRIES)


def clean_code(typed: str) -> str:
    """Return the letters and digits of a typed code: hyphens of any kind, spaces, bullets and points are no part of one."""
    return "".join(c for c in unicodedata.normalize("NFKC", typed) if c.isalnum()).lower()


def _check_proof(session: Session, person_id: int, proof: str | passkeys.Answer, now: datetime) -> SignInMethod | None:
    if isinstance(proof, passkeys.Answer):
        # The challenge is bound to the person of the step.
        return SignInMethod.BOTH if passkeys.verify(session, passkeys.ChallengePurpose.STEP, proof, now) is not None else None
    plain = clean_code(proof)
    if plain.isascii() and plain.isdecimal():
        app = active_app(session, person_id)
        return SignInMethod.CODE if app is not None and _use_code(session, app, plain, now) else None
    return SignInMethod.RECOVERY if _use_recovery_code(session, person_id, plain) else None


def trust(session: Session, person_id: int, device: str, now: datetime) -> None:
    """Trust a known browser of the person for 30 days, during which it needs no second step."""
    known = session.get(KnownBrowser, (person_id, device))
    if known is not None:
        known.trusted_until = now + TRUST


def stop_trusting(session: Session, person_id: int) -> None:
    """Stop trusting every browser of a person: each needs the second step again."""
    session.exec(sql_update(KnownBrowser).where(col(KnownBrowser.person_id) == person_id).values(trusted_until=None))


def purge_expired(session: Session, now: datetime) -> int:
    """Delete expired second steps and authenticator apps that were never activated; return the number of rows."""
    steps = session.exec(sql_delete(SecondStep).where(col(SecondStep.expires_at) <= now)).rowcount
    never = sql_delete(Authenticator).where(col(Authenticator.confirmed_at).is_(None), col(Authenticator.created_at) <= now - SETTING_UP)
    return steps + session.exec(never).rowcount


def _use_code(session: Session, found: Authenticator, code: str, now: datetime) -> bool:
    """Check an app's code and use up its time step; a code of a used or older time step is refused."""
    for step in _time_steps(now):
        if hmac.compare_digest(HOTP(secret_of(found.seed)).at(step).encode(), code.encode()):
            updated = sql_update(Authenticator).where(
                col(Authenticator.person_id) == found.person_id, col(Authenticator.seed) == found.seed, col(Authenticator.last_step) < step
            )
            return session.exec(updated.values(last_step=step)).rowcount == 1
    return False


def _time_steps(now: datetime) -> Sequence[int]:
    present = int(now.timestamp()) // STEP
    return range(present - DRIFT, present + DRIFT + 1)


def _use_recovery_code(session: Session, person_id: int, plain: str) -> bool:
    deleted = sql_delete(RecoveryCode).where(col(RecoveryCode.person_id) == person_id, col(RecoveryCode.hash) == _recovery_hash(plain))
    return session.exec(deleted).rowcount == 1


def _recovery_hash(code: str) -> str:
    return token_hash("recovery " + code.replace("-", ""))
