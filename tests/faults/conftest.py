"""Fixtures for faults: a portal whose database files, connections and disk a test can break."""

import resource
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.server import Portal, running

SIDES = ("", "-wal", "-shm")


@dataclass(frozen=True)
class FaultyPortal:
    """A running portal, and the file with the pragma that its connections execute."""

    portal: Portal
    pragma_file: Path

    @property
    def database(self) -> Path:
        """The path of the database file."""
        return self.portal.data / "odoportal.db"

    def _move(self, away: bool) -> None:
        aside = self.database.with_name("aside.db")
        for side in SIDES:
            pair = [path.with_name(path.name + side) for path in (self.database, aside)]
            source, target = pair if away else reversed(pair)
            if source.exists():
                source.rename(target)

    @contextmanager
    def missing(self) -> Iterator[None]:
        """Move the database's files away."""
        self._move(away=True)
        try:
            yield
        finally:
            assert not self.database.exists(), "an empty database was made in the place of the one that is gone"
            self._move(away=False)

    @contextmanager
    def damaged(self) -> Iterator[None]:
        """Replace the database by one whose pages are garbage after the first few."""
        self._move(away=True)
        raw = bytearray(self.database.with_name("aside.db").read_bytes())
        raw[3 * 4096 :] = b"\xa5" * (len(raw) - 3 * 4096)
        self.database.write_bytes(raw)
        try:
            yield
        finally:
            for side in SIDES:
                self.database.with_name(self.database.name + side).unlink(missing_ok=True)
            self._move(away=False)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold a write lock from another connection."""
        with closing(sqlite3.connect(self.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")

    @contextmanager
    def full(self) -> Iterator[None]:
        """Let no file grow beyond its first byte, neither the database's log (WAL) nor the portal's own."""
        before = resource.prlimit(self.portal.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        try:
            yield
        finally:
            resource.prlimit(self.portal.pid, resource.RLIMIT_FSIZE, before)

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Make every connection refuse to write from its next checkout on."""
        self.pragma_file.write_text("query_only=ON")
        try:
            yield
        finally:
            self.pragma_file.unlink()

    def query(self, statement: str) -> list[tuple[object, ...]]:
        """Return the rows of a statement on the portal's own database."""
        with closing(sqlite3.connect(self.database, isolation_level=None)) as found:
            return found.execute(statement).fetchall()

    def age_sessions(self) -> None:
        """Set the last activity of every session back by two minutes, so that the next click is recorded."""
        with closing(sqlite3.connect(self.database, isolation_level=None)) as found:
            found.execute("UPDATE browser_session SET seen_at = datetime(seen_at, '-2 minutes')")


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyPortal]:
    """Yield one portal for the tests of a module; each test undoes its faults."""
    folder = tmp_path_factory.mktemp("faults")
    pragma_file = folder / "orders"
    with running(folder / "data", program=(sys.executable, "-m", "tests.faults.injected", str(pragma_file))) as started:
        yield FaultyPortal(started, pragma_file)
