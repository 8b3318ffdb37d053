"""The view of the orders page: ready strings in the page's language and the person's formats."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import quote

from sqlmodel import Session

from odoportal.core.i18n import Formats, t, tn
from odoportal.core.identity import Identity
from odoportal.documents.view import LineView, TaxView, TextLine, line_view, tax_view, text_lines
from odoportal.lists.source import FoundRows, ListRequest
from odoportal.lists.view import DetailsView, ListView, details_frame
from odoportal.rooms.addresses import service as addresses
from odoportal.rooms.devices import service as devices
from odoportal.rooms.invoices import service as invoices
from odoportal.rooms.invoices.labels import state_labels as invoice_state_labels
from odoportal.rooms.orders import service
from odoportal.rooms.orders.models import Fulfilment, Order, Step
from odoportal.rooms.orders.service import FullOrder, OrderState
from odoportal.web.links import link_to

LINES_ON_CARD = 3
CARD_LINES_UNCUT = 4
INVOICES_SHOWN = 8


@dataclass(frozen=True)
class Tick:
    """A year mark on the progress bar of a term."""

    key: str
    at: str


@dataclass(frozen=True)
class Term:
    """The progress bar of an agreement's term: the percentage as text and as a width, a tick per year, and the time left."""

    percent: str
    width: str
    ended: bool
    ticks: list[Tick] = field(default_factory=list)
    start: str = ""
    end: str = ""
    left: str = ""
    state: str = ""
    state_text: str = ""
    whole: str = ""
    elapsed: str = ""


@dataclass(frozen=True)
class OrderRow:
    """A row of the list."""

    key: str
    number: str
    details: str
    invoices: str
    term: Term
    lines: list[LineView]
    card_lines: list[LineView]
    more: str


@dataclass(frozen=True)
class StepView:
    """A step of the fulfilment; its state is `done`, `now` or `open`."""

    key: str
    name: str
    state: str
    carrier: str
    when: str
    note: str
    tracking: str
    tracking_url: str


@dataclass(frozen=True)
class DeviceView:
    """A tracker of the order."""

    key: str
    name: str
    vehicle: str


@dataclass(frozen=True)
class InvoiceLink:
    """A link to an invoice of the order."""

    key: str
    number: str
    url: str
    date: str
    amount: str
    state: str
    state_text: str


@dataclass(frozen=True)
class OrderDetails(DetailsView):
    """The details of an order."""

    step: str = ""
    step_text: str = ""
    term: Term = Term("", "0%", False)
    steps: list[StepView] = field(default_factory=list)
    lines: list[LineView] = field(default_factory=list)
    subtotal: str = ""
    taxes: list[TaxView] = field(default_factory=list)
    total: str = ""
    ship_to: list[TextLine] = field(default_factory=list)
    bill_to: list[TextLine] = field(default_factory=list)
    devices: list[DeviceView] = field(default_factory=list)
    device_count: str = ""
    invoices: list[InvoiceLink] = field(default_factory=list)
    invoice_count: str = ""
    all_invoices: str = ""
    pdf: str = ""


@dataclass(frozen=True)
class OrdersView:
    """The page of orders."""

    frame: ListView = field(default_factory=ListView)
    rows: list[OrderRow] = field(default_factory=list)
    details: OrderDetails = field(default_factory=OrderDetails)


def state_labels(count: int = 1) -> dict[str, str]:
    """Return the labels of the states in the current language, for one order or (on a tab) for several: French has plural forms."""
    return {
        OrderState.UPCOMING: t("Upcoming"),
        OrderState.ACTIVE: t("Active"),
        OrderState.ENDING: t("Ending soon"),
        OrderState.ENDED: tn("Ended", "Ended", count),
    }


def step_labels() -> dict[str, str]:
    """Return the labels of the fulfilment steps in the current language, worded as done."""
    return {Step.RECEIVED: t("Received"), Step.PREPARED: t("Prepared"), Step.SHIPPED: t("Shipped"), Step.ACTIVATED: t("Activated")}


def orders_view(session: Session, who: Identity, request: ListRequest, found: FoundRows, frame: ListView) -> OrdersView:
    """Return the view of the orders found, with the details of the open order if the query names one. See `ListTable.view`."""
    lines = service.lines_of(session, request.account_id, [order.id for order in found.rows])
    rows = [_row(order, lines.get(order.id, ()), who, request) for order in found.rows]
    details = order_details(session, who, request, found.account_total) if request.query.open else OrderDetails()
    return OrdersView(frame, rows, details)


def _row(order: Order, lines: Any, who: Identity, request: ListRequest) -> OrderRow:
    formats, language = Formats(who.region), request.language
    shown = [line_view(line, formats, language, t("monthly") if line.monthly else "") for line in lines]
    cut = len(shown) > CARD_LINES_UNCUT
    return OrderRow(
        key=order.number,
        number=order.number,
        details=request.query.url(open=order.number),
        invoices=link_to(who, language, "/invoices", order=order.number),
        term=term_view(order, formats, request.today),
        lines=shown,
        card_lines=shown[:LINES_ON_CARD] if cut else shown,
        more=tn("{n} more line", "{n} more lines", len(shown) - LINES_ON_CARD) if cut else "",
    )


