"""Work of the server: sign-ins, printed documents, exports, an import and a cold build."""

import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from odoportal.core import database
from odoportal.frontend import builder
from odoportal.migrations import migrate
from tests.benchmarks import data
from tests.benchmarks.bench import Bench, Server
from tests.benchmarks.report import Row
from tests.benchmarks.sessions import cpu_seconds, memory
from tests.importing import big

SIGNING_IN = 20
DOCUMENTS = 100
IMPORTED = 100_000
PAUSE = 0.05
BUILD = "from rich.console import Console; from odoportal.frontend import builder; builder.build(builder.root(), Console())"


def measure(bench: Bench) -> Iterator[Row]:
    """Yield rows for each kind of work in turn, on a separate portal, and for a neighbour's pages meanwhile."""
    builder.build(builder.root(), Console(stderr=True))
    begun = time.perf_counter() if bench.data_folder else 0.0
    with bench.serving() as server:
        yield Row("start-up when built, to the first answer", "s", time.perf_counter() - begun, most=5)
        yield from _sign_ins(server, bench.runs)
        large, small = (server.portal.sign_in(email, data.PASSWORD, keep="1") for email in (data.LARGE, data.SMALL))
        address = f"/en/invoices/{data.LONG}.pdf"
        _get(server, address, small)
        took = [_get(server, address, small)[0] for _ in range(4 * bench.runs)]
        yield Row(f"PDF of {data.LONG_LINES} lines", "ms", 1000 * statistics.median(took), most=150)
        calm: list[float] = []
        with _neighbour(server, small, calm):
            time.sleep(40 * PAUSE)
        yield Row("a neighbour's page, nobody else there, p95", "ms", 1000 * _p95(calm))
        form = urllib.parse.urlencode([("number", number) for number in _numbers(bench)]).encode()
        yield from _with_neighbour(server, small, f"ZIP of {DOCUMENTS} PDFs", 5, lambda: _get(server, "/en/invoices.zip", large, form))
        rows = f"{bench.rows // data.LARGE_SHARE:,} rows"
        for ending, name in (("csv", "CSV"), ("xlsx", "Excel")):
            yield from _with_neighbour(
                server, small, f"{name} of {rows}", 10, lambda ending=ending: _get(server, f"/en/invoices.{ending}", large)
            )
    yield from _import(bench)
    yield _cold_build(bench)


def _get(server: Server, path: str, cookie: str, form: bytes | None = None) -> tuple[float, int]:
    """Fetch an address and return the seconds until the last byte and the number of bytes."""
    request = urllib.request.Request(server.portal.url + path, form, {"Cookie": cookie, "Origin": server.portal.url})
    begun, size = time.perf_counter(), 0
    with urllib.request.urlopen(request, timeout=120) as answer:
        while portion := answer.read(1 << 16):
            size += len(portion)
    return time.perf_counter() - begun, size


def _sign_ins(server: Server, runs: int) -> Iterator[Row]:
    def one(email: str) -> float:
        begun = time.perf_counter()
        server.portal.sign_in(email, data.PASSWORD)
        return time.perf_counter() - begun

    alone = statistics.median(one(data.SMALL) for _ in range(3))
    before, rounds = cpu_seconds(server.process.pid), min(runs, 3)
    with ThreadPoolExecutor(SIGNING_IN) as pool:
        took = [seconds for _ in range(rounds) for seconds in pool.map(one, data.OTHERS[:SIGNING_IN])]
    worked = (cpu_seconds(server.process.pid) - before) / len(took)
    yield Row("sign-in, alone", "ms", 1000 * alone)
    yield Row(f"sign-ins, {SIGNING_IN} in the same instant: the processor's time of each", "ms", 1000 * worked)
    yield Row(f"sign-ins, {SIGNING_IN} in the same instant, p95", "ms", 1000 * _p95(took), most=600)


def _p95(took: list[float]) -> float:
    return statistics.quantiles(took, n=20)[18]


@contextmanager
def _neighbour(server: Server, cookie: str, took: list[float]) -> Iterator[None]:
    """Open pages of invoices as a person of another account, until the block ends, and collect the seconds of each."""
    ended = threading.Event()

    def browse() -> None:
        page = 0
        while not ended.wait(PAUSE):
            page = page % 9 + 1
            took.append(_get(server, f"/en/invoices?page={page}", cookie)[0])

    person = threading.Thread(target=browse)
    person.start()
    try:
        yield
    finally:
        ended.set()
        person.join()


@dataclass
class _Peak:
    """The peak memory of a process since this was made, in KiB."""

    pid: int
    before: float = field(init=False)

    def __post_init__(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")  # resets the peak
        self.before = memory(self.pid)

    def above_idle(self) -> float:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) - self.before


def _with_neighbour(server: Server, cookie: str, name: str, most: float, make: Callable[[], tuple[float, int]]) -> Iterator[Row]:
    pages: list[float] = []
    peak = _Peak(server.process.pid)
    with _neighbour(server, cookie, pages):
        took, size = make()
    yield Row(f"{name} ({size / 2**20:.1f} MiB)", "s", took, most=most)
    yield Row(f"{name}: memory above idle", "MiB", peak.above_idle() / 1024, most=150)
    yield Row(f"{name}: a neighbour's page meanwhile, p95", "ms", 1000 * _p95(pages or [0.0, 0.0]), most=100)


def _numbers(bench: Bench) -> list[str]:
    """Return the numbers of the large account's newest invoices."""
    engine = database.make_engine(bench.database_url())
    newest = "SELECT number FROM invoice WHERE account_id = ? ORDER BY issued_on DESC, id DESC LIMIT ?"
    with engine.connect() as connection:
        found = [number for (number,) in connection.exec_driver_sql(newest, (data.LARGE_ID, DOCUMENTS))]
    engine.dispose()
    return found


@contextmanager
def _scratch(bench: Bench, name: str) -> Iterator[Path]:
    place = bench.folder / name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    yield place
    shutil.rmtree(place)


def _import(bench: Bench) -> Iterator[Row]:
    count = min(IMPORTED, bench.rows)
    with _scratch(bench, "import") as place:
        big.write(place / "files", count, taxes=False)
        engine = database.make_engine(bench.database_url(place))
        migrate(engine)
        engine.dispose()
        command = [str(Path(sys.executable).parent / "odoportal"), "import", str(place / "files")]
        begun = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **bench.settings(place, "http://localhost:8000")})
        took = time.perf_counter() - begun
    yield Row(f"import of {count:,} invoices of three lines", "s", took, most=60)


def _cold_build(bench: Bench) -> Row:
    """Build a copy of the sources as after a fresh install."""
    with _scratch(bench, "build") as place:
        listed = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True, cwd=builder.root(), text=True).stdout
        for name in listed.strip("\0").split("\0"):
            if (source := builder.root() / name).is_file():
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, place / name)
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", BUILD], check=True, stdout=subprocess.DEVNULL, cwd=place)
        return Row("cold build of the pages", "s", time.perf_counter() - begun, most=60)
