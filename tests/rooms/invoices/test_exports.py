"""The list of invoices as a file: the rows of the page, from all pages, and the totals that an accountant adds up."""

import io
from datetime import date
from decimal import Decimal

import pytest
from openpyxl import load_workbook
from openpyxl.utils import get_column_letter
from sqlalchemy import Engine
from sqlmodel import Session

from odoportal.core import i18n
from odoportal.core.money import cents
from odoportal.lists import download
from odoportal.lists.download import file_table
from odoportal.lists.excel import write_excel
from odoportal.lists.query import ListQuery
from odoportal.lists.table import Table
from odoportal.lists.view import page_view
from odoportal.rooms.invoices.columns import INVOICES
from odoportal.rooms.invoices.models import InvoiceTax
from tests.making import TODAY, account, identity_of, invoice, order, recorded_statements

KEYS = "number date due order state subtotal gst qst total paid credited credit_on_account balance pending settled_on"


def tax(session: Session, account_id: int, invoice_id: int | None, name: tuple[str, str], amount: str, position: int = 0) -> None:
    session.add(
        InvoiceTax(
            account_id=account_id, invoice_id=invoice_id or 0, position=position, name_en=name[0], name_fr=name[1], registration="1",
            rate=Decimal(5), base=Decimal(100), amount=Decimal(amount),
        )
    )  # fmt: skip


@pytest.fixture
def mine(stored: Engine) -> int:
    """Return an account with thirty invoices in every state, with taxes; another account has one."""
    with Session(stored) as session, session.begin():
        made, other = account(session), account(session, "2042")
        of = order(session, made, "26367")
        for i in range(30):
            day = date(2020, 1 + i % 9, 1 + i % 28)
            total = Decimal(100 + i % 7)
            sums = [{}, {"paid": total, "settled_on": day}, {"paid": Decimal(40)}, {"pending": total}, {"credited": Decimal("12.34")}][
                i % 5
            ]
            if i == 29:
                sums = {"paid": total, "credited": total, "settled_on": day}
            bill = invoice(session, made, f"{212000 + i}", str(total), day, order_id=of.id if i % 3 == 0 else None, **sums)
            tax(session, made, bill.id, ("GST", "TPS"), f"5.0{i % 10}")
            tax(session, made, bill.id, ("QST", "TVQ"), "9.98", 1)
        theirs = invoice(session, other, "999999", "1.00", date(2020, 9, 1))
        tax(session, other, theirs.id, ("HST", "TVH"), "0.13")
        return made


def made(session: Session, account_id: int, language: str = "fr", region: str = "fr-CA", **given: str) -> Table:
    with i18n.use(language):
        table = file_table(
            INVOICES, session, identity_of(account_id, region=region), ListQuery.parse(INVOICES.rules, given), language, TODAY
        )
        return Table(table.name, table.columns, list(table.rows), table.total)


ADDRESSES = [
    {},
    {"sort": "amount"},
    {"sort": "-number", "state": "to_pay"},
    {"sort": "paid"},
    {"sort": "-paid", "state": "paid"},
    {"q": "103", "sort": "date"},
    {"q": "retard"},
    {"state": "overdue", "from": "2020-02-01", "to": "2020-06-30"},
    {"order": "26367", "page": "2", "size": "10", "open": "212003"},
    {"state": "credited"},
    {"q": "nothing like it"},
]


@pytest.mark.parametrize("given", ADDRESSES)
def test_the_rows_are_those_of_the_screen_in_its_order(stored: Engine, mine: int, given: dict[str, str]) -> None:
    with Session(stored) as session, i18n.use("fr"):
        shown: list[tuple[str, str, str, str]] = []
        more, number = True, 0
        while more:
            number += 1
            query = ListQuery.parse(INVOICES.rules, {**given, "page": str(number), "size": "10", "open": ""})
            view = page_view(INVOICES, session, identity_of(mine, region="en-CA"), query, "fr", TODAY)
            shown += [(row.number, row.date, row.amount, row.paid.state) for row in view.rows]
            more = bool(view.frame.next)
        table = made(session, mine, **given)
    rows = [(row[0], str(row[1]), f"${row[8] / 100:,.2f}", row[4]) for row in table.rows]  # type: ignore[operator]
    assert rows == shown
    assert bool(rows) == ("like" not in given.get("q", ""))


def test_the_columns_are_the_same_in_both_languages_for_programs(stored: Engine, mine: int) -> None:
    with Session(stored) as session:
        french, english = made(session, mine), made(session, mine, "en", "en-CA")
    assert [c.key for c in french.columns] == [c.key for c in english.columns] == KEYS.split()
    assert [c.title for c in english.columns][6:8] == ["GST", "QST"]
    files = [io.BytesIO(), io.BytesIO()]
    for file, table in zip(files, (french, english), strict=True):
        for _ in download.write_csv(table, file):
            pass
    assert files[0].getvalue() == files[1].getvalue()
    first = files[0].getvalue().decode("utf-8-sig").split("\r\n")[1]
    assert first == "212026,2020-09-27,2020-10-27,,paid,105.00,5.06,9.98,105.00,105.00,0.00,0.00,0.00,0.00,2020-09-27"


def test_the_totals_add_up(stored: Engine, mine: int) -> None:
    with Session(stored) as session:
        table = made(session, mine)
    file = io.BytesIO()
    for _ in write_excel(table, file, "fr-CA"):
        pass
    sheet = load_workbook(file, data_only=True).worksheets[0]
    named = {cell.value: get_column_letter(at) for at, cell in enumerate(sheet[1], 1)}
    last = sheet.max_row
    for column, at in ((c, i) for i, c in enumerate(table.columns) if c.total):
        letter = named[column.title]
        cells = [Decimal(str(sheet[f"{letter}{row}"].value)) for row in range(2, last)]
        assert sum(cells) == Decimal(str(sheet[f"{letter}{last}"].value))
        assert [cents(cell) for cell in cells] == [row[at] for row in table.rows]


def test_other_taxes_have_their_own_column_and_foreign_ones_none(stored: Engine, mine: int) -> None:
    with Session(stored) as session, session.begin():
        bill = invoice(session, mine, "300000", "113.00", date(2020, 9, 24))
        tax(session, mine, bill.id, ("HST", "TVH"), "10.00")
        tax(session, mine, bill.id, ("HST", "TVH"), "3.00", 1)
        session.flush()
        all_of_them, without = made(session, mine), made(session, mine, state="paid")
    assert [(c.key, c.title) for c in all_of_them.columns][8] == ("hst", "TVH")
    assert [row[6:9] for row in all_of_them.rows if row[0] == "300000"] == [(0, 0, 1300)]
    assert "hst" not in [c.key for c in without.columns]


def test_states_are_codes_for_programs_and_words_for_people(stored: Engine, mine: int) -> None:
    with Session(stored) as session:
        table = made(session, mine, "en", "en-CA")
    state = next(c for c in table.columns if c.key == "state")
    assert {row[4] for row in table.rows} == {"to_pay", "part_paid", "pending", "overdue", "paid", "credited"}
    assert (state.words["overdue"], state.words["to_pay"]) == ("Overdue", "To pay")


def test_the_number_of_statements_does_not_grow(stored: Engine, mine: int) -> None:
    with Session(stored) as session:
        with recorded_statements(stored) as few:
            made(session, mine, state="credited")
        with recorded_statements(stored) as many:
            made(session, mine)
    assert len(few) == len(many) == 2
