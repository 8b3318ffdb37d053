"""Parsing the cells of an import: every value is read as it was meant, or refused."""

import csv
import io
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odoportal.importing import cells, dialect
from odoportal.importing.cells import RowError, clean
from odoportal.importing.dialect import Dialect
from odoportal.importing.file_order import BY_NAME, FILES
from odoportal.importing.reader import LONGEST_RECORD, FileTable, read_rows, read_table
from odoportal.importing.schemas import InvoiceLineRecord

# Letters, digits, punctuation and symbols, except letters that are invisible; with spaces between the words.
WORD = st.text(st.characters(categories=("L", "N", "P", "S"), exclude_characters="\u115f\u1160\u3164\uffa0"), min_size=1, max_size=20)
TEXT = st.lists(WORD, min_size=1, max_size=4).map(" ".join).filter(lambda text: len(text) <= 80)
AMOUNT = st.decimals(min_value=-9_999_999_999, max_value=9_999_999_999, places=2)


def sheet(header: str, *rows: list[object]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header.split(","), *rows])
    return text.getvalue().encode()


@given(st.lists(st.tuples(TEXT, TEXT, AMOUNT, st.none() | st.integers(0, 1_000_000)), min_size=1, max_size=8), st.booleans())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_texts_and_amounts_come_through_a_file(rows: list[Any], bom: bool) -> None:
    raw = sheet(
        "invoice,description_fr,description_en,amount,quantity",
        *([f"{place}", fr, en, amount, quantity] for place, (fr, en, amount, quantity) in enumerate(rows)),
    )
    table = read_table(BY_NAME["invoice_lines.csv"], b"\xef\xbb\xbf" + raw if bom else raw)
    assert table.bad == []
    read = [line.row for line in table.lines]
    for (fr, en, amount, quantity), row in zip(rows, read, strict=True):
        assert isinstance(row, InvoiceLineRecord)
        assert (row.description_fr, row.description_en) == (cells.clean(fr), cells.clean(en))
        assert (row.amount, row.quantity) == (amount, quantity)


@given(st.binary(max_size=400), st.sampled_from(FILES))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_read_or_refused(raw: bytes, kind: Any) -> None:
    header = ",".join(sorted(kind.columns)).encode() + b"\n"
    for whole in (raw, header + raw):
        table = read_table(kind, whole)
        lines = whole.count(b"\n") + whole.count(b"\r") + 1
        assert all(1 <= bad.line <= lines and str(bad).isprintable() for bad in table.bad)
        assert table.complete or table.bad


