"""Rules of devices: their states, the list, and the devices of an order.

A device is a tracker while an account holds it, so every function here reads the rows of one account only. What the account had before
or what another one has now is in rows that these functions cannot reach.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Date, Integer, String, and_, bindparam, case, literal_column
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, func, select

from odoportal.core import clock
from odoportal.lists import search
from odoportal.lists.source import ListRequest, ListSource
from odoportal.rooms.devices.derived import STATE_ORDER, signal_order
from odoportal.rooms.devices.models import Device, DeviceAssignment, DeviceState
from odoportal.rooms.orders.models import Order
from odoportal.rooms.orders.service import ENDING_DAYS

SILENT_DAYS = 3
ENDING, OUT = "ending", "out"
"""Filters of the list beside the states: the agreement ends within 60 days, and the device is out of service."""
SERIALS = "serials"
"""The filter by serials, one a line. It is of selected rows only, so no address can have it."""
FILTERS = (DeviceState.ACTIVE, ENDING, DeviceState.SILENT, DeviceState.SHIPPING, OUT)
"""The filters of the list. "Active" also finds silent devices, "shipping" also those being prepared."""
_IN_SERVICE = frozenset({DeviceState.PREPARING, DeviceState.SHIPPING, DeviceState.ACTIVE})
_LEAVES_AS = frozenset({*_IN_SERVICE, DeviceState.SUSPENDED})
# A literal instead of a bound parameter: the expression must match that of the index `ix_device_left`.
_NEVER: ColumnElement[date] = literal_column("'9999-12-31'")
_ACTIVE = STATE_ORDER[DeviceState.ACTIVE]


def state_of(device: Device, today: date) -> DeviceState:
    """Return the state of a device today: silent after 3 days without a signal, returned after the last day that the account holds it."""
    state = DeviceState(device.state)
    if state in _LEAVES_AS and device.held_until < today:
        return DeviceState.RETURNED
    return DeviceState.SILENT if state == DeviceState.ACTIVE and silent_days(device, today) >= SILENT_DAYS else state


def silent_days(device: Device, today: date) -> int:
    """Return the number of days since the day of the last signal; 0 if no signal is known."""
    return (today - clock.to_local(device.last_signal_at).date()).days if device.last_signal_at else 0


def _silent_before(today: date) -> str:
    """Return the `signal_order` below which a device is silent: the start of the day two days ago."""
    return signal_order(clock.start_of_day(today - timedelta(days=SILENT_DAYS - 1)))


def state_position(today: date) -> ColumnElement[int]:
    """Return the position in `DeviceState` of the state that `state_of` returns, as SQL."""
    stored, signal = col(Device.state_order), col(Device.signal_order)
    returned = and_(stored.in_([STATE_ORDER[state] for state in _LEAVES_AS]), ~_held(today))
    silent = and_(stored == _ACTIVE, signal > "", signal < _silent_before(today))
    return case((returned, STATE_ORDER[DeviceState.RETURNED]), (silent, STATE_ORDER[DeviceState.SILENT]), else_=stored)


def _held(today: Any) -> ColumnElement[bool]:
    return col(Device.held_until) >= today


def in_filter(name: str, today: Any, soon: Any, silent_before: Any, state: Any = None, end: Any = None) -> ColumnElement[bool]:
    """Return a filter of the list as SQL.

    Args:
        name: one of `FILTERS`.
        today: the business day.
        soon: the last day that is "soon".
        silent_before: the `signal_order` below which a device is silent.
        state: the column of the state's position; None for the column itself, which may use its index.
        end: the column of the last day, likewise.
    """
    state = col(Device.state_order) if state is None else state
    end = col(Device.end_on) if end is None else end
    active = and_(state == _ACTIVE, _held(today))
    return {
        DeviceState.ACTIVE: active,
        ENDING: and_(active, end >= today, end <= soon),
        DeviceState.SILENT: and_(active, col(Device.signal_order) > "", col(Device.signal_order) < silent_before),
        DeviceState.SHIPPING: and_(state < _ACTIVE, _held(today)),
        OUT: (state > _ACTIVE) | (col(Device.held_until) < today),
    }[name]


def _filter(name: str, today: date, state: Any = None, end: Any = None) -> ColumnElement[bool]:
    return in_filter(name, today, today + timedelta(days=ENDING_DAYS), _silent_before(today), state, end)


def _state_meaning(request: ListRequest) -> search.Meaning:
    def meaning(word: str) -> Sequence[ColumnElement[bool]]:
        return [_filter(name, request.today) for name, text in request.labels.items() if len(word) > 2 and word in text]

    return meaning


def _filters(request: ListRequest, state: Any, end: Any, model: Any) -> list[ColumnElement[bool]]:
    query = request.query
    return [
        *([model == query.texts["model"]] if "model" in query.texts else []),
        *([_filter(query.state, request.today, state, end)] if query.state else []),
        *([end >= query.since] if query.since else []),
        *([end <= query.until] if query.until else []),
    ]


def _hidden_filters(request: ListRequest) -> list[ColumnElement[bool]]:
    # Hide these columns from SQLite's planner: it must walk the index of the sort order and stop after one page.
    filters = _filters(request, *(search.unindexed(col(c)) for c in (Device.state_order, Device.end_on, Device.model)))
    if order := request.query.texts.get("order"):
        filters.append(col(Device.id).in_(_assigned_to(request.account_id, order)))
    if serials := request.query.texts.get(SERIALS):
        filters.append(col(Device.serial).in_(serials.split("\n")))
    return filters


def _assigned_to(account_id: int, order: str) -> Any:
    of_order = select(Order.id).where(Order.account_id == account_id, Order.number == order).scalar_subquery()
    mine = (DeviceAssignment.account_id == account_id, col(DeviceAssignment.order_id) == of_order)
    return select(DeviceAssignment.device_id).where(*mine)


def _index_hint(request: ListRequest) -> ColumnElement[bool] | None:
    filters = _filters(request, col(Device.state_order), col(Device.end_on), col(Device.model))
    return and_(*filters) if filters else None


LIST = ListSource(
    model=Device,
    counts=lambda session, request: state_counts(session, request.account_id, request.today),
    filters=_hidden_filters,
    states=FILTERS,
    texts=("order", "model"),
    meaning=_state_meaning,
    index_hint=_index_hint,
    number="serial",
)


@dataclass(frozen=True)
class Plan:
    """The present assignment of a device, with its order, if it has one."""

    assignment: DeviceAssignment
    order: Order | None


def plans(session: Session, account_id: int, ids: Sequence[int]) -> dict[int, Plan]:
    """Return the present plans of some devices of the account, by device id. Runs one statement."""
    found = session.exec(
        select(DeviceAssignment, Order)
        .join(Order, and_(col(Order.account_id) == DeviceAssignment.account_id, col(Order.id) == DeviceAssignment.order_id), isouter=True)
        # Hide the account from SQLite's planner: with an index on it, it would read all assignments instead of a few.
        .where(search.unindexed(col(DeviceAssignment.account_id)) == account_id, col(DeviceAssignment.device_id).in_(ids))
        .order_by(col(DeviceAssignment.device_id), col(DeviceAssignment.since))
    )
    # The newest of each device comes last.
    return {assignment.device_id: Plan(assignment, order) for assignment, order in found}


@lru_cache(maxsize=1)
def _counts_statement() -> Any:
    """Return the statement of `state_counts`: counts of index ranges. It is cached: building it takes longer than running it."""
    account_id = bindparam("account", type_=Integer)
    today, soon, silent = bindparam("today", type_=Date), bindparam("soon", type_=Date), bindparam("silent", type_=String)
    state, stored = col(Device.state_order), search.unindexed(col(Device.state_order))
    left = and_(col(Device.held_until) < today, col(Device.held_until) < _NEVER)

    def counted(*where: ColumnElement[bool]) -> Any:
        return select(func.count()).select_from(Device).where(search.of_account(Device, account_id), *where).scalar_subquery()

    return sql_select(
        counted(),
        counted(state < _ACTIVE),
        counted(state > _ACTIVE),
        counted(left, stored < _ACTIVE),
        counted(left, stored == _ACTIVE),
        counted(in_filter(ENDING, today, soon, silent, stored)),
        counted(in_filter(DeviceState.SILENT, today, soon, silent)),
    )


def state_counts(session: Session, account_id: int, today: date) -> Mapping[str, int]:
    """Return the number of devices that each filter finds, and the number of all under "". Runs one statement."""
    soon, silent = today + timedelta(days=ENDING_DAYS), _silent_before(today)
    values = {"account": account_id, "today": today, "soon": soon, "silent": silent}
    found = (int(n) for n in session.connection().execute(_counts_statement(), values).one())
    every, before, after, left_before, left_active, ending, is_silent = found
    active, shipping = every - before - after - left_active, before - left_before
    return dict(zip(("", *FILTERS), (every, active, ending, is_silent, shipping, every - active - shipping), strict=True))


def models(session: Session, account_id: int) -> list[str]:
    """Return the models of the account's devices, sorted. Runs one statement, which looks up each model once, not each device."""
    model, mine = col(Device.model), search.of_account(Device, account_id)
    found = sql_select(func.min(model).label("model")).where(mine).cte("models", recursive=True)
    after = sql_select(func.min(model)).where(mine, model > found.c.model).correlate(found).scalar_subquery()
    found = found.union_all(sql_select(after).where(found.c.model.is_not(None)))
    return list(session.connection().scalars(sql_select(found.c.model).where(found.c.model.is_not(None))))


def get(session: Session, account_id: int, serial: str) -> Device | None:
    """Return a device of the account by its serial; None if the serial is unknown or another account's."""
    return session.exec(select(Device).where(Device.account_id == account_id, Device.serial == serial)).first()


@dataclass(frozen=True)
class OrderedDevice:
    """A tracker that came with an order, and the vehicle it has had under it."""

    serial: str
    model: str
    vehicle: str


def of_order(session: Session, account_id: int, order_id: int) -> Sequence[OrderedDevice]:
    """Return the trackers that came with an order or were assigned to it, sorted by serial."""
    found = session.exec(
        select(Device.serial, Device.model, DeviceAssignment.vehicle)
        .join(DeviceAssignment, and_(col(DeviceAssignment.account_id) == Device.account_id, col(DeviceAssignment.device_id) == Device.id))
        .where(Device.account_id == account_id, DeviceAssignment.account_id == account_id, DeviceAssignment.order_id == order_id)
        .order_by(col(Device.serial), col(DeviceAssignment.since))
    )
    return [OrderedDevice(*row) for row in {row[0]: row for row in found}.values()]


def count(session: Session, account_id: int) -> int:
    """Return the number of devices of the account."""
    return search.count(session, Device, search.of_account(Device, account_id))
