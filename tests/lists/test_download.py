"""Downloaded tables are read back: CSV as a program does, Excel with another library than the one that wrote it."""

import asyncio
import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from openpyxl import load_workbook
from openpyxl.utils.escape import unescape
from sqlalchemy import Engine
from starlette.applications import Starlette

from odoportal.core import clock
from odoportal.core.identity import Identity
from odoportal.lists.download import attachment, escape_formula, routes, write_csv
from odoportal.lists.excel import write_excel
from odoportal.lists.query import ListRules
from odoportal.lists.table import ROWS_PER_STEP, Cell, CellKind, Column, Table
from odoportal.rooms.privacy import contents
from tests.making import NOON, identity_of
from tests.states import signed_in

COLUMNS = (
    Column("name", "Nom"),
    Column("day", "Date", CellKind.DAY),
    Column("state", "État", words={"to_pay": "À payer"}),
    Column("share", "Progression", CellKind.PERCENT),
    Column("total", "Total", CellKind.AMOUNT, total=True),
)
ROWS: list[Sequence[Cell]] = [
    ("212048", date(2020, 9, 24), "to_pay", 54, 57607),
    ('Café "Le Nord", Québec', None, "to_pay", 0, -5),
    (("2 X ODO50", "1 X FedEx"), date(2019, 2, 28), "other", 100, 1_234_567_89),
]
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠x", " =1", '=HYPERLINK("http://evil")']


def table(rows: Iterable[Sequence[Cell]] = ROWS) -> Table:
    return Table("Factures", COLUMNS, rows, "Somme")


def as_csv(made: Table) -> bytes:
    file = io.BytesIO()
    for _ in write_csv(made, file):
        pass
    return file.getvalue()


def as_excel(made: Table, region: str = "fr-CA", **more: int) -> Any:
    clock.set_source(lambda: NOON)
    file = io.BytesIO()
    for _ in write_excel(made, file, region, **more):
        pass
    return load_workbook(file)


@pytest.mark.case("A-84")
def test_csv_is_for_programs() -> None:
    assert as_csv(table()) == (
        b"\xef\xbb\xbfname,day,state,share,total\r\n"
        b"212048,2020-09-24,to_pay,54,576.07\r\n"
        b'"Caf\xc3\xa9 ""Le Nord"", Qu\xc3\xa9bec",,to_pay,0,-0.05\r\n'
        b"2 X ODO50 | 1 X FedEx,2019-02-28,other,100,1234567.89\r\n"
    )


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.asvs("1.2.10")
@pytest.mark.case("A-84")
def test_a_formula_in_csv_is_text(text: str) -> None:
    written = as_csv(Table("x", (Column("name", "Nom"), Column("state", "État", words={"a": "=1"})), [(text, text), ((text, "b"), "a")]))
    rows = list(csv.reader(io.StringIO(written.decode("utf-8-sig"), newline="")))[1:]
    # A line break or tab is the end of a cell for some readers, so that what follows it is marked, too.
    marked = f"'{text[0]}'{text[1:]}" if text[0] in "\t\r\n" and text[1:].startswith("=") else f"'{text}"
    assert rows == [[marked, marked], [f"{marked} | b", "a"]]


def test_what_is_no_formula_stays_as_it_is() -> None:
    assert [escape_formula(text) for text in ("", "212048", "a=b", "Visa 4242", "’", "x@y.ca", "2 X ODO50")] == [
        "", "212048", "a=b", "Visa 4242", "’", "x@y.ca", "2 X ODO50",
    ]  # fmt: skip


RISKY = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
odd_texts = st.text(st.sampled_from("=+-@＝ ;\t\r\n\",'|a1é\u200f"), max_size=8)


