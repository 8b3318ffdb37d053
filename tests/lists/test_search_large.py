"""Search in a large account finds the same rows as a full scan, in any account, and uses an index."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, text
from sqlmodel import Session

from odoportal.core import i18n
from odoportal.core.folding import fold
from odoportal.lists import search
from odoportal.lists.list_table import ListTable
from odoportal.lists.query import ListQuery
from odoportal.lists.source import ListRequest
from odoportal.rooms.devices import service as devices
from odoportal.rooms.devices.page import DEVICES
from odoportal.rooms.invoices import service as invoices
from odoportal.rooms.invoices.columns import INVOICES
from odoportal.rooms.invoices.models import Invoice
from odoportal.rooms.orders import service as orders
from odoportal.rooms.orders.columns import ORDERS
from odoportal.rooms.orders.models import Order
from tests.making import TODAY, account, device, invoice, order, rolled_back

WORDS = (
    "cable",
    "Câble",
    "câblé",
    "a_b",
    "axb",
    "50%",
    "500",
    "x\\y",
    'say "so"',
    "ab",
    "é",
    "œuvre",
    "26367",
    "truck 🚚🚚🚚",
    "d'usage",
    "cab",
    "bla",
)
ASKED = (
    *WORDS,
    "100.00",
    "100,00 $",
    "$1,234.50",
    "1 234,50",
    "2020-09",
    "paid",
    "active",
    "service",
    "53%",
    "overdue cable",
    "oeuvre",
    "CABLE",
    "🚚🚚🚚",
    "' OR 1",
    "*",
    "-",
    "\u0000",
)
texts = st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join)
rows = st.lists(st.tuples(st.booleans(), texts, st.sampled_from(["100.00", "1234.50", "500.00"])), max_size=8)
questions = st.one_of(st.lists(st.sampled_from(ASKED), min_size=1, max_size=3).map(" ".join), st.text(max_size=5))


@contextmanager
def as_large(few: int = search.MAX_CANDIDATES) -> Iterator[None]:
    """Treat every account as large."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "LARGE_ACCOUNT_ROWS", -1)
        patch.setattr(search, "MAX_CANDIDATES", few)
        yield


def request(table: ListTable, account_id: int, **asked: str) -> ListRequest:
    language = "fr" if table is ORDERS else "en"
    with i18n.use(language):
        return table.request(account_id, ListQuery.parse(table.rules, asked), language, TODAY)


def found(session: Session, account_id: int, q: str) -> tuple[list[str], ...]:
    """Return the numbers of the invoices and orders and the serials of the devices that a search finds."""
    asked = {"q": q, "size": "100"}
    lists = [table.source.find(session, request(table, account_id, **asked)) for table in (INVOICES, ORDERS, DEVICES)]
    assert [of.window.total for of in lists] == [len(of.rows) for of in lists]
    bills, bought, held = (of.rows for of in lists)
    return [i.number for i in bills], [o.number for o in bought], [d.serial for d in held]


def write(session: Session, mine: int, other: int, given_rows: Sequence[tuple[bool, str, str]], mark: str) -> list[Any]:
    made: list[Any] = []
    for at, (own, line, total) in enumerate(given_rows):
        owner = mine if own else other
        day = TODAY - timedelta(days=100 + at)
        made.append(order(session, owner, f"{at}{mark}", day, day + timedelta(days=364), [(line, line)]))
        made.append(device(session, owner, f"{at}{mark}", vehicle=line, state="lost" if total == "500.00" else ""))
        made.append(invoice(session, owner, f"{at}{mark}", total, day))
        made[-1].search += "\n" + fold(line)
    session.flush()
    return made


