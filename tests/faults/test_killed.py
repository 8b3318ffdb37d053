"""A process that is killed between any two steps of its work: nothing half done, nothing lost, and the next one ends it.

Each job is done in a child of the test, which dies (SIGKILL) before its n-th step: a statement, a commit, or something done to a file.
"""

import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlmodel import Session, col, select

from odoportal import migrations
from odoportal.exchange import backup
from odoportal.exchange.importer import run_import
from odoportal.foundation import database, mail
from odoportal.foundation.database import make_engine
from tests.exchange import big
from tests.test_migrations import FILLED, to

pytestmark = pytest.mark.sqlite("copies of its file")
NOW = datetime(2020, 9, 24, 14, 30, tzinfo=UTC)
POINTS = 12
ACCOUNT = "INSERT INTO account (number, name, created_at)"
ON_FILES = {"open", "os.rename", "os.remove", "os.link", "os.mkdir", "shutil.copyfile", "sqlite3.connect"}
Job = Callable[[], object]


def _child(job: Job, step: Callable[[], None]) -> None:
    def on_file(name: str, _args: object) -> None:
        if name in ON_FILES:
            step()

    # The parent's connections are not the child's.
    database.engine.cache_clear()
    sys.addaudithook(on_file)
    event.listen(Engine, "before_cursor_execute", lambda *_: step())
    event.listen(Engine, "commit", lambda *_: step())
    job()


