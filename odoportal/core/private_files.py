"""Files and folders that only this process's user may read, whatever its umask: they hold customers' data."""

import os
from contextlib import suppress
from pathlib import Path

FILE, FOLDER = 0o600, 0o700
_OTHERS = 0o077


def folder(path: Path) -> None:
    """Make a folder, with every parent that is missing, for this user only. One that is there stays as it is.

    Raises:
        OSError: when it cannot be made, or is no folder.
    """
    if not path.parent.exists():
        folder(path.parent)
    path.mkdir(FOLDER, exist_ok=True)


def file(path: Path) -> None:
    """Make a file that is missing, empty and for this user only; narrow one that is there.

    Raises:
        OSError: when it cannot be made.
    """
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, FILE))
    narrow(path)


def narrow(path: Path) -> None:
    """Take a file away from everybody but its owner. Where it is missing or somebody else's, nothing happens."""
    with suppress(OSError):
        if is_wide(path):
            path.chmod(FILE)


def is_wide(path: Path) -> bool:
    """Return whether others than the owner may read, write or enter what is at a path; not where nothing is there."""
    try:
        return path.stat().st_mode & _OTHERS != 0
    except FileNotFoundError:
        return False