@settings(max_examples=120)
@given(rows, questions, st.sampled_from([1, 1000]), st.data())
def test_a_large_account_finds_what_a_small_one_does(
    engine: Engine, given_rows: list[tuple[bool, str, str]], q: str, few: int, data: st.DataObject
) -> None:
    with rolled_back(engine) as session:
        mine, other = account(session, "A"), account(session, "B")
        made = write(session, mine, other, given_rows, "")
        for row in made:
            match data.draw(st.sampled_from(["keep", "rewrite", "empty", "delete", "move"])):
                case "rewrite":
                    row.search = fold(data.draw(texts))
                case "empty":
                    row.search = ""
                case "delete":
                    session.execute(text(f"DELETE FROM {row.__tablename__} WHERE id = :id"), {"id": row.id})
                    session.expunge(row)
                case "move" if isinstance(row, Invoice):
                    row.account_id = other if row.account_id == mine else mine
                case _:
                    pass
        session.flush()
        plain = [found(session, owner, q) for owner in (mine, other)]
        with as_large(few):
            assert [found(session, owner, q) for owner in (mine, other)] == plain


def test_the_index_is_asked_and_not_only_believed(engine: Engine) -> None:
    """A control of the property above: a row that is missing from the index is not found in a large account."""
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL's index cannot lose a row")
    with rolled_back(engine) as session:
        mine = account(session, "A")
        write(session, mine, mine, [(True, "cable", "100.00")], "")
        session.execute(text("INSERT INTO orders_grams (orders_grams) VALUES ('delete-all')"))
        assert found(session, mine, "cable") == (["0"], ["0"], ["0"])
        with as_large():
            assert found(session, mine, "cable") == (["0"], [], ["0"])


def test_the_neighbours_in_a_search_are_those_of_a_small_account(engine: Engine) -> None:
    with rolled_back(engine) as session:
        mine, other = account(session, "A"), account(session, "B")
        made = write(session, mine, other, [(True, "cable", "100.00"), (True, "usb", "100.00"), (True, "cable usb", "100.00")], "")
        bought, billed = [r for r in made if isinstance(r, Order)], [r for r in made if isinstance(r, Invoice)]
        bills, asked = request(INVOICES, mine, q="cable"), request(ORDERS, mine, q="cable")

        def places() -> list[Any]:
            return [
                *(invoices.LIST.neighbours(session, bills, 3, row.id or 0) for row in billed),
                *(orders.LIST.neighbours(session, asked, 3, row.id or 0) for row in bought),
            ]

        plain = places()
        assert plain[1] is None
        assert plain[0] == search.Neighbours(0, "", "2")
        with as_large():
            assert places() == plain


