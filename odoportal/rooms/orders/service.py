"""Rules of orders: terms and their progress, the list, and single orders."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, case, literal
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, func, select

from odoportal.lists import search
from odoportal.lists.query import ListQuery
from odoportal.lists.source import ListRequest, ListSource
from odoportal.rooms.orders.models import Fulfilment, Order, OrderLine, OrderTax, Step

ENDING_DAYS = 60


class OrderState(StrEnum):
    """The state of an agreement's term. The "active" filter also finds agreements that end within 60 days."""

    UPCOMING = "upcoming"
    ACTIVE = "active"
    ENDING = "ending"
    ENDED = "ended"


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


def _percent_and_state_meaning(request: ListRequest) -> search.Meaning:
    def meaning(word: str) -> Sequence[ColumnElement[bool]]:
        if found := _PERCENT.fullmatch(word):
            return [progress_sql(request.today) == int(found[1])]
        return [_in_state(state, request.today) for state in request.named_by(word)]

    return meaning


def _join_percents(q: str) -> str:
    return re.sub(r"(\d)[\s\u00a0]+%", r"\1%", q)


def _filters(query: ListQuery, today: date, start: Any, end: Any) -> list[ColumnElement[bool]]:
    return [
        *([_in_state(query.state, today, start, end)] if query.state else []),
        *([end >= query.since] if query.since else []),
        *([end <= query.until] if query.until else []),
    ]


def _hidden_filters(request: ListRequest) -> list[ColumnElement[bool]]:
    return _filters(request.query, request.today, request.hidden(col(Order.start_on)), request.hidden(col(Order.end_on)))


def _index_hint(request: ListRequest) -> ColumnElement[bool] | None:
    filters = _filters(request.query, request.today, col(Order.start_on), col(Order.end_on))
    return and_(*filters) if filters else None


def progress_sql(today: date, start: Any = Order.start_on, end: Any = Order.end_on) -> ColumnElement[int]:
    """Return the progress of an order as SQL. The rule is the same as in `progress`."""
    ran = search.days_between(literal(today), start) * 100
    return case((start > today, 0), (end < today, 100), else_=ran // (search.days_between(end, start) + 1))


LIST = ListSource(
    model=Order,
    counts=lambda session, request: state_counts(session, request.account_id, request.today),
    filters=_hidden_filters,
    states=tuple(OrderState),
    meaning=_percent_and_state_meaning,
    words=_join_percents,
    index_hint=_index_hint,
)


def lines_of(session: Session, account_id: int, order_ids: Sequence[int]) -> Mapping[int, Sequence[OrderLine]]:
    """Return the lines of the account's orders with these ids, by the order's id. Runs one statement."""
    by_order: dict[int, list[OrderLine]] = defaultdict(list)
    lines = select(OrderLine).where(OrderLine.account_id == account_id, col(OrderLine.order_id).in_(order_ids))
    for line in session.exec(lines.order_by(col(OrderLine.order_id), col(OrderLine.position))):
        by_order[line.order_id].append(line)
    return by_order


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
