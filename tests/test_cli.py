"""The command line: the errors it reports in one sentence, and what it sets up."""

import io
import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click
import pytest
from sqlalchemy import text

from odoportal import background_jobs, cli
from odoportal.accounts.models import Person
from odoportal.commands import portal
from odoportal.core import clock, database, deployment
from odoportal.demo import setup
from odoportal.importing import locks
from odoportal.importing.merge import UNFINISHED_IMPORT
from odoportal.jobs import leases
from odoportal.jobs.schedule import Every, Job, Result
from odoportal.mail import outbox
from odoportal.mail.outbox import TOKEN_PLACEHOLDER as MAIL_MARK
from odoportal.mail.outbox import enqueue
from odoportal.migrations import migrate
from odoportal.rooms.signin import two_factor
from odoportal.rooms.signin.models import Authenticator, BrowserSession
from odoportal.settings import get_settings
from tests.making import account
from tests.postgresql import drop_everything
from tests.redis_server import Server

GOOD = {
    "ODOPORTAL_PUBLIC_URL": "https://portal.example.com",
    "ODOPORTAL_SECRET": "s" * 32,
    "ODOPORTAL_SMTP_URL": "smtp://127.0.0.1:9",
    "ODOPORTAL_MAIL_FROM": "Odotrack, inc. <no-reply@example.com>",
    "ODOPORTAL_PRIVACY_OFFICER": "Maria Gagnon, privacy officer",
    "ODOPORTAL_SUPPORT_EMAIL": "privacy@example.com",
    "ODOPORTAL_COMPANY_ADDRESS": "2800, av. Francis-Hughes; Laval (Québec) H7L 3J5",
    "ODOPORTAL_STAFF_EMAIL": "staff@odotrack.example",
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
        ["user", "disable"],
        ["user", "reset-two-factor"],
        ["user", "invite", "a@example.com"],
        ["user", "invite", "a@example.com", "--account", "1042", "--role", "king"],
        ["check", "extra"],
        ["import", "-"],
        ["import", ".", "--as", "invoices.csv"],
        ["import", ".", "--encoding", "utf-16"],
        ["import", ".", "--delimiter", "|"],
        ["import", ".", "--decimal", ","],
        ["import", ".", "--dates", "mdy"],
        ["import", ".", "--keep-good"],
        ["backup"],
        ["backup", "."],
        ["restore"],
        ["restore", "no-such-file"],
        ["copy-to"],
        ["mail", "nonsense"],
        ["mail", "retry", "x"],
        ["mail", "retry", "0"],
        ["mail", "retry"],
        ["mail", "retry", "1", "--dead"],
        ["notices", "today"],
        ["jobs", "nonsense"],
        ["jobs", "run"],
    ],
)
def test_a_bad_argument_is_one_sentence_and_code_2(run: Run, arguments: list[str]) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert one_sentence(err)


@pytest.mark.parametrize(
    "command",
    [
        "",
        "demo",
        "run",
        "import",
        "user",
        "user invite",
        "check",
        "backup",
        "restore",
        "copy-to",
        "mail",
        "mail retry",
        "notices",
        "jobs",
        "jobs run",
    ],
)
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


