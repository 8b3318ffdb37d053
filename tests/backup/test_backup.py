"""Backup under write load, and restore: nothing is torn or lost, and people can sign in afterwards."""

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import URL, text

from odoportal.backup.backup import CannotBackUp, back_up, check, restore
from odoportal.backup.copy import copy_to
from odoportal.core import database
from odoportal.core.identity import token_hash
from odoportal.demo.data import EXAMPLE
from odoportal.importing import locks
from odoportal.importing.importer import run_import
from odoportal.rooms.signin import passwords, service
from odoportal.settings import get_settings
from tests.databases import write_sqlite

NOW = datetime(2020, 9, 24, 14, 30, tzinfo=UTC)
EMAIL, PASSWORD = "maria@transportgagnon.ca", "a long walk by the lake"


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield the address of a database with the example's data and a password for Maria."""
    (tmp_path / "data").mkdir()
    address = write_sqlite(tmp_path / "data" / "portal.db")
    for name, value in {"MODE": "demo", "DATABASE_URL": address, "DATA_DIR": str(tmp_path / "data"), "SECRET": "s" * 32}.items():
        monkeypatch.setenv(f"ODOPORTAL_{name}", value)
    get_settings.cache_clear()
    database.engine.cache_clear()
    assert run_import(EXAMPLE, now=NOW).kept
    stored = passwords.hash_password(PASSWORD)
    with database.write_session() as session:
        session.connection().execute(text("UPDATE person SET password = :stored"), {"stored": stored})
    yield address
    database.engine().dispose()


@contextmanager
def writers(path: Path, many: int = 3) -> Iterator[list[int]]:
    """Run threads that write rows in pairs, each pair in one transaction; yield the committed pairs."""
    done, pairs, started = threading.Event(), list[int](), threading.Semaphore(0)

    def write(own: int) -> None:
        with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as other:
            pair = own
            while not done.is_set():
                other.execute("BEGIN IMMEDIATE")
                for half in ("a", "b"):
                    other.execute("INSERT INTO deployment VALUES (?, '')", (f"{pair} {half}",))
                other.execute("COMMIT")
                pairs.append(pair)
                pair += many
                started.release()

    threads = [threading.Thread(target=write, args=(own,)) for own in range(many)]
    for thread in threads:
        thread.start()
    for _ in range(many * 3):
        started.acquire()
    try:
        yield pairs
    finally:
        done.set()
        for thread in threads:
            thread.join()


def pairs_in(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(path)) as found:
        return dict(found.execute("SELECT substr(name, 1, instr(name, ' ') - 1), count(*) FROM deployment GROUP BY 1"))


def can_sign_in() -> bool:
    with database.write_session() as session:
        found = service.stored_password(session, EMAIL)
        assert found
        token = service.sign_in(session, found[0], found[1], NOW) if passwords.matches(found[1], PASSWORD) else None
    assert token
    with database.engine().connect() as connection:
        who = service.resolve(connection, token_hash(token), None, NOW)
    return who is not None and who.email == EMAIL


def test_a_backup_under_write_load_is_one_moment_and_comes_back(url: str, tmp_path: Path) -> None:
    place, file = tmp_path / "data" / "portal.db", tmp_path / "nightly.db"
    with writers(place) as pairs:
        before = set(pairs)
        back_up(url, file)
        rows = back_up(url, file)
    kept = pairs_in(file)
    assert set(kept.values()) == {2}
    assert {str(pair) for pair in before} <= set(kept)
    assert (rows["invoice"], rows["deployment"]) == (1, 2 * len(kept))
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if "nightly" in path.name] == ["nightly.db"]
    with database.write_session() as session:
        session.connection().execute(text("DELETE FROM invoice_line"))
    database.engine().dispose()
    done = restore(url, file, NOW)
    assert done.rows == rows
    assert done.aside == place.with_name("portal.db.before-20200924T143000Z")
    assert done.aside
    check(place)
    assert pairs_in(place) == kept
    assert set(pairs_in(done.aside)) >= set(kept)
    database.engine.cache_clear()
    assert can_sign_in()


def test_the_old_database_is_kept_with_its_log(url: str, tmp_path: Path) -> None:
    place, file = tmp_path / "data" / "portal.db", tmp_path / "backup.db"
    back_up(url, file)
    with database.write_session() as session:
        session.connection().execute(text("INSERT INTO deployment VALUES ('late row', '')"))
    # A process that was killed leaves its log: the late row is only there.
    crashed = tmp_path / "crashed"
    for side in ("", "-wal"):
        crashed.with_name(crashed.name + side).write_bytes(place.with_name(place.name + side).read_bytes())
    database.engine().dispose()
    for side in ("", "-wal"):
        place.with_name(place.name + side).write_bytes(crashed.with_name(crashed.name + side).read_bytes())
    aside = restore(url, file, NOW).aside
    assert aside
    assert "late" in pairs_in(aside)
    assert "late" not in pairs_in(place)


def test_letters_that_were_due_are_told(url: str, tmp_path: Path) -> None:
    with database.write_session() as session:
        service.request_reset(session, EMAIL, "fr", NOW)
    back_up(url, tmp_path / "backup.db")
    database.engine().dispose()
    assert restore(url, tmp_path / "backup.db", NOW).due == 1


def test_restoring_onto_nothing(url: str, tmp_path: Path) -> None:
    back_up(url, tmp_path / "backup.db")
    fresh = f"sqlite:///{tmp_path / 'elsewhere' / 'portal.db'}"
    assert restore(fresh, tmp_path / "backup.db", NOW).aside is None
    check(tmp_path / "elsewhere" / "portal.db")


