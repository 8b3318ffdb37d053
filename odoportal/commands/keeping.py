"""`odoportal backup | restore | copy-to | database-url`: backups of the data, and the move to another database."""

from pathlib import Path

import click

from odoportal.commands import common
from odoportal.commands.common import FILE, Refused, data, readable_errors, row_counts, say

EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=FILE)
def backup(file: Path) -> None:
    """Write the database into FILE while the portal runs.

    FILE is the database as it is at one moment, checked. For PostgreSQL, use pg_dump.
    """
    with readable_errors():
        url = common.database_url()
        from odoportal.backup.backup import back_up
        from odoportal.importing import locks

        with locks.using(url):
            rows = back_up(url, file.resolve())
    say(f"{file} holds {row_counts(rows)}, checked.")


@click.command()
@click.argument("file", type=EXISTING_FILE)
def restore(file: Path) -> None:
    """Put the backup FILE in place of the database.

    Stop the portal first. FILE is checked before anything is touched; the old database is kept beside the new one.
    """
    with readable_errors():
        url = common.database_url()
        from odoportal.backup import backup as backups
        from odoportal.core import clock

        restored = backups.restore(url, file.resolve(), clock.now())
    say(f"Restored: {row_counts(restored.rows)}, checked.")
    if restored.aside:
        say(f"The database that was there is now {restored.aside}.")
    if restored.due:
        say(f"{restored.due} emails were waiting when the backup was made, and go out once the portal runs; `odoportal mail` lists them.")


@click.command("copy-to")
@click.argument("url", envvar="ODOPORTAL_NEW_DATABASE_URL")
def copy_to(url: str) -> None:
    """Copy all data from SQLite to another database.

    URL is the address of an empty one, such as postgresql+psycopg://user:password@host/name. It may be given as
    ODOPORTAL_NEW_DATABASE_URL instead, where no list of processes shows it. Stop the portal first.
    """
    with readable_errors():
        old = common.database_url()
        from odoportal.backup import copy
        from odoportal.core import database
        from odoportal.importing import locks

        if locks.sqlite_file(old) is None:
            raise Refused("ODOPORTAL_DATABASE_URL is not an SQLite file; pg_dump and pg_restore move a PostgreSQL database.")
        with data():
            pass
        with locks.exclusive(old):
            try:
                rows = copy.copy_to(database.engine(), url)
            except database.InvalidDatabaseURL as error:
                raise Refused(f"URL {error}.") from error
    say(f"Copied: {row_counts(rows)}, counted on both sides. Now set ODOPORTAL_DATABASE_URL to the new address.")


@click.command("database-url")
def database_url() -> None:
    """Print the address of a PostgreSQL database for psql, pg_dump and pg_restore, with its password."""
    with readable_errors():
        url = common.database_url()
        from odoportal.core.database import parse_url

        parsed = parse_url(url)
    if parsed.get_backend_name() != "postgresql":
        raise Refused("ODOPORTAL_DATABASE_URL is an SQLite file; sqlite3 opens it.")
    say(parsed.set(drivername="postgresql").render_as_string(hide_password=False))