@contextmanager
def ran(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """Yield the list of the reading statements that an engine runs in this context."""
    statements: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.lstrip().upper().startswith("SELECT"):
            statements.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


View = Callable[[Session, int], Any]


def listed(table: ListTable, **asked: str) -> View:
    def read(session: Session, account_id: int) -> None:
        found = table.source.find(session, request(table, account_id, **asked))
        if table is ORDERS:
            orders.lines_of(session, account_id, [row.id for row in found.rows])
        if table is DEVICES:
            devices.plans(session, account_id, [row.id for row in found.rows])

    return read


DAYS = {"from": "2020-01-01", "to": "2020-12-31"}
VIEWS: dict[str, View] = {
    **{f"invoices by {sort}": listed(INVOICES, sort=sort) for key in INVOICES.rules.sorts for sort in (key, f"-{key}")},
    **{f"orders by {sort}": listed(ORDERS, sort=sort) for key in ORDERS.rules.sorts for sort in (key, f"-{key}")},
    **{f"invoices {state}": listed(INVOICES, state=state) for state in INVOICES.rules.states},
    **{f"orders {state}": listed(ORDERS, state=state) for state in ORDERS.rules.states},
    "invoices of a year": listed(INVOICES, **DAYS),
    "invoices of a year by amount": listed(INVOICES, sort="amount", **DAYS),
    "orders of a year": listed(ORDERS, **DAYS),
    "invoices of an order": listed(INVOICES, order="1"),
    **{f"devices by {sort}": listed(DEVICES, sort=sort) for key in DEVICES.rules.sorts for sort in (key, f"-{key}")},
    **{f"devices {state}": listed(DEVICES, state=state) for state in DEVICES.rules.states},
    **{f"devices {state} of a year": listed(DEVICES, state=state, **DAYS) for state in DEVICES.rules.states},
    "devices of a year": listed(DEVICES, **DAYS),
    "devices of a year by end": listed(DEVICES, sort="end", **DAYS),
    "devices of an order": listed(DEVICES, order="1"),
    "invoices paid of a year": listed(INVOICES, state="paid", **DAYS),
    **{f"devices with {q}": listed(DEVICES, q=q) for q in ("cable", "ca", "cable ca", "active", "service")},
    "devices active with cable": listed(DEVICES, state="active", q="cable"),
    "invoices paid with cable": listed(INVOICES, state="paid", q="cable"),
    **{f"invoices with {q}": listed(INVOICES, q=q) for q in ("cable", "ca", "cable ca", "paid", "100,00 $")},
    **{f"orders with {q}": listed(ORDERS, q=q) for q in ("cable", "ca", "cable ca", "53%")},
    "invoices' states": lambda session, account_id: invoices.state_counts(session, account_id, TODAY),
    "orders' states": lambda session, account_id: orders.state_counts(session, account_id, TODAY),
    "devices' states": lambda session, account_id: devices.state_counts(session, account_id, TODAY),
    "what is owed": lambda session, account_id: invoices.owing(session, account_id, TODAY),
    "what is overdue": lambda session, account_id: invoices.overdue(session, account_id, TODAY, 3),
    "the latest invoices": lambda session, account_id: invoices.latest(session, account_id, 5),
    "the latest orders": lambda session, account_id: orders.latest(session, account_id, 5),
}
# Views that sort without an index: progress and states of devices, which depend on today, and the few rows that were selected first
# (`search.MAX_CANDIDATES`).
SORTED = {"orders by progress", "orders by -progress", "devices by state", "devices by -state", "invoices of an order"}
FEW_FOUND = re.compile(
    r"(invoices|orders|devices) with (cable|ca|cable ca|100,00 \$|paid|53%|active|service)"
    r"|devices active with cable|invoices paid (with cable|of a year)"
    r"|invoices (to_pay|part_paid|pending|overdue|credited|upcoming)|(invoices|orders|devices) of a year.*"
    r"|orders (upcoming|active|ending|ended)"
    r"|devices (active|ending|silent|shipping|out)( of a year)?|devices of an order"
)


@pytest.mark.sqlite("its query plans")
@pytest.mark.parametrize("few", [-1, search.MAX_CANDIDATES])
@pytest.mark.parametrize("name", VIEWS)
def test_no_view_scans_a_table_or_sorts_one(engine: Engine, name: str, few: int) -> None:
    with rolled_back(engine) as session:
        mine = account(session, "A")
        write(session, mine, mine, [(True, "cable", "100.00")], "")
        with as_large(few), ran(engine) as statements:
            VIEWS[name](session, mine)
        assert statements
        plans = [
            row.detail
            for statement, given_ in statements
            for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given_)
        ]
    # SQLite turns an empty result into a constant; the trigram index is a virtual table with its own index.
    assert [plan for plan in plans if re.match(r"SCAN (?!CONSTANT)\w", plan) and "VIRTUAL TABLE INDEX" not in plan] == []
    sorts = [plan for plan in plans if "TEMP B-TREE" in plan]
    assert sorts == [] or name in SORTED or (few > 0 and FEW_FOUND.fullmatch(name))


