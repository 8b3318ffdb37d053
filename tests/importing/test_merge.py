"""An import in many batches: only one runs at a time, it is completed after a kill, and other writers never wait long."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from odoportal.accounts.models import Account
from odoportal.core import database
from odoportal.core.deployment import Deployment
from odoportal.importing import locks, merge
from odoportal.importing.importer import Options, finish_killed_import, run_import
from odoportal.importing.merge import DatabaseChanged
from odoportal.importing.validate import Progress
from odoportal.rooms.invoices.models import Invoice, InvoiceLine
from tests.importing import big

NOW = datetime(2020, 9, 24, 14, 30, tzinfo=UTC)
INVOICES = 60


class Killed(BaseException):
    """An exception that stands for the end of the process."""


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Return a folder with 60 invoices of 3 lines and 2 taxes, and their accounts."""
    big.write(tmp_path / "many", INVOICES, taxes=True)
    return tmp_path / "many"


def counts() -> tuple[int, int]:
    with database.read_session() as session:
        found = [session.connection().scalar(text(f"SELECT count(*) FROM {name}")) for name in ("invoice", "invoice_line")]
    return found[0] or 0, found[1] or 0


def mark() -> str:
    with database.read_session() as session:
        found = session.get(Deployment, merge.UNFINISHED_IMPORT)
    return found.value if found else ""


def killed_at(batch: int) -> Progress:
    def tell(what: str, done: int, _of: int) -> None:
        if (what, done) == ("Writing", batch):
            raise Killed

    return tell


def test_in_batches_the_same_comes_in_as_at_once(many: Path, everything: Callable[[], Any]) -> None:
    report = run_import(many, now=NOW, options=Options(batch_rows=10))
    assert report.kept, report.bad
    assert (report.files["invoices.csv"].new, report.files["taxes.csv"].new) == (INVOICES, 2 * INVOICES)
    assert counts() == (INVOICES, 3 * INVOICES)
    assert mark() == ""
    before = everything()
    again = run_import(many, now=NOW)
    assert (again.files["invoices.csv"].same, again.files["invoice_lines.csv"].same) == (INVOICES, 3 * INVOICES)
    assert everything() == before


@pytest.mark.parametrize("batch", [1, 13, 30])
def test_an_import_that_was_killed_is_finished_by_the_next_one(many: Path, tmp_path: Path, batch: int, small: Any, take: Any) -> None:
    with pytest.raises(Killed):
        run_import(many, now=NOW, options=Options(batch_rows=10, progress=killed_at(batch)))
    invoices, lines = counts()
    assert invoices < INVOICES
    assert lines == 3 * invoices
    assert mark().endswith(f" {batch}")
    told: list[str] = []
    assert take(small, report=told.append).kept
    assert told[0] == "Finishing an interrupted import."
    assert counts() == (INVOICES + 1, 3 * INVOICES + 1)
    assert mark() == ""
    assert list((tmp_path / "data" / "import").iterdir()) == []


def test_it_is_finished_when_the_portal_starts(many: Path) -> None:
    with pytest.raises(Killed):
        run_import(many, now=NOW, options=Options(batch_rows=10, progress=killed_at(20)))
    told: list[str] = []
    finish_killed_import(report=told.append)
    assert (counts(), mark()) == ((INVOICES, 3 * INVOICES), "")
    finish_killed_import(report=told.append)
    assert told.count("Finishing an interrupted import.") == 1


def test_one_that_was_killed_before_its_first_batch_leaves_nothing(many: Path, tmp_path: Path, everything: Callable[[], Any]) -> None:
    before = everything()

    def tell(what: str, _done: int, _of: int) -> None:
        if what == "Checking":
            raise Killed

    with pytest.raises(Killed):
        run_import(many, now=NOW, options=Options(batch_rows=10, progress=tell))
    assert everything() == before
    assert list((tmp_path / "data" / "import").iterdir()) == []


