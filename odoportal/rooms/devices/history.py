"""Everything about one device: its agreement, what was billed for it, and its history while the account has held it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import and_
from sqlmodel import Session, col, select

from odoportal.accounts.models import Change, Person
from odoportal.core import clock
from odoportal.rooms.devices.activity import DeviceActivity
from odoportal.rooms.devices.models import Device, DeviceAssignment
from odoportal.rooms.devices.service import Plan, assigned, get
from odoportal.rooms.invoices.models import Invoice, InvoiceLine
from odoportal.rooms.orders.models import Fulfilment, Order, OrderLine, Step

CHANGES_SHOWN = 20


class EventKind(StrEnum):
    """The kinds of events in the history of a device."""

    ORDERED = "ordered"
    ASSIGNED = "assigned"
    SHIPPED = "shipped"
    ACTIVATED = "activated"
    NAMED = "named"
    SIGNAL = "signal"
    LEFT = "left"


@dataclass(frozen=True)
class Event:
    """An event: its day, and its instant where it is known.

    Attributes:
        order: the number of the order of `ORDERED` and `ASSIGNED`; may be empty.
        before: the vehicle before, of `NAMED`.
        after: the vehicle since, of `NAMED`.
        by: who named it, empty for Odotrack; for `SHIPPED`, the carrier and the tracking number.
    """

    kind: EventKind
    day: date
    at: datetime | None = None
    order: str = ""
    before: str = ""
    after: str = ""
    by: str = ""


@dataclass(frozen=True)
class Billed:
    """The newest invoice about a device. Without a line it is an invoice of the order: no file says which line is about the device."""

    invoice: Invoice
    line: InvoiceLine | None


@dataclass(frozen=True)
class FullDevice:
    """A device with its present assignment, its agreement, what was billed for it, and its history, the newest event first.

    `line` is the line of the agreement, of which the order has `line_count`; both are unknown where no file says them.
    """

    device: Device
    assignment: DeviceAssignment
    order: Order | None
    line: OrderLine | None
    line_count: int
    billed: Billed | None
    history: Sequence[Event]


def details(session: Session, account_id: int, serial: str, today: date) -> FullDevice | None:
    """Return everything about a device of the account; None if the serial is unknown or another account's.

    Only rows of the account are read, and steps of an order only within the time of the assignment, so that nothing of another holder's
    time is in it.
    """
    device = get(session, account_id, serial)
    if device is None or device.id is None:
        return None
    plans = assigned(session, account_id, [device.id])[device.id]
    assignment, order = plans[-1].assignment, plans[-1].order
    lines: Sequence[OrderLine] = ()
    if order is not None:
        of_order = select(OrderLine).where(OrderLine.account_id == account_id, OrderLine.order_id == order.id)
        lines = session.exec(of_order.order_by(col(OrderLine.position))).all()
    events = [*_moves(plans, today), *_steps(session, account_id, plans[0]), *_names(session, device), *_signals(device)]
    line = next((line for line in lines if line.position == assignment.order_line), None)
    billed = _billed(session, account_id, assignment) if order is not None else None
    return FullDevice(device, assignment, order, line, len(lines), billed, sorted(events, key=_newest, reverse=True))


def _newest(event: Event) -> tuple[date, float, int]:
    return event.day, event.at.timestamp() if event.at else 0.0, list(EventKind).index(event.kind)


def _billed(session: Session, account_id: int, assignment: DeviceAssignment) -> Billed | None:
    newest = (col(Invoice.issued_on).desc(), col(Invoice.id).desc())
    mine = (Invoice.account_id == account_id,)
    if assignment.order_line is not None:
        found = session.exec(
            select(Invoice, InvoiceLine)
            .join(InvoiceLine, and_(col(InvoiceLine.account_id) == Invoice.account_id, col(InvoiceLine.invoice_id) == Invoice.id))
            .where(*mine, InvoiceLine.account_id == account_id, InvoiceLine.order_id == assignment.order_id)
            .where(InvoiceLine.order_line == assignment.order_line)
            .order_by(*newest)
            .limit(1)
        ).first()
        if found is not None:
            return Billed(*found)
    invoice = session.exec(select(Invoice).where(*mine, Invoice.order_id == assignment.order_id).order_by(*newest).limit(1)).first()
    return Billed(invoice, None) if invoice is not None else None


def _moves(plans: Sequence[Plan], today: date) -> Iterator[Event]:
    for place, plan in enumerate(plans):
        number = plan.order.number if plan.order else ""
        yield Event(EventKind.ASSIGNED if place else EventKind.ORDERED, plan.assignment.since, order=number)
    last = plans[-1].assignment.until
    if last is not None and last <= today:
        yield Event(EventKind.LEFT, last)


def _steps(session: Session, account_id: int, first: Plan) -> Iterator[Event]:
    assignment, order = first.assignment, first.order
    if order is None:
        return
    kinds = {Step.SHIPPED.value: EventKind.SHIPPED, Step.ACTIVATED.value: EventKind.ACTIVATED}
    steps = select(Fulfilment).where(Fulfilment.account_id == account_id, Fulfilment.order_id == order.id)
    for step in session.exec(steps.where(col(Fulfilment.step).in_(kinds), col(Fulfilment.done_at).is_not(None))):
        day = clock.to_local(step.done_at).date() if step.done_at else date.max
        if assignment.since <= day <= (assignment.until or date.max):
            by = f"{step.carrier} {step.tracking}".strip() if step.step == Step.SHIPPED else ""
            yield Event(kinds[step.step], day, step.done_at, by=by)


def _names(session: Session, device: Device) -> Iterator[Event]:
    found = session.exec(
        select(Change, Person.name)
        .join(Person, col(Person.id) == Change.person_id, isouter=True)
        .where(Change.account_id == device.account_id, Change.about == device.serial)
        .where(col(Change.what).in_([kind.value for kind in DeviceActivity]))
        .order_by(col(Change.at).desc(), col(Change.id).desc())
        .limit(CHANGES_SHOWN)
    )
    for change, name in found:
        before, after = (json.loads(text).get("vehicle", "") for text in (change.before, change.after))
        yield Event(EventKind.NAMED, clock.to_local(change.at).date(), change.at, before=before, after=after, by=name or "")


def _signals(device: Device) -> Iterator[Event]:
    if device.last_signal_at is not None:
        yield Event(EventKind.SIGNAL, clock.to_local(device.last_signal_at).date(), device.last_signal_at)
