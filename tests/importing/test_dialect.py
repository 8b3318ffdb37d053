"""Reading files as other programs write them: what is clear is read, and what is ambiguous is refused."""

import io
from datetime import date
from decimal import Decimal
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoportal.commands.importing import import_
from odoportal.importing import cells
from odoportal.importing.dialect import ENCODINGS, Dialect, encoding_of, format_of, misread
from odoportal.importing.file_order import BY_NAME
from odoportal.importing.reader import LONGEST_RECORD, read_table

pytestmark = pytest.mark.any_database

AMBIGUOUS = "is ambiguous"


@pytest.mark.parametrize(
    ("text", "decimal", "plain"),
    [
        ("1234.56", None, "1234.56"), ("1 234,56", None, "1234.56"), ("1\u00a0234,56", None, "1234.56"), ("1\u202f234,5", None, "1234.5"),
        ("1,234.56", None, "1234.56"), ("1.234,56", None, "1234.56"), ("(5.00)", None, "-5.00"), ("(1 234,56)", None, "-1234.56"),
        ("-29,90", None, "-29.90"), ("1,234,567", None, "1234567"), ("1 234", None, "1234"), ("0,05", None, "0.05"),
        ("$1,234.56", None, "1234.56"), ("1 234,56 $", None, "1234.56"), ("1 234,56\u00a0$", None, "1234.56"),
        ("1'234.56", None, "1234.56"),
        ("1’234,50", None, "1234.50"), ("1234.5600", None, "1234.56"), ("1,234.5600", None, "1234.56"), ("−29.90", None, "-29.90"),
        ("1234.56-", None, "-1234.56"), ("($29.90)", None, "-29.90"), ("-$5", None, "-5"), ("$-5", None, "-5"), ("5,00- $", None, "-5.00"),
        (".50", None, "0.50"), ("-,5", None, "-0.5"), ("123.450", ".", "123.45"), ("1,230", ",", "1.23"), ("1 234,5600", ",", "1234.56"),
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
        ("1,234,560", ",", "more than two decimals"), ("12.345", None, AMBIGUOUS), ("$1,234", None, AMBIGUOUS), ("1.000", None, AMBIGUOUS),
        ("12,50", ".", "declared is"), ("12.50", ",", "declared is"), ("1 234,56", ".", "declared is"),
    ],
)  # fmt: skip
def test_an_amount_that_could_be_another_is_refused(text: str, decimal: str | None, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Dialect(decimal=decimal).amount(text)


@pytest.mark.parametrize(
    "text",
    ["1,23,456", "1 23", "1,234 567", "1,234,56", "12.345.67", "(-5)", "-5-", "$5$", "1,,234", "", "()", "1.2340", "$", ".", "(5", "5 €"],
)
def test_what_is_no_amount_is_left_for_its_reader_to_refuse(text: str) -> None:
    assert Dialect().amount(text) == text


@given(st.integers(0, 9_999_999_999), st.integers(0, 99), st.booleans(), st.sampled_from([" ", "\u00a0", "\u202f", ",", "."]))
def test_an_amount_with_groups_and_cents_comes_out_the_same(whole: int, cents: int, minus: bool, group: str) -> None:
    point = "." if group == "," else ","
    written = f"{whole:,}".replace(",", group) + f"{point}{cents:02d}"
    plain = f"{whole}.{cents:02d}"
    assert Dialect().amount(f"({written})" if minus else written) == (f"-{plain}" if minus else plain)
    assert Dialect(decimal=point).amount(written) == plain


@pytest.mark.parametrize(
    ("text", "plain"),
    [("2", "2"), ("2.00", "2"), ("2,00", "2"), ("0,0", "0"), ("1 000", "1000"), ("1,000.00", "1000"), ("1.5", "1.5"), ("$2", "$2")],
)
def test_a_quantity_loses_decimals_that_are_zeros(text: str, plain: str) -> None:
    assert Dialect().quantity(text) == plain


@pytest.mark.parametrize("text", ["1,000", "2.000"])
def test_a_quantity_that_could_be_another_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=AMBIGUOUS):
        Dialect().quantity(text)


@pytest.mark.parametrize(
    ("text", "plain"),
    [("9.975 %", "9.975"), ("9,975\u00a0%", "9.975"), ("9.97500", "9.9750"), ("5%", "5"), ("9.97512", "9.97512"), ("9 %%", "9 %%")],
)
def test_a_rate_may_have_its_sign_and_more_zeros(text: str, plain: str) -> None:
    assert Dialect().rate(text) == plain


