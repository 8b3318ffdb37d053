"""Lighthouse, mobile and desktop, medians: what Google's own tool says of four pages; desktop once."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.ground import Ground
from tests.benchmarks.report import Row
from tests.benchmarks.weight import PAGES

VERSION = "13.5.0"
# A run takes ten seconds, and there are eight kinds of them; nearly every bar is for the phone.
MOST_RUNS = {"mobile": 3, "desktop": 1}
FLAGS = "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage"
# Search engines are kept out on purpose, so what Lighthouse says of them is not asked.
CATEGORIES = ("performance", "accessibility", "best-practices")
BARS: dict[tuple[str, str], float] = {("mobile", "performance"): 97, ("mobile", "accessibility"): 100, ("desktop", "accessibility"): 100}


def _environment() -> dict[str, str]:
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": programs, "CHROME_PATH": shutil.which("chromium") or ""}


def _installed(folder: Path) -> Path:
    """The program, installed by npm with the Node that builds the pages."""
    place = folder / f"lighthouse-{VERSION}"
    program = place / "node_modules" / "lighthouse" / "cli" / "index.js"
    if not program.exists():
        sys.stderr.write("Installing Lighthouse.\n")
        place.mkdir(parents=True, exist_ok=True)
        install = ["npm", "install", "--prefix", str(place), "--no-audit", "--no-fund", "--loglevel", "error", f"lighthouse@{VERSION}"]
        subprocess.run(install, check=True, env=_environment(), stdin=subprocess.DEVNULL, stdout=sys.stderr)
    return program


def _scores(program: Path, address: str, headers: Path, form: str) -> dict[str, float]:
    """One run's scores, 0 to 100."""
    options = ["--quiet", f"--chrome-flags={FLAGS}", "--output=json", f"--only-categories={','.join(CATEGORIES)}"]
    preset = ["--preset=desktop"] if form == "desktop" else []
    command = ["node", str(program), address, *options, *preset, f"--extra-headers={headers}"]
    done = subprocess.run(command, check=True, env=_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    report: dict[str, Any] = json.loads(done.stdout)
    if wrong := report.get("runtimeError"):
        raise RuntimeError(f"Lighthouse could not measure {address}: {wrong['message']}")
    return {name: 100 * report["categories"][name]["score"] for name in CATEGORIES}


def measure(ground: Ground) -> Iterator[Row]:
    """Four pages in both forms, the signed-in ones with the session's cookie."""
    program = _installed(ground.folder)
    headers = ground.folder / "lighthouse-headers.json"
    headers.write_text(json.dumps({"Cookie": ground.cookie()}), "utf-8")
    nobody = ground.folder / "lighthouse-nobody.json"
    nobody.write_text("{}", "utf-8")
    for form in ("mobile", "desktop"):
        for page, path in PAGES.items():
            who = nobody if page == "sign-in" else headers
            runs = [_scores(program, ground.server.portal.url + path, who, form) for _ in range(min(ground.runs, MOST_RUNS[form]))]
            for name in CATEGORIES:
                yield Row(f"{form}, {page}: {name}", "", median(run[name] for run in runs), least=BARS.get((form, name)))
    headers.unlink()
    nobody.unlink()
