"""Builds the frontend once per change of its sources."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from odoportal.frontend import packages

SOURCES = (
    *(f"odoportal/**/*.{kind}" for kind in ("py", "js", "css", "po")),
    "assets/**/*",
    "rxconfig.py",
    "constraints.txt",
    "reflex.lock/*.json",
)
LINKED = Path("assets") / "external"
LISTED_DIFFERENCES = 5
MILESTONES = (
    ("Initializing the web directory", "fetching packages"),
    ("Compiling production app", "compiling pages"),
    ("Compiling: ", "bundling"),
    ("Creating Production Build", "finishing"),
)


class BuildFailed(Exception):
    """The frontend could not be built. The message is one sentence for the operator."""


def root() -> Path:
    """Return the project folder, which contains `rxconfig.py` beside the package.

    Raises:
        BuildFailed: the package was installed without its project folder.
    """
    folder = Path(__file__).resolve().parents[2]
    if not (folder / "rxconfig.py").is_file():
        raise BuildFailed("The portal must be installed from its project folder with pip install -e .")
    return folder


def web_dir(project: Path) -> Path:
    """Return the folder in which Reflex builds: `.web` in the project, or `REFLEX_WEB_WORKDIR`."""
    return project / os.environ.get("REFLEX_WEB_WORKDIR", ".web")


def _files(project: Path) -> Iterator[Path]:
    found = {file for pattern in SOURCES for file in project.glob(pattern)}
    for file in sorted(found):
        # Exclude the files of the package that Reflex links below assets/external while it compiles.
        if file.is_file() and not file.relative_to(project).is_relative_to(LINKED):
            yield file


def _digest(project: Path) -> str:
    digest = hashlib.sha256(version("reflex").encode())
    for file in _files(project):
        digest.update(b"\0" + file.relative_to(project).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def version_of(project: Path) -> str:
    """Return a short version of the current sources, the same in the pages built from them and in the server that runs them."""
    return _digest(project)[:12]


def _stamp(project: Path) -> Path:
    return web_dir(project) / "build" / "built.hash"


def is_stale(project: Path) -> bool:
    """Return whether the built frontend is missing, incomplete or older than the sources."""
    with suppress(FileNotFoundError):
        return _stamp(project).read_text("utf-8") != _digest(project)
    return True


def _registry(environment: Mapping[str, str]) -> str:
    result = subprocess.run(["npm", "config", "get", "registry"], capture_output=True, text=True, env=environment, check=False)  # noqa: S607
    return result.stdout.strip()


def build_environment(*, update: bool = False) -> dict[str, str]:
    """Return the environment of a build: Node of this Python environment, npm with its configured registry, no telemetry.

    Args:
        update: whether npm may write newer packages into `reflex.lock`.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ODOPORTAL_")}
    environment |= packages.install_settings(update=update) | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', '')}",
        "REFLEX_USE_NPM": "1",
        "REFLEX_TELEMETRY_ENABLED": "false",
        "REFLEX_CHECK_LATEST_VERSION": "false",
        "NPM_CONFIG_AUDIT": "false",
        "NPM_CONFIG_FUND": "false",
        "NPM_CONFIG_UPDATE_NOTIFIER": "false",
        # Keep the lock file the same on every machine.
        "NPM_CONFIG_OMIT_LOCKFILE_REGISTRY_RESOLVED": "true",
        "PYTHONUNBUFFERED": "1",
        "COLUMNS": "120",
    }
    if registry := _registry(environment):
        environment["NPM_CONFIG_REGISTRY"] = registry
    return environment


def _export(project: Path, log: Path, report: Callable[[str], None], *, update: bool) -> None:
    command = [sys.executable, "-m", "reflex", "export", "--env", "prod", "--frontend-only", "--no-zip"]
    with log.open("w", encoding="utf-8") as record:
        process = subprocess.Popen(  # noqa: S603
            command,
            cwd=project,
            env=build_environment(update=update),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        try:
            for line in process.stdout or ():
                record.write(line)
                for mark, step in MILESTONES:
                    if mark in line:
                        report(step)
            failed = process.wait() != 0
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if failed:
        raise BuildFailed(f"The frontend could not be built; see {log}.")


@contextmanager
def _progress(console: Console) -> Iterator[Callable[[str], None]]:
    """Show progress: a moving line on a terminal, otherwise a line per step."""
    if not console.is_terminal:
        yield lambda step: console.print(f"Building the frontend: {step}")
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("Building the frontend: starting", total=None)
        yield lambda step: bar.update(task, description=f"Building the frontend: {step}")
        bar.update(task, description="Building the frontend: done", total=1, completed=1)


def build(project: Path, console: Console, *, update: bool = False) -> bool:
    """Build the frontend if it is stale. Of two simultaneous starts, one builds and the other waits for it.

    Args:
        project: the project folder.
        console: shows the progress; the full log is written to `.web.log` beside the web folder.
        update: build in any case, with the newest packages that Reflex and the plugins allow, and write these into `reflex.lock`.

    Returns:
        Whether something was built.

    Raises:
        BuildFailed: with one sentence and the log's path, or with the packages that differ from the lock.
    """
    if not update and not is_stale(project):
        return False
    web = web_dir(project)
    web.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(web.with_name(f"{web.name}.lock")):
        if not update and not is_stale(project):
            return False
        with suppress(FileNotFoundError):
            _stamp(project).unlink()
        sources = _digest(project)
        log = web.with_name(f"{web.name}.log")
        if web.exists() and (update or packages.differences(project, web)):
            # Reflex only reinstalls packages if its own notes in this folder have changed.
            shutil.rmtree(web)
        with _progress(console) as report, packages.locked(project, update=update):
            _export(project, log, report, update=update)
            if not (web / "build" / "csp.json").is_file():
                raise BuildFailed(f"The build did not run to its end; see {log}.")
        if differing := packages.differences(project, web):
            names = ", ".join(differing[:LISTED_DIFFERENCES]) + (", …" if len(differing) > LISTED_DIFFERENCES else "")
            raise BuildFailed(f"The build took packages that reflex.lock does not name ({names}). Update it with `{packages.UPDATE}`.")
        # Record the sources as they were at the start, so that a file edited during the build is built next time.
        _stamp(project).write_text(_digest(project) if update else sources, "utf-8")
    return True
