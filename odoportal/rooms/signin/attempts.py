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
from odoportal.core.identity import Identity, digest
from odoportal.limits import rate_limits
from odoportal.limits.work_queue import Asker, Busy
from odoportal.rooms.signin import known_browsers, passkeys, passwords, security_log, service, two_factor
from odoportal.rooms.signin.models import SecondStep
from odoportal.rooms.signin.sessions import Browser

T = TypeVar("T")


@dataclass(frozen=True)
class Try:
    """A submitted sign-in form. `before` is the hash of the session the browser already had."""

    email: str
    password: str
    keep: bool
    browser: Browser
    before: str | None


@dataclass(frozen=True)
class Outcome:
    """The result of a sign-in attempt; without `token` and `step` it is refused.

    Attributes:
        token: the token of the new session.
        step: the token of the second step that must be passed first.
        crowded: whether the client's address has reached its limit of attempts.
        busy: whether the password queue is full; no password was compared.
        renewed: whether the browser must store its new known-browser token.
    """

    token: str | None = None
    step: str | None = None
    crowded: bool = False
    busy: bool = False
    renewed: bool = False


@dataclass(frozen=True)
class Known:
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
class _Place:
    """How an attempt is counted.

    Attributes:
        key: the key of the growing wait.
        waiting: whether the attempt falls within a wait and must be refused.
        by_address: whether the attempt also counts against the client's address.
        asker: the attempt's client in the password queue.
    """

    key: str
    waiting: bool
    by_address: bool
    asker: Asker


def account_key(email: str) -> str:
    """Return the key by which the wait of an email is counted, whether a person has this email or not."""
    return f"account:{digest(email_key(email[:1000]))}"


def browser_key(person_id: int, device: str) -> str:
    """Return the key by which the wait of a known browser is counted; `device` is the hash of its cookie."""
    return f"browser:{person_id}/{device}"


def person_asker(person_id: int) -> Asker:
    """Return the queue client of a signed-in person or a known browser; it has priority."""
    return Asker(f"person {person_id}", first=True)


def client_asker(address: str) -> Asker:
    """Return the queue client of an anonymous visitor: the widest network that one subscriber may have."""
    return Asker(rate_limits.networks(address)[-1])


async def attempt(tried: Try, now: datetime) -> Outcome:
    """Attempt a sign-in with email and password.

    Unknown, known, disabled and waiting emails take the same path: one lookup and one comparison. Only a client address over its limit
    is refused earlier, which reveals nothing about any person.

    Raises:
        SQLAlchemyError: if the database does not answer; the attempt is then not counted.
        redis_counters.RedisAway: if attempts cannot be counted; no attempt is then made.
    """
    browser = tried.browser
    facts: dict[str, object] = {"account": security_log.typed(tried.email), "address": browser.address}
    known = await read(_look_up, tried.email, browser.device, now)
    place = await _place(tried.email, known, browser, now)
    if place is None:
        security_log.log_event("excess_rate_limit_exceeded", logging.WARNING, **facts)
        return Outcome(crowded=True)
    try:
        return await _compared(tried, now, known, place, facts)
    except SQLAlchemyError:
        # The database failed, not the visitor: undo the count.
        await _uncount(place)
        if place.by_address:
            await rate_limits.give_back_address(rate_limits.SIGN_IN_PER_ADDRESS, browser.address)
        raise
    except Busy:
        # Keep the count by address: attempts refused by a full queue can be a flood too.
        await _uncount(place)
        security_log.log_event("excess_rate_limit_exceeded", logging.WARNING, **facts, by="queue")
        return Outcome(busy=True)


def _look_up(session: Session, email: str, device: str, now: datetime) -> Known | None:
    """Look up the person with this email; an unknown email runs the same statements."""
    found = service.stored_password(session, email)
    seen = known_browsers.is_known(session, found[0] if found else 0, device, now)
    return Known(found[0], found[1], seen) if found else None


async def _place(email: str, known: Known | None, browser: Browser, now: datetime) -> _Place | None:
    """Count an attempt; return None if the client's address is over its limit."""
    key, waiting = account_key(email), False
    if known and known.browser:
        key = browser_key(known.person_id, browser.device)
        within = await rate_limits.hit(rate_limits.SIGN_IN_PER_BROWSER, key)
        if within and await rate_limits.begin(key, now):
            return _Place(key, waiting=False, by_address=False, asker=person_asker(known.person_id))
        # This browser's own failures make it wait; further attempts also count against the limit of its address.
        waiting = True
    if not await rate_limits.hit_address(rate_limits.SIGN_IN_PER_ADDRESS, browser.address):
        return None
    waiting = waiting or not await rate_limits.begin(key, now)
    return _Place(key, waiting, by_address=True, asker=client_asker(browser.address))


async def _uncount(place: _Place) -> None:
    if not place.waiting:
        await rate_limits.take_back(place.key)


async def _compared(tried: Try, now: datetime, known: Known | None, place: _Place, facts: Mapping[str, object]) -> Outcome:
    right = await passwords.verify(known.stored if known and not place.waiting else None, tried.password, place.asker)
    if place.waiting:
        security_log.log_event("authn_login_lock", logging.WARNING, **facts)
        return Outcome()
    if not right or known is None:
        security_log.log_event("authn_login_fail", logging.WARNING, **facts, person=known.person_id if known else "unknown")
        return Outcome()
    begun = await write(
        service.begin_sign_in,
        known.person_id,
        known.stored,
        now,
        keep=tried.keep,
        browser=tried.browser,
        before=tried.before,
        better=await _better(tried.password, known.stored, place.asker),
    )
    if begun.token is None and begun.step is None:
        security_log.log_event("authn_login_fail", logging.WARNING, **facts, person=known.person_id)
        return Outcome()
    await rate_limits.forgive(place.key)
    # Successful sign-ins do not count by address until one person has many of them, since each costs a comparison.
    if place.by_address and await rate_limits.hit(rate_limits.SIGN_IN_PER_PERSON, str(known.person_id), alone=True):
        await rate_limits.give_back_address(rate_limits.SIGN_IN_PER_ADDRESS, tried.browser.address)
    event = "authn_login_success" if begun.token else "authn_login_second_step"
    security_log.log_event(event, person=known.person_id, address=tried.browser.address)
    return Outcome(begun.token, begun.step, renewed=begun.renewed)


