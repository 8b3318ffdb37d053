"""A column of a list is declared once: the table, its sort menu, the cards and the files show it, and an order of their own is kept."""

import csv
import io
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import Engine
from sqlmodel import Session, col

from odoportal.core import i18n
from odoportal.lists.download import file_table, write_csv
from odoportal.lists.excel import write_excel
from odoportal.lists.list_table import FileColumn, ListColumn, ListTable
from odoportal.lists.query import ListQuery
from odoportal.lists.table import Table
from odoportal.lists.view import page_view
from odoportal.rooms.orders.columns import ORDERS
from odoportal.rooms.orders.models import Order
from odoportal.ui.table import ListCard
from odoportal.ui.template import el
from tests.making import TODAY, account, identity_of, order

ADDED = ListColumn(
    "subtotal",
    title=lambda: "Before taxes",
    cell=lambda row: el("td", "cell of ", row.number),
    card=lambda row: el("p", "card of ", row.number),
    sort=lambda _: col(Order.subtotal),
    file=FileColumn(lambda record: f"file of {record.order.number}"),
)


@pytest.fixture
def mine(stored: Engine) -> int:
    with Session(stored) as session:
        account_id = account(session)
        order(session, account_id, "26367", subtotal=Decimal("20.00"))
        order(session, account_id, "26368", subtotal=Decimal("10.00"))
        session.commit()
    return account_id


def shown(engine: Engine, table: ListTable, account_id: int, **asked: str) -> dict[str, str]:
    with Session(engine) as session, i18n.use("en"):
        view = page_view(table, session, identity_of(account_id), ListQuery.parse(table.rules, asked), "en", TODAY)
        return ListCard.of(table).html(view)


def written(engine: Engine, table: ListTable, account_id: int, write: Any) -> io.BytesIO:
    file = io.BytesIO()
    with Session(engine) as session, i18n.use("en"):
        made: Table = file_table(table, session, identity_of(account_id), ListQuery.parse(table.rules, {}), "en", TODAY)
        for _ in write(made, file):
            pass
    return io.BytesIO(file.getvalue())


def test_one_declaration_shows_a_column_everywhere(stored: Engine, mine: int) -> None:
    table = replace(ORDERS, columns=[*ORDERS.columns, ADDED])
    html = shown(stored, table, mine, sort="subtotal")
    rows = html["rows"]
    assert rows.index("cell of 26368") < rows.index("cell of 26367") < rows.index("card of 26368") < rows.index("card of 26367")
    assert rows.count('aria-sort="ascending"') == 1
    assert 'class="table-col-subtotal"' in rows
    assert "Before taxes, descending" in html["tools"]
    rows_of_csv = list(csv.reader(io.StringIO(written(stored, table, mine, write_csv).read().decode("utf-8-sig"))))
    assert [row[-1] for row in rows_of_csv] == ["subtotal", "file of 26368", "file of 26367"]
    sheet = load_workbook(written(stored, table, mine, lambda made, file: write_excel(made, file, "en-CA"))).active
    assert [sheet.cell(at, len(rows_of_csv[0])).value for at in (1, 2)] == ["Before taxes", "file of 26368"]  # pyright: ignore[reportOptionalMemberAccess]


def test_without_its_declaration_nothing_shows_it(stored: Engine, mine: int) -> None:
    html = shown(stored, ORDERS, mine, sort="subtotal")
    assert "Before taxes" not in html["rows"] + html["tools"]
    assert 'aria-sort="descending"' in html["rows"], "an unknown sort key is that of the default order"
    assert b"subtotal" not in written(stored, ORDERS, mine, write_csv).read()


def test_a_column_stands_before_the_one_it_names_in_files_and_on_cards() -> None:
    a, b, c = (ListColumn(key, str, card=lambda _, key=key: key, file=FileColumn(str)) for key in "abc")
    last = replace(c, card_before="a", file=FileColumn(str, before="b"))
    table = replace(ORDERS, columns=[a, b, last])
    assert [part(None) for part in table.card()] == ["c", "a", "b"]
    assert [column.key for column, _ in table.files()] == ["a", "c", "b"]