@given(st.integers(0, 7_000_000_000), st.integers(-14 * 60, 14 * 60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_instants_come_out_in_utc(seconds: int, minutes: int) -> None:
    aware = (datetime(1971, 1, 2, tzinfo=UTC) + timedelta(minutes=seconds // 60)).astimezone(timezone(timedelta(minutes=minutes)))
    found = cells.instant(aware.isoformat(timespec="minutes"))
    assert (found, found.tzinfo) == (aware, UTC)


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (cells.amount, "1,234.56"), (cells.amount, "576,07"), (cells.amount, "1.234"), (cells.amount, "1e3"), (cells.amount, "NaN"),
        (cells.amount, "99999999999"), (cells.amount, "٣.٠٠"), (cells.amount, "$5"), (cells.positive_amount, "0.00"),
        (cells.total_amount, "-0.01"), (cells.quantity, "-1"), (cells.quantity, "1000001"), (cells.quantity, "1.5"),
        (cells.quantity, "٣"),
        (cells.rate, "9,975"), (cells.rate, "100.0001"), (cells.day, "20200924"), (cells.day, "2020-W39-4"), (cells.day, "2021-02-29"),
        (cells.day, "0001-01-01"), (cells.instant, "2020-09-24T10:04"), (cells.instant, "2020-09-24"),
        (cells.instant, "2020-09-24T25:00Z"),
        (cells.instant, "9999-12-31T23:59-12:00"), (cells.flag, "maybe"), (cells.email, "maria"), (cells.email, "a@b@c.ca"),
        (cells.country, "CAN"), (cells.key, "9\ue000"), (cells.key, "9\ufdd0"),
        *((cells.key, number) for number in ("3.56307E+14", "3,56307E+14", "2.12e+05", "2E+5")),
        *((cells.document_number, number) for number in ("a\\b", "//x", "/x", "x/", "x/../y", "x/./y", "../x")),
        (cells.web_address, "javascript:alert(1)"), (cells.web_address, "https://[x"), (cells.code, "HQ~1"),
        (cells.clean, "a\0b"), (cells.clean, "a\x1b[2Jb"), (cells.clean, "a\udce9b"),
    ],
)  # fmt: skip
def test_what_is_not_meant_is_refused(read: Any, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(text)


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (cells.amount, "1234.5", Decimal("1234.50")), (cells.amount, "-29.90", Decimal("-29.90")), (cells.quantity, "0", 0),
        (cells.quantity, "1000000", 1_000_000), (cells.rate, "9.975", Decimal("9.975")), (cells.rate, "100", Decimal(100)),
        (cells.day, "2020-02-29", date(2020, 2, 29)), (cells.instant, "2020-09-24 14:04:00Z", datetime(2020, 9, 24, 14, 4, tzinfo=UTC)),
        (cells.flag, "Oui", True), (cells.flag, "VRAI", True), (cells.flag, "FAUX", False), (cells.flag, "Y", True),
        (cells.country, "Canada", "CA"), (cells.key, "900001", "900001"), (cells.key, "900\u00a0001", "900 001"),
        (cells.key, "90\u200c0001\u00ad", "900001"), (cells.key, "12E45", "12E45"), (cells.key, "E+14", "E+14"),
        *((cells.document_number, number, number) for number in ("2020/001", "INV#5", "100%", "A?B", "..", "'q'", "Nº 12", "a..b/c")),
 (cells.flag, "", False), (cells.country, "", "CA"), (cells.country, "us", "US"),
        (cells.email, "Maria@Example.COM", "Maria@example.com"), (cells.clean, " a\r\nb\tc ", "a b c"),
        (cells.clean, "12\u00a0$", "12\u00a0$"), (cells.clean, "e\u0301", "é"),
    ],
)  # fmt: skip
def test_what_is_meant_is_taken(read: Any, text: str, value: object) -> None:
    assert read(text) == value


def test_a_long_or_strange_value_is_shown_short_and_plain() -> None:
    assert cells.quoted("x" * 500) == f'"{"x" * 40}…"'
    assert cells.quoted("a\x1b[2J") == '"a\ufffd[2J"'
    assert RowError("end_on", "why").column == "end_on"


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(b"A,%s\n" % (b"x" * 4 * LONGEST_RECORD), id="one cell"),
        pytest.param(b"A," + b'"b\n",' * (LONGEST_RECORD // 5 + 1), id="many lines"),
        pytest.param(b"A," + b"\xff" * 4 * LONGEST_RECORD, id="no letters"),
    ],
)
def test_a_row_without_an_end_is_given_up_before_it_is_read(row: bytes) -> None:
    class File(io.BytesIO):
        """A file that records how far it was read once the encoding and the delimiter were detected."""

        furthest = 0

        def read1(self, size: int | None = -1, /) -> bytes:
            got = super().read1(size)
            self.furthest = max(self.furthest, self.tell())
            return got

    rest = b"".join(b"B%d,x\n" % number for number in range(400_000))
    file = File(b"number,name\nA,Alpha\n" + row + rest)
    table = FileTable(BY_NAME["accounts.csv"])
    assert [line.at for line in read_rows(table, file, Dialect(encoding="utf-8")) if line] == [2]
    reason = "a row has more than 1048576 characters; it may have no line end or an open quote"
    assert [str(bad) for bad in table.bad] == [f"accounts.csv, line 3: cannot be read any further: {reason}"]
    assert not table.complete
    assert 0 < file.furthest < 2 * LONGEST_RECORD


def test_a_row_as_long_as_it_may_be_is_read() -> None:
    row = b"number,name\nA," + b"x" * (120_000) + b"\n"
    table = read_table(BY_NAME["accounts.csv"], row)
    assert [bad.column for bad in table.bad] == ["name"]
    assert table.complete


PIECES = (b"a" * 9, "é".encode(), "\U0001f600".encode(), b"\xe9", b"\x80\x80\x80\x80\x80", b"\xff", b"\x81")


@given(st.lists(st.sampled_from(PIECES), max_size=9))
def test_the_encoding_is_found_out_wherever_blocks_are_cut(parts: list[bytes]) -> None:
    raw = b"".join(parts)
    found = set()
    for block in (1, 2, 3, 5, 1 << 16):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dialect, "_BLOCK", block)
            found.add(dialect.encoding_of(io.BytesIO(raw)))
    assert len(found) == 1


def test_a_cell_comes_without_marks() -> None:
    assert clean(" \u202eairaM\u2028Gagnon\u200b ") == "airaM Gagnon"
