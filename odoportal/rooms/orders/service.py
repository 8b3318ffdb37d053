"""Rules of orders: terms and their progress, the list, and single orders."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, case, true
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, func, select

from odoportal.lists import search
from odoportal.lists.query import ListQuery, ListRules, PageWindow, page_to_show
from odoportal.rooms.orders.models import Fulfilment, Order, OrderLine, OrderTax, Step

ENDING_DAYS = 60


class OrderState(StrEnum):
    """The state of an agreement's term. The "active" filter also finds agreements that end within 60 days."""

    UPCOMING = "upcoming"
    ACTIVE = "active"
    ENDING = "ending"
    ENDED = "ended"


RULES = ListRules(sorts=("number", "start", "end", "progress", "agreement"), default_sort="-start", states=tuple(OrderState))
_PERCENT = re.compile(r"(\d{1,3})%")


def progress(start: date, end: date, today: date) -> int:
    """Return the share of the term that has run, in whole percent: 0 on the first day, 100 after the last (product.md, Orders)."""
    return max(0, min(100, 100 * (today - start).days // ((end - start).days + 1)))


def state_of(start: date, end: date, today: date) -> OrderState:
    """Return the state of a term today; its first and last day both belong to it."""
    if start > today:
        return OrderState.UPCOMING
    if end < today:
        return OrderState.ENDED
    return OrderState.ENDING if end <= today + timedelta(days=ENDING_DAYS) else OrderState.ACTIVE


def _in_state(state: str, today: date, start: Any = Order.start_on, end: Any = Order.end_on) -> ColumnElement[bool]:
    running = and_(start <= today, end >= today)
    return {
        OrderState.UPCOMING: start > today,
        OrderState.ACTIVE: running,
        OrderState.ENDING: and_(running, end <= today + timedelta(days=ENDING_DAYS)),
        OrderState.ENDED: end < today,
    }[OrderState(state)]


def _percent_meaning(today: date) -> search.Meaning:
    def meaning(word: str) -> Sequence[ColumnElement[bool]]:
        found = _PERCENT.fullmatch(word)
        return [search.progress(Order.start_on, Order.end_on, today) == int(found[1])] if found else []

    return meaning


def _normalized_search(query: ListQuery) -> str:
    return re.sub(r"(\d)[\s\u00a0]+%", r"\1%", query.q)


def _candidates(session: Session, account_id: int, rows: int, query: ListQuery, today: date) -> ColumnElement[bool]:
    return search.search_candidates(session, Order, account_id, rows, _normalized_search(query), _percent_meaning(today))


def _list_condition(own: ColumnElement[bool], query: ListQuery, today: date) -> ColumnElement[bool]:
    """Return the condition of a list query; `own` is the condition that selects the account's rows."""
    parts: list[ColumnElement[bool]] = [own]
    if query.q:
        parts.append(search.matches_words(Order.search, _normalized_search(query), _percent_meaning(today)))
    # Hide these columns from SQLite's planner: it must walk the index of the sort order and stop after one page.
    parts.append(_filters(query, today, search.unindexed(col(Order.start_on)), search.unindexed(col(Order.end_on))))
    return and_(*parts)


def _filters(query: ListQuery, today: date, start: Any, end: Any) -> ColumnElement[bool]:
    parts: list[ColumnElement[bool]] = [_in_state(query.state, today, start, end)] if query.state else []
    if query.since:
        parts.append(end >= query.since)
    if query.until:
        parts.append(end <= query.until)
    return and_(true(), *parts)


def _sort_keys(query: ListQuery, language: str, today: date) -> search.Order:
    by: dict[str, Any] = {
        "number": col(Order.number_order),
        "start": col(Order.start_on),
        "end": col(Order.end_on),
        "progress": search.progress(Order.start_on, Order.end_on, today),
        "agreement": col(Order.first_line_en if language == "en" else Order.first_line_fr),
    }
    return [(by[query.key], query.descending), (col(Order.id), query.descending)]


def where_and_order(
    account_id: int, query: ListQuery, language: str, today: date
) -> tuple[ColumnElement[bool], Sequence[ColumnElement[Any]]]:
    """Return the condition and sort order for all pages of a list query; arguments as for `find`."""
    where = _list_condition(search.of_account(Order, account_id), query, today)
    return where, [e.desc() if down else e.asc() for e, down in _sort_keys(query, language, today)]


@dataclass(frozen=True)
class OrderPage:
    """One page of the list: its position, its orders, their lines by order id, and the result of `state_counts`."""

    window: PageWindow
    orders: Sequence[Order]
    lines: Mapping[int, Sequence[OrderLine]]
    counts: Mapping[str, int]


def find(session: Session, account_id: int, query: ListQuery, language: str, today: date) -> OrderPage:
    """Return the page of orders that a list query asks for.

    Runs four statements, and one more for a search in a large account.

    Args:
        session: a database session for reading.
        account_id: the account of the orders.
        query: the list query.
        language: the language of the first line by which the Agreement column sorts.
        today: the business day.
    """
    counts = state_counts(session, account_id, today)
    where = _list_condition(_candidates(session, account_id, counts[""], query, today), query, today)
    counted = not replace(query, state="").narrowed
    page_window = page_to_show(query, counts[query.state] if counted else search.count(session, Order, where))
    if page_window.total == counts[""]:
        # Every row matches, so skip the check of each row: it makes pages far from both ends ten times slower.
        where = search.of_account(Order, account_id)
    narrowed = query.state or query.since or query.until
    index_hint = _filters(query, today, col(Order.start_on), col(Order.end_on)) if narrowed else None
    orders = search.fetch_page(session, Order, where, _sort_keys(query, language, today), page_window, index_hint)
    by_order: dict[int, list[OrderLine]] = {o.id: [] for o in orders if o.id is not None}
    lines = select(OrderLine).where(OrderLine.account_id == account_id, col(OrderLine.order_id).in_(by_order))
    for line in session.exec(lines.order_by(col(OrderLine.order_id), col(OrderLine.position))):
        by_order[line.order_id].append(line)
    return OrderPage(page_window, orders, by_order, counts)


def state_counts(session: Session, account_id: int, today: date) -> Mapping[str, int]:
    """Return the number of orders in each state, and the number of all under "". Runs one statement."""

    def counted(*where: Any) -> Any:
        return select(func.count()).select_from(Order).where(Order.account_id == account_id, *where).scalar_subquery()

    # Each of these is a range of an index. Active orders are the rest: no term ends before it begins.
    counted_states = (OrderState.UPCOMING, OrderState.ENDING, OrderState.ENDED)
    columns: list[Any] = [counted(), *(counted(_in_state(state, today)) for state in counted_states)]
    found = session.connection().execute(sql_select(*columns)).one()
    all_count, upcoming, ending_soon, ended = (int(n) for n in found)
    active = all_count - upcoming - ended
    counts = (all_count, upcoming, active, ending_soon, ended)
    return dict(zip(("", *OrderState), counts, strict=True))


def neighbours(
    session: Session, account_id: int, query: ListQuery, language: str, today: date, rows: int, order_id: int
) -> search.Neighbours | None:
    """Return the position and neighbours of an order in a list; None if the list does not contain it.

    Arguments as for `find`; `rows` is the number of orders of the account.
    """
    where = _list_condition(_candidates(session, account_id, rows, query, today), query, today)
    return search.neighbours(session, Order, where, _sort_keys(query, language, today), order_id)


@dataclass(frozen=True)
class FullOrder:
    """An order with its lines, taxes and fulfilment steps."""

    order: Order
    lines: Sequence[OrderLine]
    taxes: Sequence[OrderTax]
    steps: Mapping[str, Fulfilment]


def get(session: Session, account_id: int, number: str) -> FullOrder | None:
    """Return an order of the account by its number; None if the number is unknown or belongs to another account."""
    order = session.exec(select(Order).where(Order.account_id == account_id, Order.number == number)).first()
    if order is None:
        return None

    def rows(model: Any, by: Any) -> Sequence[Any]:
        return session.exec(select(model).where(model.account_id == account_id, model.order_id == order.id).order_by(by)).all()

    steps = {s.step: s for s in rows(Fulfilment, col(Fulfilment.id))}
    return FullOrder(order, rows(OrderLine, col(OrderLine.position)), rows(OrderTax, col(OrderTax.position)), steps)


def current_step(steps: Mapping[str, Fulfilment]) -> Step | None:
    """Return the current step of an order, the first one not done; None if all are done or none is known."""
    return next((s for s in Step if s in steps and steps[s].done_at is None), None)


@dataclass(frozen=True)
class EndingAgreement:
    """An agreement that ends within 60 days, with the number of its plans."""

    number: str
    end_on: date
    plans: int


def ending(session: Session, account_id: int, today: date) -> Sequence[EndingAgreement]:
    """Return the agreements that end within 60 days, the next one first."""
    plans = func.coalesce(func.sum(case((col(OrderLine.plan), OrderLine.quantity), else_=0)), 0)
    found = session.exec(
        select(col(Order.number), col(Order.end_on), plans)
        .join(OrderLine, and_(col(OrderLine.account_id) == Order.account_id, col(OrderLine.order_id) == Order.id), isouter=True)
        .where(Order.account_id == account_id, _in_state(OrderState.ENDING, today))
        .group_by(col(Order.id), Order.number, col(Order.end_on))
        .order_by(col(Order.end_on), col(Order.id))
    ).all()
    return [EndingAgreement(number, end_on, int(n)) for number, end_on, n in found]


def count(session: Session, account_id: int) -> int:
    """Return the number of orders of an account."""
    return search.count(session, Order, search.of_account(Order, account_id))


def latest(session: Session, account_id: int, limit: int) -> Sequence[Order]:
    """Return the newest orders by the time they were placed, newest first."""
    return session.exec(
        select(Order).where(Order.account_id == account_id).order_by(col(Order.placed_at).desc(), col(Order.id).desc()).limit(limit)
    ).all()
