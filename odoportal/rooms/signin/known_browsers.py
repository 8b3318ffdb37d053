"""Known browsers of a person, the sign-in history of 90 days, open sessions, and the mail about a new browser.

A browser is recognized by its own cookie, a random token of which only the hash is stored, and not by its network address.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import delete as sql_delete
from sqlalchemy import update as sql_update
from sqlmodel import Session, col, select

from odoportal.accounts.activity_log import Actor, record
from odoportal.accounts.models import Person
from odoportal.core.i18n import t
from odoportal.rooms.signin import email_change, links, lockout, mails, sessions
from odoportal.rooms.signin.activity import SigninActivity
from odoportal.rooms.signin.models import BrowserSession, KnownBrowser, LinkKind, SignIn, SignInMethod
from odoportal.rooms.signin.sessions import Browser

HISTORY = timedelta(days=90)
KNOWN_FOR = timedelta(days=365)
MOST_SHOWN = 25
_BROWSERS = {
    "Edg": "Edge",
    "OPR": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "Firefox": "Firefox",
    "FxiOS": "Firefox",
    "CriOS": "Chrome",
    "Chrome": "Chrome",
    "Safari": "Safari",
}
_SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "CrOS": "ChromeOS",
    "Macintosh": "Mac",
    "Linux": "Linux",
}


def browser_label(agent: str) -> str:
    """Describe a browser by its User-Agent header, in the current language. The header is unverified."""
    browser = next((name for mark, name in _BROWSERS.items() if f"{mark}/" in agent or f"{mark}A/" in agent), "")
    system = next((name for mark, name in _SYSTEMS.items() if mark in agent), "")
    if browser and system:
        return t("{browser} on {system}", browser=browser, system=system)
    return browser or system or t("Unknown browser")


def method_labels() -> dict[str, str]:
    """Return the label of each sign-in method, in the current language."""
    return {
        SignInMethod.PASSWORD: t("Password"),
        SignInMethod.CODE: t("Password and code of the app"),
        SignInMethod.RECOVERY: t("Password and recovery code"),
        SignInMethod.BOTH: t("Password and passkey"),
        SignInMethod.PASSKEY: t("Passkey"),
    }


def is_known(session: Session, person_id: int, device: str, now: datetime) -> bool:
    """Return whether a person has signed in within the last year in the browser whose cookie has the hash `device`."""
    known = session.exec(select(KnownBrowser.seen_at).where(KnownBrowser.person_id == person_id, KnownBrowser.hash == device)).first()
    return known is not None and now < known + KNOWN_FOR and device != ""


def choose_token(session: Session, person_id: int, browser: Browser, now: datetime, renew: bool = False) -> tuple[Browser, bool]:
    """Decide which known-browser token a browser has from now on. Call it before `record_sign_in`.

    A token that is not known for this person is never adopted, because an attacker may have planted it. A browser that becomes trusted
    (`renew`) always gets a new token, because an attacker may have copied the old one. All rows of the old token move to the new one, also
    those of other people, since several people may use one browser.

    Returns:
        The browser to store, and whether it must be given the new token.
    """
    if not browser.successor or (not renew and is_known(session, person_id, browser.device, now)):
        return browser, False
    if browser.device:
        session.exec(sql_update(KnownBrowser).where(col(KnownBrowser.hash) == browser.device).values(hash=browser.successor))
    return replace(browser, device=browser.successor), True


def record_sign_in(session: Session, person: Person, browser: Browser, now: datetime, method: SignInMethod) -> None:
    """Record a sign-in and its browser; mail a notice if the browser is new, unless the person has never signed in before."""
    assert person.id is not None  # noqa: S101 - read from the database
    # Not by the history, which a person who stays away for 90 days no longer has.
    first = person.signed_in_at is None
    agent, address = browser.agent[:200], browser.address[:45]
    session.add(SignIn(person_id=person.id, at=now, browser=agent, address=address, way=method.value))
    known = session.get(KnownBrowser, (person.id, browser.device))
    if known is not None and now < known.seen_at + KNOWN_FOR:
        known.seen_at = now
        return
    session.merge(KnownBrowser(person_id=person.id, hash=browser.device, seen_at=now))
    session.flush()
    if not first:
        seed = links.create_alert(session, person, now)
        mails.new_browser(session, person, browser_label, agent, address, seed, now)


def history(session: Session, person_id: int, now: datetime) -> Sequence[SignIn]:
    """Return up to 25 sign-ins of the last 90 days, newest first."""
    found = select(SignIn).where(SignIn.person_id == person_id, col(SignIn.at) > now - HISTORY)
    return session.exec(found.order_by(col(SignIn.at).desc(), col(SignIn.id).desc()).limit(MOST_SHOWN)).all()


def open_sessions(session: Session, person_id: int, now: datetime) -> Sequence[BrowserSession]:
    """Return a person's sessions that have not expired, most recently used first."""
    found = session.exec(
        select(BrowserSession).where(BrowserSession.person_id == person_id).order_by(col(BrowserSession.seen_at).desc())
    ).all()
    return [row for row in found if not sessions.is_expired(row.created_at, row.seen_at, row.keep, now)]


def end(session: Session, person_id: int, key: str, by: Actor, now: datetime) -> bool:
    """End one of a person's sessions by its key (`sessions.key_of`); return False if the person has no such session."""
    for row in session.exec(select(BrowserSession).where(BrowserSession.person_id == person_id)).all():
        if sessions.key_of(row.hash) == key:
            sessions.sign_out(session, row.hash)
            record(session, SigninActivity.SESSION_ENDED, by, now, subject_id=person_id, about=row.browser)
            return True
    return False


def end_others(session: Session, person_id: int, here: str, by: Actor, now: datetime) -> int:
    """End every session of a person except the one with the hash `here`; return their number."""
    ended = sessions.end_all(session, person_id, except_hash=here)
    if ended:
        record(session, SigninActivity.SESSION_ENDED, by, now, subject_id=person_id, after={"ended": str(ended)})
    return ended


def report_intruder(session: Session, token: str, now: datetime, address: str) -> Person | None:
    """Handle the report that another person signed in, by the link of the mail about a new browser.

    Restore an email that was changed since, forget all known browsers, and lock the intruder out (`lockout.lock_out`), which mails a reset
    link.

    Returns:
        The person, or None if the link is no longer valid.
    """
    reported = links.use(session, token, LinkKind.ALERT, now)
    if reported is None or reported.id is None:
        return None
    person = session.get_one(Person, reported.id, with_for_update=True)
    by = Actor(person.id, address)
    email_change.restore(session, person, links.email_of(session, token), by, now)
    session.exec(sql_delete(KnownBrowser).where(col(KnownBrowser.person_id) == person.id))
    record(session, SigninActivity.DISOWNED, by, now, subject_id=person.id)
    lockout.lock_out(session, person, links.created_at(session, token), by, now)
    return person


def purge_expired(session: Session, now: datetime) -> int:
    """Delete sign-ins after 90 days, and known browsers without a sign-in for a year; return the number of rows."""
    old = session.exec(sql_delete(SignIn).where(col(SignIn.at) <= now - HISTORY)).rowcount
    return old + session.exec(sql_delete(KnownBrowser).where(col(KnownBrowser.seen_at) <= now - KNOWN_FOR)).rowcount
