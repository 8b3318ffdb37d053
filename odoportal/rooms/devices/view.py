"""The view of the devices page: ready strings in the page's language and the person's formats."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlmodel import Session

from odoportal.accounts.rights import Right, may
from odoportal.core import clock
from odoportal.core.i18n import Formats, t, tn
from odoportal.core.identity import Identity
from odoportal.forms.view import FormView, form_view
from odoportal.lists.source import FoundRows, ListRequest
from odoportal.lists.view import DetailsView, ListView, details_frame
from odoportal.rooms.devices import history, service, vehicles
from odoportal.rooms.devices.history import Event, EventKind, FullDevice
from odoportal.rooms.devices.models import NEVER, Device, DeviceState
from odoportal.rooms.devices.service import ENDING, OUT, Plan
from odoportal.rooms.invoices import service as invoices
from odoportal.rooms.invoices.labels import state_labels as invoice_state_labels
from odoportal.rooms.orders.service import ENDING_DAYS
from odoportal.rooms.orders.view import Term, days_left, term_view
from odoportal.web.links import link_to

NO_TERM = Term("", "0%", False)


@dataclass(frozen=True)
class DeviceRow:
    """A row of the list. `may_rename` is empty without the right, or after the device left. `version` and `owner` are as in `FormView`."""

    key: str
    number: str
    model: str
    vehicle: str
    details: str
    order: str
    order_url: str
    years: str
    end: str
    left: str
    left_tone: str
    state: str
    state_text: str
    state_since: str
    signal: str
    may_rename: str
    version: str
    owner: str


@dataclass(frozen=True)
class HistoryRow:
    """An event of a device's history: when, what, and by whom or with which waybill."""

    key: str
    when: str
    what: str
    who: str


@dataclass(frozen=True)
class DeviceDetails(DetailsView):
    """The details of a device: its agreement, what was billed for it, and its history."""

    name: str = ""
    model: str = ""
    vehicle: str = ""
    since: str = ""
    state: str = ""
    state_text: str = ""
    notice: str = ""
    order: str = ""
    order_url: str = ""
    line: str = ""
    plan: str = ""
    term: Term = field(default_factory=lambda: NO_TERM)
    has_invoice: str = ""
    invoice: str = ""
    invoice_url: str = ""
    invoice_kind: str = ""
    invoice_line: str = ""
    invoice_state: str = ""
    invoice_state_text: str = ""
    signal: str = ""
    history: list[HistoryRow] = field(default_factory=list)
    may_rename: str = ""
    rename: FormView = field(default_factory=FormView)


@dataclass(frozen=True)
class Renamed:
    """The vehicle that the person has just renamed, and the form that gives the old name back."""

    text: str = ""
    before: str = ""
    undo: FormView = field(default_factory=FormView)


@dataclass(frozen=True)
class DevicesView:
    """The page of devices. `assign` is the address that assigns vehicles, empty without the right; `pairs` are as in `PageCheckbox`."""

    frame: ListView = field(default_factory=ListView)
    rows: list[DeviceRow] = field(default_factory=list)
    details: DeviceDetails = field(default_factory=DeviceDetails)
    pairs: list[list[str | int]] = field(default_factory=list)
    assign: str = ""
    renamed: Renamed = field(default_factory=Renamed)


def state_labels() -> dict[str, str]:
    """Return the labels of the states in the current language."""
    return {
        DeviceState.PREPARING: t("Being prepared"),
        DeviceState.SHIPPING: t("On its way"),
        DeviceState.ACTIVE: _active(1),
        DeviceState.SILENT: t("No signal"),
        DeviceState.SUSPENDED: t("Suspended"),
        DeviceState.LOST: t("Lost"),
        DeviceState.BROKEN: t("Broken"),
        DeviceState.REPLACED: t("Replaced"),
        DeviceState.RETURNED: t("Returned"),
    }