@pytest.mark.sqlite("its query plans")
@pytest.mark.parametrize(("name", "expected"), [
    ("invoices by paid", "ix_invoice_paid (account_id=?)"),
    ("invoices by number", "ix_invoice_number (account_id=?)"),
    ("orders by agreement", "ix_orders_line_fr (account_id=?)"),
    ("invoices with ca", "COVERING INDEX ix_invoice_texts (account_id=?)"),
    ("invoices with cable", "invoice_grams VIRTUAL TABLE INDEX 0:M1><"),
    ("orders with cable", "orders_grams VIRTUAL TABLE INDEX 0:M1><"),
    ("invoices overdue", "INDEX ix_invoice_open (account_id=? AND due_on>?)"),
    ("invoices' states", "COVERING INDEX ix_invoice_open (account_id=? AND due_on>?)"),
    ("invoices' states", "INDEX ix_invoice_credit (account_id=? AND due_on>?)"),
    ("orders' states", "COVERING INDEX ix_orders_start (account_id=? AND start_on>?)"),
    ("orders' states", "COVERING INDEX ix_orders_end (account_id=? AND end_on<?)"),
    ("what is owed", "COVERING INDEX ix_invoice_open (account_id=? AND due_on>?)"),
    ("what is owed", "COVERING INDEX ix_invoice_credit (account_id=? AND due_on>?)"),
    ("what is owed", "INDEX ix_invoice_issued (account_id=? AND issued_on>?)"),
    ("what is owed", "COVERING INDEX ix_payment_unapplied (account_id=? AND status=? AND unapplied>?)"),
    ("invoices paid of a year", "COVERING INDEX ix_invoice_issued (account_id=? AND issued_on>? AND issued_on<?)"),
    ("devices by -serial", "INDEX ix_device_serial (account_id=?)"),
    ("devices by state", "COVERING INDEX ix_device_state (account_id=? AND state_order>?)"),
    ("devices' states", "COVERING INDEX ix_device_left (account_id=? AND held_until<?)"),
    ("devices' states", "COVERING INDEX ix_device_end (account_id=? AND end_on>? AND end_on<?)"),
    ("devices' states", "COVERING INDEX ix_device_state (account_id=? AND state_order=? AND signal_order>? AND signal_order<?)"),
    ("devices with ca", "COVERING INDEX ix_device_texts (account_id=?)"),
    ("devices with cable", "device_grams VIRTUAL TABLE INDEX 0:M1><"),
    ("devices of a year", "COVERING INDEX ix_device_end (account_id=? AND end_on>? AND end_on<?)"),
    ("devices of a year by end", " INDEX ix_device_end (account_id=? AND end_on>? AND end_on<?)"),
    ("devices active of a year", "COVERING INDEX ix_device_state (account_id=? AND state_order=?)"),
    ("devices out of a year", "COVERING INDEX ix_device_left (account_id=? AND held_until<?)"),
    ("devices of an order", "INDEX ix_device_assignment_order (account_id=? AND order_id=?)"),
])  # fmt: skip
def test_a_view_has_its_index(engine: Engine, name: str, expected: str) -> None:
    with rolled_back(engine) as session:
        mine = account(session, "A")
        write(session, mine, mine, [(True, "cable", "100.00")], "")
        with as_large(), ran(engine) as statements:
            VIEWS[name](session, mine)
        plans = [
            row.detail
            for statement, given_ in statements
            for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given_)
        ]
    assert any(expected in plan for plan in plans), plans


@pytest.mark.sqlite("its query plans")
@pytest.mark.parametrize("asked", [{}, DAYS, {"state": ""}], ids=["words only", "dates", "a state"])
@pytest.mark.parametrize(
    ("table", "state", "meaning"), [(INVOICES, "paid", "paid"), (ORDERS, "active", "53%"), (DEVICES, "active", "active")]
)
def test_a_search_is_counted_from_the_index_of_texts_alone(
    engine: Engine, table: ListTable, state: str, meaning: str, asked: dict[str, str]
) -> None:
    given = {name: value or state for name, value in asked.items()}
    with rolled_back(engine) as session:
        mine = account(session, "A")
        write(session, mine, mine, [(True, "cable", "100.00")], "")
        for q in ("cable", meaning, f"cable {meaning}"):
            with ran(engine) as statements:
                listed(table, q=q, **given)(session, mine)
            counted, values = next(each for each in statements if each[0].startswith("SELECT count(*)"))
            (only,) = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {counted}", values)
            assert re.search(r"USING COVERING INDEX ix_\w+_texts \(account_id=\?\)", only.detail), (q, only.detail)


@pytest.mark.sqlite("its query plans")
def test_a_list_without_a_search_reads_no_texts(engine: Engine) -> None:
    with rolled_back(engine) as session:
        mine = account(session, "A")
        write(session, mine, mine, [(True, "cable", "100.00")], "")
        for name, view in VIEWS.items():
            with as_large(), ran(engine) as statements:
                view(session, mine)
            plans = [
                row.detail
                for statement, given in statements
                for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)
            ]
            assert " with " in name or not any("_texts (account_id=?)" in plan for plan in plans), (name, plans)