@pytest.mark.parametrize(
    "address",
    [
        "nonsense",
        "nonsense://x",
        "mysql://host/name",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite+aiosqlite:///portal.db",
        "postgresql://host:canary/name",
        "postgresql+nodriver://host/name",
    ],
)
def test_a_database_that_cannot_be_is_one_sentence(run: Run, production: str, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    for command, named in (
        (("demo", "--port", str(free_port()), "--database", address), "--database"),
        (("copy-to", address), "URL"),
    ):
        code, out, err = run(*command)
        assert (code, out) == (2, "")
        assert one_sentence(err)
        assert err.startswith(f"{named} is not ")
        assert "canary" not in err
        assert not Path("data").exists()
    monkeypatch.setenv("ODOPORTAL_DATABASE_URL", address)
    database.engine.cache_clear()
    code, out, err = run("notices")
    assert (code, out) == (2, "")
    assert one_sentence(err)
    assert err.startswith("ODOPORTAL_DATABASE_URL is not ")


@pytest.mark.asvs("15.2.3")
def test_demo_sets_itself_up_and_forgets_production(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ODOPORTAL_DATABASE_URL", "postgresql://real/customers")
    monkeypatch.setenv("ODOPORTAL_SMTP_URL", "smtp://real")
    setup.prepare(tmp_path / "own data", 8123, date(2020, 9, 24))
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
        setup.prepare(tmp_path / folder, 8000, date(2020, 9, 24))
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
        ("SMTP_URL", "smtp://user:pass#word@mail.example.com"),
        ("SMTP_URL", "smtp://user:1/2@mail.example.com"),
        ("REDIS_URL", "redis://:pass#word@127.0.0.1"),
        ("REDIS_URL", "redis://:12/3@127.0.0.1"),
        ("MAIL_FROM", ""),
        ("MAIL_FROM", "Odotrack"),
        ("MAIL_FROM", "Odotrack <no-reply@example.com> and others"),
        ("DATABASE_URL", "nonsense"),
        ("DATABASE_URL", "nosuchdatabase://host/name"),
    ],
)
@pytest.mark.asvs("13.4.2")
def test_run_refuses_a_missing_or_unsafe_setting(run: Run, production: str, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setattr(portal, "build", lambda _no_build: pytest.fail("it went on"))
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
    raise click.ClickException("far enough")


def test_run_brings_the_schema_up_to_date(run: Run, production: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portal, "build", stop)
    assert run("run", "--port", str(free_port())) == (1, "", "far enough\n")
    with database.make_engine(production).connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM account")) == 0


def test_build_builds_and_serves_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from odoportal.frontend import builder

    built: list[tuple[Path, bool]] = []
    monkeypatch.setattr(builder, "build", lambda project, _console, *, update: built.append((project, update)))
    assert run("build") == (0, "", "")
    assert run("build", "--update-packages") == (0, "", "")
    assert built == [(builder.root(), False), (builder.root(), True)]
    monkeypatch.setattr(builder, "root", lambda: (_ for _ in ()).throw(builder.BuildFailed("No project folder.")))
    assert run("build") == (1, "", "No project folder.\n")


@pytest.mark.asvs("6.3.2")
@pytest.mark.asvs("15.2.3")
def test_run_refuses_demonstration_data(run: Run, production: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portal, "build", stop)
    migrate(database.engine())
    with database.write_session() as session:
        deployment.mark_demonstration(session)
    code, _, err = run("run", "--port", str(free_port()))
    assert code == 2
    assert err == "The database of ODOPORTAL_DATABASE_URL holds demonstration data.\n"


def test_demo_never_goes_among_other_data(run: Run, production: str, tmp_path: Path) -> None:
    migrate(database.engine())
    with database.write_session() as session:
        account(session)
    code, _, err = run("demo", "--data", str(tmp_path / "demo"), "--port", str(free_port()), "--database", production)
    assert (code, err) == (1, "The database has data that is not a demonstration; use another database for the demonstration.\n")
    with database.make_engine(production).connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM account")) == 1


SECRET = r"""Zq8$Kd2! `id` & "x" \t #5 ' ;=é"""


def test_every_command_reads_the_file_of_settings_as_it_stands(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "odoportal.env"
    monkeypatch.setenv("ODOPORTAL_SECRET", "of another portal")
    lines = [
        "# The settings",
        "; of systemd",
        "",
        f"ODOPORTAL_SECRET={SECRET}",
        "ODOPORTAL_LAUNCH_URL=https://example.com/?a=1&b=2",
        'ODOPORTAL_DATABASE_URL="postgresql+psycopg://odoportal:p%2Fss@127.0.0.1/odoportal"',
        "  ODOPORTAL_COMPANY_ADDRESS = '2800, av. Francis-Hughes; Laval'  ",
        "ODOPORTAL_SUPPORT_PHONE=",
    ]
    file.write_text("\r\n".join(lines), "utf-8")
    assert run("--env-file", str(file), "database-url") == (0, "postgresql://odoportal:p%2Fss@127.0.0.1/odoportal\n", "")
    settings = get_settings()
    assert settings.secret.get_secret_value() == SECRET
    assert settings.launch_url == "https://example.com/?a=1&b=2"
    assert settings.company_lines("fr")[1:] == ["2800, av. Francis-Hughes", "Laval"]
    assert settings.support_phone == ""


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"ODOPORTAL_BETA=true\nexport ODOPORTAL_ZONE=UTC\n", "Line 2 of "),
        (b"ODOPORTAL_SECRET\n", "Line 1 of "),
        (b"ODOPORTAL_COMPANY_NAME=\xe9\n", "(it is not UTF-8)"),
        (None, "cannot be read (No such file or directory)"),
    ],
)
def test_a_file_of_settings_that_cannot_be_read_is_one_sentence(run: Run, tmp_path: Path, content: bytes | None, why: str) -> None:
    if content is not None:
        (tmp_path / "odoportal.env").write_bytes(content)
    code, out, err = run("--env-file", str(tmp_path / "odoportal.env"), "check")
    assert (code, out) == (2, "")
    assert one_sentence(err)
    assert why in err