def done_until(job: Job, last: int) -> int | None:
    """Do a job in a child that dies before the step after `last`; the steps that it took where it came to its end."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        taken = 0

        def step() -> None:
            nonlocal taken
            if taken == last:
                os.kill(os.getpid(), signal.SIGKILL)
            taken += 1

        failed = 1
        try:
            _child(job, step)
            os.write(writing, str(taken).encode())
            failed = 0
        finally:
            os._exit(failed)
    os.close(writing)
    with os.fdopen(reading) as said:
        answer = said.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in {0, -signal.SIGKILL}, f"the job failed by itself: {status}"
    return int(answer) if status == 0 else None


def points(steps: int) -> Iterator[int]:
    """Steps to die before, spread over all of them, the last ones among them."""
    stride = max(1, steps // POINTS)
    return iter(sorted({*range(0, steps, stride), *range(max(0, steps - 4), steps)}))


def sound(path: Path) -> None:
    with closing(sqlite3.connect(path)) as found:
        assert found.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert found.execute("PRAGMA foreign_key_check").fetchall() == []


@pytest.mark.case("F-13")
def test_a_migration_is_done_or_not_begun_and_the_next_start_ends_it(tmp_path: Path) -> None:
    before = make_engine(f"sqlite:///{tmp_path / 'before.db'}")
    to("0002", before)
    with before.begin() as connection:
        for statement in FILLED.strip().split(";")[:-1]:
            connection.exec_driver_sql(statement)
    before.dispose()

    def fresh() -> Engine:
        for left in tmp_path.glob("portal.db*"):
            left.unlink()
        shutil.copyfile(tmp_path / "before.db", tmp_path / "portal.db")
        return make_engine(f"sqlite:///{tmp_path / 'portal.db'}")

    def up() -> None:
        engine = make_engine(f"sqlite:///{tmp_path / 'portal.db'}")
        migrations.migrate(engine)
        engine.dispose()

    def schema(engine: Engine) -> set[str]:
        with engine.connect() as connection:
            return set(connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").scalars())

    old = schema(before)
    before.dispose()
    fresh().dispose()
    steps = done_until(up, -1)
    assert steps
    engine = make_engine(f"sqlite:///{tmp_path / 'portal.db'}")
    wanted = schema(engine)
    engine.dispose()
    seen = set()
    for last in points(steps):
        fresh().dispose()
        assert done_until(up, last) is None
        engine = make_engine(f"sqlite:///{tmp_path / 'portal.db'}")
        found = schema(engine)
        assert found in (old, wanted), f"half a schema before step {last}"
        seen.add(found == wanted)
        migrations.migrate(engine)
        assert schema(engine) == wanted
        assert migrations.at_head(engine)
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM invoice").scalar_one() == 2
        engine.dispose()
        sound(tmp_path / "portal.db")
    assert False in seen


@pytest.mark.case("F-18")
def test_every_letter_arrives_and_only_the_one_under_way_can_arrive_twice(stored: Engine, tmp_path: Path) -> None:
    arrived = tmp_path / "arrived"

    def transport(message: Any) -> None:
        # Opening and closing the file are steps: one before it has arrived, and what follows is after.
        with arrived.open("a") as box:
            box.write(f"{message['Message-ID']}\n")

    file = Path(str(stored.url.database))
    for place in range(3):
        with database.writing() as session:
            mail.post(session, to=f"p{place}@example.com", language="en", subject="Hello", text="t", html="h", now=NOW)
    stored.dispose()
    database.engine().dispose()
    with closing(sqlite3.connect(file)) as whole:
        whole.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copyfile(file, tmp_path / "template")

    def fresh() -> None:
        database.engine().dispose()
        for left in file.parent.glob(f"{file.name}*"):
            left.unlink()
        shutil.copyfile(tmp_path / "template", file)
        arrived.unlink(missing_ok=True)

    steps = done_until(lambda: mail.deliver_due(transport, NOW), -1)
    assert steps
    assert len(arrived.read_text().split()) == 3
    twice = 0
    for last in points(steps):
        fresh()
        assert done_until(lambda: mail.deliver_due(transport, NOW), last) is None
        database.engine.cache_clear()
        mail.deliver_due(transport, NOW + mail.CLAIM)
        came = arrived.read_text().split()
        assert len(set(came)) == 3, f"a letter is lost before step {last}"
        assert len(came) <= 4
        twice += len(came) == 4
        with database.reading() as session:
            assert session.exec(select(mail.Mail).where(col(mail.Mail.sent_at).is_(None))).all() == []
        sound(file)
    # A letter that had left when its worker died goes out again, under the same name: one that was lost would be worse.
    assert twice


def database_of(path: Path, accounts: int) -> None:
    engine = make_engine(f"sqlite:///{path}")
    migrations.migrate(engine)
    with engine.begin() as connection:
        for number in range(accounts):
            connection.exec_driver_sql(f"{ACCOUNT} VALUES (?, 'A', '2020-01-01 00:00:00')", (str(number),))
    engine.dispose()


def accounts_in(path: Path) -> int:
    sound(path)
    return backup.counts(path)["account"]


@pytest.mark.case("F-11")
def test_a_backup_is_the_last_whole_one_or_the_new(tmp_path: Path) -> None:
    url, target = f"sqlite:///{tmp_path / 'portal.db'}", tmp_path / "night.db"
    database_of(tmp_path / "portal.db", 2)
    database_of(tmp_path / "last.db", 1)
    shutil.copyfile(tmp_path / "last.db", target)
    steps = done_until(lambda: backup.back_up(url, target), -1)
    assert steps
    seen = set()
    for last in points(steps):
        shutil.copyfile(tmp_path / "last.db", target)
        assert done_until(lambda: backup.back_up(url, target), last) is None
        seen.add(accounts_in(target))
        assert backup.back_up(url, target)["account"] == 2
        assert not list(tmp_path.glob(".night*"))
    assert seen == {1, 2}


@pytest.mark.case("F-11")
def test_a_restore_leaves_the_old_database_whole_in_one_place_or_the_other(tmp_path: Path) -> None:
    place, source = tmp_path / "data" / "portal.db", tmp_path / "night.db"
    place.parent.mkdir()
    url = f"sqlite:///{place}"
    database_of(tmp_path / "old.db", 3)
    # A portal that was killed leaves what it wrote last in the log beside the file.
    written = sqlite3.connect(tmp_path / "old.db")
    written.execute(f"{ACCOUNT} VALUES ('9', 'A', '2020-01-01 00:00:00')")
    written.commit()
    database_of(source, 1)

    def fresh() -> None:
        for left in place.parent.iterdir():
            left.unlink()
        for side in ("", "-wal", "-shm"):
            shutil.copyfile(tmp_path / f"old.db{side}", place.with_name(place.name + side))

    fresh()
    steps = done_until(lambda: backup.restore(url, source, NOW), -1)
    assert steps
    seen = set()
    for last in points(steps):
        fresh()
        assert done_until(lambda: backup.restore(url, source, NOW), last) is None
        # Looked at in copies, since looking writes the log into the file.
        looked = tmp_path / "looked"
        shutil.copytree(place.parent, looked)
        kept = [looked / place.name, *(f for f in looked.glob("*.before-*Z"))]
        found = [accounts_in(file) for file in kept]
        assert 4 in found, f"the old database is nowhere whole before step {last}: {found}"
        seen.add(found[0])
        shutil.rmtree(looked)
        assert backup.restore(url, source, NOW.replace(hour=20)).rows["account"] == 1
        assert accounts_in(place) == 1
    written.close()
    assert {1, 4} <= seen


@pytest.mark.case("F-12")
def test_an_import_of_one_transaction_is_all_there_or_nothing(stored: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODOPORTAL_DATA_DIR", str(tmp_path / "data"))
    big.write(tmp_path / "many", 8, taxes=True)
    file = Path(str(stored.url.database))
    stored.dispose()
    shutil.copyfile(file, tmp_path / "template")

    def take() -> object:
        return run_import(tmp_path / "many", now=NOW)

    def counted() -> tuple[int, int]:
        sound(file)
        rows = backup.counts(file)
        return rows["invoice"], rows["invoice_line"]

    steps = done_until(take, -1)
    assert steps
    whole = counted()
    assert whole == (8, 24)
    for last in points(steps):
        for left in file.parent.glob(f"{file.name}*"):
            left.unlink()
        shutil.copyfile(tmp_path / "template", file)
        ended = done_until(take, last)
        assert counted() in ({whole} if ended else {(0, 0), whole})
        database.engine.cache_clear()
        with Session(database.engine()):
            take()
        database.engine().dispose()
        assert counted() == whole
