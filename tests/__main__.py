"""All checks of the project in one run: `python -m tests`. Arguments are passed to pytest.

Installs Chromium, PostgreSQL and Redis when they are missing (Debian packages; needs root or sudo), builds the frontend when it
is stale, and runs ruff, biome (style sheets), import-linter and pyright, all at the same time. Then it runs pytest, even when one of
them failed.

Without arguments, the tests with a database run on a separate PostgreSQL server as well: the business rules, what the command line does to
data, a few whole journeys, and those attacks by socket and HTTP whose values or sessions reach the database. What is decided before the
database is asked, or is the same whatever it answers (origins, headers, rights, PDF), is marked `any_database`, and runs on SQLite only.
"""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console

from odoportal.frontend import builder
from tests.postgresql import binaries

PROJECT = Path(__file__).resolve().parents[1]
HERE = Path(sys.executable).parent
LINTERS: tuple[tuple[str, list[Path | str]], ...] = (
    ("ruff", [HERE / "ruff", "check", "--output-format", "concise", "."]),
    ("biome", [HERE / "biome", "check", "--error-on-warnings", "."]),
    ("import-linter", [HERE / "lint-imports"]),
    ("pyright", [HERE / "pyright"]),
)
# One worker per core. Workers take files in order, so that browser tests stay last in each. Each has its own portal and databases.
TOGETHER = ["-n", str(min(os.cpu_count() or 1, 4)), "--dist", "loadfile", "--no-loadscope-reorder", "--durations=50", "--durations-min=3"]
RUNS = {"pytest": TOGETHER, "pytest on PostgreSQL": [*TOGETHER, "--database", "postgresql"]}


def say(line: str) -> None:
    """Print a line at once, so that it stays in order with the output of the tools."""
    sys.stdout.write(f"\n== {line}\n")
    sys.stdout.flush()


def environment() -> dict[str, str]:
    """Return the environment of the tools: this environment's programs first, Node among them, and no settings of a portal.

    Python keeps what it has compiled: each worker rewrites the assertions of all tests otherwise, and each portal compiles its sources.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ODOPORTAL_") and name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PATH": f"{HERE}{os.pathsep}{kept.get('PATH', '')}", "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}


def have_programs() -> None:
    """Install the Debian packages that the tests use and that are missing.

    Raises:
        SystemExit: when neither root nor sudo is available, or the installation fails.
    """
    there = {"chromium": shutil.which("chromium"), "postgresql": binaries(), "redis-server": shutil.which("redis-server")}
    missing = [package for package, found in there.items() if not found]
    if not missing:
        return
    names = " ".join(missing)
    say(f"installing {names} for the tests")
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    if not shutil.which("apt-get") or (sudo and not shutil.which("sudo")):
        sys.exit(f"The tests need these: install them (on Debian: apt-get install {names}, as root) and run this again.")
    install = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "--no-install-recommends", *missing]
    for command in (["apt-get", "update"], install):
        ran = subprocess.run([*sudo, *command], check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if ran.returncode:
            sys.exit(f"{ran.stdout}{ran.stderr}These could not be installed: {names}. Install them by hand and run this again.")


def _start(command: list[Path | str]) -> subprocess.Popen[str]:
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    return subprocess.Popen(command, env=environment(), stdin=nothing, stdout=pipe, stderr=subprocess.STDOUT, text=True)


def _prepare() -> list[str]:
    """Install programs, build the frontend and run the linters, at the same time; return the names of what failed."""
    failed = []
    # None of these keeps two processors busy by itself.
    linting = [(name, _start(command)) for name, command in LINTERS]
    with ThreadPoolExecutor(1) as pool:
        installing = pool.submit(have_programs)
        say("frontend")
        try:
            builder.build(PROJECT, Console())
        except builder.BuildFailed as error:
            log = builder.web_dir(PROJECT).with_name(".web.log")
            sys.stdout.write(f"{error}\n{log.read_text('utf-8') if log.is_file() else ''}\n")
            failed.append("frontend")
        for name, linter in linting:
            output, _ = linter.communicate()
            say(name)
            sys.stdout.write(output)
            if linter.returncode:
                failed.append(name)
        installing.result()
    return failed


def _run(name: str, options: list[str]) -> list[str]:
    """Run pytest with options; return its name if it failed."""
    say(name)
    command = [sys.executable, "-m", "pytest", *options]
    return [name] if subprocess.run(command, env=environment(), stdin=subprocess.DEVNULL, check=False).returncode else []


def main() -> int:
    """Run everything; return 0 when everything passed."""
    os.chdir(PROJECT)
    if failed := _prepare():
        say(f"failed before pytest: {', '.join(failed)}")
    for name, options in ({"pytest": sys.argv[1:]} if sys.argv[1:] else RUNS).items():
        failed += _run(name, options)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
