"""All checks of the project in one run: `python -m tests`. Arguments are passed to pytest.

Installs Chromium, PostgreSQL and Redis when they are missing (Debian packages; needs root or sudo), builds the frontend when it
is stale, with ruff, biome (style sheets), import-linter and pyright at the same time, and then runs pytest, each of them even when an
earlier one failed. Without arguments, the tests with a database run again on a separate PostgreSQL server: the business rules, what the
command line does to data, the attacks by socket and HTTP, and one whole journey.
"""

import os
import shutil
import subprocess
import sys
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
# One worker per core, each with its own portal and databases. Workers take files in order, so that browser tests stay last in each.
TOGETHER = ["-n", str(min(os.cpu_count() or 1, 4)), "--dist", "loadfile", "--no-loadscope-reorder", "--durations=50", "--durations-min=3"]


def say(line: str) -> None:
    """Print a line at once, so that it stays in order with the output of the tools."""
    sys.stdout.write(f"\n== {line}\n")
    sys.stdout.flush()


def environment() -> dict[str, str]:
    """Return the environment of the tools: this environment's programs first, Node among them, and no settings of a portal."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ODOPORTAL_")}
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
        if subprocess.run([*sudo, *command], check=False, stdin=subprocess.DEVNULL).returncode:
            sys.exit(f"These could not be installed: {names}. Install them by hand and run this again.")


def _start(command: list[Path | str]) -> subprocess.Popen[str]:
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    return subprocess.Popen(command, env=environment(), stdin=nothing, stdout=pipe, stderr=subprocess.STDOUT, text=True)


def main() -> int:
    """Run everything; return 0 when everything passed."""
    os.chdir(PROJECT)
    failed = []
    have_programs()
    # None of these keeps two processors busy by itself.
    linting = [(name, _start(command)) for name, command in LINTERS]
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
    if failed:
        say(f"failed before pytest: {', '.join(failed)}")
    runs = {"pytest": sys.argv[1:]}
    if not sys.argv[1:]:
        runs = {"pytest": TOGETHER, "pytest on PostgreSQL": [*TOGETHER, "--database", "postgresql"]}
    for name, options in runs.items():
        say(name)
        if subprocess.run([sys.executable, "-m", "pytest", *options], check=False, env=environment(), stdin=subprocess.DEVNULL).returncode:
            failed.append(name)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
