"""Rules of devices: their states, the list, and the devices of an order.

A device is a tracker while an account holds it, so every function here reads the rows of one account only. What the account had before
or what another one has now is in rows that these functions cannot reach.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Date, Integer, String, and_, bindparam, literal_column, true
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, func, select

from odoportal.core import clock
from odoportal.lists import search
from odoportal.lists.query import ListQuery, ListRules, PageWindow, page_to_show
from odoportal.rooms.devices.derived import STATE_ORDER, signal_order
from odoportal.rooms.devices.models import Device, DeviceAssignment, DeviceState
from odoportal.rooms.orders.models import Order
from odoportal.rooms.orders.service import ENDING_DAYS

SILENT_DAYS = 3
ENDING, OUT = "ending", "out"
"""Filters of the list beside the states: the agreement ends within 60 days, and the device is out of service."""
FILTERS = (DeviceState.ACTIVE, ENDING, DeviceState.SILENT, DeviceState.SHIPPING, OUT)
"""The filters of the list. "Active" also finds silent devices, "shipping" also those being prepared."""
RULES = ListRules(
    sorts=("serial", "model", "vehicle", "agreement", "end", "state", "signal"), default_sort="-serial", states=FILTERS, texts=("order",)
)
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


def _state_meaning(today: date, state_words: Mapping[str, str]) -> search.Meaning:
    def meaning(word: str) -> Sequence[ColumnElement[bool]]:
        return [_filter(name, today) for name, text in state_words.items() if len(word) > 2 and word in text]

    return meaning


def _candidates(
    session: Session, account_id: int, rows: int, query: ListQuery, today: date, words: Mapping[str, str]
) -> ColumnElement[bool]:
    return search.search_candidates(session, Device, account_id, rows, query.q, _state_meaning(today, words))


def _list_condition(
    own: ColumnElement[bool], account_id: int, query: ListQuery, today: date, state_words: Mapping[str, str]
) -> ColumnElement[bool]:
    """Return the condition of a list query; `own` is the condition that selects the account's rows."""
    parts: list[ColumnElement[bool]] = [own]
    if query.q:
        parts.append(search.matches_words(Device.search, query.q, _state_meaning(today, state_words)))
    # Hide these columns from SQLite's planner: it must walk the index of the sort order and stop after one page.
    parts.append(_filters(query, today, search.unindexed(col(Device.state_order)), search.unindexed(col(Device.end_on))))
    if order := query.texts.get("order"):
        of_order = select(Order.id).where(Order.account_id == account_id, Order.number == order).scalar_subquery()
        assigned = select(DeviceAssignment.device_id).where(
            DeviceAssignment.account_id == account_id, col(DeviceAssignment.order_id) == of_order
        )
        parts.append(col(Device.id).in_(assigned))
    return and_(*parts)


def _filters(query: ListQuery, today: date, state: Any, end: Any) -> ColumnElement[bool]:
    parts: list[ColumnElement[bool]] = [_filter(query.state, today, state, end)] if query.state else []
    if query.since:
        parts.append(end >= query.since)
    if query.until:
        parts.append(end <= query.until)
    return and_(true(), *parts)


def _sort_keys(query: ListQuery) -> search.Order:
    by: dict[str, Sequence[Any]] = {
        "serial": (col(Device.serial),),
        "model": (col(Device.model),),
        "vehicle": (col(Device.vehicle_order),),
        "agreement": (col(Device.order_number),),
        "end": (col(Device.end_on),),
        # Active devices by their last signal, so that the silent ones stand together.
        "state": (col(Device.state_order), col(Device.signal_order)),
        "signal": (col(Device.signal_order),),
    }
    return [(column, query.descending) for column in (*by[query.key], col(Device.id))]


def where_and_order(
    account_id: int, query: ListQuery, today: date, state_words: Mapping[str, str]
) -> tuple[ColumnElement[bool], Sequence[ColumnElement[Any]]]:
    """Return the condition and sort order for all pages of a list query; arguments as for `find`."""
    where = _list_condition(search.of_account(Device, account_id), account_id, query, today, state_words)
    return where, [e.desc() if down else e.asc() for e, down in _sort_keys(query)]


@dataclass(frozen=True)
class Plan:
    """The present assignment of a device, with its order, if it has one."""

    assignment: DeviceAssignment
    order: Order | None


@dataclass(frozen=True)
class DevicePage:
    """One page of the list: its position, its devices, their plans by device id, and the result of `state_counts`."""

    window: PageWindow
    devices: Sequence[Device]
    plans: Mapping[int, Plan]
    counts: Mapping[str, int]


def find(session: Session, account_id: int, query: ListQuery, today: date, state_words: Mapping[str, str]) -> DevicePage:
    """Return the page of devices that a list query asks for.

    Runs three statements: four with a search or filter, and one more for a search in a large account.

    Args:
        session: a database session for reading.
        account_id: the account of the devices.
        query: the list query.
        today: the business day.
        state_words: the folded label of each filter in the page's language, for the search.
    """
    counts = state_counts(session, account_id, today)
    where = _list_condition(_candidates(session, account_id, counts[""], query, today, state_words), account_id, query, today, state_words)
    counted = not replace(query, state="").narrowed
    window = page_to_show(query, counts[query.state] if counted else search.count(session, Device, where))
    if window.total == counts[""]:
        # Every row matches, so skip the check of each row: it makes pages far from both ends ten times slower.
        where = search.of_account(Device, account_id)
    narrowed = query.state or query.since or query.until
    index_hint = _filters(query, today, col(Device.state_order), col(Device.end_on)) if narrowed else None
    devices = search.fetch_page(session, Device, where, _sort_keys(query), window, index_hint)
    return DevicePage(window, devices, plans(session, account_id, [device.id or 0 for device in devices]), counts)


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


def neighbours(
    session: Session, account_id: int, query: ListQuery, today: date, state_words: Mapping[str, str], rows: int, device_id: int
) -> search.Neighbours | None:
    """Return the position and neighbours of a device in a list; None if the list does not contain it.

    Arguments as for `find`; `rows` is the number of devices of the account.
    """
    where = _list_condition(_candidates(session, account_id, rows, query, today, state_words), account_id, query, today, state_words)
    return search.neighbours(session, Device, where, _sort_keys(query), device_id)


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
