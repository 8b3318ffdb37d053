"""The npm packages of the frontend: exactly those that `reflex.lock` names are installed, and only an explicit update changes it.

Reflex copies `reflex.lock` into its build folder, runs `npm install` and `npm add`, and copies the result back. With the npm setting
`save=false` neither of the two writes `package.json` or `package-lock.json`, so what is copied back is what was there.
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
    """Return the environment variables by which npm installs what is locked, or saves what it finds newest.

    Args:
        update: True to write exact versions of the newest packages into the lock; False to leave the lock alone.
    """
    return {"NPM_CONFIG_SAVE": "true", "NPM_CONFIG_SAVE_EXACT": "true"} if update else {"NPM_CONFIG_SAVE": "false"}


def _packages(file: Path) -> dict[str, dict[str, Any]]:
    """Return the packages of a lock file by their folder, without the project itself."""
    return {where: about for where, about in json.loads(file.read_text("utf-8"))["packages"].items() if where}


def differences(project: Path, web: Path) -> list[str]:
    """Compare the installed packages with the locked ones.

    Args:
        project: the folder of the project, with `reflex.lock`.
        web: the folder of the build, with `node_modules`.

    Returns:
        One phrase per package that is another version than the locked one, is not locked, or is missing; packages that are optional
        (other systems' binaries) may be missing. Empty where all is as locked.
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
    """Return `package.json` in the order and on the one line in which Reflex writes it, so that a build finds it as it would write it."""
    order = ("name", "type", "scripts", "dependencies", "devDependencies", "overrides")
    return json.dumps({name: manifest.get(name, {}) for name in order} | manifest)


@contextmanager
def locked(project: Path, *, update: bool) -> Iterator[None]:
    """Keep the files of the lock as they are while the frontend is built, whatever Reflex copies over them.

    Args:
        project: the folder of the project, with `reflex.lock`.
        update: True to take the lock away meanwhile, so that the newest packages are found, and to put it back only where that fails.
    """
    files = [project / FOLDER / name for name in (MANIFEST, LOCK)]
    before = {file: file.read_bytes() for file in files if file.is_file()}
    if update:
        for file in before:
            file.unlink()
    done = False
    try:
        yield
        done = True
    finally:
        if update and done:
            files[0].write_text(_rendered(json.loads(files[0].read_text("utf-8"))), "utf-8")
        else:
            for file, content in before.items():
                if not file.is_file() or file.read_bytes() != content:
                    file.write_bytes(content)