@pytest.mark.parametrize("day_first", [False, True])
@pytest.mark.parametrize("text", ["2020-09-24", "2020/09/24", "20200924", "2020-09-24 00:00:00", "2020-09-24T00:00:00.000"])
def test_a_day_that_is_clear_is_taken(text: str, day_first: bool) -> None:
    assert Dialect(day_first=day_first).day(text) == "2020-09-24"


@pytest.mark.parametrize("text", ["24/9/2020", "24/09/2020", "24-09-2020", "24.09.2020", "24/09/2020 00:00"])
def test_a_day_with_the_day_first_is_taken_where_declared(text: str) -> None:
    assert (Dialect(day_first=True).day(text), Dialect().day(text)) == ("2020-09-24", text)


@pytest.mark.parametrize("text", ["2020-09-24 10:00:00", "2020-09/24", "2020924", "24/09-2020", "24/09/20"])
def test_what_is_no_day_is_left_for_its_reader_to_refuse(text: str) -> None:
    assert Dialect(day_first=True).day(text) == text


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2020-09-24T14:04:00.000Z", "2020-09-24T14:04:00+00:00"), ("2020-09-24 10:04:00-04", "2020-09-24T14:04:00+00:00"),
        ("2020-09-24T10:04-0400", "2020-09-24T14:04:00+00:00"), ("2020-09-24 10:04:00 -04:00", "2020-09-24T14:04:00+00:00"),
        ("2020/09/24 10:04:00.1234567-04", "2020-09-24T14:04:00.123456+00:00"), ("2020-09-24T10:04-03:30", "2020-09-24T13:34:00+00:00"),
    ],
)  # fmt: skip
def test_an_instant_that_is_clear_is_taken(text: str, utc: str) -> None:
    assert cells.instant(Dialect().instant(text)).isoformat() == utc


@pytest.mark.parametrize("text", ["2020-09-24T10:04", "2020-09-24", "2020-09-24T10:04EST", "24/09/2020 10:04Z"])
def test_a_local_time_stays_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        cells.instant(Dialect().instant(text))


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


def test_the_header_tells_the_separator() -> None:
    columns = {"account", "number", "name, as printed"}

    def sign_of(start: str) -> str:
        return format_of(start, columns, lambda names: columns <= names)[0]

    assert sign_of('"Account";number;a,b,c') == ";"
    assert sign_of("ACCOUNT\tnumber") == "\t"
    assert sign_of("nothing known; here") == ","
    assert sign_of('"broken') == ","
    assert sign_of("") == ","


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


FRENCH = ("Montréal", "Côté", "Pièce", "François", "Hélène Bélanger", "rue de l'École")
FOREIGN = (
    "Žižek",
    "Škoda",
    "Kolašin",
    "l’été",
    "CŒUR",
    "cœur",
    "12 €",
    "“Bonjour”",
    "‚so‘",
    "„Haus“",
    "L’HAŸ",
    "ODO™",
    "col·lectiu",
    "ŠIŠKA",
)


@pytest.mark.parametrize("encoding", ["cp850", "cp437", "cp863", "mac-roman"])
@pytest.mark.parametrize("name", FRENCH)
def test_letters_of_dos_and_of_old_macs_are_not_taken_for_windows_1252(name: str, encoding: str) -> None:
    raw = f"number,name\nA,Alpha\nB,{name}\n".encode(encoding)
    table = read_table(BY_NAME["accounts.csv"], raw)
    (bad,) = table.bad
    assert (bad.line, "--encoding" in bad.reason, table.complete) == (3, True, bad.column == "name")
    if encoding in ENCODINGS:
        (_, line) = read_table(BY_NAME["accounts.csv"], raw, Dialect(encoding=encoding)).lines
        assert line.row.name == name  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("name", [*FRENCH, *FOREIGN])
def test_real_windows_1252_is_read(name: str) -> None:
    assert misread(name) == ""
    table = read_table(BY_NAME["accounts.csv"], f"number,name\nA,{name}\nB,é\n".encode("cp1252"))
    assert [line.row.name for line in table.lines] == [name, "é"]  # pyright: ignore[reportAttributeAccessIssue]


