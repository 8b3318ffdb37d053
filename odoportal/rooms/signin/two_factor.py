"""The second step of a sign-in: codes of an authenticator app (RFC 6238), passkeys, ten recovery codes, and browsers that need none.

An app's secret is derived with the portal's own from a random seed, so that a copy of the database makes no codes. A recovery code has
more than 112 bits, so that its plain hash is enough (ASVS 6.5.2). A code works once: its time step, or its row, is used up by the
statement that takes it.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pyotp.hotp import HOTP
from pyotp.totp import TOTP
from sqlalchemy import delete as sql_delete
from sqlalchemy import update as sql_update
from sqlmodel import Session, col, func, select

from odoportal.accounts.activity_log import ActivityKind
from odoportal.accounts.models import Account, Membership, Person
from odoportal.core.identity import digest
from odoportal.rooms.signin import passkeys
from odoportal.rooms.signin.models import Authenticator, KnownBrowser, Passkey, RecoveryCode, SecondStep, SignInMethod
from odoportal.settings import get_settings

ISSUER = "ODOportal"
STEP = 30
DRIFT = 1
"""Steps that an app's clock may be off, either way."""
SETTING_UP = timedelta(minutes=15)
LIFE = timedelta(minutes=5)
MOST_TRIES = 5
TRUST = timedelta(days=30)
CODES = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _LETTERS = 4, 6


def secret_of(seed: str) -> str:
    """The app's secret that a seed stands for, in base32; without the portal's own nobody can tell."""
    key = get_settings().secret.get_secret_value().encode()
    return base64.b32encode(hmac.digest(key, b"odoportal authenticator v1:" + seed.encode(), hashlib.sha256)[:20]).decode()


def _key_name() -> str:
    """Name the portal's own secret, so that a seed says which one it belongs to; the secret cannot be told from it."""
    key = get_settings().secret.get_secret_value().encode()
    return hmac.digest(key, b"odoportal authenticator key v1", hashlib.sha256).hex()[:12]


def is_readable(app: Authenticator) -> bool:
    """Return whether an app was set up with the present ODOPORTAL_SECRET: with another one, none of its codes is ever right.

    A seed from before seeds named their secret counts as readable.
    """
    name, named, _ = app.seed.partition(".")
    return not named or hmac.compare_digest(name, _key_name())


def unreadable(session: Session) -> int:
    """Return how many people have an authenticator app that was set up with another ODOPORTAL_SECRET."""
    apps = session.exec(select(Authenticator).where(col(Authenticator.confirmed_at).is_not(None)))
    return sum(not is_readable(app) for app in apps)


def uri_of(seed: str, email: str) -> str:
    """What the QR code says to an app."""
    return TOTP(secret_of(seed)).provisioning_uri(name=email, issuer_name=ISSUER)


def in_force(session: Session, person_id: int) -> Authenticator | None:
    """A person's authenticator, where there is one and its first code was right."""
    found = session.get(Authenticator, person_id)
    return found if found is not None and found.confirmed_at is not None else None


def who_have_one(session: Session, people: Collection[int]) -> set[int]:
    """Those of some persons who have a second factor of whatever kind in force."""
    apps = select(Authenticator.person_id).where(col(Authenticator.person_id).in_(people), col(Authenticator.confirmed_at).is_not(None))
    keys = select(Passkey.person_id).where(col(Passkey.person_id).in_(people))
    return {*session.exec(apps).all(), *session.exec(keys).all()}


def kept_for(session: Session, person_id: int) -> str:
    """The name of an account that requires a second factor of a person who has only one left; empty where one may be taken away."""
    if (in_force(session, person_id) is not None) + len(passkeys.of(session, person_id)) > 1:
        return ""
    theirs = select(Account.name).join(Membership, col(Membership.account_id) == col(Account.id))
    return session.exec(theirs.where(Membership.person_id == person_id, col(Account.two_step)).order_by(Account.number)).first() or ""


def setting_up(session: Session, person_id: int, now: datetime) -> Authenticator | None:
    """The authenticator whose first code is awaited."""
    found = session.get(Authenticator, person_id)
    return found if found is not None and found.confirmed_at is None and now < found.created_at + SETTING_UP else None


def begin(session: Session, person_id: int, now: datetime) -> None:
    """Make a new secret, which is nothing until its first code is right. One that is in force stays."""
    if in_force(session, person_id) is not None:
        return
    session.exec(sql_delete(Authenticator).where(col(Authenticator.person_id) == person_id))
    session.add(Authenticator(person_id=person_id, seed=f"{_key_name()}.{secrets.token_urlsafe(32)}", created_at=now))
    session.flush()


