"""The command line: what it refuses, in one sentence, and what it sets up."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text

from odoportal import cli, demonstration
from odoportal.foundation import database, deployment
from odoportal.migrations import migrate
from odoportal.settings import get_settings

GOOD = {
    "ODOPORTAL_PUBLIC_URL": "https://portal.example.com",
    "ODOPORTAL_SECRET": "s" * 32,
    "ODOPORTAL_SMTP_URL": "smtp://127.0.0.1:9",
}
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    kept = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("ODOPORTAL_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    get_settings.cache_clear()
    database.engine.cache_clear()
    yield
    os.environ.clear()
    os.environ.update(kept)
    get_settings.cache_clear()
    database.engine.cache_clear()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["odoportal", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out, err

    return call


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/portal.db"
    for name, value in {**GOOD, "ODOPORTAL_DATABASE_URL": url}.items():
        monkeypatch.setenv(name, value)
    return url


def one_sentence(err: str) -> bool:
    return err.count("\n") == 1 and "Traceback" not in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["--nonsense"],
        ["demo", "--port", "x"],
        ["demo", "--port", "0"],
        ["demo", "--port", "65536"],
        ["demo", "--today", "2020-02-30"],
        ["demo", "--today", "yesterday"],
        ["demo", "extra"],
        ["demo", "--data"],
        ["run", "--port", "-1"],
        ["import"],
        ["import", "no-such-folder"],
        ["user", "nonsense"],
        ["user", "invite"],
        ["user", "invite", "a@example.com"],
        ["user", "invite", "a@example.com", "--account", "1042", "--role", "king"],
        ["check", "extra"],
    ],
)
def test_a_bad_argument_is_one_sentence_and_code_2(run: Run, arguments: list[str]) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert one_sentence(err)


@pytest.mark.parametrize("command", ["", "demo", "run", "import", "user", "user invite", "check"])
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_everywhere(run: Run, command: str, option: str) -> None:
    code, out, err = run(*command.split(), option)
    assert (code, err) == (0, "")
    assert out.startswith("Usage: ")


def test_version(run: Run) -> None:
    assert run("--version") == (0, "odoportal 0.1.0\n", "")


def test_help_loads_nothing_heavy() -> None:
    program = "import sys; import odoportal.cli; sys.exit(any(m in sys.modules for m in ('reflex', 'sqlalchemy', 'pydantic', 'uvicorn')))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_file_cannot_be_the_data_folder(run: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    code, _, err = run("demo", "--data", str(tmp_path / "taken" / "below"))
    assert code == 2
    assert one_sentence(err)


def test_demo_sets_itself_up_and_forgets_production(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ODOPORTAL_DATABASE_URL", "postgresql://real/customers")
    monkeypatch.setenv("ODOPORTAL_SMTP_URL", "smtp://real")
    demonstration.prepare(tmp_path / "own data", 8123, date(2020, 9, 24))
    get_settings.cache_clear()
    settings = get_settings()
    assert settings.mode == "demo"
    assert settings.database_url == f"sqlite:///{tmp_path / 'own data' / 'odoportal.db'}"
    assert settings.public_url == settings.origin == "http://localhost:8123"
    assert settings.today == date(2020, 9, 24)
    assert settings.smtp_url == ""
    assert settings.launch_url
    assert settings.support_email


@pytest.mark.asvs("13.3.1")
def test_demo_keeps_a_secret_of_its_own_that_only_its_owner_reads(tmp_path: Path) -> None:
    secrets = []
    for folder in ("one", "one", "two"):
        demonstration.prepare(tmp_path / folder, 8000, date(2020, 9, 24))
        secrets.append(os.environ["ODOPORTAL_SECRET"])
    assert secrets[0] == secrets[1] != secrets[2]
    assert len(secrets[0]) >= 32
    assert (tmp_path / "one" / "secret").stat().st_mode & 0o077 == 0
    assert (tmp_path / "one").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", ""),
        ("PUBLIC_URL", ""),
        ("SMTP_URL", ""),
        ("SECRET", ""),
        ("SECRET", "s" * 31),
        ("PUBLIC_URL", "portal.example.com"),
        ("PUBLIC_URL", "ftp://portal.example.com"),
        ("PUBLIC_URL", "http://portal.example.com"),
        ("PUBLIC_URL", "https://portal.example.com/portal"),
        ("TODAY", "2020-09-24"),
        ("TODAY", "yesterday"),
        ("ZONE", "Nowhere/Land"),
        ("MODE", "test"),
        ("MODE", "demo"),
        ("LAUNCH_URL", "javascript:alert(1)"),
        ("LOG_LEVEL", "loud"),
        ("TRUSTED_PROXIES", "all"),
        ("SMTP_URL", "http://mail.example.com"),
        ("DATABASE_URL", "nonsense"),
        ("DATABASE_URL", "nosuchdatabase://host/name"),
    ],
)
def test_run_refuses_a_missing_or_unsafe_setting(run: Run, production: str, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setattr(cli, "_build", lambda _no_build: pytest.fail("it went on"))
    monkeypatch.setenv(f"ODOPORTAL_{name}", value)
    code, out, err = run("run", "--port", str(free_port()))
    assert (code, out) == (2, "")
    assert one_sentence(err)
    assert f"ODOPORTAL_{name}" in err


def test_a_refused_secret_is_not_printed(run: Run, production: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODOPORTAL_SECRET", "canary-short")
    monkeypatch.setenv("ODOPORTAL_DATABASE_URL", "canary-nonsense")
    for command in ("run", "check"):
        _, out, err = run(command)
        assert "canary" not in out + err


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def stop(*_arguments: object) -> Path:
    raise cli.click.ClickException("far enough")


def test_run_brings_the_schema_up_to_date(run: Run, production: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_build", stop)
    assert run("run", "--port", str(free_port())) == (1, "", "far enough\n")
    with database.make_engine(production).connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM account")) == 0


def test_run_refuses_demonstration_data(run: Run, production: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_build", stop)
    migrate(database.engine())
    with database.writing() as session:
        deployment.mark_demonstration(session)
    code, _, err = run("run", "--port", str(free_port()))
    assert code == 2
    assert err == "The database of ODOPORTAL_DATABASE_URL holds demonstration data.\n"


@pytest.mark.usefixtures("production")
def test_a_taken_port_is_one_sentence(run: Run) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        code, out, err = run("run", "--port", str(other.getsockname()[1]))
    assert (code, out) == (1, "")
    assert one_sentence(err)


@pytest.mark.usefixtures("production")
def test_a_database_that_does_not_answer_is_one_sentence(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ODOPORTAL_DATABASE_URL", f"sqlite:///{tmp_path}/no/such/folder/portal.db")
    code, _, err = run("run", "--port", str(free_port()))
    assert code == 1
    assert one_sentence(err)


@pytest.mark.usefixtures("production")
def test_relative_paths_are_meant_from_where_the_command_was_called(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ODOPORTAL_DATABASE_URL", "sqlite:///here.db")
    monkeypatch.setenv("ODOPORTAL_DATA_DIR", "files")
    monkeypatch.setattr(cli, "_build", stop)
    run("run", "--port", str(free_port()))
    assert get_settings().database_url == f"sqlite:///{tmp_path}/here.db"
    assert get_settings().data_dir == tmp_path / "files"
    assert (tmp_path / "here.db").exists()


@pytest.mark.usefixtures("production")
def test_check_says_what_does_not_answer_and_masks_secrets(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODOPORTAL_SMTP_URL", "smtp://portal:canary@127.0.0.1:9")
    code, out, err = run("check")
    assert (code, err) == (1, "")
    lines = {line[8:].split("  ")[0]: line for line in out.splitlines()}
    assert lines["settings"].startswith("ok ")
    assert lines["database"].startswith("ok ")
    assert lines["schema"].startswith("FAILED ")
    assert lines["mail"].startswith("FAILED ")
    assert lines["data folder"].startswith("ok ")
    assert lines["secret"].split() == ["ok", "secret", "set"]
    assert "canary" not in out
    assert GOOD["ODOPORTAL_SECRET"] not in out


def test_check_is_content_when_everything_answers(run: Run, production: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from odoportal import building, checking

    migrate(database.engine())
    monkeypatch.setattr(building, "stale", lambda _project: False)
    monkeypatch.setattr(checking, "CHECKS", tuple(check for check in checking.CHECKS if check[0] != "mail"))
    code, out, _ = run("check")
    assert code == 0, out
    assert "FAILED" not in out


@pytest.mark.usefixtures("production")
def test_invite(run: Run) -> None:
    code, out, err = run("user", "invite", "a@example.com", "--account", "1042")
    assert (code, out, err) == (2, "", "There is no account 1042.\n")
    with database.writing() as session:
        session.connection().execute(text("INSERT INTO account (number, name, created_at) VALUES ('1042', 'A', '2026-01-01 00:00:00')"))
    code, out, err = run("user", "invite", "not an email", "--account", "1042")
    assert (code, out) == (2, "")
    assert one_sentence(err)
    code, out, err = run("user", "invite", "a@example.com", "--account", "1042", "--role", "billing", "--language", "en")
    assert (code, err) == (0, "")
    with database.reading() as session:
        assert session.connection().scalar(text("SELECT role FROM membership")) == "billing"
        assert session.connection().scalar(text('SELECT "to" FROM mail')) == "a@example.com"


@pytest.mark.usefixtures("production")
def test_import(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "accounts.csv").write_text("number,name\n1042,Transport A\n", "utf-8")
    code, out, err = run("import", str(folder))
    assert (code, err) == (0, "")
    assert "accounts.csv: 1 new" in out
    code, out, _ = run("import", str(folder))
    assert code == 0
    assert "0 new" in out
    (folder / "accounts.csv").write_text("number,name\n,Nobody\n", "utf-8")
    code, out, err = run("import", str(folder))
    assert (code, err) == (1, "")
    assert "accounts.csv, line 2, column number" in out
    (tmp_path / "empty").mkdir()
    code, out, err = run("import", str(tmp_path / "empty"))
    assert (code, out) == (2, "")
    assert one_sentence(err)


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize("arguments", [["import", ".", "--notify"], ["user", "invite", "a@example.com", "--account", "1"]])
def test_mails_need_the_public_address(run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    monkeypatch.setenv("ODOPORTAL_PUBLIC_URL", "")
    code, _, err = run(*arguments)
    assert code == 2
    assert "ODOPORTAL_PUBLIC_URL" in err


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize(("options", "mailed"), [([], False), (["--notify"], True)])
def test_import_mails_new_people_only_when_asked(run: Run, options: list[str], mailed: bool) -> None:
    example = Path(cli.__file__).parent / "exchange" / "example"
    code, _, err = run("import", str(example), *options)
    assert (code, err) == (0, "")
    with database.reading() as session:
        mails = session.connection().scalar(text("SELECT count(*) FROM mail"))
        people = session.connection().scalar(text("SELECT count(*) FROM person"))
    assert mails == (people if mailed else 0)
    assert people > 0
