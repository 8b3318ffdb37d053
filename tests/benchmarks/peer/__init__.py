"""The peer: the same list as plain server pages, installed into a separate environment and served next to the portal."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from venv import EnvBuilder

from tests.benchmarks.bench import Bench, running_process, wait_until_answering
from tests.server import Portal, free_port

HERE = Path(__file__).parent
WORKERS = 2


@dataclass(frozen=True)
class Peer:
    """The running peer: its address, and the cookie (`name=value`) of a signed-in person."""

    portal: Portal
    cookie: str


def _installed(folder: Path) -> Path:
    """Return the Python of the peer's environment, which is made if it is missing or has other requirements."""
    wanted = (HERE / "requirements.txt").read_text("utf-8")
    place, python = folder / "peer", folder / "peer" / "bin" / "python"
    done = place / "installed.txt"
    if not done.exists() or done.read_text("utf-8") != wanted:
        sys.stderr.write("Installing the peer.\n")
        EnvBuilder(clear=True, with_pip=True).create(place)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", HERE / "requirements.txt"]
        subprocess.run(install, check=True, stdin=subprocess.DEVNULL)
        done.write_text(wanted, "utf-8")
    return python


@contextmanager
def serving(bench: Bench, email: str) -> Iterator[Peer]:
    """Serve the peer on the benchmark data, with one person signed in."""
    python = _installed(bench.folder)
    rows, own = bench.data_folder / "odoportal.db", bench.data_folder / "peer.db"
    environment = {**os.environ, "PEER_ROWS": str(rows), "PEER_OWN": str(own)}
    signed = subprocess.run([python, "orders.py", email], cwd=HERE, env=environment, check=True, capture_output=True, text=True)
    port = free_port()
    portal = Portal(f"http://localhost:{port}", bench.data_folder)
    command = [str(python), "-m", "gunicorn", "--chdir", str(HERE), "--workers", str(WORKERS), "--bind", f"127.0.0.1:{port}"]
    with running_process(
        [*command, "--keep-alive", "30", "--worker-class", "gthread", "orders:application"], bench.folder / "peer.log", environment
    ) as process:
        wait_until_answering(portal, process, "/orders")
        yield Peer(portal, f"sessionid={signed.stdout.strip()}")
