"""Locks the npm packages of the frontend: a build installs exactly those in `reflex.lock`, and only an explicit update changes it.

Reflex copies `reflex.lock` into its build folder, runs `npm install` and `npm add`, and copies the result back. With the npm setting
`save=false` neither command writes `package.json` or `package-lock.json`, so the files that are copied back are unchanged.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FOLDER = Path("reflex.lock")
MANIFEST, LOCK = "package.json", "package-lock.json"
INSTALLED = Path("node_modules") / ".package-lock.json"
UPDATE = "odoportal build --update-packages"


def install_settings(*, update: bool) -> dict[str, str]:
    """Return the environment variables that make npm install the locked packages, or save the newest ones.

    Args:
        update: True to write exact versions of the newest packages into the lock; False to leave the lock unchanged.
    """
    return {"NPM_CONFIG_SAVE": "true", "NPM_CONFIG_SAVE_EXACT": "true"} if update else {"NPM_CONFIG_SAVE": "false"}


def _packages(file: Path) -> dict[str, dict[str, Any]]:
    """Return the packages of a lock file by their folder, without the project itself."""
    return {where: about for where, about in json.loads(file.read_text("utf-8"))["packages"].items() if where}


def differences(project: Path, web: Path) -> list[str]:
    """Compare the installed packages with the locked ones.

    Args:
        project: the project folder, with `reflex.lock`.
        web: the build folder, with `node_modules`.

    Returns:
        One phrase per package that is missing, not locked, or not the locked version; empty if there are none. Optional packages (binaries
        for other systems) may be missing.
    """
    if not (web / INSTALLED).is_file():
        return ["nothing is installed"]
    locked, installed = _packages(project / FOLDER / LOCK), _packages(web / INSTALLED)
    found = []
    for where in sorted(locked.keys() | installed.keys()):
        name = where.rpartition("node_modules/")[2]
        if where not in locked:
            found.append(f"{name} {installed[where].get('version')} is not locked")
        elif where not in installed:
            if not locked[where].get("optional"):
                found.append(f"{name} {locked[where].get('version')} is missing")
        elif any(locked[where].get(key) != installed[where].get(key) for key in ("version", "integrity")):
            found.append(f"{name} is {installed[where].get('version')}, not {locked[where].get('version')}")
    return found


def _rendered(manifest: dict[str, Any]) -> str:
    """Return `package.json` with Reflex's order and on one line, so that a build finds the file as it would write it."""
    order = ("name", "type", "scripts", "dependencies", "devDependencies", "overrides")
    return json.dumps({name: manifest.get(name, {}) for name in order} | manifest)


@contextmanager
def locked(project: Path, *, update: bool) -> Iterator[None]:
    """Restore the lock's files after the frontend is built, whatever Reflex copies over them.

    Args:
        project: the project folder, with `reflex.lock`.
        update: True to remove the lock during the build, so that the newest packages are found; it is restored only if the build fails.
    """
    files = [project / FOLDER / name for name in (MANIFEST, LOCK)]
    before = {file: file.read_bytes() for file in files if file.is_file()}
    if update:
        for file in before:
            file.unlink()
    succeeded = False
    try:
        yield
        succeeded = True
    finally:
        if update and succeeded:
            files[0].write_text(_rendered(json.loads(files[0].read_text("utf-8"))), "utf-8")
        else:
            for file, content in before.items():
                if not file.is_file() or file.read_bytes() != content:
                    file.write_bytes(content)
