"""The command line: `odoportal demo | run | import | user invite | check`.

What takes long to load is imported inside the commands, so that `--help` answers at once.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sqlmodel import Session

    from odoportal.exchange.demo import DemoSignIn
    from odoportal.settings import Settings

BAD_REQUEST = 2
DAY = click.DateTime(["%Y-%m-%d"])
FOLDER = click.Path(file_okay=False, path_type=Path)
PORT = click.IntRange(1, 65535)
ROLES = click.Choice(["owner", "billing", "operations", "read_only"])


class Refused(click.ClickException):
    """What was asked for, or how the portal is set up, cannot be: one sentence, exit code 2."""

    exit_code = BAD_REQUEST


def _settings() -> "Settings":
    """The settings of the environment, with relative paths meant from the folder the command was called in."""
    from zoneinfo import ZoneInfoNotFoundError

    from pydantic import ValidationError
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    from odoportal.settings import get_settings

    get_settings.cache_clear()
    try:
        settings = get_settings()
    except ZoneInfoNotFoundError as error:
        raise Refused("ODOPORTAL_ZONE is not a time zone such as America/Toronto.") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        raise Refused(f"ODOPORTAL_{name}: {first['msg'].removeprefix('Value error, ').rstrip('.')}.") from error
    os.environ["ODOPORTAL_DATA_DIR"] = str(settings.data_dir.resolve())
    if settings.database_url:
        try:
            url = make_url(settings.database_url)
        except ArgumentError as error:
            raise Refused("ODOPORTAL_DATABASE_URL is not the address of a database.") from error
        if url.get_backend_name() == "sqlite" and url.database not in {None, "", ":memory:"}:
            url = url.set(database=str(Path(url.database or "").resolve()))
            os.environ["ODOPORTAL_DATABASE_URL"] = url.render_as_string(hide_password=False)
    get_settings.cache_clear()
    return get_settings()


def _data(mails: bool) -> None:
    """For commands that work on the data: the database is set, answers, and is of this release; and mails can hold links."""
    settings = _settings()
    if not settings.database_url:
        raise Refused("ODOPORTAL_DATABASE_URL is not set.")
    if mails and not settings.public_url:
        raise Refused("ODOPORTAL_PUBLIC_URL is not set: a mail needs it for its link.")
    from odoportal.foundation import database
    from odoportal.migrations import migrate

    migrate(database.engine())


@contextmanager
def _sentences() -> Iterator[None]:
    """Turn the failures an operator can meet into one sentence each."""
    from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

    from odoportal.building import BuildFailed
    from odoportal.migrations import MigrationFailed
    from odoportal.serving import CannotServe
    from odoportal.settings import UnsafeSettings

    try:
        yield
    except UnsafeSettings as error:
        raise Refused(str(error)) from error
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        if isinstance(error, ModuleNotFoundError) and (error.name or "").startswith("odoportal"):
            raise
        raise Refused("ODOPORTAL_DATABASE_URL is not the address of a database whose driver is installed.") from error
    except (BuildFailed, MigrationFailed, CannotServe) as error:
        raise click.ClickException(str(error)) from error
    except DBAPIError as error:
        raise click.ClickException(f"The database does not answer: {' '.join(str(error.orig).split())}.") from error


def _build(no_build: bool) -> Path:
    from rich.console import Console

    from odoportal import building

    project = building.root()
    if not no_build:
        building.build(project, Console())
    elif building.stale(project):
        raise click.ClickException("The frontend is not built from the present sources; start once without --no-build.")
    return project


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="odoportal", message="odoportal %(version)s")
def commands() -> None:
    """ODOportal, the customer portal of Odotrack."""


@commands.command()
@click.option("--port", type=PORT, default=8000, show_default=True, help="Serve on http://localhost at this port.")
@click.option("--data", type=FOLDER, default=Path("data"), show_default=True, help="Folder of the database and the mails.")
@click.option("--today", type=DAY, default="2020-09-24", show_default=True, help="The business day.")
@click.option("--no-build", is_flag=True, help="Serve what was built before; fail when that is out of date.")
def demo(port: int, data: Path, today: datetime, no_build: bool) -> None:
    """Run the portal on this machine, with demonstration data."""
    from odoportal import demonstration
    from odoportal.settings import get_settings

    folder = data.resolve()
    try:
        demonstration.prepare(folder, port, today.date())
    except (OSError, ValueError) as error:
        raise Refused(f"The data folder {folder} cannot be used: {error}.") from error
    get_settings.cache_clear()
    with _sentences():
        from odoportal import serving

        taken = serving.listen("127.0.0.1", port)
        signs = demonstration.load(click.echo)
        project = _build(no_build)
        serving.serve(project, taken, lambda: _say_ready(port, folder, today.date(), signs))


def _say_ready(port: int, folder: Path, today: date, signs: "tuple[DemoSignIn, ...]") -> None:
    width, secret = max(len(sign.email) for sign in signs), max(len(sign.password) for sign in signs)
    click.echo(f"\nODOportal is ready: http://localhost:{port}\n\nSign in with (email, password, what it shows):")
    for sign in signs:
        click.echo(f"  {sign.email:<{width}}  {sign.password:<{secret}}  {sign.shows}")
    click.echo(f"\nMails are written to {folder / 'mail'}")
    click.echo(f"The business day is {today}; --today DATE sets another. Stop with Ctrl+C.")


@commands.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=PORT, default=8000, show_default=True, help="Port to listen on.")
@click.option("--no-build", is_flag=True, help="Serve what was built before; fail when that is out of date.")
def run(host: str, port: int, no_build: bool) -> None:
    """Run the portal in production, set by the ODOPORTAL_ variables of the environment."""
    settings = _settings()
    with _sentences():
        if settings.mode != "production":
            raise Refused("ODOPORTAL_MODE must be production, or not be set; demonstrations run with `odoportal demo`.")
        settings.refuse_unsafe()
        from odoportal import serving
        from odoportal.foundation import database, deployment, mail
        from odoportal.migrations import migrate

        try:
            mail.transport_of(settings)
        except ValueError as error:
            raise Refused(str(error)) from error

        taken = serving.listen(host, port)
        migrate(database.engine())
        with database.reading() as session:
            if deployment.is_demonstration(session):
                raise Refused("The database of ODOPORTAL_DATABASE_URL holds demonstration data.")
        project = _build(no_build)
        serving.serve(project, taken, lambda: click.echo(f"ODOportal is ready: {settings.public_url}"))


@commands.command("import")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--notify", is_flag=True, help="Mail new people their invitation; without it nobody is mailed.")
def import_(path: Path, notify: bool) -> None:
    """Load Odotrack's own files: PATH is a folder of CSV files, or one of them. One bad row, and nothing is kept."""
    with _sentences():
        _data(mails=notify)
        from odoportal.exchange.importer import ImportRefused, run_import
        from odoportal.foundation import clock

        now = clock.now()
        try:
            report = run_import(path, now=now, notify=notify, invite=partial(_invite, now=now), report=click.echo)
        except ImportRefused as error:
            raise Refused(str(error)) from error
    if not report.kept:
        sys.exit(1)