def test_the_address_of_an_sqlite_file_is_none_for_psql(run: Run, production: str) -> None:
    code, _, err = run("database-url")
    assert code == 2
    assert "SQLite" in err


@pytest.mark.parametrize(
    ("officer", "email", "phone", "good"),
    [
        ("Maria", "a@b.ca", "", True),
        ("Maria", "", "1-800-555-0199", True),
        ("", "a@b.ca", "1-800-555-0199", False),
        ("Maria", "", "", False),
    ],
)
@pytest.mark.usefixtures("production")
def test_check_asks_who_is_in_charge_of_personal_information(
    run: Run, monkeypatch: pytest.MonkeyPatch, officer: str, email: str, phone: str, good: bool
) -> None:
    for name, value in {"PRIVACY_OFFICER": officer, "SUPPORT_EMAIL": email, "SUPPORT_PHONE": phone}.items():
        monkeypatch.setenv(f"ODOPORTAL_{name}", value)
    line = next(line for line in run("check")[1].splitlines() if line[8:].startswith("privacy "))
    assert line.startswith("ok" if good else "FAILED")


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
    monkeypatch.setattr(portal, "build", stop)
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
    # An empty database has had no import, which is no failure.
    assert lines["import"].startswith("ok ")
    assert lines["mail"].startswith("FAILED ")
    assert lines["data folder"].startswith("ok ")
    assert lines["secret"].split() == ["ok", "secret", "set"]
    assert "canary" not in out
    assert GOOD["ODOPORTAL_SECRET"] not in out


def test_check_is_content_when_everything_answers(run: Run, production: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from odoportal.commands import checks
    from odoportal.frontend import builder

    migrate(database.engine())
    monkeypatch.setattr(builder, "is_stale", lambda _project: False)
    monkeypatch.setattr(checks, "CHECKS", tuple(check for check in checks.CHECKS if check[0] != "mail"))
    code, out, _ = run("check")
    assert code == 0, out
    assert "FAILED" not in out


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("", False),
        ("Laval (Québec)", False),
        ("no-reply@example.com", False),
        ("2800, av. Francis-Hughes; Laval (Québec)\u00a0 H7L 3J5", True),
        ("C.P. 12; Laval QC; h7l3j5", True),
    ],
)
def test_check_says_whether_letters_have_a_postal_address(run: Run, monkeypatch: pytest.MonkeyPatch, address: str, good: bool) -> None:
    monkeypatch.setenv("ODOPORTAL_COMPANY_ADDRESS", address)
    line = next(line for line in run("check")[1].splitlines() if line[8:].startswith("postal address "))
    assert line.startswith("ok " if good else "FAILED ")


@pytest.mark.usefixtures("production")
def test_check_says_which_extensions_postgresql_lacks(run: Run, monkeypatch: pytest.MonkeyPatch, postgresql_server: str) -> None:
    def line() -> str:
        return next(line for line in run("check")[1].splitlines() if line[8:].startswith("extensions "))

    assert line().split(maxsplit=2) == ["ok", "extensions", "none needed"]
    database.engine.cache_clear()
    monkeypatch.setenv("ODOPORTAL_DATABASE_URL", postgresql_server)
    get_settings.cache_clear()
    engine = database.engine()
    drop_everything(engine)
    assert line().startswith("FAILED  extensions ")
    assert "run CREATE EXTENSION pg_trgm; CREATE EXTENSION btree_gin;" in line()
    migrate(engine)
    assert line().split(maxsplit=2) == ["ok", "extensions", "pg_trgm, btree_gin"]
    with engine.begin() as connection:
        connection.execute(text("DROP EXTENSION btree_gin CASCADE"))
    assert "This database lacks PostgreSQL's btree_gin: " in line()
    engine.dispose()