@given(st.lists(st.tuples(odd_texts, odd_texts), min_size=1, max_size=3))
@example([("Quai;=1+1;@SUM(1)", "x")])
@example([('Quai;"=1+1"', "a\t=1")])
@pytest.mark.parametrize("write", ["a list", "one's own data"])
@pytest.mark.case("A-84")
def test_no_cell_begins_with_a_formula_wherever_a_reader_splits(write: str, rows: list[tuple[str, str]]) -> None:
    if write == "a list":
        # The first column is a number of the portal's own.
        content = as_csv(Table("x", (Column("key", ""), Column("a", ""), Column("b", "")), [("1042", *row) for row in rows])).decode(
            "utf-8-sig"
        )
    else:
        out = io.StringIO()
        contents.write_row(csv.writer(out, lineterminator="\r\n"), ("a", "b"))
        for row in rows:
            contents.write_row(csv.writer(out, lineterminator="\r\n"), (1042, *row))
        content = out.getvalue()
    for delimiter in ",;\t":
        for row in csv.reader(io.StringIO(content, newline=""), delimiter=delimiter):
            assert not any(cell.lstrip(' "\t\r\n').startswith(RISKY) for cell in row), (delimiter, row)


def test_excel_is_for_people() -> None:
    book = as_excel(table())
    sheet = book["Factures"]
    values = [[cell.value.date() if cell.is_date and cell.value else cell.value for cell in row] for row in sheet.iter_rows()]
    assert values == [
        ["Nom", "Date", "État", "Progression", "Total"],
        ["212048", date(2020, 9, 24), "À payer", 0.54, 576.07],
        ['Café "Le Nord", Québec', None, "À payer", 0, -0.05],
        ["2 X ODO50\n1 X FedEx", date(2019, 2, 28), "other", 1, 1234567.89],
        ["Somme", None, None, None, "=SUBTOTAL(109,E2:E4)"],
    ]
    assert (sheet["B2"].number_format, sheet["D2"].number_format, sheet["E2"].number_format) == (
        "yyyy-mm-dd", "0\\ %", "#,##0.00\\ [$$-C0C]",
    )  # fmt: skip
    assert sheet["A4"].alignment.wrap_text
    assert (sheet.freeze_panes, sheet.auto_filter.ref, sheet.print_title_rows) == ("A2", "A1:E4", "$1:$1")
    assert all(sheet.column_dimensions[letter].width >= len(title) for letter, title in zip("ABCDE", values[0], strict=True))
    assert as_excel(table(), "en-CA")["Factures"]["E2"].number_format == "[$$-1009]#,##0.00"


@pytest.mark.parametrize(
    ("instant", "text", "local"),
    [
        (datetime(2020, 9, 23, 19, 20, 31, tzinfo=UTC), "2020-09-23T15:20:31-04:00", datetime(2020, 9, 23, 15, 20, 31)),  # noqa: DTZ001
        (datetime(2020, 1, 1, 4, 59, 59, tzinfo=UTC), "2019-12-31T23:59:59-05:00", datetime(2019, 12, 31, 23, 59, 59)),  # noqa: DTZ001
    ],
)
def test_an_instant_is_one_in_both_files(instant: datetime, text: str, local: datetime) -> None:
    made = Table("x", (Column("at", "Quand", CellKind.MOMENT),), [(instant,)])
    assert as_csv(made).decode("utf-8-sig") == f"at\r\n{text}\r\n"
    cell = as_excel(made)["x"]["A2"]
    assert (cell.is_date, cell.number_format) == (True, "yyyy-mm-dd hh:mm")
    assert abs(cell.value - local) < timedelta(seconds=1)


def test_the_total_can_be_read_without_counting() -> None:
    file = io.BytesIO()
    for _ in write_excel(table(), file, "fr-CA"):
        pass
    assert load_workbook(file, data_only=True)["Factures"]["E5"].value == 1235143.91


@pytest.mark.parametrize(
    "text", [*FORMULAS, "http://evil.example", "{=1}", "<r><t>x</t></r></is></c><c><f>1</f></c><c><is><r></r>", "_x0041_", "a\x00b"]
)
@pytest.mark.asvs("1.2.10")
@pytest.mark.case("A-84")
def test_a_formula_in_excel_is_text(text: str) -> None:
    cell = as_excel(Table("x", (Column("name", "Nom"),), [(text,)]))["x"]["A2"]
    assert (cell.data_type, unescape(cell.value), cell.hyperlink) == ("s", text, None)


def test_no_rows_no_total() -> None:
    sheet = as_excel(table([]))["Factures"]
    assert (sheet.max_row, sheet.auto_filter.ref) == (1, None)
    assert as_csv(table([])).count(b"\r\n") == 1


