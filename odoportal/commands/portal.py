"""`odoportal demo | run | build | check`: serving, building and checking the portal."""

import sys
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from odoportal.commands.common import Refused, invite, read_settings, readable_errors, say

if TYPE_CHECKING:
    from odoportal.demo.data import DemoSignIn

DAY = click.DateTime(["%Y-%m-%d"])
FOLDER = click.Path(file_okay=False, path_type=Path)
PORT = click.IntRange(1, 65535)


def build(no_build: bool, *, update: bool = False) -> Path:
    """Build the pages if they are out of date, and return the project's folder.

    Args:
        no_build: True to fail instead of building.
        update: True to build in any case, with the newest npm packages, and to lock these.

    Raises:
        click.ClickException: If `no_build` is set and the pages are out of date.
    """
    from rich.console import Console

    from odoportal.frontend import builder

    project = builder.root()
    if not no_build:
        builder.build(project, Console(), update=update)
    elif builder.is_stale(project):
        raise click.ClickException("The frontend is not built from the current sources; start once without --no-build.")
    return project


@click.command()
@click.option("--port", type=PORT, metavar="PORT", default=8000, show_default=True, help="Serve on http://localhost at this port.")
@click.option("--data", type=FOLDER, default=Path("data"), show_default=True, help="Folder of the database and the emails.")
@click.option("--today", type=DAY, metavar="DATE", default="2020-09-24", show_default=True, help="The business day, such as 2020-09-24.")
@click.option(
    "--database", default="", metavar="URL", help="Another database than the folder's own, such as postgresql+psycopg://host/name."
)
@click.option("--no-build", is_flag=True, help="Serve what was built before; fail when that is out of date.")
def demo(port: int, data: Path, today: datetime, database: str, no_build: bool) -> None:
    """Run the portal on this machine, with demonstration data.

    The first time it fills the data folder and builds the pages, which takes about a minute. It prints whom to sign in as. What is changed
    stays in the folder; without the folder, it starts over. ODOPORTAL_ variables are ignored here.
    """
    from odoportal.core.database import InvalidDatabaseURL, parse_url
    from odoportal.demo import setup
    from odoportal.settings import get_settings

    if database:
        try:
            parse_url(database)
        except InvalidDatabaseURL as error:
            raise Refused(f"--database {error}.") from error
    folder = data.resolve()
    try:
        setup.prepare(folder, port, today.date(), database)
    except (OSError, ValueError) as error:
        raise Refused(f"The data folder {folder} cannot be used: {error}.") from error
    get_settings.cache_clear()
    with readable_errors():
        from odoportal import serving
        from odoportal.importing import locks

        listener = serving.listen("127.0.0.1", port)
        with locks.using(get_settings().database_url):
            sign_ins = setup.load(say)
            project = build(no_build)
            serving.serve(project, listener, lambda: _say_ready(port, folder, today.date(), sign_ins))


def _say_ready(port: int, folder: Path, today: date, sign_ins: "tuple[DemoSignIn, ...]") -> None:
    email_width, password_width = max(len(sign_in.email) for sign_in in sign_ins), max(len(sign_in.password) for sign_in in sign_ins)
    say("", f"ODOportal is ready: http://localhost:{port}", "", "Sign in with (email, password, what it shows):")
    for sign_in in sign_ins:
        say(f"  {sign_in.email:<{email_width}}  {sign_in.password:<{password_width}}  {sign_in.shows}")
    say("", f"Emails are written to {folder / 'mail'}")
    say(f"The business day is {today}; --today DATE sets another. Stop with Ctrl+C.")


@click.command("build")
@click.option("--update-packages", is_flag=True, help="Build with the newest npm packages and write them into reflex.lock.")
def build_only(update_packages: bool) -> None:
    """Build the pages if they are out of date, without serving them.

    Exactly the npm packages of reflex.lock are installed; only --update-packages changes that lock.
    """
    with readable_errors():
        build(no_build=False, update=update_packages)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=PORT, metavar="PORT", default=8000, show_default=True, help="Port to listen on.")
@click.option("--no-build", is_flag=True, help="Serve what was built before; fail when that is out of date.")
def run(host: str, port: int, no_build: bool) -> None:
    """Run the portal in production.

    It is configured by the ODOPORTAL_ variables of the environment, which docs/operations.md lists. Brings the database up to date first.
    """
    settings = read_settings()
    with readable_errors():
        if settings.mode != "production":
            raise Refused("ODOPORTAL_MODE must be production, or not be set; demonstrations run with `odoportal demo`.")
        settings.refuse_unsafe()
        from odoportal import serving
        from odoportal.core import database, deployment
        from odoportal.importing import locks, rebuild_search
        from odoportal.mail import outbox

        try:
            outbox.transport_of(settings)
        except ValueError as error:
            raise Refused(str(error)) from error

        listener = serving.listen(host, port)
        with locks.using(settings.database_url), locks.serving(database.engine(), together=bool(settings.redis_url)):
            rebuild_search.upgrade_database(say)
            with database.read_session() as session:
                if deployment.is_demonstration(session):
                    raise Refused("The database of ODOPORTAL_DATABASE_URL holds demonstration data.")
            finish_import()
            project = build(no_build)
            serving.serve(project, listener, lambda: say(f"ODOportal is ready: {settings.public_url}"))


def finish_import() -> None:
    """Finish an import that was interrupted. The portal starts even if another import is running or the data have changed since."""
    from odoportal.importing.importer import finish_killed_import
    from odoportal.importing.locks import DatabaseInUse
    from odoportal.importing.merge import DatabaseChanged

    # `DatabaseInUse` means that an import is running: it finishes by itself.
    with suppress(DatabaseInUse):
        try:
            finish_killed_import(invite, say)
        except DatabaseChanged as error:
            say(str(error), err=True)


@click.command()
def check() -> None:
    """Say what is configured and whether it answers.

    Ends with 1 when anything does not.
    """
    settings = read_settings()
    with readable_errors():
        from odoportal.commands import checks

        findings = list(checks.run_checks(settings))
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        say(f"{'ok    ' if finding.good else 'FAILED'}  {finding.name:<{width}}  {finding.found}")
    if not all(finding.good for finding in findings):
        sys.exit(1)
