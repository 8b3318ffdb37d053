"""Rules of devices: their states, the list, and the devices of an order.

A device is a tracker while an account holds it, so every function here reads the rows of one account only. What the account had before
or what another one has now is in rows that these functions cannot reach.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Date, Integer, String, and_, bindparam, case, literal_column, or_, union_all
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, func, select

from odoportal.core import clock
from odoportal.lists import search
from odoportal.lists.query import ListQuery
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


class FilterColumns(NamedTuple):
    """The columns that filters read, each as it is, so that SQLite may use its index, or hidden (see `ListRequest.hidden`)."""

    state: Any
    end: Any
    signal: Any
    model: Any


_PLAIN = FilterColumns(col(Device.state_order), col(Device.end_on), col(Device.signal_order), col(Device.model))
_STATE_HIDDEN = _PLAIN._replace(state=search.unindexed(_PLAIN.state))


def in_filter(name: str, today: Any, soon: Any, silent_before: Any, columns: FilterColumns = _PLAIN) -> ColumnElement[bool]:
    """Return a filter of the list as SQL.

    Args:
        name: one of `FILTERS`.
        today: the business day.
        soon: the last day that is "soon".
        silent_before: the `signal_order` below which a device is silent.
        columns: the columns to read.
    """
    state, end, signal = columns.state, columns.end, columns.signal
    active = and_(state == _ACTIVE, _held(today))
    return {
        DeviceState.ACTIVE: active,
        ENDING: and_(active, end >= today, end <= soon),
        DeviceState.SILENT: and_(active, signal > "", signal < silent_before),
        DeviceState.SHIPPING: and_(state < _ACTIVE, _held(today)),
        OUT: or_(*_out(today, state)),
    }[name]


def _out(today: Any, state: Any) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return the two conditions of which a device out of service meets one. Each is a range of an index."""
    return state > _ACTIVE, and_(col(Device.held_until) < today, col(Device.held_until) < _NEVER)


def _filter(name: str, today: date, columns: FilterColumns = _PLAIN) -> ColumnElement[bool]:
    return in_filter(name, today, today + timedelta(days=ENDING_DAYS), _silent_before(today), columns)


def _state_meaning(request: ListRequest) -> search.Meaning:
    def meaning(word: str) -> Sequence[ColumnElement[bool]]:
        meant = request.named_by(word)
        out = _out(request.today, _PLAIN.state) if OUT in meant else ()
        return [*(_filter(name, request.today) for name in meant if name != OUT), *out]

    return meaning


def _dates(query: ListQuery, end: Any) -> list[ColumnElement[bool]]:
    return [*([end >= query.since] if query.since else []), *([end <= query.until] if query.until else [])]


def _filters(request: ListRequest) -> list[ColumnElement[bool]]:
    query = request.query
    columns = FilterColumns(*map(request.hidden, _PLAIN))
    return [
        # Leads SQLite to the index that has all of a computed order, instead of the larger one of the texts.
        *([_PLAIN.state >= 0] if request.computed else []),
        *([columns.model == query.texts["model"]] if "model" in query.texts else []),
        *([col(Device.serial).in_(query.texts[SERIALS].split("\n"))] if SERIALS in query.texts else []),
        *([_filter(query.state, request.today, columns)] if query.state else []),
        *_dates(query, columns.end),
        *([_assigned_to(request.account_id, order)] if (order := query.texts.get("order")) else []),
    ]


def _assigned_to(account_id: int, order: str) -> ColumnElement[bool]:
    of_order = select(Order.id).where(Order.account_id == account_id, Order.number == order).scalar_subquery()
    mine = (DeviceAssignment.account_id == account_id, col(DeviceAssignment.order_id) == of_order)
    return col(Device.id).in_(select(DeviceAssignment.device_id).where(*mine))


def _index_hint(request: ListRequest) -> ColumnElement[bool] | None:
    query, today = request.query, request.today
    if query.texts.get("order"):
        # The filter itself leads to the devices of the order.
        return search.ALWAYS
    if query.state == DeviceState.ACTIVE:
        return _PLAIN.state == _ACTIVE
    if query.state == OUT:
        return _is_out(request)
    if query.state:
        return _filter(query.state, today, _STATE_HIDDEN if query.state == ENDING else _PLAIN)
    if "model" in query.texts and not query.since and not query.until:
        return _PLAIN.model == query.texts["model"]
    return and_(*_dates(query, _PLAIN.end)) if query.since or query.until else None


def _is_out(request: ListRequest) -> ColumnElement[bool]:
    # SQLite reads a range of an index for each part of a union, but not for each side of an "or".
    dates = _dates(request.query, search.unindexed(_PLAIN.end))
    mine = select(Device.id).where(search.of_account(Device, request.account_id), *dates)
    return col(Device.id).in_(union_all(*(mine.where(condition) for condition in _out(request.today, _PLAIN.state))))


LIST = ListSource(
    model=Device,
    counts=lambda session, request: state_counts(session, request.account_id, request.today),
    filters=_filters,
    states=FILTERS,
    texts=("order", "model"),
    meaning=_state_meaning,
    index_hint=_index_hint,
    number="serial",
)


@dataclass(frozen=True)
class Plan:
    """An assignment of a device, with its order, if it has one."""

    assignment: DeviceAssignment
    order: Order | None


def assigned(session: Session, account_id: int, ids: Sequence[int]) -> Mapping[int, Sequence[Plan]]:
    """Return all plans of some devices of the account, the oldest first, by device id. Runs one statement."""
    by_device: dict[int, list[Plan]] = defaultdict(list)
    found = session.exec(
        select(DeviceAssignment, Order)
        .join(Order, and_(col(Order.account_id) == DeviceAssignment.account_id, col(Order.id) == DeviceAssignment.order_id), isouter=True)
        # Hide the account from SQLite's planner: with an index on it, it would read all assignments instead of a few.
        .where(search.unindexed(col(DeviceAssignment.account_id)) == account_id, col(DeviceAssignment.device_id).in_(ids))
        .order_by(col(DeviceAssignment.device_id), col(DeviceAssignment.since))
        .execution_options(populate_existing=True)
    )
    for assignment, order in found:
        by_device[assignment.device_id].append(Plan(assignment, order))
    return by_device


def plans(session: Session, account_id: int, ids: Sequence[int]) -> dict[int, Plan]:
    """Return the present plans of some devices of the account, by device id. Runs one statement."""
    return {device_id: found[-1] for device_id, found in assigned(session, account_id, ids).items()}


@lru_cache(maxsize=1)
def _counts_statement() -> Any:
    """Return the statement of `state_counts`: counts of index ranges. It is cached: building it takes longer than running it."""
    account_id = bindparam("account", type_=Integer)
    today, soon, silent = bindparam("today", type_=Date), bindparam("soon", type_=Date), bindparam("silent", type_=String)
    state, stored = _PLAIN.state, _STATE_HIDDEN.state
    _, left = _out(today, state)

    def counted(*where: ColumnElement[bool]) -> Any:
        return select(func.count()).select_from(Device).where(search.of_account(Device, account_id), *where).scalar_subquery()

    return sql_select(
        counted(),
        counted(state < _ACTIVE),
        counted(state > _ACTIVE),
        counted(left, stored < _ACTIVE),
        counted(left, stored == _ACTIVE),
        counted(in_filter(ENDING, today, soon, silent, _STATE_HIDDEN)),
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