def _active(count: int) -> str:
    # The empty value makes this another message than "Active" of orders: French has another word for an agreement.
    return tn("Active{device}", "Active{device}", count, device="")


def filter_labels() -> dict[str, str]:
    """Return the labels of the list's filters in the current language, for several devices."""
    return {
        DeviceState.ACTIVE: _active(2),
        ENDING: t("Ending soon"),
        DeviceState.SILENT: t("No signal"),
        DeviceState.SHIPPING: t("Being shipped"),
        OUT: t("Out of service"),
    }


def devices_view(session: Session, who: Identity, request: ListRequest, found: FoundRows, frame: ListView) -> DevicesView:
    """Return the view of the devices found, with the details of the open one if the query names one. See `ListTable.view`."""
    plans = service.plans(session, request.account_id, [device.id for device in found.rows])
    rows = [_row(device, plans[device.id], who, request) for device in found.rows]
    details = _details(session, who, request, found.account_total) if request.query.open else DeviceDetails()
    allowed = may(who.account.role, Right.VEHICLES) and found.account_total
    return DevicesView(
        frame,
        rows,
        details,
        [[row.number, 0] for row in rows],
        link_to(who, request.language, "/devices/assign") if allowed else "",
        _renamed(session, who, request) if allowed else Renamed(),
    )


def _row(device: Device, plan: Plan, who: Identity, request: ListRequest) -> DeviceRow:
    formats, today, form = Formats(who.region), request.today, form_view(who, {"vehicle": plan.assignment.vehicle})
    state, order, vehicle = service.state_of(device, today), plan.order, plan.assignment.vehicle
    return DeviceRow(
        key=device.serial,
        number=device.serial,
        model=device.model,
        vehicle=vehicle,
        details=request.query.url(open=device.serial),
        order=order.number if order else "",
        order_url=link_to(who, request.language, "/orders", open=order.number) if order else "",
        years=term_view(order, formats, today).whole if order else "",
        end=_day(formats, device.end_on),
        left=_left(device.end_on, today),
        left_tone="ending" if device.end_on >= today else "ended",
        state=state,
        state_text=state_labels()[state],
        state_since=_state_since(device, state, formats, today),
        signal=_moment(formats, device.last_signal_at, today),
        may_rename=_may_rename(who, device, today),
        version=form.version,
        owner=form.owner,
    )


def _may_rename(who: Identity, device: Device, today: date) -> str:
    return "1" if may(who.account.role, Right.VEHICLES) and device.held_until >= today else ""


def _day(formats: Formats, day: date) -> str:
    return "" if day == NEVER else formats.day(day)


def _left(end_on: date, today: date) -> str:
    if end_on < today:
        return tn("Ended", "Ended", 1)
    return days_left(end_on, today) if (end_on - today).days <= ENDING_DAYS else ""


def _state_since(device: Device, state: DeviceState, formats: Formats, today: date) -> str:
    if state == DeviceState.SILENT:
        days = service.silent_days(device, today)
        return tn("for {n} day", "for {n} days", days)
    if state in {DeviceState.RETURNED, DeviceState.REPLACED} and device.held_until != NEVER:
        return t("since {day}", day=formats.day(device.held_until))
    return ""


def _moment(formats: Formats, at: datetime | None, today: date) -> str:
    if at is None:
        return ""
    return t("today {time}", time=formats.time(at)) if clock.to_local(at).date() == today else formats.day(clock.to_local(at).date())


def _renamed(session: Session, who: Identity, request: ListRequest) -> Renamed:
    """Return what the person has renamed in the last seconds, to offer Undo."""
    found = vehicles.last_renamed(session, who, request.today, clock.now())
    if found is None:
        return Renamed()
    now = found.after or t("No vehicle yet")
    undo = form_view(who, {"vehicle": found.after}, found.serial)
    return Renamed(t("{serial} is now {vehicle}", serial=found.serial, vehicle=now), found.before, undo)


