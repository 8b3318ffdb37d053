"""The columns of the list of devices, and how a device stands in a file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, select

from odoportal.core.i18n import t
from odoportal.lists import search
from odoportal.lists.list_table import FileColumn, ListColumn, Records
from odoportal.lists.source import ListRequest
from odoportal.lists.table import CellKind
from odoportal.rooms.devices import service
from odoportal.rooms.devices.models import NEVER, Device, DeviceState
from odoportal.rooms.devices.service import Plan
from odoportal.rooms.devices.view import state_labels
from odoportal.ui.common import Badges, badge
from odoportal.ui.template import Bound, Node, choose, el, link, when

BADGES: Badges = {
    DeviceState.PREPARING: ("package-open", "info"),
    DeviceState.SHIPPING: ("truck", "info"),
    DeviceState.ACTIVE: ("circle-dot", "ok"),
    DeviceState.SILENT: ("circle-slash", "warn"),
    DeviceState.SUSPENDED: ("circle-pause", ""),
    DeviceState.LOST: ("map-pin-off", "bad-t"),
    DeviceState.BROKEN: ("wrench", "bad-t"),
    DeviceState.REPLACED: ("arrow-left-right", ""),
    DeviceState.RETURNED: ("undo-2", ""),
}
Edit = Callable[[Bound, Node], Node]
"""Draws the vehicle of a row so that it can be changed where it stands."""


@dataclass(frozen=True)
class DeviceRecord:
    """A device in a file, with its plan and its state."""

    device: Device
    plan: Plan
    state: DeviceState


def records(session: Session, request: ListRequest) -> Records:
    """Return the devices on all pages; see `ListTable.records`."""
    where, order = service.LIST.where_and_order(request)
    found = select(Device).where(where).order_by(*order)

    def rows() -> Iterator[DeviceRecord]:
        for batch in search.batches(session, found):
            devices: list[Device] = [Device(**row._mapping) for row in batch]
            plans = service.plans(session, request.account_id, [device.id or 0 for device in devices])
            for device in devices:
                yield DeviceRecord(device, plans[device.id or 0], service.state_of(device, request.today))

    return Records(rows())


def vehicle_name(row: Bound) -> Node:
    """Draw the name of the vehicle, or that there is none."""
    return when(row.vehicle, el("span", row.vehicle, cls="devices-vehicle"), el("span", t("No vehicle yet"), cls="devices-none"))


def _left(row: Bound) -> Node:
    shown = choose(row.left_tone, {"ending": el("span", row.left, cls="term-left warn")}, el("span", row.left, cls="term-left muted"))
    return when(row.left, shown)


def _state(row: Bound) -> Node:
    since = when(row.state_since, el("span", row.state_since, cls="devices-since"))
    return el("span", badge(BADGES, row.state, row.state_text, bare=True), since, cls="devices-state")


def _agreement(row: Bound) -> Node:
    return when(
        row.order,
        (link(row.order, to=row.order_url, cls="record-link"), el("span", " ", row.years, cls="muted")),
        el("span", "–", cls="muted"),
    )


def _line(left: Node, right: Node) -> Node:
    return el("p", el("span", left), el("span", right, cls="devices-fact"), cls="devices-line")


def _card_facts(row: Bound) -> Node:
    until = when(row.left, _left(row), when(row.end, el("span", t("until"), " ", el("span", row.end, cls="nw"))))
    return el(
        "div",
        _line((row.model, " ", el("b", row.number, cls="m")), row.state_since),
        when(row.order, _line((t("Agreement"), " ", row.order), until)),
        when(row.signal, _line(t("Last signal"), row.signal)),
        cls="devices-lines",
    )


def _details(row: Bound, cls: str) -> Node:
    return link(t("Details"), el("span", " ", row.number, cls="sr"), to=row.details, how="open", data_open=row.number, cls=cls)


def _day(day: Any) -> Any:
    return None if day == NEVER else day


def columns(edit: Edit) -> tuple[ListColumn, ...]:
    """Return the columns. `edit` draws the vehicle of a row that may be renamed."""

    def vehicle(row: Bound) -> Node:
        return when(row.may_rename, edit(row, vehicle_name(row)), vehicle_name(row))

    def card_top(row: Bound) -> Node:
        title = el("h2", link(vehicle_name(row), to=row.details, how="open"), cls="devices-heading")
        return el("div", title, el("span", cls="push"), badge(BADGES, row.state, row.state_text), cls="table-top")

    def card_actions(row: Bound) -> Node:
        return el("div", _details(row, "button button-plain"), when(row.may_rename, edit(row, None)), cls="layout-actions")

    return (
        ListColumn(
            "serial",
            title=lambda: t("Serial number"),
            cell=lambda row: el("th", row.number, scope="row"),
            card=card_top,
            sort=lambda _: col(Device.serial),
            file=FileColumn(lambda record: record.device.serial, width=16),
        ),
        ListColumn(
            "model",
            title=lambda: t("Model"),
            cell=lambda row: el("td", row.model, cls="soft devices-model"),
            sort=lambda _: col(Device.model),
            file=FileColumn(lambda record: record.device.model),
        ),
        ListColumn(
            "vehicle",
            title=lambda: t("Vehicle"),
            cell=lambda row: el("td", vehicle(row), cls="devices-name"),
            card=_card_facts,
            sort=lambda _: col(Device.vehicle_order),
            file=FileColumn(lambda record: record.plan.assignment.vehicle, width=40),
        ),
        ListColumn(
            "agreement",
            title=lambda: t("Agreement"),
            cell=lambda row: el("td", _agreement(row), cls="nw"),
            sort=lambda _: col(Device.order_number),
            file=FileColumn(lambda record: record.plan.order.number if record.plan.order else "", key="order"),
        ),
        ListColumn(
            "end",
            title=lambda: t("End date"),
            cell=lambda row: el("td", when(row.end, row.end, el("span", "–", cls="muted")), _left(row), cls="nw"),
            sort=lambda _: col(Device.end_on),
            file=FileColumn(lambda record: _day(record.device.end_on), kind=CellKind.DAY),
        ),
        ListColumn(
            "state",
            title=lambda: t("State"),
            cell=lambda row: el("td", _state(row)),
            sort=lambda request: (service.state_position(request.today), col(Device.signal_order)),
            computed=True,
            file=FileColumn(lambda record: record.state, words=state_labels),
        ),
        ListColumn(
            "signal",
            title=lambda: t("Last signal"),
            cell=lambda row: el("td", when(row.signal, row.signal, el("span", "–", cls="muted")), cls="nw soft"),
            sort=lambda _: col(Device.signal_order),
            file=FileColumn(lambda record: record.device.last_signal_at, key="last_signal", kind=CellKind.MOMENT),
        ),
        ListColumn(
            "actions",
            title=lambda: t("Actions"),
            cell=lambda row: el("td", el("div", _details(row, "button button-second button-small"), cls="layout-actions")),
            card=card_actions,
        ),
    )
