"""Helpers shared by all commands: settings, the database, and failures as one-sentence messages."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sqlmodel import Session

    from odoportal.settings import Settings

BAD_REQUEST = 2
_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*(?P<value>[^\0]*)")
FILE = click.Path(dir_okay=False, path_type=Path)


class Refused(click.ClickException):
    """A refusal of invalid arguments or settings: one sentence, exit code 2."""

    exit_code = BAD_REQUEST


def say(*lines: str, err: bool = False) -> None:
    """Print lines, safely for the terminal even when they contain untrusted text (a name, a file, a value).

    Commands print with this function only; a test checks it.

    Args:
        lines: The lines; each is printed as one line, even if it contains line breaks.
        err: True to print on standard error.
    """
    from odoportal.core.folding import printable

    for line in lines:
        click.echo(printable(line), err=err)


def load_env_file(path: Path) -> None:
    """Set the environment's variables from a file with one `NAME=value` on each line. Empty lines and comments (#) are skipped.

    This is the only reader of that file, so that every command has the same settings. A value is taken as it stands: `$`, `&`, backslashes
    and spaces mean themselves. One pair of quotes around it is left out.

    Raises:
        Refused: If the file cannot be read, or a line is none of these.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Refused(f"{path} cannot be read ({why}).") from error
    for number, line in enumerate(lines, 1):
        found = _ASSIGNMENT.fullmatch(line.strip())
        if found:
            value = found["value"]
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
            os.environ[found["name"]] = value[1:-1] if quoted else value
        elif line.strip() and not line.lstrip().startswith(("#", ";")):
            raise Refused(f"Line {number} of {path} is not NAME=value.")


def read_settings() -> "Settings":
    """Return the settings of the environment, with relative paths resolved from the folder the command was called in.

    The resolved paths are written back to the environment.

    Raises:
        Refused: If a setting is invalid.
    """
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
        except (ArgumentError, ValueError) as error:
            raise Refused("ODOPORTAL_DATABASE_URL is not a database address.") from error
        if url.get_backend_name() == "sqlite" and url.database not in {None, "", ":memory:"}:
            url = url.set(database=str(Path(url.database or "").resolve()))
            os.environ["ODOPORTAL_DATABASE_URL"] = url.render_as_string(hide_password=False)
    get_settings.cache_clear()
    return get_settings()


def database_url() -> str:
    """Return the URL of the database.

    Raises:
        Refused: If it is not set.
    """
    settings = read_settings()
    if not settings.database_url:
        raise Refused("ODOPORTAL_DATABASE_URL is not set.")
    return settings.database_url


@contextmanager
def data(mails: bool = False) -> Iterator[None]:
    """Prepare a command that works on the data: use the database, refuse if it is being replaced, and upgrade it to this release.

    Args:
        mails: True if the command may write mails with links, which require the portal's public address.

    Raises:
        Refused: If a setting is missing.
    """
    with readable_errors():
        url = database_url()
        from odoportal.importing import locks, rebuild_search
        from odoportal.rooms import registry
        from odoportal.settings import get_settings

        registry.install()
        if mails and not get_settings().public_url:
            raise Refused("ODOPORTAL_PUBLIC_URL is not set; the links in emails need it.")
        with locks.using(url):
            rebuild_search.upgrade_database(say)
            yield


@contextmanager
def readable_errors() -> Iterator[None]:
    """Turn the expected failures into one-sentence errors for the operator."""
    from sqlalchemy.exc import DBAPIError

    from odoportal.backup.backup import CannotBackUp
    from odoportal.backup.copy import CannotCopy
    from odoportal.core.database import InvalidDatabaseURL
    from odoportal.demo.data import DemoRefused
    from odoportal.frontend.builder import BuildFailed
    from odoportal.importing.locks import DatabaseInUse
    from odoportal.importing.merge import DatabaseChanged
    from odoportal.migrations import MigrationFailed
    from odoportal.serving import CannotServe
    from odoportal.settings import UnsafeSettings

    try:
        yield
    except UnsafeSettings as error:
        raise Refused(str(error)) from error
    except InvalidDatabaseURL as error:
        raise Refused(f"ODOPORTAL_DATABASE_URL {error}.") from error
    except (BuildFailed, MigrationFailed, CannotServe, CannotBackUp, CannotCopy, DemoRefused, DatabaseInUse, DatabaseChanged) as error:
        raise click.ClickException(str(error)) from error
    except DBAPIError as error:
        raise click.ClickException(f"The database does not answer: {' '.join(str(error.orig).split())}.") from error


def invite(session: "Session", person_id: int, account_id: int) -> None:
    """Mail an imported person the invitation to an account."""
    from odoportal.accounts.models import Account, Person
    from odoportal.core import clock
    from odoportal.rooms.signin import service

    person, account = session.get_one(Person, person_id), session.get_one(Account, account_id)
    service.invite(session, person.email, account.number, clock.now(), language=person.language)


def row_counts(rows: dict[str, int]) -> str:
    """Return a text with the number of rows and tables, given the number of rows by table."""
    return f"{sum(rows.values()):,} rows in {len(rows)} tables"


def format_instant(instant: datetime) -> str:
    """Format an instant in the business's time zone, to the minute."""
    from odoportal.core import clock

    return f"{clock.to_local(instant):%Y-%m-%d %H:%M}"
