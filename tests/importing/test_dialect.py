"""Reading files as other programs write them: what is clear is read, and what is ambiguous is refused."""

import io
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoportal.importing.dialect import Dialect, delimiter_of, encoding_of
from odoportal.importing.file_order import BY_NAME
from odoportal.importing.reader import read_table

pytestmark = pytest.mark.any_database

AMBIGUOUS = "is ambiguous"


@pytest.mark.parametrize(
    ("text", "decimal", "plain"),
    [
        ("1234.56", None, "1234.56"), ("1 234,56", None, "1234.56"), ("1\u00a0234,56", None, "1234.56"), ("1\u202f234,5", None, "1234.5"),
        ("1,234.56", None, "1234.56"), ("1.234,56", None, "1234.56"), ("(5.00)", None, "-5.00"), ("(1 234,56)", None, "-1234.56"),
        ("-29,90", None, "-29.90"), ("1,234,567", None, "1234567"), ("1 234", None, "1234"), ("0,05", None, "0.05"),
        ("1,234", ".", "1234"), ("(1,234)", ".", "-1234"), ("1.234", ",", "1234"), ("1234,5", ",", "1234.5"), ("5", ",", "5"),
    ],
)  # fmt: skip
def test_an_amount_that_is_clear_is_taken(text: str, decimal: str | None, plain: str) -> None:
    assert Dialect(decimal=decimal).amount(text) == plain


@pytest.mark.parametrize(
    ("text", "decimal", "why"),
    [
        ("1,234", None, AMBIGUOUS), ("1.234", None, AMBIGUOUS), ("(1,234)", None, AMBIGUOUS), ("-1,234", None, AMBIGUOUS),
        ("1,234", ",", "more than two decimals"), ("1.234", ".", "more than two decimals"),
        ("12,50", ".", "declared is"), ("12.50", ",", "declared is"), ("1 234,56", ".", "declared is"),
    ],
)  # fmt: skip
def test_an_amount_that_could_be_another_is_refused(text: str, decimal: str | None, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Dialect(decimal=decimal).amount(text)


@pytest.mark.parametrize("text", ["1,23,456", "1 23", "1,234 567", "1,234,56", "12.345.67", "(-5)", "5-", "$5", "1,,234", "", "()"])
def test_what_is_no_amount_is_left_for_its_reader_to_refuse(text: str) -> None:
    assert Dialect().amount(text) == text


@given(st.integers(0, 9_999_999_999), st.integers(0, 99), st.booleans(), st.sampled_from([" ", "\u00a0", "\u202f", ",", "."]))
def test_an_amount_with_groups_and_cents_comes_out_the_same(whole: int, cents: int, minus: bool, group: str) -> None:
    point = "." if group == "," else ","
    written = f"{whole:,}".replace(",", group) + f"{point}{cents:02d}"
    plain = f"{whole}.{cents:02d}"
    assert Dialect().amount(f"({written})" if minus else written) == (f"-{plain}" if minus else plain)
    assert Dialect(decimal=point).amount(written) == plain


def invoices(text: str, encoding: str = "utf-8", **declared: Any) -> Any:
    return read_table(BY_NAME["invoices.csv"], text.encode(encoding), Dialect(**declared))


HEAD = "account;number;issued_on;due_on;terms_fr;subtotal;total\n"
ROW = "A;500;2020-09-24;2020-10-24;Payé à l’échéance;1 234,56;1 234,56\n"


@pytest.mark.parametrize("sign", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_separator_and_encoding_are_found_out(sign: str, encoding: str) -> None:
    text = (HEAD + ROW).replace("1 234,56", "1234.56").replace(";", sign)
    table = invoices(text, encoding)
    (line,) = table.lines
    assert (line.row.terms_fr, line.row.total) == ("Payé à l’échéance", Decimal("1234.56"))
    assert (table.form.delimiter, table.form.has_bom) == (sign, encoding == "utf-8-sig")
    assert ("read as Windows-1252" in table.form.summary) == (encoding == "cp1252")


def test_a_broken_utf8_file_is_told_and_not_read_as_gibberish() -> None:
    raw = (HEAD + ROW).encode() + ROW.replace("500", "501").encode("cp1252")
    table = read_table(BY_NAME["invoices.csv"], raw)
    assert [(bad.line, bad.column) for bad in table.bad] == [(3, "terms_fr")]
    declared = read_table(BY_NAME["invoices.csv"], raw, Dialect(encoding="windows-1252"))
    assert not declared.bad


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (b"plain", "utf-8"), ("Métal".encode(), "utf-8"), ("Métal".encode("cp1252"), "cp1252"), (b"\x81", "utf-8"),
        (b"a" * 65_535 + "é€😀".encode() * 20_000, "utf-8"), (b"a" * 65_535 + b"\xe9" + b"b" * 70_000, "cp1252"),
        ("é".encode() + b"b" * 140_000 + b"\xe9", "utf-8"), (b"\xe9" + b"b" * 140_000 + b"\x9d", "utf-8"),
    ],
)  # fmt: skip
def test_windows_1252_is_the_last_thing_that_is_thought_of(raw: bytes, encoding: str) -> None:
    assert encoding_of(io.BytesIO(raw)) == encoding


@given(st.text(max_size=200))
def test_what_is_utf8_is_never_taken_for_something_else(text: str) -> None:
    assert encoding_of(io.BytesIO(text.encode("utf-8", "ignore"))) == "utf-8"


def test_the_head_line_tells_the_separator() -> None:
    columns = {"account", "number", "name, as printed"}
    assert delimiter_of('"Account";number;a,b,c', columns) == ";"
    assert delimiter_of("ACCOUNT\tnumber", columns) == "\t"
    assert delimiter_of("nothing known; here", columns) == ","
    assert delimiter_of('"broken', columns) == ","


def test_a_declared_separator_is_taken_as_it_is() -> None:
    assert invoices(HEAD + ROW, delimiter=";").lines
    assert {bad.reason for bad in invoices(HEAD + ROW, delimiter=",").bad} == {"the column is missing"}


def test_dates_with_the_day_first_only_where_declared() -> None:
    text = HEAD + ROW.replace("2020-09-24", "24/09/2020")
    assert [bad.column for bad in invoices(text).bad] == ["issued_on"]
    (line,) = invoices(text, day_first=True).lines
    assert (line.row.issued_on, line.row.due_on) == (date(2020, 9, 24), date(2020, 10, 24))
    assert [bad.column for bad in invoices(text.replace("24/09", "09/24"), day_first=True).bad] == ["issued_on"]
    payment = "account,reference,received_at,method_fr,amount\nA,P,24/09/2020 10:04-04:00,Visa,5\n"
    table = read_table(BY_NAME["payments.csv"], payment.encode(), Dialect(day_first=True))
    assert [line.row.received_at.isoformat() for line in table.lines] == ["2020-09-24T14:04:00+00:00"]  # pyright: ignore


def test_a_rate_has_its_decimals_after_either_sign() -> None:
    text = 'document,number,name_fr,registration,rate,amount\ninvoice,500,TVQ,R,"9,975","49,98"\n'
    (line,) = read_table(BY_NAME["taxes.csv"], text.encode()).lines
    assert (line.row.rate, line.row.amount) == (Decimal("9.975"), Decimal("49.98"))  # pyright: ignore


def test_an_amount_in_two_ways_is_a_bad_row_that_names_the_option() -> None:
    (bad,) = invoices(HEAD + ROW.replace("1 234,56;1 234,56", "1,234;1 234,00")).bad
    assert (bad.column, "--decimal" in bad.reason) == ("subtotal", True)