@pytest.mark.sqlite("its query plans")
@pytest.mark.parametrize("sort", ["-date", "number", "amount", "paid"])
@pytest.mark.parametrize(("state", "index"), [("credited", "ix_invoice_credit"), ("overdue", "ix_invoice_open")])
def test_the_few_of_a_state_are_found_by_its_index_in_any_order(engine: Engine, sort: str, state: str, index: str) -> None:
    with rolled_back(engine) as session:
        mine = account(session, "A")
        write(session, mine, mine, [(True, "cable", "100.00")], "")
        with ran(engine) as statements:
            listed(INVOICES, state=state, sort=sort)(session, mine)
        page, given_ = statements[-1]
        first, *_ = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {page}", given_)
    assert f"INDEX {index} " in first.detail


def test_postgresql_looks_a_search_up_by_account_and_trigrams(engine: Engine) -> None:
    if engine.dialect.name != "postgresql":
        pytest.skip("the plans of PostgreSQL")
    with rolled_back(engine) as session:
        mine = account(session, "A")
        first = order(session, mine, "1"), invoice(session, mine, "1")
        # PostgreSQL would scan a few thousand rows.
        session.execute(text("SET LOCAL enable_seqscan = off"))
        for made in first:
            table = str(made.__tablename__)
            names = [c.name for c in made.__table__.columns if c.name not in {"id", "number", "search"}]  # pyright: ignore
            some = f"SELECT {', '.join(names)}, 'N' || n, md5(n::text) FROM {table}, generate_series(2, 5000) n"
            session.execute(text(f"INSERT INTO {table} ({', '.join(names)}, number, search) {some}"))
            session.execute(text(f"SELECT gin_clean_pending_list('ix_{table}_grams')"))
            session.execute(text(f"ANALYZE {table}"))
            found_plan = session.execute(text(f"EXPLAIN SELECT id FROM {table} WHERE account_id = {mine} AND search LIKE '%cable%'"))
            assert f"ix_{table}_grams" in "\n".join(row[0] for row in found_plan)


def test_statements_are_as_many_at_any_size(engine: Engine) -> None:
    with rolled_back(engine) as session:
        mine = account(session, "A")

        def counts() -> dict[str, int]:
            told: dict[str, int] = {}
            for name, view in VIEWS.items():
                with ran(engine) as statements:
                    view(session, mine)
                told[name] = len(statements)
            return told

        few = counts()
        write(session, mine, mine, [(True, "cable", "100.00")] * 12, "")
        assert counts() == few
        with as_large():
            one_more = {name for name in VIEWS if " with " in name}
            assert counts() == {name: n + (name in one_more) for name, n in few.items()}
        assert max(few.values()) == 4


def test_days_and_words_together(engine: Engine) -> None:
    with rolled_back(engine) as session:
        mine = account(session, "A")
        write(session, mine, mine, [(True, "cable", "100.00"), (True, "cable", "100.00")], "")
        bills = request(INVOICES, mine, q="cable", **{"from": (TODAY - timedelta(days=100)).isoformat()})
        with as_large():
            assert [i.number for i in INVOICES.source.find(session, bills).rows] == ["0"]
        assert isinstance(bills.query.since, date)


def test_postgresql_reads_the_few_unsettled_and_credited_from_their_indexes(engine: Engine) -> None:
    if engine.dialect.name != "postgresql":
        pytest.skip("the plans of PostgreSQL")
    with rolled_back(engine) as session:
        mine = account(session, "A")
        made = invoice(session, mine, "1")
        names = [c.name for c in made.__table__.columns if c.name not in {"id", "number", "paid"}]  # pyright: ignore
        settled = f"SELECT {', '.join(names)}, 'N' || n, total FROM invoice, generate_series(2, 5000) n"
        session.execute(text(f"INSERT INTO invoice ({', '.join(names)}, number, paid) {settled}"))
        session.execute(text("ANALYZE invoice"))
        with ran(engine) as statements:
            invoices.state_counts(session, mine, TODAY)
        ((statement, values),) = statements
        found_plan = "\n".join(row[0] for row in session.connection().exec_driver_sql(f"EXPLAIN {statement}", values))
    assert "ix_invoice_open" in found_plan
    assert "ix_invoice_credit" in found_plan
