"""Cells of an import: what goes in as text comes out as it was meant, and nothing else comes in."""

import csv
import io
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odoportal.exchange import values
from odoportal.exchange.files import BY_NAME, FILES
from odoportal.exchange.formats import InvoiceLineRow
from odoportal.exchange.reader import read_table
from odoportal.exchange.values import RowError

# Letters, marks, digits, punctuation and symbols; spaces between them.
WORD = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=20)
TEXT = st.lists(WORD, min_size=1, max_size=4).map(" ".join).filter(lambda text: len(text) <= 80)
AMOUNT = st.decimals(min_value=-9_999_999_999, max_value=9_999_999_999, places=2)


def sheet(header: str, *rows: list[object]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header.split(","), *rows])
    return text.getvalue().encode()


@given(st.lists(st.tuples(TEXT, TEXT, AMOUNT, st.none() | st.integers(0, 1_000_000)), min_size=1, max_size=8), st.booleans())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_texts_and_amounts_come_through_a_file(rows: list[Any], bom: bool) -> None:
    raw = sheet(
        "invoice,description_fr,description_en,amount,quantity",
        *([f"{place}", fr, en, amount, quantity] for place, (fr, en, amount, quantity) in enumerate(rows)),
    )
    table = read_table(BY_NAME["invoice_lines.csv"], b"\xef\xbb\xbf" + raw if bom else raw)
    assert table.bad == []
    read = [line.row for line in table.lines]
    for (fr, en, amount, quantity), row in zip(rows, read, strict=True):
        assert isinstance(row, InvoiceLineRow)
        assert (row.description_fr, row.description_en) == (values.clean(fr), values.clean(en))
        assert (row.amount, row.quantity) == (amount, quantity)


@given(st.binary(max_size=400), st.sampled_from(FILES))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_read_or_refused(raw: bytes, kind: Any) -> None:
    header = ",".join(sorted(kind.columns)).encode() + b"\n"
    for whole in (raw, header + raw):
        table = read_table(kind, whole)
        lines = whole.count(b"\n") + whole.count(b"\r") + 1
        assert all(1 <= bad.line <= lines and str(bad).isprintable() for bad in table.bad)
        assert table.whole or table.bad


@given(st.integers(0, 7_000_000_000), st.integers(-14 * 60, 14 * 60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_instants_come_out_in_utc(seconds: int, minutes: int) -> None:
    aware = (datetime(1971, 1, 2, tzinfo=UTC) + timedelta(minutes=seconds // 60)).astimezone(timezone(timedelta(minutes=minutes)))
    found = values.instant(aware.isoformat(timespec="minutes"))
    assert (found, found.tzinfo) == (aware, UTC)


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (values.amount, "1,234.56"), (values.amount, "576,07"), (values.amount, "1.234"), (values.amount, "1e3"), (values.amount, "NaN"),
        (values.amount, "99999999999"), (values.amount, "٣.٠٠"), (values.amount, "$5"), (values.positive_amount, "0.00"),
        (values.total_amount, "-0.01"), (values.quantity, "-1"), (values.quantity, "1000001"), (values.quantity, "1.5"),
        (values.quantity, "٣"),
        (values.rate, "9,975"), (values.rate, "100.0001"), (values.day, "20200924"), (values.day, "2020-W39-4"), (values.day, "2021-02-29"),
        (values.day, "0001-01-01"), (values.instant, "2020-09-24T10:04"), (values.instant, "2020-09-24"),
        (values.instant, "2020-09-24T25:00Z"),
        (values.instant, "9999-12-31T23:59-12:00"), (values.flag, "maybe"), (values.email, "maria"), (values.email, "a@b@c.ca"),
        (values.country, "CAN"), (values.web_address, "javascript:alert(1)"), (values.web_address, "https://[x"), (values.code, "HQ~1"),
        (values.clean, "a\0b"), (values.clean, "a\x1b[2Jb"), (values.clean, "a\udce9b"),
    ],
)  # fmt: skip
def test_what_is_not_meant_is_refused(read: Any, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(text)


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (values.amount, "1234.5", Decimal("1234.50")), (values.amount, "-29.90", Decimal("-29.90")), (values.quantity, "0", 0),
        (values.quantity, "1000000", 1_000_000), (values.rate, "9.975", Decimal("9.975")), (values.rate, "100", Decimal(100)),
        (values.day, "2020-02-29", date(2020, 2, 29)), (values.instant, "2020-09-24 14:04:00Z", datetime(2020, 9, 24, 14, 4, tzinfo=UTC)),
        (values.flag, "Oui", True), (values.flag, "", False), (values.country, "", "CA"), (values.country, "us", "US"),
        (values.email, "Maria@Example.COM", "Maria@example.com"), (values.clean, " a\r\nb\tc ", "a b c"),
        (values.clean, "12\u00a0$", "12\u00a0$"), (values.clean, "e\u0301", "é"),
    ],
)  # fmt: skip
def test_what_is_meant_is_taken(read: Any, text: str, value: object) -> None:
    assert read(text) == value


def test_a_long_or_strange_value_is_shown_short_and_plain() -> None:
    assert values.shown("x" * 500) == f'"{"x" * 40}…"'
    assert values.shown("a\x1b[2J") == '"a\ufffd[2J"'
    assert RowError("end_on", "why").column == "end_on"