@pytest.mark.parametrize("name", ["sauvegarde #2.db", "quoi?.db", "100%25.db", "a&b=c;d.db", "l’été.db"])
def test_a_backup_may_have_any_name_in_any_folder(url: str, tmp_path: Path, name: str) -> None:
    folder = tmp_path / f"dossier {name}"
    folder.mkdir()
    rows = back_up(url, folder / name)
    assert [path.name for path in folder.iterdir()] == [name]
    elsewhere = URL.create("sqlite", database=str(folder / "data" / name)).render_as_string()
    assert restore(elsewhere, folder / name, NOW).rows == rows
    assert {path.name for path in (folder / "data").iterdir()} == {name, f"{name}.use"}
    assert back_up(elsewhere, tmp_path / "again.db") == rows
    copied = URL.create("sqlite", database=str(folder / f"copy {name}")).render_as_string()
    assert sum(copy_to(database.engine(), copied).values()) > 0
    assert (folder / f"copy {name}").is_file()


def test_a_database_without_the_portals_tables_makes_no_backup(url: str, tmp_path: Path) -> None:
    file = tmp_path / "nightly.db"
    back_up(url, file)
    before = file.read_bytes()
    for empty in ("CREATE TABLE recipes (id)", "CREATE TABLE alembic_version (version_num)", ""):
        other = tmp_path / f"other {len(empty)}.db"
        with closing(sqlite3.connect(other)) as made:
            made.execute(empty)
        with pytest.raises(CannotBackUp, match="no tables of the portal"):
            back_up(f"sqlite:///{other}", file)
    assert file.read_bytes() == before


def damaged(file: Path) -> None:
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2 : len(raw) // 2 + 20_000] = b"\xff" * 20_000
    file.write_bytes(raw)


def orphaned(file: Path) -> None:
    with closing(sqlite3.connect(file)) as found:
        found.execute("DELETE FROM account")
        found.commit()


def newer(file: Path) -> None:
    with closing(sqlite3.connect(file)) as found:
        found.execute("UPDATE alembic_version SET version_num = '9999'")
        found.commit()


def another(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as found:
        found.execute("CREATE TABLE recipes (id)")


def no_database(file: Path) -> None:
    file.write_text("number,name\n" * 100)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (damaged, "damaged"),
        (orphaned, "refers to a row that does not exist"),
        (newer, "9999"),
        (another, "not a backup of the portal"),
        (no_database, "not a readable database"),
    ],
)
def test_an_unsound_backup_touches_nothing(url: str, tmp_path: Path, spoil: object, why: str) -> None:
    file, place = tmp_path / "backup.db", tmp_path / "data" / "portal.db"
    back_up(url, file)
    spoil(file)  # type: ignore[operator]
    database.engine().dispose()
    before = place.read_bytes()
    with pytest.raises(CannotBackUp, match=why):
        restore(url, file, NOW)
    assert place.read_bytes() == before
    assert [path.name for path in place.parent.iterdir() if path.name.startswith(".") or "before" in path.name] == []


def test_a_damaged_database_makes_no_backup_and_keeps_the_last_one(url: str, tmp_path: Path) -> None:
    file, place = tmp_path / "nightly.db", tmp_path / "data" / "portal.db"
    back_up(url, file)
    before = file.read_bytes()
    database.engine().dispose()
    damaged(place)
    with pytest.raises(CannotBackUp):
        back_up(url, file)
    assert file.read_bytes() == before


def test_what_cannot_be_a_backup_is_refused(url: str, tmp_path: Path) -> None:
    place = tmp_path / "data" / "portal.db"
    for target, why in ((place, "itself"), (tmp_path, "a folder"), (tmp_path / "no" / "folder.db", "cannot be written")):
        with pytest.raises(CannotBackUp, match=why):
            back_up(url, target)
    with pytest.raises(CannotBackUp, match="itself"):
        restore(url, place, NOW)
    with pytest.raises(CannotBackUp, match="no backup at"):
        restore(url, tmp_path / "nothing", NOW)
    with pytest.raises(CannotBackUp, match="no database at"):
        back_up(f"sqlite:///{tmp_path}/nothing.db", tmp_path / "backup.db")
    for act in (back_up, lambda address, file: restore(address, file, NOW)):
        with pytest.raises(CannotBackUp, match="pg_"):
            act("postgresql+psycopg://host/name", tmp_path / "backup.db")


def test_nobody_restores_while_the_portal_serves(url: str, tmp_path: Path) -> None:
    back_up(url, tmp_path / "backup.db")
    program = (
        "import sys; from odoportal.importing import locks\nwith locks.using(sys.argv[1]):\n print('in', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", program, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as portal:
        assert portal.stdout
        assert portal.stdin
        portal.stdout.readline()
        with locks.using(url):
            pass
        with pytest.raises(locks.DatabaseInUse, match="in use"):
            restore(url, tmp_path / "backup.db", NOW)
        portal.kill()
    database.engine().dispose()
    assert restore(url, tmp_path / "backup.db", NOW).aside
    with locks.exclusive(url), pytest.raises(locks.DatabaseInUse, match="restored or moved"), locks.using(url):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_does_leaves_the_files_to_the_portals_own_user(url: str, tmp_path: Path) -> None:
    place, own = tmp_path / "data" / "portal.db", 12345
    back_up(url, tmp_path / "backup.db")
    database.engine().dispose()
    for path in (place, place.parent):
        os.chown(path, own, own)
    for left in place.parent.glob("portal.db.*"):
        left.unlink()
    restore(url, tmp_path / "backup.db", NOW)
    with locks.using(url):
        pass
    assert {path.stat().st_uid for path in place.parent.glob("portal.db*")} == {own}
