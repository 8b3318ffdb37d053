"""The devices page: every tracker with its vehicle and agreement, renamed where it stands, and everything about one of them."""

from dataclasses import replace
from typing import Any, ClassVar

from odoportal.core.i18n import t, tn
from odoportal.forms.view import FormFeedback
from odoportal.lists.list_table import FilterChoice, ListTable, Selection
from odoportal.pages.list_page import ListPage, ListState
from odoportal.pages.state import SessionState
from odoportal.pages.view_state import unfilled
from odoportal.rooms.devices import service
from odoportal.rooms.devices.closest import closest
from odoportal.rooms.devices.columns import BADGES, columns, records, vehicle_name
from odoportal.rooms.devices.forms import VehicleForm
from odoportal.rooms.devices.view import DevicesView, devices_view, filter_labels
from odoportal.rooms.invoices.labels import BADGES as INVOICE_BADGES
from odoportal.ui.common import badge
from odoportal.ui.dialog import frame
from odoportal.ui.form import Field, Form, inline_edit, leave_guard
from odoportal.ui.server_slots import live
from odoportal.ui.table import export_menu, selection_form
from odoportal.ui.template import Bound, Node, View, each, el, icon, link, when
from odoportal.ui.term import term_section


def _edit(row: Bound, shown: Node) -> Node:
    return inline_edit(
        name="rename",
        model=VehicleForm,
        field="vehicle",
        label=t("Vehicle"),
        record=row.number,
        initial=row.vehicle,
        version=row.version,
        owner=row.owner,
        shown=shown,
        on_done=Devices.retry,
    )


def _assign_selected(view: Bound) -> Node:
    return when(view.assign, selection_form("assign", icon("list-checks"), t("Assign vehicles")))


DEVICES = ListTable(
    path="/devices",
    title=lambda: t("Devices"),
    source=service.LIST,
    view=devices_view,
    records=records,
    default_sort="-serial",
    columns=columns(_edit),
    labels=filter_labels,
    all=lambda: t("All devices"),
    tabs=lambda _: filter_labels(),
    no_match=lambda: t("No device"),
    searched=lambda total: tn(
        "We looked at the serial number, vehicle and order of {n} device.",
        "We looked at the serial numbers, vehicles and orders of all {n} devices.",
        total,
    ),
    closest=lambda session, request: closest(session, request.account_id, [request.query.q]).get(request.query.q, ()),
    nothing=lambda _: t("No devices yet"),
    nothing_text=lambda: t("Devices appear here as soon as their order is prepared, with their serial numbers."),
    empty_icon="map-pin",
    hint=lambda: t("Serial number, vehicle, order"),
    dates=lambda: t("End date"),
    choice=FilterChoice(
        "model", lambda: t("Model"), lambda: t("All models"), lambda session, request: service.models(session, request.account_id)
    ),
    chips=lambda _session, request: {
        "order": t("Order {number}", number=request.query.texts.get("order", "")),
        "model": t("Model {name}", name=request.query.texts.get("model", "")),
    },
    cls="devices-list",
    selection=Selection("/devices/selected.xlsx", lambda: t("Export"), "download", more=_assign_selected),
)


class Devices(ListState, SessionState):
    """A page of the list of devices, and the open device."""

    view: DevicesView = unfilled(DevicesView())
    table: ClassVar[ListTable] = DEVICES


def _tasks(view: Bound) -> Node:
    assign = link(icon("list-checks"), t("Assign vehicles"), to=view.assign, cls="button button-primary")
    return el("div", export_menu(view), when(view.assign, assign), cls="layout-row table-tasks devices-tasks")


def _renamed(view: Bound) -> Node:
    """Offer to undo the last rename, for as long as the stylesheet shows it."""

    def before(_form: Bound) -> Node:
        return el("input", type="hidden", name="vehicle", value=view.renamed.before)

    undo = Form("undo", (before,), t("Undo"), variant="button-plain", cls="layout-inline").draw_from(
        view.renamed.undo, on_done=Devices.retry
    )
    said = el("p", icon("circle-check"), el("span", view.renamed.text), undo, cls="toast devices-renamed")
    return el("div", when(view.renamed.text, said), role="status")


