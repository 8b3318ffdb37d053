"""Creation of files and folders that only the user of this process may read, whatever the umask: they hold customers' data."""

import os
from contextlib import suppress
from pathlib import Path

FILE, FOLDER = 0o600, 0o700
_OTHERS_PERMISSIONS = 0o077


def make_folder(path: Path) -> None:
    """Create a folder and its missing parents, for this user only. An existing folder is not changed.

    Raises:
        OSError: If it cannot be created, or the path is not a folder.
    """
    if not path.parent.exists():
        make_folder(path.parent)
    path.mkdir(FOLDER, exist_ok=True)


def make_file(path: Path) -> None:
    """Create an empty file for this user only, or restrict the permissions of an existing one.

    Raises:
        OSError: If it cannot be created or opened for writing.
    """
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, FILE))
    restrict(path)


def restrict(path: Path) -> None:
    """Restrict a file's permissions to its owner. A missing file, or one owned by another user, is ignored."""
    with suppress(OSError):
        if is_open_to_others(path):
            path.chmod(FILE)


def is_open_to_others(path: Path) -> bool:
    """Return whether other users have any permission on a file or folder; False when it does not exist."""
    try:
        return path.stat().st_mode & _OTHERS_PERMISSIONS != 0
    except FileNotFoundError:
        return False
