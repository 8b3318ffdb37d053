"""Searching: progress as SQL, a stable order, the neighbours of a row, words in a text."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, literal, select
from sqlmodel import Session, col

from odoportal.core.folding import fold
from odoportal.core.i18n import Formats
from odoportal.lists import search
from odoportal.lists.query import PageWindow
from odoportal.rooms.orders.models import Order
from odoportal.rooms.orders.search_text import amount_texts
from odoportal.rooms.orders.service import progress, progress_sql
from tests.making import account, order, rolled_back
from tests.views import recorded_statements

DAYS = st.dates(date(1990, 1, 1), date(2090, 1, 1))


@given(DAYS, st.integers(0, 4000), st.integers(-100, 4100))
def test_progress_in_the_database_is_progress_on_the_screen(engine: Engine, start: date, length: int, after: int) -> None:
    end, today = start + timedelta(days=length), start + timedelta(days=after)
    with engine.connect() as connection:
        found = connection.scalar(select(progress_sql(today, literal(start), literal(end))))
    assert found == progress(start, end, today)
    assert isinstance(found, int)


def fill(session: Session, rows: Sequence[tuple[int, int, str]]) -> int:
    mine, other = account(session, "A"), account(session, "B")
    for at, (start, length, line) in enumerate(rows):
        first = date(2019, 1, 1) + timedelta(days=start)
        order(session, mine, f"{at + 1}", first, first + timedelta(days=length), [(line, line)])
        order(session, other, f"{at + 1}X", first, first + timedelta(days=length), [(line, line)])
    return mine


ROWS = st.lists(
    st.tuples(st.sampled_from([0, 1, 400, 900]), st.sampled_from([0, 364, 365]), st.sampled_from(["a", "b", "é"])), min_size=1, max_size=14
)
TODAY = date(2020, 3, 1)
KEYS: dict[str, Any] = {
    "number": col(Order.number_order),
    "start": col(Order.start_on),
    "end": col(Order.end_on),
    "progress": progress_sql(TODAY),
    "agreement": col(Order.first_line_en),
}


@settings(max_examples=40)
@given(ROWS, st.sampled_from(sorted(KEYS)), st.booleans())
def test_walking_through_the_neighbours_is_the_list_itself(engine: Engine, rows: list[tuple[int, int, str]], key: str, down: bool) -> None:
    with rolled_back(engine) as session:
        where = search.of_account(Order, fill(session, rows))
        by: search.Order = [(KEYS[key], down), (col(Order.id), down)]
        listed = search.fetch_page(session, Order, where, by, PageWindow(1, 100, len(rows)))
        ids = {o.number: o.id or 0 for o in listed}
        walked, at = [listed[0].number], search.neighbours(session, Order, where, by, listed[0].id or 0)
        assert at is not None
        assert at.previous == ""
        while at.next:
            before, number = walked[-1], at.next
            walked.append(number)
            at = search.neighbours(session, Order, where, by, ids[number])
            assert at is not None
            assert at.previous == before
            assert at.index == len(walked) - 1
        assert walked == [o.number for o in listed]


@settings(max_examples=40)
@given(ROWS, st.integers(1, 4))
def test_pages_together_are_the_list_without_a_gap_or_a_repeat(engine: Engine, rows: list[tuple[int, int, str]], size: int) -> None:
    with rolled_back(engine) as session:
        where = search.of_account(Order, fill(session, rows))
        by: search.Order = [(KEYS["agreement"], False), (col(Order.id), False)]
        pages = PageWindow(1, size, len(rows)).pages
        shown = [
            o.number for p in range(1, pages + 1) for o in search.fetch_page(session, Order, where, by, PageWindow(p, size, len(rows)))
        ]
        assert sorted(shown) == sorted(str(i + 1) for i in range(len(rows)))
        assert shown == [o.number for o in search.fetch_page(session, Order, where, by, PageWindow(1, 100, len(rows)))]


def test_a_page_passes_over_no_more_rows_than_stand_beyond_it(engine: Engine) -> None:
    with rolled_back(engine) as session:
        where = search.of_account(Order, fill(session, [(0, 0, "a")] * 7))
        by: search.Order = [(KEYS["number"], True), (col(Order.id), True)]
        with recorded_statements(engine) as ran:
            shown = [[o.number for o in search.fetch_page(session, Order, where, by, PageWindow(page, 2, 7))] for page in (1, 2, 3, 4)]
        assert shown == [["7", "6"], ["5", "4"], ["3", "2"], ["1"]]
        assert [tuple(values.values() if isinstance(values, dict) else values)[-2:] for _, values in ran] == [
            (2, 0),
            (2, 2),
            (2, 1),
            (1, 0),
        ]


def test_a_row_of_another_account_has_no_place(engine: Engine) -> None:
    with rolled_back(engine) as session:
        mine, other = account(session, "A"), account(session, "B")
        theirs = order(session, other, "9")
        order(session, mine, "1")
        by: search.Order = [(KEYS["number"], False), (col(Order.id), False)]
        assert search.neighbours(session, Order, search.of_account(Order, mine), by, theirs.id or 0) is None


@pytest.mark.parametrize(
    ("q", "parts"),
    [
        ("Câble  USB", ["cable", "usb"]),
        ("12 345,60 $", ["12345,60"]),
        ("−1 284,54 $ CA", ["1284,54"]),
        ("576.07 CAD", ["576.07"]),
        ("(576,07)", ["576,07"]),
        ("576,07 $ visa", ["576,07", "visa"]),
        ("Visa •••• 4242", ["visa", "4242"]),
        ("$576 câble", ["576", "cable"]),
        ("212048 576,07", ["212048", "576,07"]),
        ("1.234.567", ["1.234.567"]),
        ("2020-09-24", ["2020-09-24"]),
        ("12,345", ["12,345"]),
        ("#212048", ["212048"]),
        ("nº 212048.", ["212048"]),
        ("N°212048", ["212048"]),
        ("no. 212048", ["212048"]),
        ("« 212048 »", ["212048"]),
        ("[“C-2047”]", ["c-2047"]),
        ("no cable", ["no", "cable"]),
        ("$12,345.60", ["12345.60"]),
        ("26367", ["26367"]),
        ("   ", []),
        ("50% rabais", ["50%", "rabais"]),
    ],
)
def test_the_words_of_a_search(q: str, parts: list[str]) -> None:
    assert search.words(q) == parts


@given(st.decimals(min_value=0, max_value=Decimal("9999999999.99"), places=2), st.sampled_from(["fr-CA", "en-CA"]), st.booleans())
def test_an_amount_as_shown_is_found_alone_and_among_words(amount: Decimal, region: str, among: bool) -> None:
    shown = Formats(region).amount(amount)
    found = search.words(f"visa {shown} cable" if among else shown)
    stored = amount_texts([amount]) or ["0.00", "0,00"]
    assert next(word for word in found if word not in {"visa", "cable"}) in stored
    assert len(found) == (3 if among else 1)


@given(st.text(max_size=40))
def test_no_text_breaks_the_reading_of_a_search(text: str) -> None:
    assert all(word and word == fold(word) for word in search.words(search.without_name(text, ["invoice", "credit note"])))


@pytest.mark.parametrize("q", ["Invoice 5", "invoice-5.pdf", "INVOICE: 5", "Invoice #5", "note de crédit 5", "Note-de-credit-5.pdf", "5"])
def test_the_name_of_a_document_before_its_number_is_no_condition(q: str) -> None:
    assert search.words(search.without_name(q, ["invoice", "note de credit"])) == ["5"]


@pytest.mark.parametrize("q", ["invoices 5", "5 invoice", "cable"])
def test_other_words_stay(q: str) -> None:
    assert search.without_name(q, ["invoice"]) == q


@given(
    st.lists(st.sampled_from(["cable", "usb", "annuel", "50%", "a_b"]), max_size=4),
    st.lists(st.sampled_from(["cable", "usb", "annuel", "50%", "a_b", "axb", "500"]), max_size=6),
)
def test_every_word_must_be_there_in_any_order(engine: Engine, asked: list[str], text: list[str]) -> None:
    joined = " ".join(text)
    with engine.connect() as connection:
        found = connection.scalar(select(search.matches_words(literal(joined), " ".join(asked))))
    assert bool(found) is all(word in joined for word in asked)


def test_a_word_may_mean_something_besides(engine: Engine) -> None:
    def meaning(word: str) -> Any:
        return [literal(1) == 0, literal(1) == 1] if word == "late" else []

    with engine.connect() as connection:
        assert connection.scalar(select(search.matches_words(literal("cable"), "late cable", meaning)))
        assert not connection.scalar(select(search.matches_words(literal("cable"), "late usb", meaning)))