@pytest.mark.usefixtures("production")
def test_check_says_whether_redis_answers(run: Run, monkeypatch: pytest.MonkeyPatch, redis_server: Server) -> None:
    def line() -> str:
        return next(line for line in run("check")[1].splitlines() if line[8:].startswith("redis "))

    assert line().split(maxsplit=2) == ["ok", "redis", "not set: one process serves"]
    monkeypatch.setenv("ODOPORTAL_REDIS_URL", redis_server.url)
    assert line().split() == ["ok", "redis", "redis://127.0.0.1/0"]
    monkeypatch.setenv("ODOPORTAL_REDIS_URL", f"redis://:canary@127.0.0.1:{free_port()}/0")
    assert line().startswith("FAILED  redis ")
    assert "canary" not in line()
    monkeypatch.setenv("ODOPORTAL_REDIS_URL", "memcached://127.0.0.1")
    code, out, err = run("check")
    assert (code, out, err) == (2, "", "ODOPORTAL_REDIS_URL: must start with redis://, rediss:// or unix://.\n")


@pytest.mark.usefixtures("production")
def test_a_second_process_is_refused_in_one_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portal, "build", stop)
    with locks.serving(database.engine(), together=False):
        code, out, err = run("run", "--port", str(free_port()))
    assert (code, out) == (1, "")
    assert err.startswith("Another process serves this database")
    assert one_sentence(err)


@pytest.mark.usefixtures("production")
def test_invite(run: Run) -> None:
    code, out, err = run("user", "invite", "a@example.com", "--account", "1042")
    assert (code, out, err) == (2, "", "There is no account 1042.\n")
    with database.write_session() as session:
        session.connection().execute(text("INSERT INTO account (number, name, created_at) VALUES ('1042', 'A', '2026-01-01 00:00:00')"))
    code, out, err = run("user", "invite", "not an email", "--account", "1042")
    assert (code, out) == (2, "")
    assert one_sentence(err)
    code, out, err = run("user", "invite", "a@example.com", "--account", "1042", "--role", "billing", "--language", "en")
    assert (code, err) == (0, "")
    with database.read_session() as session:
        assert session.connection().scalar(text("SELECT role FROM membership")) == "billing"
        assert session.connection().scalar(text('SELECT "to" FROM mail')) == "a@example.com"


@pytest.mark.asvs("7.4.5")
@pytest.mark.asvs("6.4.6")
@pytest.mark.usefixtures("production")
def test_what_the_staff_does_for_a_person(run: Run) -> None:
    def scalar(statement: str) -> object:
        with database.read_session() as session:
            return session.connection().scalar(text(statement))

    def do(name: str) -> str:
        code, out, err = run("user", name, "a@example.com")
        assert (code, err) == (0, ""), err
        return out

    with database.write_session() as session:
        migrate(database.engine())
        person = Person(email="a@example.com", email_key="a@example.com", name="A", password="x", created_at=clock.now())
        session.add(person)
        session.flush()
        assert person.id is not None
        two_factor.begin_setup(session, person.id, clock.now())
        session.get_one(Authenticator, person.id).confirmed_at = clock.now()
        session.add(BrowserSession(hash="h", person_id=person.id, created_at=clock.now(), seen_at=clock.now()))
    assert do("roles") == "a@example.com belongs to no account.\n"
    assert "ended: 1" in do("sign-out-everywhere")
    assert "mail" in do("reset-two-factor")
    assert scalar("SELECT count(*) FROM authenticator") == 0
    assert scalar("SELECT subject FROM mail") == "La connexion en deux étapes est désactivée"
    code, out, err = run("user", "reset-two-factor", "a@example.com")
    assert (code, out, err) == (2, "", "a@example.com has no two-step sign-in.\n")
    assert "disabled" in do("disable")
    assert scalar("SELECT disabled_at FROM person") is not None
    assert "may sign in again" in do("enable")
    assert "was not disabled" in do("enable")
    assert scalar("SELECT disabled_at FROM person") is None
    assert scalar("SELECT count(*) FROM change WHERE person_id IS NULL AND subject_id = 1") == 4


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize("name", ["disable", "enable", "reset-two-factor", "sign-out-everywhere", "roles"])
def test_nobody_has_the_email(run: Run, name: str) -> None:
    assert run("user", name, "no@example.com") == (2, "", "No one has the email no@example.com.\n")


