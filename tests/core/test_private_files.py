"""Files with customers' data can be read by the portal's own user only, whatever the umask of the process."""

import os
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from odoportal.cli import commands
from odoportal.commands.checks import run_checks
from odoportal.core import database, private_files
from odoportal.demo import setup
from odoportal.frontend.builder import root
from odoportal.mail import outbox
from odoportal.migrations import migrate
from odoportal.rooms.cards.sandbox import Sandbox
from odoportal.settings import get_settings

pytestmark = pytest.mark.sqlite("files are SQLite's")
EXAMPLE = root() / "odoportal" / "importing" / "example"


@pytest.fixture(autouse=True, params=[0o022, 0o000], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """Set the usual umask, or the one that allows everything, and restore it afterwards."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a folder that does not exist yet, which the settings use for all files."""
    made = tmp_path / "made"
    for name, value in {
        "MODE": "production",
        "DATABASE_URL": f"sqlite:///{made}/portal.db",
        "PUBLIC_URL": "https://portal.example.com",
        "SECRET": "s" * 40,
        "SMTP_URL": "smtp://127.0.0.1:9",
        "MAIL_FROM": "no-reply@example.com",
        "DATA_DIR": str(made / "below" / "data"),
    }.items():
        monkeypatch.setenv(f"ODOPORTAL_{name}", value)
    get_settings.cache_clear()
    database.engine.cache_clear()
    yield made
    database.engine().dispose()
    get_settings.cache_clear()
    database.engine.cache_clear()


def wide(place: Path) -> list[str]:
    """Return mode and path of the files and folders that others can access; fail when no files were created."""
    made = [place, *place.rglob("*")]
    assert len(made) > 1
    return [f"{path.stat().st_mode:o} {path.relative_to(place)}" for path in made if path.stat().st_mode & 0o077]


def call(*arguments: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root())
        commands.main(arguments, standalone_mode=False)


def test_the_files_of_the_commands(place: Path, tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    for file in EXAMPLE.glob("*.csv"):
        text = file.read_text("utf-8")
        bad = "10418,nobody,Nobody,king,fr\n" if file.name == "people.csv" else ""
        (files / file.name).write_text(text + bad, "utf-8")
    private_files.make_folder(place)
    try:
        call("import", str(files), "--keep-good", str(place / "out" / "left"))
    except SystemExit as ended:
        assert ended.code == 1
    call("backup", str(place / "backup.db"))
    database.engine().dispose()
    call("restore", str(place / "backup.db"))
    call("copy-to", f"sqlite:///{place}/copy.db")
    names = {path.name for path in place.rglob("*")}
    assert {"portal.db", "portal.db.use", "backup.db", "copy.db", "left"} <= names
    assert wide(place) == []


def test_the_database_and_what_sqlite_puts_beside_it(place: Path) -> None:
    place.mkdir(0o700)
    migrate(database.engine())
    with database.write_session() as session:
        session.connection().exec_driver_sql("CREATE TABLE one (a)")
        assert {path.name for path in place.iterdir()} == {"portal.db", "portal.db-wal", "portal.db-shm"}
        assert wide(place) == []


def test_a_wide_database_is_told_and_narrowed(place: Path) -> None:
    place.mkdir(0o700)
    migrate(database.engine())
    with database.engine().connect():
        # The files beside the database exist only while a connection is open.
        for path in place.iterdir():
            path.chmod(0o644)
        database.engine.cache_clear()
        said = {finding.name: finding for finding in run_checks(get_settings())}
        assert not said["customers' files"].good
        assert "portal.db-wal" in said["customers' files"].found
        # The checks have opened the database, which restricts the permissions of its files.
        assert wide(place) == []
        said = {finding.name: finding for finding in run_checks(get_settings())}
        assert said["customers' files"].good


def test_what_a_demonstration_makes(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ODOPORTAL_")]:
        # The demonstration overwrites these variables: set them here so that pytest restores them.
        monkeypatch.setenv(name, os.environ[name])
    setup.prepare(place / "deep" / "data", 8000, setup.DAY)
    with Sandbox(place / "other" / "data", "s", "")._database():
        assert wide(place) == []
    message = EmailMessage()
    message["To"], message["Message-ID"] = "a@example.com", "<12345678@example.com>"
    outbox.file_transport(place / "some" / "mail")(message)
    assert len(list(place.rglob("*.eml"))) == 1
    assert wide(place) == []


def test_a_file_that_is_there_is_narrowed_and_keeps_what_it_holds(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("kept")
    file.chmod(0o666)
    private_files.make_file(file)
    assert (file.stat().st_mode & 0o777, file.read_text()) == (0o600, "kept")


def test_a_folder_cannot_be_where_a_file_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OSError):
            private_files.make_folder(path)