def _invite(session: "Session", person_id: int, account_id: int, now: datetime) -> None:
    from odoportal.accounts.models import Account, Person
    from odoportal.signin import service

    person, account = session.get_one(Person, person_id), session.get_one(Account, account_id)
    service.invite(session, person.email, account.number, now, language=person.language)


@commands.group()
def user() -> None:
    """People who sign in."""


@user.command()
@click.argument("email")
@click.option("--account", "number", required=True, help="Number of the account.")
@click.option("--name", default=None, help="The person's name; the email's first part where it is not known yet.")
@click.option("--role", type=ROLES, default="owner", show_default=True, help="What the person may do.")
@click.option("--language", type=click.Choice(["fr", "en"]), default="fr", show_default=True, help="Of the mail, for a new person.")
def invite(email: str, number: str, name: str | None, role: str, language: str) -> None:
    """Give EMAIL access to an account, and mail the link to choose a password."""
    with _sentences():
        _data(mails=True)
        from odoportal.accounts.service import UnknownAccount, UnusableEmail
        from odoportal.foundation import clock, database
        from odoportal.signin import service

        try:
            with database.writing() as session:
                person = service.invite(session, email, number, clock.now(), name=name, role=role, language=language)
                address = person.email
        except (UnknownAccount, UnusableEmail) as error:
            raise Refused(str(error)) from error
    click.echo(f"{address} has access to account {number}; the mail goes out while the portal runs.")


@commands.command()
def check() -> None:
    """Say what is configured and whether it answers."""
    settings = _settings()
    with _sentences():
        from odoportal import checking

        findings = list(checking.look(settings))
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        click.echo(f"{'ok    ' if finding.good else 'FAILED'}  {finding.name:<{width}}  {finding.found}")
    if not all(finding.good for finding in findings):
        sys.exit(1)


def main() -> None:
    """The `odoportal` command. What goes wrong is said in one sentence on standard error."""
    try:
        sys.exit(commands.main(standalone_mode=False))
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(BAD_REQUEST)
    except click.ClickException as error:
        click.echo(error.format_message(), err=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
