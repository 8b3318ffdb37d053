"""SQL of every view in an account with a tenth of all invoices, and in one with a hundred; plans in `.benchmarks/plans.txt`."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from sqlalchemy import Connection, Engine, text
from sqlmodel import Session

from odoportal.core import database
from tests.benchmarks import data
from tests.benchmarks.bench import Bench
from tests.benchmarks.report import Row
from tests.making import identity_of
from tests.views import Ran, View, costly, draw, plan, recorded_statements, views

MILLION = 1_000_000
# Bars in milliseconds: for up to a million invoices, and for more.
VIEW_MS, SEARCH_MS = (10, 20), (20, 100)
DEEP_MS, PROGRESS_MS = 30, 100
PLANS = "plans.txt"


def _searches(number: str) -> Iterator[View]:
    for room in ("invoices", "orders"):
        for what, typed in (
            ("a number", number if room == "invoices" else str(data.FIRST_ORDER + 7 * data.LARGE_SHARE)),
            ("an amount", "$1,234.50"),
            ("a rare word", data.RARE),
            ("a common word", "cable"),
            ("two common words", "cable probe"),
            ("the word of every row", data.COMMON),
            ("two letters", "od"),
            ("nothing that is there", "zyzzyva"),
        ):
            yield View(f"{room}, search for {what}", f"{room}?q={typed}")
        yield View(f"{room}, search for a common word, its last page", f"{room}?q=cable&page=1000000")
    for what, typed in (
        ("a serial", str(data.FIRST_SERIAL + 7)),
        ("a common word", "volvo"),
        ("two common words", "unit volvo"),
        ("the word of every row", "odo"),
        ("the word of a state", "signal"),
        ("the word of a state that nearly every row has", "active"),
        ("nothing that is there", "zyzzyva"),
    ):
        yield View(f"devices, search for {what}", f"devices?q={typed}")
    yield View("invoices, search for the word of a state", "invoices?q=overdue")
    yield View("invoices, search for the word of a state that nearly every row has", "invoices?q=paid")
    yield View("invoices, page 6,000 of a common word", "invoices?q=odotrace&page=6000&size=10")


def _bar(view: View, rows: int) -> float:
    large = rows > MILLION
    if "progress" in view.address:
        return PROGRESS_MS * (10 if large else 1)
    if "page=" in view.address:
        return DEEP_MS * (10 if large else 1)
    return (SEARCH_MS if "q=" in view.address else VIEW_MS)[large]


@dataclass(frozen=True)
class _Measured:
    """A view's statements, the milliseconds they take in all, and the steps of each statement's plan."""

    view: View
    ran: Sequence[Ran]
    milliseconds: float
    steps: Sequence[Sequence[str]]

    @property
    def worst(self) -> list[str]:
        return [step for steps in self.steps for step in costly(list(steps))]


def _timed(connection: Connection, ran: Sequence[Ran]) -> float:
    """Run all statements, fetch all rows, and return the milliseconds of CPU time, which depends little on other load."""
    cursor = connection.connection.cursor()
    begun = time.thread_time()
    for statement, values in ran:
        cursor.execute(statement, values)
        cursor.fetchall()
    milliseconds = time.thread_time() - begun
    cursor.close()
    return 1000 * milliseconds


def _measured(engine: Engine, account_id: int, view: View, runs: int) -> _Measured:
    with Session(engine) as session, recorded_statements(engine) as ran:
        draw(session, identity_of(account_id), view.address, data.LAST)
        seen = list(ran)
    with engine.connect() as connection:
        milliseconds = median(_timed(connection, seen) for _ in range(runs))
        return _Measured(view, seen, milliseconds, [plan(connection, each) for each in seen])


def _one(engine: Engine, statement: str, account_id: int) -> str:
    with engine.connect() as connection:
        return connection.execute(text(statement), {"account": account_id}).scalar_one()


def _known(engine: Engine, account_id: int) -> tuple[str, str, str]:
    """Return the number of an order, of an invoice that has an order, and of a device, from the middle of the account's lists."""
    rows = "from {0} where account_id = :account {1}"
    middle = f"select {{2}} {rows} order by id limit 1 offset (select count(*) / 2 {rows})"
    return (
        _one(engine, middle.format("orders", "", "number"), account_id),
        _one(engine, middle.format("invoice", "and order_id is not null", "number"), account_id),
        _one(engine, middle.format("device", "", "serial"), account_id),
    )


def _write(place: Path, measured: Sequence[_Measured]) -> None:
    lines: list[str] = []
    for each in measured:
        lines.append(f"## {each.view.name}: /{each.view.address}, {each.milliseconds:.2f} ms")
        for (statement, _), steps in zip(each.ran, each.steps, strict=True):
            lines += [" ".join(statement.split()), *(f"    {step}" for step in steps)]
    place.write_text("\n".join(lines) + "\n", "utf-8")


def measure(bench: Bench) -> Iterator[Row]:
    """Yield a row for each view: it is rendered once, and its statements are then repeated without the portal around them."""
    place = bench.data_folder
    engine = database.make_engine(bench.database_url(place))
    kept: list[_Measured] = []
    order, number, serial = _known(engine, data.LARGE_ID)
    tested_views = [*views(order, number, serial), *_searches(number)]
    for view in tested_views:
        found = _measured(engine, data.LARGE_ID, view, bench.runs)
        kept.append(found)
        yield Row(f"{view.name} ({len(found.ran)} statements)", "ms", found.milliseconds, most=_bar(view, bench.rows))
    order, number, serial = _known(engine, data.SMALL_ID)
    small = [_measured(engine, data.SMALL_ID, view, bench.runs) for view in (*views(order, number, serial), *_searches(number))]
    commonest = next(each for each in small if f"q={data.COMMON}" in each.view.address)
    yield Row("an account of 100 invoices: the word of every row", "ms", commonest.milliseconds, most=SEARCH_MS[0])
    slowest = max(small, key=lambda each: each.milliseconds)
    yield Row(f"an account of 100 invoices: the slowest view ({slowest.view.name})", "ms", slowest.milliseconds, most=VIEW_MS[0])
    more = [large.view.name for large, other in zip(kept, small, strict=True) if len(large.ran) > len(other.ran) + 1]
    yield Row("views with more than one statement more in the large account", "", len(more), most=0)
    scanned = [step for each in (*kept, *small) for step in each.worst if step.startswith("SCAN")]
    yield Row("steps of plans that read a whole table", "", len(scanned), most=0)
    _write(bench.folder / PLANS, kept)
    engine.dispose()
