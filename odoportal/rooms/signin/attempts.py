"""One try to sign in: counted, compared at the cost of one bcrypt whoever it is, logged.

Tries are counted by the email that was typed, and by the client's address. A browser that has signed in for the person before is counted
by itself (OWASP, Device Cookies): what strangers try never makes it wait, and it has a growing wait of its own.
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
    """What came with the form. `before` is the hash of the session the browser had."""

    email: str
    password: str
    keep: bool
    browser: Browser
    before: str | None


@dataclass(frozen=True)
class Outcome:
    """The new session's token, or that of the second step it takes; neither when refused.

    `crowded`: too many failures from this client's address. `busy`: too many sign in at this moment, and nothing was compared.
    `renewed`: the browser is known by its new token from now on.
    """

    token: str | None = None
    step: str | None = None
    crowded: bool = False
    busy: bool = False
    renewed: bool = False


@dataclass(frozen=True)
class Known:
    """Who an email belongs to, and whether the browser has signed in for that person before."""

    person_id: int
    stored: str
    browser: bool


@dataclass(frozen=True)
class _Place:
    """How a try is counted: the key of its wait, whether it must wait, by address or not, and its place in the queue."""

    key: str
    waiting: bool
    by_address: bool
    asker: Asker


def account_key(email: str) -> str:
    """What the wait of an account is counted by, the same whether the account exists or not."""
    return f"account:{digest(email_key(email[:1000]))}"


def browser_key(person_id: int, device: str) -> str:
    """Return what the wait of a known browser is counted by, given the hash of its cookie."""
    return f"browser:{person_id}/{device}"


def person_asker(person_id: int) -> Asker:
    """Return the place in the queue of somebody who is signed in."""
    return Asker(f"person {person_id}", first=True)


def client_asker(address: str) -> Asker:
    """Return the place in the queue of whoever is not known: by the widest network that one subscriber may have."""
    return Asker(rate_limits.networks(address)[-1])


async def attempt(tried: Try, now: datetime) -> Outcome:
    """Sign in, or not.

    Unknown, known, disabled and waiting accounts take the same path: one look-up and one comparison. Only a crowded client address
    is refused before, which says nothing about any account.

    Raises:
        SQLAlchemyError: the database does not answer; the try is then not counted.
        sharing.RedisAway: tries cannot be counted, so none is made.
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
        # That the database did not answer is not the visitor's failure.
        await _uncount(place)
        if place.by_address:
            await rate_limits.give_back_address(rate_limits.SIGN_IN_PER_ADDRESS, browser.address)
        raise
    except Busy:
        # It stays counted by address: a flood of tries that are not made is a flood, too.
        await _uncount(place)
        security_log.log_event("excess_rate_limit_exceeded", logging.WARNING, **facts, by="queue")
        return Outcome(busy=True)


def _look_up(session: Session, email: str, device: str, now: datetime) -> Known | None:
    """Whose email it is. The same statements run for an unknown one."""
    found = service.stored_password(session, email)
    seen = known_browsers.is_known(session, found[0] if found else 0, device, now)
    return Known(found[0], found[1], seen) if found else None


async def _place(email: str, known: Known | None, browser: Browser, now: datetime) -> _Place | None:
    """Count a try; None for a crowded client address."""
    key, waiting = account_key(email), False
    if known and known.browser:
        key = browser_key(known.person_id, browser.device)
        within = await rate_limits.hit(rate_limits.SIGN_IN_PER_BROWSER, key)
        if within and await rate_limits.begin(key, now):
            return _Place(key, waiting=False, by_address=False, asker=person_asker(known.person_id))
        # It waits for what was tried in this very browser, and costs no more than a stranger may.
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
    # Beyond so many sign-ins of one person, those that succeed count by address as well: each costs a comparison.
    if place.by_address and await rate_limits.hit(rate_limits.SIGN_IN_PER_PERSON, str(known.person_id), alone=True):
        await rate_limits.give_back_address(rate_limits.SIGN_IN_PER_ADDRESS, tried.browser.address)
    event = "authn_login_success" if begun.token else "authn_login_second_step"
    security_log.log_event(event, person=known.person_id, address=tried.browser.address)
    return Outcome(begun.token, begun.step, renewed=begun.renewed)


async def _better(password: str, stored: str, asker: Asker) -> str | None:
    """A new stored value where the old one is of a lower cost; it is made another time where too many sign in."""
    try:
        return await passwords.hashed(password, asker) if passwords.is_outdated(stored) else None
    except Busy:
        return None


async def confirm(who: Identity, password: str, address: str, now: datetime) -> bool:
    """Whether somebody who is signed in knows the password, asked again before something that matters.

    A session that was left open is no place to guess a password at: each has a growing wait of its own, which no stranger can bring about,
    and a person has so many in five minutes over all sessions.

    Args:
        who: the signed-in person.
        password: what was typed.
        address: the client's, for the log.
        now: the instant.

    Raises:
        SQLAlchemyError: the database does not answer; the try is then not counted.
        sharing.RedisAway: tries cannot be counted, so none is made.
        Busy: too much waits already; the wait is not counted.
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
    """Count a try of a new password on the page of a mailed link; False where there were too many.

    Args:
        token: of the link, which is known to be open.
        address: the client's.

    Raises:
        sharing.RedisAway: it cannot be counted.
    """
    within = await rate_limits.hit_address(rate_limits.CHOICES_PER_ADDRESS, address)
    within = within and await rate_limits.hit(rate_limits.CHOICES_PER_LINK, digest(token))
    if not within:
        security_log.log_event("excess_rate_limit_exceeded", logging.WARNING, address=address, by="password")
    return within


async def _within(address: str) -> bool:
    """Count a step of a sign-in with a passkey; False for a crowded client address."""
    within = await rate_limits.hit_address(rate_limits.SIGN_IN_PER_ADDRESS, address)
    if not within:
        security_log.log_event("excess_rate_limit_exceeded", logging.WARNING, address=address, by="passkey")
    return within


async def passkey_task(token: str, address: str, now: datetime) -> str | None:
    """What a browser is to do to sign in with a passkey, as JSON; None for a crowded client address.

    It is counted with the tries to sign in, since without it there is none; one that succeeds gives it back.
    """
    if not await _within(address):
        return None
    return await write(passkeys.ask, passkeys.For.SIGN_IN, token, now)


async def by_passkey(answer: passkeys.Answer, keep: bool, browser: Browser, before: str | None, now: datetime) -> Outcome:
    """Sign in with a passkey, or not; see `service.sign_in_by_passkey`. Whatever is wrong, the answer is the same.

    Raises:
        SQLAlchemyError, sharing.RedisAway: as `attempt`.
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
    """Try a second step; see `service.finish_sign_in`. What is wrong of a person brings a growing wait over all steps.

    A browser that has signed in for the person before is counted by itself: who has the password, and no more, keeps nobody out.
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
    """The open second step of a token, and whether the browser has signed in for its person before."""
    asked = two_factor.asked(session, step, now)
    return (asked, known_browsers.is_known(session, asked.person_id, device, now)) if asked else None
