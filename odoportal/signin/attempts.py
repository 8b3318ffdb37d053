"""One try to sign in: counted, compared at the cost of one bcrypt whoever it is, logged."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from odoportal.accounts.service import email_key
from odoportal.foundation import throttle
from odoportal.foundation.database import read, write
from odoportal.foundation.identity import digest
from odoportal.signin import audit, passwords, service
from odoportal.signin.sessions import Browser


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
    """The new session's token, None when refused. `crowded`: too many failures from this client's address."""

    token: str | None = None
    crowded: bool = False


def account_key(email: str) -> str:
    """What the wait of an account is counted by, the same whether the account exists or not."""
    return digest(email_key(email[:1000]))


async def attempt(tried: Try, now: datetime) -> Outcome:
    """Sign in, or not.

    Unknown, known, disabled and waiting accounts take the same path: one look-up and one comparison. Only a crowded client address
    is refused before, which says nothing about any account.

    Raises:
        SQLAlchemyError: the database does not answer; the try is then not counted.
        sharing.RedisAway: tries cannot be counted, so none is made.
    """
    address = throttle.address_key(tried.browser.address)
    key = account_key(tried.email)
    facts: dict[str, object] = {"account": audit.typed(tried.email), "address": tried.browser.address}
    if not await throttle.hit(throttle.SIGN_IN_PER_ADDRESS, address):
        audit.tell("excess_rate_limit_exceeded", logging.WARNING, **facts)
        return Outcome(crowded=True)
    waiting = not await throttle.begin(key, now)
    try:
        return await _compared(tried, now, waiting, facts)
    except SQLAlchemyError:
        # That the database did not answer is not the visitor's failure.
        if not waiting:
            await throttle.take_back(key)
        await throttle.give_back(throttle.SIGN_IN_PER_ADDRESS, address)
        raise


async def _compared(tried: Try, now: datetime, waiting: bool, facts: Mapping[str, object]) -> Outcome:
    known = await read(service.stored_password, tried.email)
    right = await passwords.verify(known[1] if known and not waiting else None, tried.password)
    if waiting:
        audit.tell("authn_login_lock", logging.WARNING, **facts)
        return Outcome()
    if not right or known is None:
        audit.tell("authn_login_fail", logging.WARNING, **facts, person=known[0] if known else "unknown")
        return Outcome()
    person_id, stored = known
    better = await passwords.hashed(tried.password) if passwords.is_outdated(stored) else None
    token = await write(service.sign_in, person_id, stored, now, keep=tried.keep, browser=tried.browser, before=tried.before, better=better)
    if token is None:
        audit.tell("authn_login_fail", logging.WARNING, **facts, person=person_id)
        return Outcome()
    await throttle.forgive(account_key(tried.email))
    await throttle.give_back(throttle.SIGN_IN_PER_ADDRESS, throttle.address_key(tried.browser.address))
    audit.tell("authn_login_success", person=person_id, address=tried.browser.address)
    return Outcome(token)
