"""The rules of one's own data: asked for, made in the background, fetched for a day; and the wish to close an account."""

import asyncio
import logging
import secrets
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete as sql_delete
from sqlalchemy import or_
from sqlalchemy import update as sql_update
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, SQLModel, col, select

from odoportal.accounts.activity_log import ActivityKind, Actor, record
from odoportal.accounts.models import Account, Membership, Person
from odoportal.accounts.rights import Right, may, require_right
from odoportal.core import clock, i18n, private_files
from odoportal.core.database import reading, writing
from odoportal.core.i18n import Formats, t
from odoportal.core.identity import Identity
from odoportal.forms.handling import FormResult
from odoportal.observability import logs
from odoportal.rooms.privacy import contents, mails
from odoportal.rooms.privacy.contents import Subject
from odoportal.rooms.privacy.models import ClosingRequest, DataFile
from odoportal.settings import get_settings

KEPT = timedelta(hours=24)
CLAIM = timedelta(minutes=30)
"""Longer than any file takes: whoever died with one leaves it to the next after this time."""
MOST_TRIES = 3
POLL_SECONDS = 5.0
_log = logging.getLogger("odoportal.privacy")


def folder() -> Path:
    """Where such files lie; all workers of a portal share it."""
    return get_settings().data_dir / "people"


def latest(session: Session, who: Identity) -> DataFile | None:
    """The person's newest file in this account, whatever has become of it."""
    mine = DataFile.person_id == who.person_id, DataFile.account_id == who.account.account_id
    return session.exec(select(DataFile).where(*mine).order_by(col(DataFile.id).desc())).first()


def ready(session: Session, who: Identity, now: datetime) -> DataFile | None:
    """The person's newest file if it can be fetched: it is there, a day has not passed, and the role still covers what is in it."""
    file = latest(session, who)
    if file is None or file.ready_at is None or file.ready_at + KEPT <= now:
        return None
    return file if not file.whole or may(who.account.role, Right.ACCOUNT) else None


def ask(session: Session, who: Identity, language: str, now: datetime) -> FormResult:
    """Ask for the file. While one is in the making, nothing more is asked for; one that is ready is replaced by the new one."""
    before = latest(session, who)
    if before is None or before.ready_at is not None or before.failed_at is not None:
        session.add(DataFile(person_id=who.person_id, account_id=who.account.account_id, language=language, asked_at=now, next_try_at=now))
        logs.log_security_event("personal_data_asked", person=who.person_id, account=who.account.account_id)
    return FormResult()


def _claimed(now: datetime) -> tuple[DataFile, Subject] | None:
    """The next file that is due, with whose it is, for this try only; one that cannot be made any more is given up."""
    due = select(DataFile).where(col(DataFile.next_try_at) <= now).order_by(col(DataFile.id)).limit(1)
    with reading() as session:
        if session.exec(due).first() is None:
            return None
    with writing() as session:
        file = session.exec(due.with_for_update(skip_locked=True)).first()
        if file is None:
            return None
        person = session.get_one(Person, file.person_id)
        member = session.get(Membership, (file.account_id, file.person_id))
        if file.tries >= MOST_TRIES or member is None or person.disabled_at is not None:
            file.next_try_at, file.failed_at = None, now
            return None
        file.tries, file.next_try_at, file.whole = file.tries + 1, now + CLAIM, may(member.role, Right.ACCOUNT)
        return file, Subject(file.person_id, person.email, file.account_id, file.whole)


def _about(session: Session, file: DataFile) -> list[str]:
    person, account = session.get_one(Person, file.person_id), session.get_one(Account, file.account_id)
    moment = Formats(person.region).moment(file.asked_at)
    whose = t("What ODOportal keeps on {name} ({email})", name=person.name, email=person.email)
    account_too = t("and on the account {account} ({number})", account=account.name, number=account.number)
    return [f"{whose} {account_too}" if file.whole else whose, t("Asked for: {moment}", moment=moment)]