def term_view(order: Order, formats: Formats, today: date) -> Term:
    """Return the progress bar of the term of an order's agreement."""
    state = service.state_of(order.start_on, order.end_on, today)
    percent = service.progress(order.start_on, order.end_on, today)
    days = (order.end_on - order.start_on).days + 1
    years = round(days / 365.25)
    left = ""
    whole = tn("{n} year", "{n} years", years) if years and abs(days - 365.25 * years) < 10 else tn("{n} day", "{n} days", days)
    if state == OrderState.ENDING:
        left = days_left(order.end_on, today)
    elif state in {OrderState.ENDED, OrderState.UPCOMING}:
        left = state_labels()[state]
    return Term(
        percent=formats.percent(percent),
        width=f"{percent}%",
        ended=state == OrderState.ENDED,
        ticks=[Tick(str(year), f"{100 * year / years:.3f}%") for year in range(1, years)],
        start=formats.day(order.start_on),
        end=formats.day(order.end_on),
        left=left,
        state=state,
        state_text=left if state == OrderState.ENDING else state_labels()[state],
        whole=whole,
        elapsed=t("{percent} elapsed (term: {whole})", percent=formats.percent(percent), whole=whole),
    )


def order_details(session: Session, who: Identity, request: ListRequest, total: int) -> OrderDetails:
    """Return the details of the open order. An order of another account shows as not found, like an unknown one.

    Args:
        session: a database session for reading.
        who: the signed-in person, whose account and formats are used.
        request: the list, and in its query the open order.
        total: the number of orders of the account.
    """
    account_id, formats = request.account_id, Formats(who.region)
    query, language, today = request.query, request.language, request.today
    whole = service.get(session, account_id, query.open)
    if whole is None or (order_id := whole.order.id) is None:
        return OrderDetails(**details_frame(query))
    order = whole.order
    where = addresses.by_id(session, account_id, (order.ship_to_id, order.bill_to_id))
    ship, bill = (addresses.lines(where.get(i or 0), language) for i in (order.ship_to_id, order.bill_to_id))
    trackers = devices.of_order(session, account_id, order_id)
    bills, bill_count = invoices.of_order(session, account_id, order_id, INVOICES_SHOWN)
    neighbours = service.LIST.neighbours(session, request, total, order_id)
    step = service.current_step(whole.steps)
    return OrderDetails(
        **details_frame(query, t("Order {number}", number=query.open), order.number, neighbours),
        step=step or "",
        step_text=_step_badge(step),
        term=term_view(order, formats, today),
        steps=_steps(whole, formats, language),
        lines=[line_view(line, formats, language, t("monthly") if line.monthly else "") for line in whole.lines],
        subtotal=formats.amount(order.subtotal),
        taxes=[tax_view(tax, formats, language) for tax in whole.taxes],
        total=formats.amount(order.total),
        ship_to=text_lines(ship),
        bill_to=text_lines(bill),
        devices=[DeviceView(d.serial, f"{d.model} {d.serial}", d.vehicle or t("No vehicle yet")) for d in trackers],
        device_count=formats.number(len(trackers)),
        invoices=[_invoice_link(i, who, formats, language, today) for i in bills],
        invoice_count=formats.number(bill_count),
        all_invoices=link_to(who, language, "/invoices", order=order.number),
        pdf=link_to(who, language, f"/orders/{quote(order.number, safe='')}.pdf"),
    )


def days_left(end_on: date, today: date) -> str:
    """Return how long an agreement still runs, in the current language."""
    days = (end_on - today).days
    return tn("{n} day left", "{n} days left", days) if days else t("Last day")


def _step_badge(step: Step | None) -> str:
    if step is None:
        return ""
    return {
        Step.RECEIVED: t("Being received"),
        Step.PREPARED: t("Being prepared"),
        Step.SHIPPED: t("Being shipped"),
        Step.ACTIVATED: t("Waiting for activation"),
    }[step]


def _steps(whole: FullOrder, formats: Formats, language: str) -> list[StepView]:
    current = service.current_step(whole.steps)
    names = step_labels()
    shown: list[StepView] = []
    for step in Step:
        known = whole.steps.get(step)
        if known is None:
            continue
        state = "done" if known.done_at else "now" if step == current else "open"
        note = known.note_en if language == "en" else known.note_fr
        shown.append(
            StepView(step, names[step], state, known.carrier, _step_date(known, formats), note, known.tracking, known.tracking_url)
        )
    return shown


def _step_date(step: Fulfilment, formats: Formats) -> str:
    if step.done_at:
        return formats.moment(step.done_at)
    return t("expected {day}", day=formats.day(step.expected_on)) if step.expected_on else ""


def _invoice_link(invoice: Any, who: Identity, formats: Formats, language: str, today: date) -> InvoiceLink:
    state = invoices.state_of(invoice, today)
    return InvoiceLink(
        key=invoice.number,
        number=invoice.number,
        url=link_to(who, language, "/invoices", open=invoice.number),
        date=formats.day(invoice.issued_on),
        amount=formats.amount(invoice.total),
        state=state,
        state_text=invoice_state_labels()[state],
    )
