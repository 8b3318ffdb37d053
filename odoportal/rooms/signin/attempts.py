"""Sign-in attempts and confirmations: rate-limited, logged, and always at the cost of one bcrypt comparison.

Attempts are counted by the typed email and by the client's address. A known browser has its own counter and its own growing wait (OWASP,
Device Cookies), so attempts from other browsers cannot lock it out.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from odoportal.accounts.service import email_key
from odoportal.core.database import read, write
from odoportal.core.identity import Identity, token_hash
from odoportal.limits import rate_limits
from odoportal.limits.work_queue import Busy, Client
from odoportal.rooms.signin import known_browsers, passkeys, passwords, security_log, service, two_factor
from odoportal.rooms.signin.models import SecondStep
from odoportal.rooms.signin.sessions import Browser

T = TypeVar("T")


@dataclass(frozen=True)
class SignInForm:
    """A submitted sign-in form. `previous` is the hash of the session the browser already had."""

    email: str
    password: str
    keep: bool
    browser: Browser
    previous: str | None


@dataclass(frozen=True)
class AttemptResult:
    """The result of a sign-in attempt; without `token` and `step` it is refused.

    Attributes:
        token: the token of the new session.
        step: the token of the second step that must be passed first.
        address_limited: whether the client's address has reached its limit of attempts.
        busy: whether the password queue is full; no password was compared.
        renewed: whether the browser must store its new known-browser token.
    """

    token: str | None = None
    step: str | None = None
    address_limited: bool = False
    busy: bool = False
    renewed: bool = False


@dataclass(frozen=True)
class EmailOwner:
    """The person an email belongs to.

    Attributes:
        person_id: the person.
        stored: the stored password.
        browser: whether this is a known browser of the person.
    """

    person_id: int
    stored: str
    browser: bool


@dataclass(frozen=True)
class _AttemptCount:
    """How an attempt is counted.

    Attributes:
        key: the key of the growing wait.
        must_wait: whether the attempt falls within a wait and must be refused.
        by_address: whether the attempt also counts against the client's address.
        asker: the attempt's client in the password queue.
    """

    key: str
    must_wait: bool
    by_address: bool
    asker: Client


def account_key(email: str) -> str:
    """Return the key by which the wait of an email is counted, whether a person has this email or not."""
    return f"account:{token_hash(email_key(email[:1000]))}"


def browser_key(person_id: int, device: str) -> str:
    """Return the key by which the wait of a known browser is counted; `device` is the hash of its cookie."""
    return f"browser:{person_id}/{device}"


def person_asker(person_id: int) -> Client:
    """Return the queue client of a signed-in person or a known browser; it has priority."""
    return Client(f"person {person_id}", first=True)


def client_asker(address: str) -> Client:
    """Return the queue client of an anonymous visitor: the widest network that one subscriber may have."""
    return Client(rate_limits.networks(address)[-1])


async def attempt(form: SignInForm, now: datetime) -> AttemptResult:
    """Attempt a sign-in with email and password.

    Unknown, known, disabled and waiting emails take the same path: one lookup and one comparison. Only a client address over its limit
    is refused earlier, which reveals nothing about any person.

    Raises:
        SQLAlchemyError: if the database does not answer; the attempt is then not counted.
        redis_counters.RedisUnavailable: if attempts cannot be counted; no attempt is then made.
    """
    browser = form.browser
    facts: dict[str, object] = {"account": security_log.typed(form.email), "address": browser.address}
    known = await read(_look_up, form.email, browser.device, now)
    count = await _count_attempt(form.email, known, browser, now)
    if count is None:
        security_log.log_event("excess_rate_limit_exceeded", logging.WARNING, **facts)
        return AttemptResult(address_limited=True)
    try:
        return await _check_password(form, now, known, count, facts)
    except SQLAlchemyError:
        # The database failed, not the visitor: undo the count.
        await _uncount(count)
        if count.by_address:
            await rate_limits.undo_hit_address(rate_limits.SIGN_IN_PER_ADDRESS, browser.address)
        raise
    except Busy:
        # Keep the count by address: attempts refused by a full queue can be a flood too.
        await _uncount(count)
        security_log.log_event("excess_rate_limit_exceeded", logging.WARNING, **facts, by="queue")
        return AttemptResult(busy=True)


def _look_up(session: Session, email: str, device: str, now: datetime) -> EmailOwner | None:
    """Look up the person with this email; an unknown email runs the same statements."""
    found = service.stored_password(session, email)
    seen = known_browsers.is_known(session, found[0] if found else 0, device, now)
    return EmailOwner(found[0], found[1], seen) if found else None


async def _count_attempt(email: str, known: EmailOwner | None, browser: Browser, now: datetime) -> _AttemptCount | None:
    """Count an attempt; return None if the client's address is over its limit."""
    key, waiting = account_key(email), False
    if known and known.browser:
        key = browser_key(known.person_id, browser.device)
        allowed = await rate_limits.hit(rate_limits.SIGN_IN_PER_BROWSER, key)
        if allowed and await rate_limits.begin_attempt(key, now):
            return _AttemptCount(key, must_wait=False, by_address=False, asker=person_asker(known.person_id))
        # This browser's own failures make it wait; further attempts also count against the limit of its address.
        waiting = True
    if not await rate_limits.hit_address(rate_limits.SIGN_IN_PER_ADDRESS, browser.address):
        return None
    waiting = waiting or not await rate_limits.begin_attempt(key, now)
    return _AttemptCount(key, waiting, by_address=True, asker=client_asker(browser.address))