def confirm(session: Session, person_id: int, code: str, now: datetime) -> list[str] | None:
    """Put the authenticator in force by its first code; returns the recovery codes, which are shown this once. None: wrong."""
    found = setting_up(session, person_id, now)
    if found is None or not _take(session, found, code, now):
        return None
    found.confirmed_at = now
    session.add(found)
    trust_nobody(session, person_id)
    return renew_codes(session, person_id, now)


def remove(session: Session, person_id: int) -> bool:
    """Do without the app; True where there was one."""
    there = session.exec(sql_delete(Authenticator).where(col(Authenticator.person_id) == person_id)).rowcount
    settle(session, person_id)
    return there > 0


def take_back(session: Session, person_id: int, since: datetime) -> list[ActivityKind]:
    """Do without an app and without recovery codes from `since` on, and without an app that is being set up. Returns what there was."""
    app = session.get(Authenticator, person_id)
    was = app is not None and app.confirmed_at is not None and app.confirmed_at >= since
    if app is not None and (was or app.confirmed_at is None):
        # Whoever began has seen the secret: nobody may go on with it.
        session.delete(app)
        session.flush()
    made = sql_delete(RecoveryCode).where(col(RecoveryCode.person_id) == person_id, col(RecoveryCode.made_at) >= since)
    codes = session.exec(made).rowcount > 0
    return [*([ActivityKind.TWO_STEP_OFF] if was else []), *([ActivityKind.CODES_REMOVED] if codes else [])]


def settle(session: Session, person_id: int) -> bool:
    """A factor was taken away: where none is left, what belongs to a second step goes, too. True where one is left."""
    trust_nobody(session, person_id)
    if who_have_one(session, [person_id]):
        return True
    session.exec(sql_delete(RecoveryCode).where(col(RecoveryCode.person_id) == person_id))
    session.exec(sql_delete(SecondStep).where(col(SecondStep.person_id) == person_id))
    return False


def renew_codes(session: Session, person_id: int, now: datetime) -> list[str]:
    """Ten new recovery codes; those from before no longer work."""
    session.exec(sql_delete(RecoveryCode).where(col(RecoveryCode.person_id) == person_id))
    codes = ["-".join("".join(secrets.choice(_ALPHABET) for _ in range(_LETTERS)) for _ in range(_GROUPS)) for _ in range(CODES)]
    session.add_all([RecoveryCode(person_id=person_id, hash=_recovery(code), made_at=now) for code in codes])
    session.flush()
    return codes


def codes_left(session: Session, person_id: int) -> int:
    """How many recovery codes are not used up."""
    return session.exec(select(func.count()).select_from(RecoveryCode).where(RecoveryCode.person_id == person_id)).one()


def needed(session: Session, person_id: int, device: str, now: datetime) -> bool:
    """Whether a sign-in takes a second step: there is one, and the browser (the hash of its cookie) was not remembered."""
    if not who_have_one(session, [person_id]):
        return False
    known = session.get(KnownBrowser, (person_id, device))
    return known is None or known.trusted_until is None or now >= known.trusted_until


@dataclass(frozen=True)
class Kinds:
    """What a person's second step can be done with, besides recovery codes. `dead_app`: there is an app whose codes are never right."""

    app: bool = False
    keys: bool = False
    dead_app: bool = False


def kinds(session: Session, token: str, now: datetime) -> Kinds | None:
    """What the open second step of a token can be done with; None where there is none."""
    step = asked(session, token, now)
    if step is None:
        return None
    app = in_force(session, step.person_id)
    works = app is not None and is_readable(app)
    return Kinds(works, bool(passkeys.of(session, step.person_id)), app is not None and not works)


def passkey_task(session: Session, token: str, now: datetime) -> str:
    """What a browser is to do to take the open second step of a token with a passkey, as JSON; empty where there is no such step."""
    step = asked(session, token, now)
    return passkeys.ask(session, passkeys.For.STEP, token, now, step.person_id) if step else ""


def ask(session: Session, person: Person, keep: bool, now: datetime) -> str:
    """The password was right: begin the second step. Returns its token, of which the hash is kept."""
    assert person.id is not None  # noqa: S101 - read from the database
    token = secrets.token_urlsafe(32)
    session.add(
        SecondStep(
            hash=digest(token), person_id=person.id, keep=keep, password_hash=digest(person.password), tries=0, expires_at=now + LIFE
        )
    )
    session.flush()
    return token


