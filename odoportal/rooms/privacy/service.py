"""Rules of data exports (requested, made in the background, downloadable for a day) and of requests to close an account."""

import asyncio
import secrets
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete as sql_delete
from sqlalchemy import event, func, or_
from sqlalchemy import update as sql_update
from sqlmodel import Session, SQLModel, col, select

from odoportal.accounts.activity_log import Actor, record
from odoportal.accounts.models import Account, Membership, Person
from odoportal.accounts.rights import Right, may, require_right
from odoportal.core import clock, i18n, private_files
from odoportal.core.database import read_session, write_session
from odoportal.core.identity import Identity
from odoportal.jobs.schedule import Every, Job, Result
from odoportal.observability import logs
from odoportal.observability.failures import Failures
from odoportal.rooms.privacy import contents, mails
from odoportal.rooms.privacy.activity import PrivacyActivity
from odoportal.rooms.privacy.contents import Subject
from odoportal.rooms.privacy.models import ClosingRequest, DataFile
from odoportal.settings import get_settings

KEEP_FILES = timedelta(hours=24)
RETRY_AFTER = timedelta(minutes=30)
"""The time after which a file is tried again if its worker died. Longer than making any file takes."""
MOST_TRIES = 3


def folder() -> Path:
    """Return the folder of the exported files, shared by all workers of the portal."""
    return get_settings().data_dir / "people"


def latest(session: Session, who: Identity) -> DataFile | None:
    """Return the person's newest data export in this account, whatever its status."""
    mine = DataFile.person_id == who.person_id, DataFile.account_id == who.account.account_id
    return session.exec(select(DataFile).where(*mine).order_by(col(DataFile.id).desc())).first()


def ready(session: Session, who: Identity, now: datetime) -> DataFile | None:
    """Return the person's newest data export if it can be downloaded: it is ready, not expired, and the role still allows its contents."""
    file = latest(session, who)
    if file is None or file.ready_at is None or file.ready_at + KEEP_FILES <= now:
        return None
    return file if not file.whole or may(who.account.role, Right.ACCOUNT) else None


def request_export(session: Session, who: Identity, language: str, now: datetime) -> None:
    """Request a data export. Does nothing while one is pending; one that is ready will be replaced by the new one."""
    before = latest(session, who)
    if before is None or before.ready_at is not None or before.failed_at is not None:
        session.add(DataFile(person_id=who.person_id, account_id=who.account.account_id, language=language, asked_at=now, next_try_at=now))
        logs.log_security_event("personal_data_requested", person=who.person_id, account=who.account.account_id)


def _claim_next(now: datetime) -> tuple[DataFile, Subject] | None:
    """Claim the next due data export for one try, and return it with its subject; None if none is due, or if it is given up.

    It is given up after `MOST_TRIES` tries, or if the person is no longer a member or is disabled.
    """
    due = select(DataFile).where(col(DataFile.next_try_at) <= now).order_by(col(DataFile.id)).limit(1)
    with read_session() as session:
        if session.exec(due).first() is None:
            return None
    with write_session() as session:
        file = session.exec(due.with_for_update(skip_locked=True)).first()
        if file is None:
            return None
        person = session.get_one(Person, file.person_id)
        member = session.get(Membership, (file.account_id, file.person_id))
        if file.tries >= MOST_TRIES or member is None or person.disabled_at is not None:
            file.next_try_at, file.failed_at = None, now
            return None
        file.tries, file.next_try_at, file.whole = file.tries + 1, now + RETRY_AFTER, may(member.role, Right.ACCOUNT)
        return file, Subject(file.person_id, person.email, file.account_id, file.whole)