def test_declared_windows_1252_is_taken_as_it_is() -> None:
    raw = "number,name\nA,Mc‚Œuvre\n".encode("cp1252")
    assert not read_table(BY_NAME["accounts.csv"], raw).complete
    assert read_table(BY_NAME["accounts.csv"], raw, Dialect(encoding="windows-1252")).lines


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_read_where_declared(encoding: str) -> None:
    mark = "\ufeff" if encoding != "utf-16" else ""
    raw = f"{mark}number;name\r\nA;Montréal ዐ\r\n".encode(encoding)
    (bad,) = read_table(BY_NAME["accounts.csv"], raw).bad
    assert "--encoding utf-16" in bad.reason
    table = read_table(BY_NAME["accounts.csv"], raw, Dialect(encoding="utf-16"))
    assert [line.row.name for line in table.lines] == ["Montréal ዐ"]  # pyright: ignore[reportAttributeAccessIssue]
    assert table.form.summary == "read as utf-16, cells separated by semicolon"


def test_the_command_offers_every_encoding() -> None:
    (option,) = (option for option in import_.params if option.name == "encoding")
    assert isinstance(option.type, click.Choice)
    assert list(option.type.choices) == list(ENCODINGS)


TAIL = "A;500;2020-09-24;2020-10-24;;5;5\n"


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        pytest.param("sep=;\r\n" + HEAD + TAIL, "cells separated by semicolon", id="sep"),
        pytest.param("sep=|\n" + (HEAD + TAIL).replace(";", "|"), "cells separated by '|'", id="another sep"),
        pytest.param((HEAD + TAIL).replace("\n", "\r"), "cells separated by semicolon", id="old Mac"),
        pytest.param((HEAD + TAIL).replace("\n", "\r").replace(";", "\t"), "cells separated by tab", id="old Mac with tabs"),
        pytest.param(";;;;\n\n" + HEAD + TAIL, "cells separated by semicolon", id="blank row"),
        pytest.param(
            "Invoices, 2020\n;;\n" + HEAD + TAIL, "cells separated by semicolon, the header is on line 3", id="title before the header"
        ),
        pytest.param("Invoices\n" + (HEAD + TAIL).replace(";", ","), "the header is on line 2", id="title and commas"),
        pytest.param(
            "\ufeff" + HEAD.replace(";total", ";Total *").replace("number", "Number*") + TAIL, "cells separated by semicolon", id="stars"
        ),
        pytest.param(
            HEAD.rstrip() + ";terms_en\n" + TAIL.replace(";5\n", ";5\n"), "cells separated by semicolon", id="without its last cells"
        ),
        pytest.param(HEAD + TAIL.rstrip() + ";; ;\n", "cells separated by semicolon", id="empty cells too many"),
        pytest.param(HEAD.rstrip() + ";;\n" + TAIL, "cells separated by semicolon", id="head with empty cells"),
    ],
)
def test_the_form_of_a_file_is_found_out(text: str, summary: str) -> None:
    table = invoices(text)
    assert table.bad == []
    (line,) = table.lines
    assert (line.row.number, line.row.total, table.form.summary) == ("500", Decimal(5), summary)


def test_a_cell_too_many_with_something_in_it_is_a_bad_row() -> None:
    (bad,) = invoices(HEAD + TAIL.rstrip() + ";;x\n").bad
    assert (bad.line, bad.reason) == (2, "9 cells in 7 columns; a value with a semicolon goes in quotes")


def test_a_header_that_lacks_a_column_is_named_where_it_stands() -> None:
    assert [(bad.line, bad.column) for bad in invoices("Title\n" + HEAD.replace("total", "totals") + TAIL).bad][-1] == (2, "total")


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (b"PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0abcdefghijkl\x13\0\0\0[Content_Types].xml", "is an Excel workbook; save its sheet as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an Excel workbook; save its sheet as CSV"),
        (b"PK\x03\x04\x14\0\0\0\x08\0accounts.csv", "is a ZIP archive; unpack it"),
    ],
)
def test_what_is_no_text_is_named(start: bytes, said: str) -> None:
    table = read_table(BY_NAME["accounts.csv"], start + bytes(2000))
    assert [(bad.reason, table.complete) for bad in table.bad] == [(f"the file {said}", False)]


def test_a_file_without_a_line_end_says_so_once() -> None:
    (bad,) = read_table(BY_NAME["accounts.csv"], b"x" * (LONGEST_RECORD + 1)).bad
    assert "no line end" in bad.reason
    (quote,) = read_table(BY_NAME["accounts.csv"], b'number,name\nA,"' + b"x" * 200_000).bad
    assert "a quote may be open" in quote.reason