def test_one_whose_working_file_is_gone_is_told(many: Path, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        run_import(many, now=NOW, options=Options(batch_rows=10, progress=killed_at(20)))
    for left in (tmp_path / "data" / "import").iterdir():
        left.unlink()
    told: list[str] = []
    assert run_import(many, now=NOW, report=told.append).kept
    assert "working file is missing" in told[0]
    assert (counts(), mark()) == ((INVOICES, 3 * INVOICES), "")


def test_a_process_that_is_really_killed_leaves_whole_documents(many: Path, tmp_path: Path) -> None:
    program = f"""
import os, signal
from datetime import UTC, datetime
from pathlib import Path
from odoportal.importing.importer import Options, run_import
def tell(what, done, of):
    if (what, done) == ("Writing", 20):
        os.kill(os.getpid(), signal.SIGKILL)
run_import(Path({str(many)!r}), now=datetime(2020, 9, 24, tzinfo=UTC), options=Options(batch_rows=10, progress=tell))
"""
    ended = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    invoices, lines = counts()
    assert 0 < invoices < INVOICES
    assert lines == 3 * invoices
    finish_killed_import()
    assert counts() == (INVOICES, 3 * INVOICES)


def test_people_are_invited_once_though_it_was_killed(tmp_path: Path) -> None:
    folder = tmp_path / "people"
    folder.mkdir()
    people = "".join(f"A,p{place}@example.com,P{place},owner\n" for place in range(30))
    (folder / "accounts.csv").write_text("number,name\nA,Alpha\n")
    (folder / "people.csv").write_text(f"account,email,name,role\n{people}")
    calls: list[int] = []
    how = Options(batch_rows=10, notify=True, progress=killed_at(2))
    with pytest.raises(Killed):
        run_import(folder, now=NOW, invite=lambda _session, person, _account: calls.append(person), options=how)
    finish_killed_import(lambda _session, person, _account: calls.append(person), report=lambda _line: None)
    assert sorted(calls) == sorted(set(calls))
    assert len(calls) == 30


def test_two_imports_at_once_do_not_mix(many: Path, everything: Callable[[], Any]) -> None:
    before = everything()
    with locks.importing(database.engine()), pytest.raises(locks.DatabaseInUse, match="Another import"):
        run_import(many, now=NOW)
    assert everything() == before
    assert run_import(many, now=NOW).kept


def test_a_database_that_changed_meanwhile_stops_it_with_one_sentence(many: Path, tmp_path: Path) -> None:
    accounts = "number,name\n" + "".join(f"A{place},x\n" for place in range(100))
    (tmp_path / "accounts.csv").write_text(accounts)
    run_import(tmp_path / "accounts.csv", now=NOW)
    (many / "accounts.csv").unlink()

    def tell(what: str, done: int, _of: int) -> None:
        if (what, done) == ("Writing", 1):
            with database.write_session() as session:
                session.connection().execute(text("UPDATE account SET number = 'gone' WHERE number = 'A0'"))

    with pytest.raises(DatabaseChanged, match=r"1 of \d+ parts are kept"):
        run_import(many, now=NOW, options=Options(batch_rows=10, progress=tell))
    invoices, lines = counts()
    assert lines == 3 * invoices
    assert mark() == ""


@pytest.mark.sqlite("its one writer at a time")
def test_another_writer_gets_its_turn_between_two_batches(many: Path, tmp_path: Path) -> None:
    found: list[int] = []

    def tell(what: str, _done: int, _of: int) -> None:
        if what != "Writing":
            return
        # Without a timeout: the lock must be free at this moment, however fast or busy the machine is.
        with closing(sqlite3.connect(tmp_path / "portal.db", timeout=0, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("INSERT OR REPLACE INTO deployment VALUES ('neighbour', '')")
            other.execute("COMMIT")
        found.append(counts()[0])

    assert run_import(many, now=NOW, options=Options(batch_rows=50, progress=tell)).kept
    assert any(0 < count < INVOICES for count in found)


def test_a_small_account_comes_in_at_once(tmp_path: Path, many: Path) -> None:
    seen: list[set[int]] = []

    def tell(what: str, _done: int, _of: int) -> None:
        if what == "Writing":
            with database.read_session() as session:
                found = session.connection().execute(text("SELECT account_id, count(*) FROM invoice GROUP BY 1"))
                seen.append({many for account, many in found if account != 1})

    assert run_import(many, now=NOW, options=Options(batch_rows=12, progress=tell)).kept
    assert len(seen) > 10
    assert set().union(*seen) == {1}


def test_the_working_file_is_only_for_its_owner(many: Path, tmp_path: Path) -> None:
    modes: list[int] = []

    def tell(_what: str, _done: int, _of: int) -> None:
        modes.extend(path.stat().st_mode & 0o077 for path in (tmp_path / "data" / "import").iterdir())

    run_import(many, now=NOW, options=Options(progress=tell))
    assert set(modes) == {0}


def test_thousands_of_bad_rows_are_counted_and_not_all_told(take: Any, rows: Any) -> None:
    files = {"accounts.csv": "number,name\n" + ",x\n" * 5000}
    report = take(files)
    assert (len(report.bad), report.faults, report.bad_rows) == (1000, 5000, {"accounts.csv": 5000})
    assert "and 4000 more" in list(report.lines())
    assert rows(Account) == rows(Invoice) == rows(InvoiceLine) == []