async def _uncount(count: _AttemptCount) -> None:
    if not count.must_wait:
        await rate_limits.undo_failure(count.key)


async def _check_password(
    form: SignInForm, now: datetime, known: EmailOwner | None, count: _AttemptCount, facts: Mapping[str, object]
) -> AttemptResult:
    correct = await passwords.matches_in_queue(known.stored if known and not count.must_wait else None, form.password, count.asker)
    if count.must_wait:
        security_log.log_event("authn_login_lock", logging.WARNING, **facts)
        return AttemptResult()
    if not correct or known is None:
        security_log.log_event("authn_login_fail", logging.WARNING, **facts, person=known.person_id if known else "unknown")
        return AttemptResult()
    result = await write(
        service.begin_sign_in,
        known.person_id,
        known.stored,
        now,
        keep=form.keep,
        browser=form.browser,
        previous=form.previous,
        rehashed=await _upgraded_hash(form.password, known.stored, count.asker),
    )
    if result.token is None and result.step is None:
        security_log.log_event("authn_login_fail", logging.WARNING, **facts, person=known.person_id)
        return AttemptResult()
    await rate_limits.reset(count.key)
    # Successful sign-ins do not count by address until one person has many of them, since each costs a comparison.
    if count.by_address and await rate_limits.hit(rate_limits.SIGN_IN_PER_PERSON, str(known.person_id), alone=True):
        await rate_limits.undo_hit_address(rate_limits.SIGN_IN_PER_ADDRESS, form.browser.address)
    event = "authn_login_success" if result.token else "authn_login_second_step"
    security_log.log_event(event, person=known.person_id, address=form.browser.address)
    return AttemptResult(result.token, result.step, renewed=result.renewed)


async def _upgraded_hash(password: str, stored: str, asker: Client) -> str | None:
    """Return a new hash if the stored one has an outdated cost; if the queue is full, leave it for a later sign-in."""
    try:
        return await passwords.hash_in_queue(password, asker) if passwords.is_outdated(stored) else None
    except Busy:
        return None


async def confirm(who: Identity, password: str, address: str, now: datetime) -> bool:
    """Return whether a signed-in person confirms a sensitive change with the correct password.

    To prevent guessing from a session left open, each session has its own growing wait, which other clients cannot trigger, and each
    person a limit in five minutes over all sessions (`CONFIRMS_PER_PERSON`).

    Args:
        who: the signed-in person.
        password: the typed password.
        address: the client's address, for the security log.
        now: the current instant.

    Raises:
        SQLAlchemyError: if the database does not answer; the failure is then not counted towards the wait.
        redis_counters.RedisUnavailable: if confirmations cannot be counted; no password is then compared.
        Busy: if the password queue is full; the failure is then not counted towards the wait.
    """
    key = f"session:{who.session}"
    facts: dict[str, object] = {"account": security_log.typed(who.email), "address": address, "person": who.person_id}
    if not await rate_limits.hit(rate_limits.CONFIRMS_PER_PERSON, str(who.person_id)):
        security_log.log_event("excess_rate_limit_exceeded", logging.WARNING, **facts)
        return False
    if not await rate_limits.begin_attempt(key, now):
        security_log.log_event("authn_login_lock", logging.WARNING, **facts)
        return False
    try:
        stored = await read(service.password_of, who.person_id)
        correct = await passwords.matches_in_queue(stored, password, person_asker(who.person_id))
    except (SQLAlchemyError, Busy):
        await rate_limits.undo_failure(key)
        raise
    if correct:
        await rate_limits.reset(key)
    else:
        security_log.log_event("authn_login_fail", logging.WARNING, **facts)
    return correct