def _details(session: Session, who: Identity, request: ListRequest, total: int) -> DeviceDetails:
    """Return the details of the open device. A device of another account shows as not found, like an unknown one."""
    query, formats, today = request.query, Formats(who.region), request.today
    whole = history.details(session, request.account_id, query.open, today)
    if whole is None:
        return DeviceDetails(**details_frame(query))
    device, assignment = whole.device, whole.assignment
    state = service.state_of(device, today)
    name = f"{device.model} {device.serial}"
    neighbours = service.LIST.neighbours(session, request, total, device.id or 0)
    days = service.silent_days(device, today)
    return DeviceDetails(
        **details_frame(query, name, device.serial, neighbours),
        name=name,
        model=device.model,
        vehicle=assignment.vehicle,
        since=t("since {day}", day=formats.day(assignment.since)),
        state=state,
        state_text=state_labels()[state],
        notice=tn("No signal for {n} day.", "No signal for {n} days.", days) if state == DeviceState.SILENT else "",
        order=whole.order.number if whole.order else "",
        order_url=link_to(who, request.language, "/orders", open=whole.order.number) if whole.order else "",
        **_plan(whole, request.language),
        **_billed(whole, who, request),
        term=term_view(whole.order, formats, today) if whole.order else NO_TERM,
        signal=formats.moment(device.last_signal_at) if device.last_signal_at else "",
        history=[_event(event, place, formats) for place, event in enumerate(whole.history)],
        may_rename=_may_rename(who, device, today),
        rename=form_view(who, {"vehicle": assignment.vehicle}, device.serial),
    )


def _plan(whole: FullDevice, language: str) -> dict[str, Any]:
    line = whole.line
    if line is None:
        return {}
    place = t("Line {n} of {total}", n=line.position, total=whole.line_count)
    count = tn("{n} vehicle", "{n} vehicles", line.quantity) if line.quantity else ""
    return {
        "line": ", ".join(text for text in (place, count) if text),
        "plan": line.description_en if language == "en" else line.description_fr,
    }


def _billed(whole: FullDevice, who: Identity, request: ListRequest) -> dict[str, Any]:
    if whole.billed is None:
        return {}
    invoice, line, formats = whole.billed.invoice, whole.billed.line, Formats(who.region)
    state = invoices.state_of(invoice, request.today)
    amount = formats.amount(line.amount) if line and line.amount is not None else ""
    said = t("Line {n}: {amount} of {total}", n=line.position, amount=amount, total=formats.amount(invoice.total)) if line else ""
    return {
        "has_invoice": "1",
        "invoice": invoice.number,
        "invoice_url": link_to(who, request.language, "/invoices", open=invoice.number),
        "invoice_kind": t("Invoice line") if line else t("Invoice of the order"),
        "invoice_line": said,
        "invoice_state": state,
        "invoice_state_text": invoice_state_labels()[state],
    }


def _event(event: Event, place: int, formats: Formats) -> HistoryRow:
    when = formats.moment(event.at) if event.at else formats.day(event.day)
    by = t("by {name}", name=event.by) if event.by and event.kind == EventKind.NAMED else event.by
    return HistoryRow(str(place), when, _event_text(event), by)


def _event_text(event: Event) -> str:
    none = t("No vehicle yet")
    return {
        EventKind.ORDERED: t("Ordered in {number}", number=event.order) if event.order else t("Assigned to the account"),
        EventKind.ASSIGNED: t("Moved to order {number}", number=event.order) if event.order else t("Removed from its order"),
        EventKind.SHIPPED: t("Shipped"),
        EventKind.ACTIVATED: t("Activated"),
        EventKind.NAMED: t("Vehicle: {before}, then {after}", before=event.before or none, after=event.after or none),
        EventKind.SIGNAL: t("Last signal"),
        EventKind.LEFT: t("Left the account"),
    }[event.kind]
