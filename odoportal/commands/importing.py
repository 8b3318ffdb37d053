"""`odoportal import`: import of Odotrack's files."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from odoportal.commands.common import Refused, data, invite, say

if TYPE_CHECKING:
    from odoportal.importing.dialect import Dialect
    from odoportal.importing.validate import Progress

ANY_PATH = click.Path(path_type=Path)
SOURCE = click.Path(exists=True, allow_dash=True, path_type=Path)
SEPARATORS = {"comma": ",", "point": ".", "semicolon": ";", "tab": "\t"}
STANDARD_INPUT = Path("-")


@click.command("import")
@click.argument("path", type=SOURCE)
@click.option("--as", "name", default="", metavar="NAME", help="With -: which file standard input is, such as invoices.csv.")
@click.option("--dry-run", is_flag=True, help="Say what would be new, changed and bad, and write nothing.")
@click.option(
    "--keep-good", type=ANY_PATH, metavar="PLACE", help="Keep the good rows; write the bad ones into this file or folder, to be corrected."
)
@click.option("--notify", is_flag=True, help="Email new people their invitation; otherwise no one is emailed.")
@click.option(
    "--encoding",
    type=click.Choice(["utf-8", "windows-1252", "cp850", "cp863", "mac-roman", "utf-16"]),
    help="Encoding of the files; detected if not given.",
)
@click.option("--delimiter", type=click.Choice(["comma", "semicolon", "tab"]), help="Between cells; detected if not given.")
@click.option("--decimal", type=click.Choice(["comma", "point"]), help="What 1,234 means; such amounts are refused if not given.")
@click.option("--dates", type=click.Choice(["iso", "dmy"]), default="iso", show_default=True, help="dmy: 24/09/2020 is also a date.")
def import_(path: Path, name: str, dry_run: bool, keep_good: Path | None, notify: bool, **declared: str | None) -> None:
    """Load Odotrack's own files. PATH is a folder of CSV files, one of them, or - for standard input.

    If a row is bad, nothing is kept, unless --keep-good is given. Ends with 1 when any row was bad.
    """
    if (path == STANDARD_INPUT) != bool(name):
        raise Refused("--as NAME and - for standard input belong together.")
    with data(mails=notify), _source(path, name) as source, _progress() as progress:
        from odoportal.core import clock
        from odoportal.importing.importer import ImportRefused, Options, run_import

        lines: list[str] = []
        options = Options(_spelling(declared), dry_run, keep_good, notify, progress)
        try:
            report = run_import(source, now=clock.now(), invite=invite, report=lines.append, options=options)
        except ImportRefused as error:
            raise Refused(str(error)) from error
        finally:
            progress("", 0, 0)
            for line in lines:
                say(line)
    if report.bad or not (report.kept or report.dry):
        sys.exit(1)


def _spelling(declared: dict[str, str | None]) -> "Dialect":
    from odoportal.importing.dialect import Dialect

    separators = {name: SEPARATORS.get(declared[name] or "") for name in ("delimiter", "decimal")}
    return Dialect(separators["delimiter"], declared["encoding"], separators["decimal"], declared["dates"] == "dmy")


@contextmanager
def _source(path: Path, name: str) -> Iterator[Path]:
    """Yield the file or folder to import; standard input is saved to a temporary file, because it is read more than once."""
    if path != STANDARD_INPUT:
        yield path
        return
    with TemporaryDirectory(prefix="odoportal-") as folder:
        spooled = Path(folder) / Path(name).name
        with spooled.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield spooled


@contextmanager
def _progress() -> "Iterator[Progress]":
    """Yield a function that reports progress: as a bar on a terminal, not at all when standard error is not a terminal."""
    if not sys.stderr.isatty():
        yield lambda _what, _done, _of: None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    bar = Bar(console=Console(stderr=True), transient=True)
    task = bar.add_task("", total=None)

    def update(what: str, done: int, of: int) -> None:
        if what:
            bar.start()
            bar.update(task, description=what, completed=done, total=of)
        else:
            bar.stop()

    try:
        yield update
    finally:
        bar.stop()