@pytest.mark.usefixtures("production")
def test_the_roles_of_a_person(run: Run) -> None:
    run("import", str(Path(cli.__file__).parent / "importing" / "example"))
    with database.read_session() as session:
        email = session.connection().scalar(text("SELECT email FROM person ORDER BY id"))
    code, out, err = run("user", "roles", email)
    assert (code, err) == (0, "")
    assert "owner" in out


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
def test_notices_are_written_once_and_a_dry_run_only_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime

    run("import", str(Path(cli.__file__).parent / "importing" / "example"))
    clock.set_source(lambda: datetime(2020, 9, 25, 11, 30, tzinfo=UTC))
    with database.write_session() as session:
        session.connection().execute(text("UPDATE person SET password = 'set'"))

    def mails() -> int:
        with database.read_session() as session:
            return session.connection().execute(text("SELECT count(*) FROM mail")).scalar_one()

    dry = run("notices", "--dry-run")
    assert dry[0] == 0
    assert "invoice   1" in dry[1]
    assert "emails would be written" in dry[1]
    assert mails() == 0
    code, out, err = run("notices")
    assert (code, err) == (0, "")
    assert out == dry[1].replace("would be written", "written")
    written = mails()
    assert written > 0
    assert run("notices")[1] == "0 emails written.\n"
    assert mails() == written
    monkeypatch.setenv("ODOPORTAL_PUBLIC_URL", "")
    assert run("notices")[0] == 2


@pytest.mark.usefixtures("production")
def test_notices_that_fail_end_with_1_and_say_which(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from odoportal.rooms.notifications import send

    def fails(*_: object) -> None:
        raise ValueError("'uk' is not a valid country code")

    run("import", str(Path(cli.__file__).parent / "importing" / "example"))
    monkeypatch.setattr(send, "events", fails)
    code, out, err = run("notices")
    assert (code, out) == (1, "0 emails written.\n")
    assert "Failed, and tried again by the next run: account " in err


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize(("options", "mailed"), [([], False), (["--notify"], True)])
def test_import_mails_new_people_only_when_asked(run: Run, options: list[str], mailed: bool) -> None:
    example = Path(cli.__file__).parent / "importing" / "example"
    code, _, err = run("import", str(example), *options)
    assert (code, err) == (0, "")
    with database.read_session() as session:
        mails = session.connection().scalar(text("SELECT count(*) FROM mail"))
        people = session.connection().scalar(text("SELECT count(*) FROM person"))
    assert mails == (people if mailed else 0)
    assert people > 0


def fed(monkeypatch: pytest.MonkeyPatch, raw: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))


@pytest.mark.usefixtures("production")
def test_import_from_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fed(monkeypatch, "number;name\n1042;Métal\n".encode("cp1252"))
    code, out, err = run("import", "-", "--as", "accounts.csv")
    assert (code, err) == (0, "")
    assert out == "accounts.csv: 1 new, 0 changed, 0 same; read as Windows-1252, cells separated by semicolon\nEverything was imported.\n"
    fed(monkeypatch, b"number,name\n1042,Metal\n,Nobody\n")
    code, out, err = run("import", "-", "--as", "accounts.csv", "--keep-good", "bad.csv")
    assert (code, err) == (1, "")
    assert (tmp_path / "bad.csv").read_bytes() == b"number,name,problem\r\n,Nobody,number: is empty\r\n"
    fed(monkeypatch, b"")
    code, out, err = run("import", "-", "--as", "../recipes.csv")
    assert (code, out) == (2, "")
    assert one_sentence(err)