def make_next(now: datetime) -> bool:
    """Make the next file that is due and write to its person; False where none is.

    Raises:
        OSError, SQLAlchemyError: when it cannot be made; it is tried again after `CLAIM`, three times in all.
    """
    found = _claimed(now)
    if found is None:
        return False
    file, subject = found
    private_files.folder(folder())
    name = secrets.token_hex(20)
    place, unfinished = folder() / name, folder() / f"{name}.new"
    private_files.file(unfinished)
    with unfinished.open("wb") as out, reading() as session, i18n.use(file.language):
        contents.write(session, SQLModel.metadata.sorted_tables, subject, _about(session, file), out)
    unfinished.replace(place)
    with writing() as session:
        done = session.exec(
            sql_update(DataFile)
            .where(col(DataFile.id) == file.id, col(DataFile.ready_at).is_(None), col(DataFile.tries) == file.tries)
            .values(next_try_at=None, ready_at=clock.now(), name=name, size=place.stat().st_size)
        )
        if done.rowcount:
            mails.data_ready(session, session.get_one(Person, file.person_id), session.get_one(Account, file.account_id), clock.now())
    return True


async def make_files(poll: float = POLL_SECONDS) -> None:
    """Make what was asked for, one file after the other, until cancelled."""
    while True:
        made = False
        try:
            made = await asyncio.to_thread(make_next, clock.now())
        except (OSError, SQLAlchemyError) as why:
            _log.error("a file of somebody's data could not be made: %s", type(why).__name__)
        if not made:
            await asyncio.sleep(poll)


def purge_expired(session: Session, now: datetime) -> int:
    """Forget files whose day has passed, and take away what lies in their folder without being known. Returns how many were forgotten."""
    old = or_(col(DataFile.ready_at) <= now - KEPT, col(DataFile.failed_at) <= now - KEPT)
    gone = session.exec(sql_delete(DataFile).where(old)).rowcount
    known = set(session.exec(select(DataFile.name).where(DataFile.name != "")))
    for path in folder().glob("*"):
        age = now.timestamp() - path.stat().st_mtime
        if path.name not in known and age > CLAIM.total_seconds():
            path.unlink(missing_ok=True)
    return gone


def closing(session: Session, account_id: int) -> tuple[ClosingRequest, str] | None:
    """The wish to close an account, and the name of who had it."""
    found = session.exec(
        select(ClosingRequest, Person.name)
        .join(Person, col(Person.id) == col(ClosingRequest.person_id))
        .where(ClosingRequest.account_id == account_id)
    ).first()
    return (found[0], found[1]) if found else None


def ask_to_close(session: Session, who: Identity, by: Actor, reason: str, now: datetime) -> FormResult:
    """Note the wish and tell Odotrack; asked again, nothing more happens.

    Raises:
        NotAllowed: the person is no owner any more.
    """
    require_right(session, who, Right.ACCOUNT)
    if session.get(ClosingRequest, who.account.account_id) is None:
        session.add(ClosingRequest(account_id=who.account.account_id, person_id=who.person_id, asked_at=now))
        mails.closing_asked(session, who, reason, now)
        record(session, ActivityKind.CLOSING_ASKED, by, now, account_id=who.account.account_id, about=who.account.number)
    return FormResult(t("Odotrack has been told. We will write to you within one working day."))


def keep_open(session: Session, who: Identity, by: Actor, now: datetime) -> FormResult:
    """Take the wish back and tell Odotrack.

    Raises:
        NotAllowed: the person is no owner any more.
    """
    require_right(session, who, Right.ACCOUNT)
    if session.exec(sql_delete(ClosingRequest).where(col(ClosingRequest.account_id) == who.account.account_id)).rowcount:
        mails.closing_taken_back(session, who, now)
        record(session, ActivityKind.CLOSING_TAKEN_BACK, by, now, account_id=who.account.account_id, about=who.account.number)
    return FormResult(t("The account stays open."))