def make_next(now: datetime) -> bool:
    """Make the next due data export and mail its person. Return whether there was one to make.

    Raises:
        Exception: it could not be made; it is tried again after `RETRY_AFTER`, `MOST_TRIES` times in all.
    """
    found = _claim_next(now)
    if found is None:
        return False
    file, subject = found
    private_files.make_folder(folder())
    name = secrets.token_hex(20)
    path, unfinished = folder() / name, folder() / f"{name}.new"
    private_files.make_file(unfinished)
    with unfinished.open("wb") as out, read_session() as session, i18n.use(file.language):
        contents.write(session, SQLModel.metadata.sorted_tables, subject, contents.readme_head(session, subject, file.asked_at), out)
    unfinished.replace(path)
    with write_session() as session:
        updated = session.exec(
            sql_update(DataFile)
            .where(col(DataFile.id) == file.id, col(DataFile.ready_at).is_(None), col(DataFile.tries) == file.tries)
            .values(next_try_at=None, ready_at=clock.now(), name=name, size=path.stat().st_size)
        )
        if updated.rowcount:
            mails.data_ready(session, session.get_one(Person, file.person_id), session.get_one(Account, file.account_id), clock.now())
    return True


async def _make_files() -> Result:
    """Make the requested data exports, one after the other."""
    made, failures, more = 0, Failures("data files"), True
    while more:
        more = False
        with failures.skip("the next file"):
            more = await asyncio.to_thread(make_next, clock.now())
            made += more
    return Result(made, len(failures.items))


def _count_due(session: Session, now: datetime) -> int:
    due = select(func.count()).select_from(DataFile).where(col(DataFile.next_try_at) <= now)
    return session.connection().scalar(due) or 0


JOB = Job("data files", Every(timedelta(seconds=5)), _make_files, _count_due, only_if_waiting=True)
"""Makes the files of people's data that were asked for."""


def purge_expired(session: Session, now: datetime) -> int:
    """Delete expired and failed exports; return the number of deleted rows.

    Once that is committed, files without a row that are older than `RETRY_AFTER` are deleted.
    """
    old = or_(col(DataFile.ready_at) <= now - KEEP_FILES, col(DataFile.failed_at) <= now - KEEP_FILES)
    gone = session.exec(sql_delete(DataFile).where(old)).rowcount
    known = set(session.exec(select(DataFile.name).where(DataFile.name != "")))

    def delete_files(_session: Session) -> None:
        _delete_files(known, now)

    event.listen(session, "after_commit", delete_files, once=True)
    return gone


def _delete_files(known: set[str], now: datetime) -> None:
    failures = Failures("purge")
    for path in folder().glob("*"):
        with failures.skip(path.name), suppress(FileNotFoundError):
            # Another worker may purge at the same moment.
            if path.name not in known and now.timestamp() - path.stat().st_mtime > RETRY_AFTER.total_seconds():
                path.unlink()


def closing_request(session: Session, account_id: int) -> tuple[ClosingRequest, str] | None:
    """Return the request to close an account and the name of the person who made it; None if there is none."""
    found = session.exec(
        select(ClosingRequest, Person.name)
        .join(Person, col(Person.id) == col(ClosingRequest.person_id))
        .where(ClosingRequest.account_id == account_id)
    ).first()
    return (found[0], found[1]) if found else None


def ask_to_close(session: Session, who: Identity, by: Actor, reason: str, now: datetime) -> None:
    """Record a request to close the account and mail Odotrack. Does nothing if there is a request already.

    Raises:
        NotAllowed: the person is no longer an owner.
    """
    require_right(session, who, Right.ACCOUNT)
    if session.get(ClosingRequest, who.account.account_id) is None:
        session.add(ClosingRequest(account_id=who.account.account_id, person_id=who.person_id, asked_at=now))
        mails.closing_requested(session, who, reason, now)
        record(session, PrivacyActivity.CLOSING_REQUESTED, by, now, account_id=who.account.account_id, about=who.account.number)


def keep_open(session: Session, who: Identity, by: Actor, now: datetime) -> None:
    """Withdraw the request to close the account and mail Odotrack. Does nothing if there is none.

    Raises:
        NotAllowed: the person is no longer an owner.
    """
    require_right(session, who, Right.ACCOUNT)
    if session.exec(sql_delete(ClosingRequest).where(col(ClosingRequest.account_id) == who.account.account_id)).rowcount:
        mails.closing_taken_back(session, who, now)
        record(session, PrivacyActivity.CLOSING_WITHDRAWN, by, now, account_id=who.account.account_id, about=who.account.number)
