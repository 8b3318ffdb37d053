"""The rejects of an import: files like the imported ones, to correct and import again."""

import csv
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from odoportal.core import private_files
from odoportal.importing.dialect import DELIMITERS, header_name
from odoportal.importing.reader import BOM, FileTable, records
from odoportal.importing.staging import Staging

PROBLEM = "problem"


class CannotKeep(Exception):
    """The bad rows cannot be written there; the message is one sentence for the operator."""


def reject_paths(target: Path, names: list[str], one: bool) -> dict[str, Path]:
    """Return where the bad rows of each file go: a file in a folder, or a single file if one file is imported.

    Args:
        target: the path that the operator gave.
        names: the files of the import.
        one: whether a single file is imported, not a folder.

    Raises:
        CannotKeep: if a file exists already, which is never overwritten, or the folder is a file.
    """
    found = {name: target if one and not target.is_dir() else target / name for name in names}
    for path in found.values():
        if path.exists():
            raise CannotKeep(f"{path} already exists; bad rows are never written over a file.")
    if not one and target.exists() and not target.is_dir():
        raise CannotKeep(f"{target} is a file; the bad rows of a folder go into a folder.")
    return found


def write(staging: Staging, sources: dict[str, Path], to: dict[str, Path]) -> dict[str, Path]:
    """Write the rows that are not imported, with an additional column for the reason, and return the files that were written.

    Each file has the encoding, the delimiter and the columns of its source.
    """
    made: dict[str, Path] = {}
    for name, path in to.items():
        rows = iter(staging.rejected_rows(name))
        first = next(rows, None)
        if first is not None:
            private_files.make_folder(path.parent)
            _write(staging.tables[name], sources[name], path, first, rows)
            made[name] = path
    return made


def _write(table: FileTable, source: Path, path: Path, first: tuple[int, str], rest: Iterator[tuple[int, str]]) -> None:
    form = table.form
    unfinished = path.with_name(f".{path.name}.part")
    private_files.make_file(unfinished)
    wanted: tuple[int, str] | None = first
    with (
        unfinished.open("w", encoding=form.encoding, errors="surrogateescape", newline="") as out,
        source.open("rb") as raw,
        closing(records(FileTable(table.kind, form=form), raw)) as found,
    ):
        if form.has_bom:
            out.write(BOM.decode())
        writer = csv.writer(out, delimiter=form.delimiter)
        if form.delimiter not in DELIMITERS.values():
            out.write(f"sep={form.delimiter}\r\n")
        _, head = next(found)
        own = [place for place, cell in enumerate(head) if header_name(cell) != PROBLEM]
        writer.writerow([head[place] for place in own] + [PROBLEM])
        for at, cells in found:
            if wanted is None:
                break
            if at == wanted[0]:
                reason = wanted[1].encode(form.encoding, "replace").decode(form.encoding)
                row = [cells[place] if place < len(cells) else "" for place in own] + cells[len(head) :]
                writer.writerow([*row, reason])
                wanted = next(rest, None)
    unfinished.replace(path)
