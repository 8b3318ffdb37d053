"""The list of orders as a file: all pages of a list query."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date

from sqlalchemy import select
from sqlmodel import Session, col

from odoportal.core.i18n import t
from odoportal.core.identity import Identity
from odoportal.core.money import in_cents
from odoportal.lists import download, search
from odoportal.lists.query import ListQuery
from odoportal.lists.table import Cell, CellKind, Column, Table
from odoportal.rooms.orders import service
from odoportal.rooms.orders.models import Order, OrderLine
from odoportal.rooms.orders.search_text import shown_line
from odoportal.rooms.orders.service import RULES
from odoportal.rooms.orders.view import state_labels

_COLUMNS = (col(Order.id), col(Order.number), col(Order.start_on), col(Order.end_on), in_cents(Order.total))


def _lines(session: Session, account_id: int, ids: Sequence[int], language: str) -> dict[int, list[str]]:
    texts: dict[int, list[str]] = defaultdict(list)
    description = col(OrderLine.description_en if language == "en" else OrderLine.description_fr)
    rows = select(col(OrderLine.order_id), col(OrderLine.quantity), description)
    mine = rows.where(col(OrderLine.account_id) == account_id, col(OrderLine.order_id).in_(ids))
    for order_id, quantity, text in session.connection().execute(mine.order_by(col(OrderLine.order_id), col(OrderLine.position))):
        texts[order_id].append(shown_line(quantity, text))
    return texts


def orders_table(session: Session, who: Identity, query: ListQuery, language: str, today: date) -> Table:
    """Return the orders on all pages of a list query, in its order; arguments as for `orders_view`."""
    account_id = who.account.account_id
    where, order = service.where_and_order(account_id, query, language, today)
    columns = [
        Column("number", t("Number")),
        Column("start", t("Start date"), CellKind.DAY),
        Column("end", t("End date"), CellKind.DAY),
        Column("progress_percent", t("Progress"), CellKind.PERCENT),
        Column("state", t("State"), words=state_labels()),
        Column("lines", t("Agreement"), width=60),
        Column("total", t("Total"), CellKind.AMOUNT, total=True),
    ]
    found = select(*_COLUMNS).where(where).order_by(*order)

    def rows() -> Iterator[Sequence[Cell]]:
        for batch in search.batches(session, found):
            lines = _lines(session, account_id, [row.id for row in batch], language)
            for row in batch:
                term = (row.start_on, row.end_on, today)
                shown = (row.number, row.start_on, row.end_on, service.progress(*term), service.state_of(*term))
                yield (*shown, tuple(lines[row.id]), row.total)

    return Table(t("Orders"), columns, rows(), t("Total"))


ROUTES = download.routes("/orders", RULES, lambda: t("Orders"), orders_table)