def asked(session: Session, token: str, now: datetime) -> SecondStep | None:
    """The open second step of a token: not over, not tried too often, and the password is still the one that was right."""
    found = session.exec(
        select(SecondStep, Person)
        .join(Person, col(Person.id) == col(SecondStep.person_id))
        .where(
            SecondStep.hash == digest(token),
            col(SecondStep.expires_at) > now,
            col(SecondStep.tries) < MOST_TRIES,
            col(Person.disabled_at).is_(None),
        )
    ).first()
    return found[0] if found and found[0].password_hash == digest(found[1].password) else None


@dataclass(frozen=True)
class Taken:
    """What came of a try: by which way it was right, None where it was not; `last` where no further try is left."""

    way: SignInMethod | None = None
    last: bool = False


def take(session: Session, step: SecondStep, proof: str | passkeys.Answer, now: datetime) -> Taken:
    """Try a code of the app, a recovery code, or a passkey's answer.

    A try is counted before it is made, so that parallel ones cannot all slip through.
    """
    counted = session.exec(
        sql_update(SecondStep)
        .where(col(SecondStep.hash) == step.hash, col(SecondStep.tries) < MOST_TRIES)
        .values(tries=col(SecondStep.tries) + 1)
        .execution_options(synchronize_session="fetch")
    )
    if counted.rowcount != 1:
        return Taken(last=True)
    way = _way(session, step.person_id, proof, now)
    if way is not None:
        session.exec(sql_delete(SecondStep).where(col(SecondStep.hash) == step.hash))
    return Taken(way, way is None and step.tries >= MOST_TRIES)


def _way(session: Session, person_id: int, proof: str | passkeys.Answer, now: datetime) -> SignInMethod | None:
    if isinstance(proof, passkeys.Answer):
        # The challenge is bound to the person of the step.
        return SignInMethod.BOTH if passkeys.prove(session, passkeys.For.STEP, proof, now) is not None else None
    plain = "".join(proof.split()).replace("-", "").lower()
    if plain.isascii() and plain.isdecimal():
        app = in_force(session, person_id)
        return SignInMethod.CODE if app is not None and _take(session, app, plain, now) else None
    return SignInMethod.RECOVERY if _take_recovery(session, person_id, plain) else None


def trust(session: Session, person_id: int, device: str, now: datetime) -> None:
    """Ask this browser for no second step for 30 days."""
    known = session.get(KnownBrowser, (person_id, device))
    if known is not None:
        known.trusted_until = now + TRUST


def trust_nobody(session: Session, person_id: int) -> None:
    """Ask every browser of a person for the second step again."""
    session.exec(sql_update(KnownBrowser).where(col(KnownBrowser.person_id) == person_id).values(trusted_until=None))


def purge_expired(session: Session, now: datetime) -> int:
    """Remove second steps that are over, and authenticators whose first code never came; returns how many rows went."""
    steps = session.exec(sql_delete(SecondStep).where(col(SecondStep.expires_at) <= now)).rowcount
    never = sql_delete(Authenticator).where(col(Authenticator.confirmed_at).is_(None), col(Authenticator.created_at) <= now - SETTING_UP)
    return steps + session.exec(never).rowcount


def _take(session: Session, found: Authenticator, code: str, now: datetime) -> bool:
    """Use up the time step of a code that is right; a step that was used, or an older one, is used up already."""
    for step in _steps(now):
        if hmac.compare_digest(HOTP(secret_of(found.seed)).at(step).encode(), code.encode()):
            taken = sql_update(Authenticator).where(
                col(Authenticator.person_id) == found.person_id, col(Authenticator.seed) == found.seed, col(Authenticator.last_step) < step
            )
            return session.exec(taken.values(last_step=step)).rowcount == 1
    return False


def _steps(now: datetime) -> Sequence[int]:
    present = int(now.timestamp()) // STEP
    return range(present - DRIFT, present + DRIFT + 1)


def _take_recovery(session: Session, person_id: int, plain: str) -> bool:
    taken = sql_delete(RecoveryCode).where(col(RecoveryCode.person_id) == person_id, col(RecoveryCode.hash) == _recovery(plain))
    return session.exec(taken).rowcount == 1


def _recovery(code: str) -> str:
    return digest("recovery " + code.replace("-", ""))