RENAMED = View(_renamed)


def _station(kind: Node, name: Node, *facts: Node) -> tuple[Node, ...]:
    return (
        el("span", kind, cls="devices-chain-kind"),
        el("span", name, cls="devices-chain-name"),
        *(el("span", fact, cls="devices-chain-fact") for fact in facts),
    )


def _chain(details: Bound) -> Node:
    """Draw the tracker, its agreement and its invoice line as three stations of one road."""
    tracker = el(
        "li",
        *_station(t("Device"), details.name, vehicle_name(details), el("span", details.since, cls="devices-day")),
        cls="devices-chain",
        aria_current="true",
    )
    order = link(t("Order {number}", number=""), details.order, to=details.order_url)
    agreement = when(
        details.order,
        el("li", *_station(t("Agreement"), order, details.line, details.plan), cls="devices-chain"),
        el("li", *_station(t("Agreement"), t("No order")), cls="devices-chain"),
    )
    invoice = link(t("Invoice {number}", number=""), details.invoice, to=details.invoice_url)
    paid = badge(INVOICE_BADGES, details.invoice_state, details.invoice_state_text, bare=True)
    billed = when(
        details.has_invoice,
        el("li", *_station(details.invoice_kind, invoice, details.invoice_line, paid), cls="devices-chain"),
        el("li", *_station(t("Invoice"), t("No invoice yet")), cls="devices-chain"),
    )
    return el("section", el("ol", tracker, agreement, billed, cls="devices-road"), cls="section", aria_label=t("What it belongs to"))


def _history(details: Bound) -> Node:
    def event(row: Bound) -> Node:
        who = when(row.who, el("span", " ", row.who, cls="devices-event-who"))
        return el("li", el("span", row.when, cls="devices-event-when"), el("span", row.what, who), cls="devices-event")

    return el("section", el("h3", t("History")), el("ol", each(details.history, event)), cls="section")


def _beside(details: Bound) -> Node:
    rename = Form("rename", (Field("vehicle", t("Vehicle")),), t("Save"), model=VehicleForm, variant="button-second")
    vehicle = el("section", el("h3", t("Vehicle")), el("p", vehicle_name(details)), cls="section")
    signal = el(
        "section",
        el("h3", t("Last signal")),
        el("p", when(details.signal, details.signal, t("None yet"))),
        el("p", t("Positions stay in ODOTRACK."), cls="muted small"),
        cls="section",
    )
    end = el(
        "section",
        el("h3", t("At the end of the term")),
        el("p", t("Nothing renews automatically. We write to you 60 days before."), cls="soft"),
        cls="section",
    )
    form = el("section", rename.draw_from(details.rename, on_done=Devices.retry), cls="section")
    return el("aside", when(details.may_rename, form, vehicle), signal, when(details.order, end))


def _details(details: Bound) -> Node:
    notice = when(details.notice, el("p", icon("circle-slash"), el("b", details.notice), cls="devices-notice"))
    facts = el("div", notice, _chain(details), when(details.order, term_section(details.term)), _history(details))
    return frame(
        details,
        title=details.name,
        badge=badge(BADGES, details.state, details.state_text),
        body=el("div", facts, _beside(details), cls="dialog-body"),
        footer=None,
        missing=t("Device not found"),
    )


def _with_feedback(view: DevicesView, feedback: FormFeedback) -> Any:
    """Show the result of a form that was sent without script: of the form in the dialog, which is open then."""
    form = view.details.rename
    if feedback.form != "rename" or form.key != feedback.key:
        return view
    form = replace(
        form, initial={**form.initial, **feedback.typed}, errors=dict(feedback.errors), error=feedback.error, notice=feedback.notice
    )
    return replace(view, details=replace(view.details, rename=form))


PAGE = ListPage(
    DEVICES,
    Devices,
    tasks=_tasks,
    details=_details,
    lead=lambda: [live("renamed", RENAMED, Devices.view, Devices.filled), leave_guard()],
    slots={"renamed": RENAMED},
    feedback=_with_feedback,
)
