"""The list of orders as a file: the rows of the page, from all pages."""

import io
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from odoportal.core import i18n
from odoportal.lists import download
from odoportal.lists.download import file_table
from odoportal.lists.query import ListQuery
from odoportal.lists.table import Cell, Table
from odoportal.lists.view import page_view
from odoportal.rooms.orders.columns import ORDERS
from tests.making import PLAN, TODAY, account, identity_of, order, recorded_statements

TRACKER = ("ODO50", "ODO50 (fr)")


@pytest.fixture
def mine(stored: Engine) -> int:
    with Session(stored) as session, session.begin():
        made, other = account(session), account(session, "2042")
        for i in range(25):
            start = TODAY - timedelta(days=100 * i - 200)
            lines = (TRACKER, PLAN) if i % 2 else (PLAN,)
            order(session, made, f"{26000 + i}", start, start + timedelta(days=700 + i), lines, total=Decimal(f"{500 + i}.07"))
        order(session, other, "99999")
        return made


def made(session: Session, account_id: int, language: str = "fr", **given: str) -> Table:
    with i18n.use(language):
        table = file_table(ORDERS, session, identity_of(account_id), ListQuery.parse(ORDERS.rules, given), language, TODAY)
        return Table(table.name, table.columns, list(table.rows), table.total)


def _lines(cell: Cell) -> tuple[str, ...]:
    assert isinstance(cell, tuple)
    return cell


@pytest.mark.parametrize("language", i18n.LANGUAGES)
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"sort": "progress"},
        {"sort": "-agreement"},
        {"sort": "end", "state": "ended"},
        {"state": "active", "q": "forfait"},
        {"from": "2020-01-01", "to": "2021-12-31", "sort": "number"},
        {"q": "nothing like it"},
    ],
)
def test_the_rows_are_those_of_the_screen_in_its_order(stored: Engine, mine: int, given: dict[str, str], language: str) -> None:
    with Session(stored) as session:
        with i18n.use(language):
            query = ListQuery.parse(ORDERS.rules, {**given, "size": "100"})
            view = page_view(ORDERS, session, identity_of(mine), query, language, TODAY)
        table = made(session, mine, language, **{**given, "page": "2", "size": "10"})
    shown = [
        (row.number, row.term.start, row.term.end, row.term.percent, row.term.state, tuple(f"{li.quantity} {li.item}" for li in row.lines))
        for row in view.rows
    ]
    rows = [
        (row[0], str(row[1]), str(row[2]), f"{row[3]}%", row[4], tuple(line.replace(" X", "\u00a0X", 1) for line in _lines(row[5])))
        for row in table.rows
    ]
    assert rows == shown
    assert bool(rows) == ("like" not in given.get("q", ""))


def test_as_csv(stored: Engine, mine: int) -> None:
    with Session(stored) as session:
        table = made(session, mine, "fr", q="26001")
    file = io.BytesIO()
    for _ in download.write_csv(table, file):
        pass
    assert file.getvalue().decode("utf-8-sig") == (
        "number,start,end,progress_percent,state,lines,total\r\n"
        "26001,2021-01-02,2022-12-04,0,upcoming,2 X ODO50 (fr) | 2 X Forfait annuel ODO50,501.07\r\n"
    )
    assert date(2021, 1, 2) == TODAY + timedelta(days=100)


def test_people_read_words(stored: Engine, mine: int) -> None:
    with Session(stored) as session:
        columns = made(session, mine, "en").columns
    assert [c.title for c in columns] == ["Number", "Start date", "End date", "Progress", "Status", "Agreement", "Total"]
    assert next(c for c in columns if c.key == "state").words["ending"] == "Ending soon"


def test_the_number_of_statements_grows_by_batches_only(stored: Engine, mine: int) -> None:
    with Session(stored) as session:
        with recorded_statements(stored) as few:
            made(session, mine, q="26001")
        with recorded_statements(stored) as many:
            made(session, mine)
    assert len(few) == len(many) == 2