async def count_new_password(token: str, address: str) -> bool:
    """Count a new password submitted on the page of a mailed link; return False if a limit is reached.

    Args:
        token: the token of the link, which must be valid.
        address: the client's address.

    Raises:
        redis_counters.RedisUnavailable: if it cannot be counted.
    """
    allowed = await rate_limits.hit_address(rate_limits.CHOICES_PER_ADDRESS, address)
    allowed = allowed and await rate_limits.hit(rate_limits.CHOICES_PER_LINK, token_hash(token))
    if not allowed:
        security_log.log_event("excess_rate_limit_exceeded", logging.WARNING, address=address, by="password")
    return allowed


async def _count_passkey_request(address: str) -> bool:
    """Count a request of a sign-in with a passkey; return False if the client's address is over its limit."""
    allowed = await rate_limits.hit_address(rate_limits.SIGN_IN_PER_ADDRESS, address)
    if not allowed:
        security_log.log_event("excess_rate_limit_exceeded", logging.WARNING, address=address, by="passkey")
    return allowed


async def passkey_options(token: str, address: str, now: datetime) -> str | None:
    """Return the WebAuthn request options for a sign-in with a passkey, as JSON; None if the client's address is over its limit.

    It counts as a sign-in attempt; a successful sign-in with a passkey undoes the count.
    """
    if not await _count_passkey_request(address):
        return None
    return await write(passkeys.authentication_options, passkeys.ChallengePurpose.SIGN_IN, token, now)


async def sign_in_by_passkey(answer: passkeys.Answer, keep: bool, browser: Browser, previous: str | None, now: datetime) -> AttemptResult:
    """Attempt a sign-in with a passkey; every refusal has the same result. See `service.sign_in_by_passkey`.

    Raises:
        SQLAlchemyError: if the database does not answer.
        redis_counters.RedisUnavailable: if attempts cannot be counted; no attempt is then made.
    """
    if not await _count_passkey_request(browser.address):
        return AttemptResult(address_limited=True)
    result = await write(service.sign_in_by_passkey, answer, now, keep=keep, browser=browser, previous=previous)
    if result.token is None:
        security_log.log_event("authn_login_fail", logging.WARNING, address=browser.address, by="passkey")
        return AttemptResult()
    for _ in range(2):
        await rate_limits.undo_hit_address(rate_limits.SIGN_IN_PER_ADDRESS, browser.address)
    security_log.log_event("authn_login_success", address=browser.address, by="passkey")
    return AttemptResult(result.token, renewed=result.renewed)


async def attempt_second_step(
    step: str, proof: str | passkeys.Answer, browser: Browser, previous: str | None, remember: bool, now: datetime
) -> service.SecondStepResult:
    """Attempt a second step; see `service.finish_sign_in`. A person's failures cause a growing wait across all second steps.

    A known browser has its own wait, so that an attacker who knows only the password cannot lock the person out.
    """
    found = await read(_find_second_step, step, browser.device, now)
    if found is None:
        return service.SecondStepResult(ended=True)
    pending, known = found
    key = f"code:{pending.person_id}/{browser.device}" if known else f"code:{pending.person_id}"
    if not await rate_limits.begin_attempt(key, now):
        security_log.log_event("authn_login_lock", logging.WARNING, person=pending.person_id, address=browser.address, by="code")
        return service.SecondStepResult()
    try:
        result = await write(service.finish_sign_in, step, proof, now, browser=browser, previous=previous, remember=remember)
    except SQLAlchemyError:
        await rate_limits.undo_failure(key)
        raise
    if result.token is not None:
        await rate_limits.reset(key)
        security_log.log_event("authn_login_success", person=pending.person_id, address=browser.address, by="code")
    return result


def _find_second_step(session: Session, step: str, device: str, now: datetime) -> tuple[SecondStep, bool] | None:
    """Return the open second step of a token, and whether the browser is a known browser of its person."""
    pending = two_factor.find_step(session, step, now)
    return (pending, known_browsers.is_known(session, pending.person_id, device, now)) if pending else None