@pytest.mark.usefixtures("production")
def test_a_dry_run_writes_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").write_text("number,name\n1042,Transport A\n", "utf-8")
    code, out, _ = run("import", "accounts.csv", "--dry-run")
    assert (code, out) == (0, "accounts.csv: 1 new, 0 changed, 0 same\nNothing was written: this was a dry run.\n")
    assert count("account") == 0


def count(table: str) -> int:
    with database.read_session() as session:
        return int(session.connection().scalar(text(f"SELECT count(*) FROM {table}")) or 0)


@pytest.mark.usefixtures("production")
def test_an_import_beside_another_is_one_sentence(run: Run, tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").write_text("number,name\n1042,Transport A\n", "utf-8")
    run("check")
    with locks.importing(database.engine()):
        code, out, err = run("import", "accounts.csv")
    assert (code, out, err) == (1, "", "Another import is running on this database; try again when it is done.\n")


def _unfinished() -> bool:
    with database.read_session() as session:
        return session.get(deployment.Deployment, UNFINISHED_IMPORT) is not None


def test_run_finishes_an_import_that_was_cut_short(run: Run, production: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(portal, "build", stop)
    migrate(database.engine())
    with database.write_session() as session:
        session.add(deployment.Deployment(name=UNFINISHED_IMPORT, value="gone.staged 3"))
    code, out, _ = run("run", "--port", str(free_port()))
    assert code == 1
    assert "documents may be missing until its files are imported again" in out
    assert not _unfinished()


def test_an_import_at_work_does_not_stop_run(run: Run, production: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portal, "build", stop)
    migrate(database.engine())
    with database.write_session() as session:
        session.add(deployment.Deployment(name=UNFINISHED_IMPORT, value="working.staged 3"))
    with locks.importing(database.engine()):
        assert run("run", "--port", str(free_port())) == (1, "", "far enough\n")
    assert _unfinished()


@pytest.mark.usefixtures("production")
def test_backup_and_restore(run: Run, tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").write_text("number,name\n1042,Transport A\n", "utf-8")
    run("import", "accounts.csv")
    code, out, err = run("backup", "nightly.db")
    assert (code, err) == (0, "")
    assert out.startswith("nightly.db holds 3 rows in ")
    (tmp_path / "accounts.csv").write_text("number,name\n1043,Transport B\n", "utf-8")
    run("import", "accounts.csv")
    assert count("account") == 2
    database.engine().dispose()
    code, out, err = run("restore", "nightly.db")
    assert (code, err) == (0, "")
    assert "The database that was there is now" in out
    database.engine.cache_clear()
    assert count("account") == 1
    code, out, err = run("restore", "accounts.csv")
    assert (code, out) == (1, "")
    assert one_sentence(err)


@pytest.mark.usefixtures("production")
def test_nothing_runs_while_the_database_is_exchanged(run: Run, production: str) -> None:
    run("mail")
    with locks.exclusive(production):
        for command in (
            ["mail"],
            ["import", "."],
            ["backup", "nightly.db"],
            ["run", "--port", str(free_port())],
            ["copy-to", "sqlite:///new.db"],
        ):
            code, out, err = run(*command)
            assert (code, out) == (1, ""), command
            assert "restored or moved" in err
            assert one_sentence(err)


@pytest.mark.usefixtures("production")
def test_copy_to(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").write_text("number,name\n1042,Transport A\n", "utf-8")
    run("import", "accounts.csv")
    code, out, err = run("copy-to", f"sqlite:///{tmp_path}/new.db")
    assert (code, err) == (0, "")
    assert out.startswith("Copied: 2 rows in ")
    for url in ("nonsense", "nosuchdatabase://host/name"):
        code, out, err = run("copy-to", url)
        assert (code, out) == (2, "")
        assert one_sentence(err)
    monkeypatch.setenv("ODOPORTAL_NEW_DATABASE_URL", f"sqlite:///{tmp_path}/new.db")
    code, out, err = run("copy-to")
    assert (code, out) == (1, "")
    assert "not empty" in err
    monkeypatch.setenv("ODOPORTAL_DATABASE_URL", "postgresql+psycopg://host/name")
    for command in (["copy-to"], ["backup", "x"]):
        code, out, err = run(*command)
        assert "pg_dump" in err
        assert one_sentence(err)


@pytest.mark.usefixtures("production")
def test_letters_are_listed_without_what_they_say(run: Run) -> None:
    assert run("mail") == (0, "No email is waiting, and none was given up.\n", "")
    now = datetime(2020, 9, 24, 14, 30, tzinfo=UTC)
    with database.write_session() as session:
        for to, more in (
            ("due@example.com", {}),
            ("dead@example.com", {"next_try_at": None, "failed_at": now, "last_error": "550 no\x1b[2J"}),
        ):
            letter = enqueue(
                session, to=to, language="fr", subject="Bonjour", text=f"canary {MAIL_MARK}", html="canary", now=now, seed="canary"
            )
            for name, value in more.items():
                setattr(letter, name, value)
    code, out, err = run("mail")
    assert (code, err) == (0, "")
    assert "due@example.com" in out
    assert "given up 2020-09-24 10:30, 0 tries: 550 no\ufffd[2J" in out
    assert "canary" not in out
    assert run("mail", "retry", "99") == (2, "", "No email 99 is waiting or was given up.\n")
    assert run("mail", "retry", "--dead") == (0, "1 email is tried again.\n", "")
    assert "given up" not in run("mail")[1]
    assert run("mail", "retry", "1")[0] == 0


@pytest.mark.usefixtures("production")
def test_jobs_are_listed_counted_and_run(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ODOPORTAL_SMTP_URL", "")
    monkeypatch.setenv("ODOPORTAL_MODE", "demo")
    assert "mail          has not run yet\n" in run("jobs")[1]
    assert "cards         not needed" not in run("jobs")[1]
    with database.write_session() as session:
        enqueue(session, to="due@example.com", language="fr", subject="Bonjour", text="Bonjour", html="Bonjour", now=clock.now())
    assert run("jobs", "run", "mail", "--dry-run") == (0, "1 to do.\n", "")
    assert run("jobs", "run", "mail") == (0, "1 done.\n", "")
    assert run("jobs", "run", "mail", "--dry-run") == (0, "0 to do.\n", "")
    listed = next(line for line in run("jobs")[1].splitlines() if line.startswith("mail"))
    assert listed.startswith("mail          last ")
    assert listed.endswith(": 1 done")
    code, _, err = run("jobs", "run", "nonsense")
    assert code == 2
    assert one_sentence(err)


@pytest.mark.usefixtures("production")
def test_a_job_that_fails_or_is_running_is_one_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("jobs", "run", "cards")[0] == 2, "production without Stripe has no cards"

    async def fails() -> Result:
        raise ValueError("gone")

    async def half() -> Result:
        return Result(1, 2)

    def job(work: Callable[[], Awaitable[Result]]) -> Job:
        return Job("sweep", Every(timedelta(hours=1)), work, lambda _session, _now: 0)

    monkeypatch.setattr(background_jobs, "JOBS", (job(fails),))
    assert run("jobs", "run", "sweep") == (1, "", "The job sweep failed: ValueError. It is tried again by itself.\n")
    monkeypatch.setattr(background_jobs, "JOBS", (job(half),))
    assert run("jobs", "run", "sweep") == (1, "1 done, 2 failed.\n", "")
    with database.write_session() as session:
        assert leases.acquire(session, job(half), "elsewhere/1/a", at_once=True)
    assert run("jobs", "run", "sweep") == (1, "", "Another process is running the job sweep at this moment.\n")
    assert ", running since " in run("jobs")[1]


@pytest.mark.usefixtures("production")
def test_check_says_which_jobs_are_late_and_whether_somebody_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate(database.engine())
    assert "none late" in run("check")[1]
    with database.write_session() as session:
        leases.ensure(session, outbox.JOB, clock.now() - timedelta(hours=1))
    monkeypatch.setenv("ODOPORTAL_STAFF_EMAIL", "")
    out = run("check")[1]
    assert "late: mail; `odoportal jobs` says more" in out
    assert "ODOPORTAL_STAFF_EMAIL is not set" in out
    assert ", LATE" in run("jobs")[1]
