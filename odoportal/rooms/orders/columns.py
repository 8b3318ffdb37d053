"""The list of orders: its columns in the table, on cards and in files."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from odoportal.core.i18n import t
from odoportal.core.money import in_cents
from odoportal.lists import search
from odoportal.lists.list_table import FileColumn, ListColumn, ListTable, Records, in_both_numbers
from odoportal.lists.source import ListRequest
from odoportal.lists.table import CellKind
from odoportal.rooms.orders import service
from odoportal.rooms.orders.models import Order, OrderLine
from odoportal.rooms.orders.search_text import shown_line
from odoportal.rooms.orders.service import OrderState
from odoportal.rooms.orders.view import orders_view, state_labels
from odoportal.ui.common import badge
from odoportal.ui.template import Bound, Node, choose, each, el, link, when
from odoportal.ui.term import road

_TERM_BADGES = {
    "upcoming": ("calendar", "info"),
    "active": ("circle-dot", "ok"),
    "ending": ("clock", "warn"),
    "ended": ("circle-check", ""),
}


def _term(term: Bound) -> Node:
    return el("div", road(term), el("span", term.percent, cls="orders-percent"), cls="orders-term")


def _lines(lines: Bound) -> Node:
    return el(
        "ul",
        each(lines, lambda line: el("li", el("span", line.quantity, cls="orders-quantity"), el("span", line.item))),
        cls="orders-agreement",
    )


def _left(term: Bound) -> Node:
    shown = choose(term.state, {"ending": el("span", term.left, cls="term-left warn")}, el("span", term.left, cls="term-left muted"))
    return when(term.left, shown)


def _actions(row: Bound, details: str, invoices: str) -> Node:
    return el(
        "div",
        link(t("Details"), el("span", " ", row.number, cls="sr"), to=row.details, how="open", data_open=row.number, cls=details),
        link(t("Invoices"), el("span", " ", row.number, cls="sr"), to=row.invoices, cls=invoices),
        cls="layout-actions",
    )


def _card_top(row: Bound) -> Node:
    return el(
        "div",
        el("h2", link(row.number, to=row.details, how="open")),
        el("span", cls="push"),
        badge(_TERM_BADGES, row.term.state, row.term.state_text),
        cls="table-top",
    )


def _card_lines(row: Bound) -> Node:
    return _lines(row.card_lines), when(row.more, link(row.more, to=row.details, how="open", cls="table-tap"))


def _card_term(row: Bound) -> Node:
    days = el("div", el("span", row.term.start), el("span", cls="push"), el("span", row.term.end), cls="layout-row soft small")
    return el("div", _term(row.term), days, cls="orders-run")


@dataclass(frozen=True)
class OrderRecord:
    """An order in a file: its columns, its lines as they are shown, and its term's progress and state."""

    order: Any
    lines: tuple[str, ...]
    progress: int
    state: OrderState


_STORED = (col(Order.id), col(Order.number), col(Order.start_on), col(Order.end_on), in_cents(Order.total))


def _lines_of(session: Session, account_id: int, ids: Sequence[int], language: str) -> Mapping[int, list[str]]:
    texts: dict[int, list[str]] = defaultdict(list)
    description = col(OrderLine.description_en if language == "en" else OrderLine.description_fr)
    rows = select(col(OrderLine.order_id), col(OrderLine.quantity), description)
    mine = rows.where(col(OrderLine.account_id) == account_id, col(OrderLine.order_id).in_(ids))
    for order_id, quantity, text in session.connection().execute(mine.order_by(col(OrderLine.order_id), col(OrderLine.position))):
        texts[order_id].append(shown_line(quantity, text))
    return texts


def _records(session: Session, request: ListRequest) -> Records:
    where, order = service.LIST.where_and_order(request)
    found = select(*_STORED).where(where).order_by(*order)

    def rows() -> Iterator[OrderRecord]:
        for batch in search.batches(session, found):
            lines = _lines_of(session, request.account_id, [row.id for row in batch], request.language)
            for row in batch:
                term = (row.start_on, row.end_on, request.today)
                yield OrderRecord(row, tuple(lines[row.id]), service.progress(*term), service.state_of(*term))

    return Records(rows())


def _first_line(request: ListRequest) -> Any:
    return col(Order.first_line_en if request.language == "en" else Order.first_line_fr)


ORDERS = ListTable(
    path="/orders",
    title=lambda: t("Orders"),
    source=service.LIST,
    view=orders_view,
    records=_records,
    default_sort="-start",
    columns=(
        ListColumn(
            "number",
            title=lambda: "#",
            cell=lambda row: el("th", row.number, scope="row"),
            card=_card_top,
            sort=lambda _: col(Order.number_order),
            file=FileColumn(lambda record: record.order.number, title=lambda: t("Number")),
        ),
        ListColumn(
            "start",
            title=lambda: t("Start date"),
            cell=lambda row: el("td", row.term.start, cls="nw"),
            sort=lambda _: col(Order.start_on),
            file=FileColumn(lambda record: record.order.start_on, kind=CellKind.DAY),
        ),
        ListColumn(
            "end",
            title=lambda: t("End date"),
            cell=lambda row: el("td", el("span", row.term.end, cls="nw"), _left(row.term)),
            sort=lambda _: col(Order.end_on),
            file=FileColumn(lambda record: record.order.end_on, kind=CellKind.DAY),
        ),
        ListColumn(
            "progress",
            title=lambda: t("Progress"),
            cell=lambda row: el("td", _term(row.term)),
            card=_card_term,
            sort=lambda request: service.progress_sql(request.today),
            file=FileColumn(lambda record: record.progress, key="progress_percent", kind=CellKind.PERCENT),
        ),
        ListColumn("state", title=lambda: t("Status"), file=FileColumn(lambda record: record.state, words=state_labels)),
        ListColumn(
            "agreement",
            title=lambda: t("Agreement"),
            cell=lambda row: el("td", _lines(row.lines)),
            card=_card_lines,
            card_before="progress",
            sort=_first_line,
            file=FileColumn(lambda record: record.lines, key="lines", width=60),
        ),
        ListColumn(
            "actions",
            title=lambda: t("Actions"),
            cell=lambda row: el("td", _actions(row, "button button-second button-small", "button button-plain button-small")),
            card=lambda row: _actions(row, "button button-plain", "button button-plain"),
        ),
        ListColumn("total", title=lambda: t("Total"), file=FileColumn(lambda record: record.order.total, kind=CellKind.AMOUNT, total=True)),
    ),
    labels=in_both_numbers(state_labels),
    names=lambda: [t("Order {number}", number=""), t("Order confirmation {number}", number="")],
    all=lambda: t("All orders"),
    tabs=lambda _: {s: state_labels(2)[s] for s in (OrderState.ACTIVE, OrderState.ENDING, OrderState.UPCOMING, OrderState.ENDED)},
    no_match=lambda: t("No order"),
    nothing=lambda _state: t("No orders yet"),
    nothing_text=lambda: t("Orders appear here as soon as Odotrack has recorded them."),
    empty_icon="package",
    hint=lambda: t("Number, plan, date"),
    dates=lambda: t("End date"),
    cls="orders-list",
)