def test_more_rows_than_a_sheet_holds_go_on_to_the_next() -> None:
    book = as_excel(table([ROWS[0]] * 7), last_row=4)
    assert [(name, sheet.max_row) for name, sheet in zip(book.sheetnames, book, strict=True)] == [
        ("Factures", 5), ("Factures 2", 5), ("Factures 3", 3),
    ]  # fmt: skip
    assert book["Factures 3"]["A3"].value == "Somme"


def test_rows_are_read_as_they_are_written() -> None:
    read: list[int] = []

    def rows() -> Iterable[Sequence[Cell]]:
        for n in range(100):
            read.append(n)
            yield ROWS[0]

    for write in (write_csv(table(rows()), io.BytesIO()), write_excel(table(rows()), io.BytesIO(), "fr-CA")):
        read.clear()
        next(write)
        assert len(read) == ROWS_PER_STEP
        write.close()


@pytest.mark.parametrize(
    ("name", "plain", "full"),
    [
        ("Factures-2020-09-24.xlsx", "Factures-2020-09-24.xlsx", "Factures-2020-09-24.xlsx"),
        ("Relevé de compte.csv", "Releve-de-compte.csv", "Relev%C3%A9-de-compte.csv"),
        ('a"b\r\nc/é.csv', "ab-c/e.csv", "a%22b-c%2F%C3%A9.csv"),
    ],
)
def test_a_file_has_a_clean_name(name: str, plain: str, full: str) -> None:
    assert attachment(name)["content-disposition"] == f"attachment; filename=\"{plain}\"; filename*=UTF-8''{full}"


RULES = ListRules(sorts=("name",), default_sort="name", states=("to_pay",))


def ask(path: str, by: Identity | None, method: str = "GET", fail: bool = False) -> tuple[httpx.Response, list[Any]]:
    asked: list[Any] = []

    def make(session: Any, person: Identity, query: Any, language: str, today: date) -> Table:
        asked.append((person.account.account_id, query.q, query.state, language, today.isoformat()))
        if fail:
            raise OSError("disk full")
        return table()

    app = Starlette(routes=routes("/invoices", RULES, lambda: "Factures", make))

    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:3000") as client:
            return await client.request(method, path)

    with signed_in(by):
        return asyncio.run(run()), asked


def test_a_list_is_handed_out_as_its_address_says(stored: Engine) -> None:
    answer, asked = ask("/fr/invoices.csv?q=576%2C07&state=to_pay&account=1042&q=last", identity_of(7))
    assert asked == [(7, "last", "to_pay", "fr", "2020-09-24")]
    assert answer.content == as_csv(table())
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store, private"
    assert 'filename="Factures-2020-09-24.csv"' in answer.headers["content-disposition"]
    excel, _ = ask("/en/invoices.xlsx", identity_of(7))
    assert excel.headers["content-type"] == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    assert load_workbook(io.BytesIO(excel.content)).sheetnames == ["Factures"]


def test_nothing_is_made_for_a_head_a_wrong_language_or_nobody(stored: Engine) -> None:
    head, asked = ask("/fr/invoices.xlsx", identity_of(7), "HEAD")
    assert (head.status_code, "Factures" in head.headers["content-disposition"], asked) == (200, True, [])
    assert (ask("/de/invoices.csv", identity_of(7))[0].status_code, ask("/fr/invoices.csv", None)[0].status_code) == (404, 500)
    assert ask("/fr/invoices.csv", identity_of(7), "POST")[0].status_code == 405


def test_a_failure_is_an_error_and_not_half_a_file(stored: Engine) -> None:
    answer, _ = ask("/fr/invoices.csv", identity_of(7), fail=True)
    assert (answer.status_code, "content-disposition" in answer.headers) == (500, False)


@pytest.mark.parametrize("text", ["\u202e=1+1", "\u200b=1+1", "\u2066=1+1\u2069"])
def test_invisible_marks_do_not_hide_a_formula_or_turn_a_line_around(text: str) -> None:
    written = Table("x", (Column("name", "Nom"),), [(text,)])
    assert as_csv(written) == b"\xef\xbb\xbfname\r\n'=1+1\r\n"
    assert as_excel(written)["x"]["A2"].value == "=1+1"
    assert as_excel(written)["x"]["A2"].data_type == "s"