async def _better(password: str, stored: str, asker: Asker) -> str | None:
    """Return a new hash if the stored one has an outdated cost; if the queue is full, leave it for a later sign-in."""
    try:
        return await passwords.hashed(password, asker) if passwords.is_outdated(stored) else None
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
        redis_counters.RedisAway: if confirmations cannot be counted; no password is then compared.
        Busy: if the password queue is full; the failure is then not counted towards the wait.
    """
    key = f"session:{who.session}"
    facts: dict[str, object] = {"account": security_log.typed(who.email), "address": address, "person": who.person_id}
    if not await rate_limits.hit(rate_limits.CONFIRMS_PER_PERSON, str(who.person_id)):
        security_log.log_event("excess_rate_limit_exceeded", logging.WARNING, **facts)
        return False
    if not await rate_limits.begin(key, now):
        security_log.log_event("authn_login_lock", logging.WARNING, **facts)
        return False
    try:
        stored = await read(service.password_of, who.person_id)
        right = await passwords.verify(stored, password, person_asker(who.person_id))
    except (SQLAlchemyError, Busy):
        await rate_limits.take_back(key)
        raise
    if right:
        await rate_limits.forgive(key)
    else:
        security_log.log_event("authn_login_fail", logging.WARNING, **facts)
    return right


async def may_choose(token: str, address: str) -> bool:
    """Count a new password submitted on the page of a mailed link; return False if a limit is reached.

    Args:
        token: the token of the link, which must be valid.
        address: the client's address.

    Raises:
        redis_counters.RedisAway: if it cannot be counted.
    """
    within = await rate_limits.hit_address(rate_limits.CHOICES_PER_ADDRESS, address)
    within = within and await rate_limits.hit(rate_limits.CHOICES_PER_LINK, digest(token))
    if not within:
        security_log.log_event("excess_rate_limit_exceeded", logging.WARNING, address=address, by="password")
    return within


async def _within(address: str) -> bool:
    """Count a request of a sign-in with a passkey; return False if the client's address is over its limit."""
    within = await rate_limits.hit_address(rate_limits.SIGN_IN_PER_ADDRESS, address)
    if not within:
        security_log.log_event("excess_rate_limit_exceeded", logging.WARNING, address=address, by="passkey")
    return within


async def passkey_task(token: str, address: str, now: datetime) -> str | None:
    """Return the WebAuthn request options for a sign-in with a passkey, as JSON; None if the client's address is over its limit.

    It counts as a sign-in attempt; a successful sign-in with a passkey undoes the count.
    """
    if not await _within(address):
        return None
    return await write(passkeys.ask, passkeys.For.SIGN_IN, token, now)


async def by_passkey(answer: passkeys.Answer, keep: bool, browser: Browser, before: str | None, now: datetime) -> Outcome:
    """Attempt a sign-in with a passkey; every refusal has the same result. See `service.sign_in_by_passkey`.

    Raises:
        SQLAlchemyError: if the database does not answer.
        redis_counters.RedisAway: if attempts cannot be counted; no attempt is then made.
    """
    if not await _within(browser.address):
        return Outcome(crowded=True)
    begun = await write(service.sign_in_by_passkey, answer, now, keep=keep, browser=browser, before=before)
    if begun.token is None:
        security_log.log_event("authn_login_fail", logging.WARNING, address=browser.address, by="passkey")
        return Outcome()
    for _ in range(2):
        await rate_limits.give_back_address(rate_limits.SIGN_IN_PER_ADDRESS, browser.address)
    security_log.log_event("authn_login_success", address=browser.address, by="passkey")
    return Outcome(begun.token, renewed=begun.renewed)


async def finish(
    step: str, proof: str | passkeys.Answer, browser: Browser, before: str | None, remember: bool, now: datetime
) -> service.Stepped:
    """Attempt a second step; see `service.finish_sign_in`. A person's failures cause a growing wait across all second steps.

    A known browser has its own wait, so that an attacker who knows only the password cannot lock the person out.
    """
    found = await read(_asked, step, browser.device, now)
    if found is None:
        return service.Stepped(over=True)
    asked, known = found
    key = f"code:{asked.person_id}/{browser.device}" if known else f"code:{asked.person_id}"
    if not await rate_limits.begin(key, now):
        security_log.log_event("authn_login_lock", logging.WARNING, person=asked.person_id, address=browser.address, by="code")
        return service.Stepped()
    try:
        done = await write(service.finish_sign_in, step, proof, now, browser=browser, before=before, remember=remember)
    except SQLAlchemyError:
        await rate_limits.take_back(key)
        raise
    if done.token is not None:
        await rate_limits.forgive(key)
        security_log.log_event("authn_login_success", person=asked.person_id, address=browser.address, by="code")
    return done


def _asked(session: Session, step: str, device: str, now: datetime) -> tuple[SecondStep, bool] | None:
    """Return the open second step of a token, and whether the browser is a known browser of its person."""
    asked = two_factor.asked(session, step, now)
    return (asked, known_browsers.is_known(session, asked.person_id, device, now)) if asked else None
