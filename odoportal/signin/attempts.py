"""One try to sign in: counted, compared at the cost of one bcrypt whoever it is, logged."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from odoportal.accounts.service import email_key
from odoportal.foundation import throttle
from odoportal.foundation.database import read, write
from odoportal.foundation.identity import digest
from odoportal.signin import audit, passkeys, passwords, second, service
from odoportal.signin.sessions import Browser

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

    `crowded`: too many failures from this client's address.
    """

    token: str | None = None
    step: str | None = None
    crowded: bool = False


def account_key(email: str) -> str:
    """What the wait of an account is counted by, the same whether the account exists or not."""
    return f"account:{digest(email_key(email[:1000]))}"


async def attempt(tried: Try, now: datetime) -> Outcome:
    """Sign in, or not.

    Unknown, known, disabled and waiting accounts take the same path: one look-up and one comparison. Only a crowded client address
    is refused before, which says nothing about any account.

    Raises:
        SQLAlchemyError: the database does not answer; the try is then not counted.
        sharing.RedisAway: tries cannot be counted, so none is made.
    """

    async def compare(waiting: bool, facts: Mapping[str, object]) -> Outcome:
        return await _compared(tried, now, waiting, facts)

    return await _counted(tried.email, tried.browser.address, now, compare) or Outcome(crowded=True)


async def confirm(email: str, password: str, address: str, now: datetime) -> bool:
    """Whether somebody who is signed in knows the password, asked again before something that matters.

    It is counted with the tries to sign in, so that a session that was left open is no place to guess a password at.

    Args:
        email: of the signed-in person.
        password: what was typed.
        address: the client's.
        now: the instant.

    Raises:
        SQLAlchemyError, sharing.RedisAway: as `attempt`.
    """

    async def compare(waiting: bool, facts: Mapping[str, object]) -> bool:
        known = await _verified(email, password, waiting, facts)
        if known is not None:
            await _forgive(email, address)
        return known is not None

    return bool(await _counted(email, address, now, compare))


async def _counted(email: str, address: str, now: datetime, compare: Callable[[bool, Mapping[str, object]], Awaitable[T]]) -> T | None:
    """Count a try, then `compare(waiting, facts)`; None for a crowded client address."""
    facts: dict[str, object] = {"account": audit.typed(email), "address": address}
    key = account_key(email)
    if not await throttle.hit_address(throttle.SIGN_IN_PER_ADDRESS, address):
        audit.tell("excess_rate_limit_exceeded", logging.WARNING, **facts)
        return None
    waiting = not await throttle.begin(key, now)
    try:
        return await compare(waiting, facts)
    except SQLAlchemyError:
        # That the database did not answer is not the visitor's failure.
        if not waiting:
            await throttle.take_back(key)
        await throttle.give_back_address(throttle.SIGN_IN_PER_ADDRESS, address)
        raise


async def _verified(email: str, password: str, waiting: bool, facts: Mapping[str, object]) -> tuple[int, str] | None:
    """The person's number and stored password where the typed one is right and may be tried now."""
    known = await read(service.stored_password, email)
    right = await passwords.verify(known[1] if known and not waiting else None, password)
    if waiting:
        audit.tell("authn_login_lock", logging.WARNING, **facts)
    elif not right or known is None:
        audit.tell("authn_login_fail", logging.WARNING, **facts, person=known[0] if known else "unknown")
    else:
        return known
    return None


async def _forgive(email: str, address: str) -> None:
    await throttle.forgive(account_key(email))
    await throttle.give_back_address(throttle.SIGN_IN_PER_ADDRESS, address)


async def _compared(tried: Try, now: datetime, waiting: bool, facts: Mapping[str, object]) -> Outcome:
    known = await _verified(tried.email, tried.password, waiting, facts)
    if known is None:
        return Outcome()
    person_id, stored = known
    better = await passwords.hashed(tried.password) if passwords.is_outdated(stored) else None
    begun = await write(
        service.begin_sign_in, person_id, stored, now, keep=tried.keep, browser=tried.browser, before=tried.before, better=better
    )
    if begun.token is None and begun.step is None:
        audit.tell("authn_login_fail", logging.WARNING, **facts, person=person_id)
        return Outcome()
    await _forgive(tried.email, tried.browser.address)
    event = "authn_login_success" if begun.token else "authn_login_second_step"
    audit.tell(event, person=person_id, address=tried.browser.address)
    return Outcome(begun.token, begun.step)


async def _within(address: str) -> bool:
    """Count a step of a sign-in with a passkey; False for a crowded client address."""
    within = await throttle.hit_address(throttle.SIGN_IN_PER_ADDRESS, address)
    if not within:
        audit.tell("excess_rate_limit_exceeded", logging.WARNING, address=address, by="passkey")
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
    token = await write(service.sign_in_by_passkey, answer, now, keep=keep, browser=browser, before=before)
    if token is None:
        audit.tell("authn_login_fail", logging.WARNING, address=browser.address, by="passkey")
        return Outcome()
    for _ in range(2):
        await throttle.give_back_address(throttle.SIGN_IN_PER_ADDRESS, browser.address)
    audit.tell("authn_login_success", address=browser.address, by="passkey")
    return Outcome(token)


async def finish(
    step: str, proof: str | passkeys.Answer, browser: Browser, before: str | None, remember: bool, now: datetime
) -> service.Stepped:
    """Try a second step; see `service.finish_sign_in`. What is wrong of a person brings a growing wait over all steps."""
    asked = await read(second.asked, step, now)
    if asked is None:
        return service.Stepped(over=True)
    key = f"code:{asked.person_id}"
    if not await throttle.begin(key, now):
        audit.tell("authn_login_lock", logging.WARNING, person=asked.person_id, address=browser.address, by="code")
        return service.Stepped()
    try:
        done = await write(service.finish_sign_in, step, proof, now, browser=browser, before=before, remember=remember)
    except SQLAlchemyError:
        await throttle.take_back(key)
        raise
    if done.token is not None:
        await throttle.forgive(key)
        audit.tell("authn_login_success", person=asked.person_id, address=browser.address, by="code")
    return done
