"""The view of the home page: what is owed, what ends soon, what needs attention, and the spending of each month."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import partial

from sqlmodel import Session

from odoportal.core import clock
from odoportal.core.i18n import Formats, month_name, t, tn
from odoportal.core.identity import Identity
from odoportal.core.money import ZERO
from odoportal.rooms.devices import service as devices
from odoportal.rooms.devices.models import DeviceState
from odoportal.rooms.invoices import service as invoices
from odoportal.rooms.invoices.view import paid_view
from odoportal.rooms.orders import service as orders
from odoportal.settings import get_settings
from odoportal.web.links import link_to

TODO_INVOICES = 3
TODO_ENDING = 3
LATEST = 4
CHART_WIDTH, CHART_HEIGHT, CHART_LEFT, CHART_FOOT = 460, 170, 64, 24


@dataclass(frozen=True)
class Todo:
    """Something that needs the customer's attention."""

    key: str
    kind: str
    title: str
    text: str
    url: str
    action: str


@dataclass(frozen=True)
class Bar:
    """A month of the chart: the position of its bar, and its texts in the chart and the table."""

    key: str
    x: str
    y: str
    width: str
    height: str
    middle: str
    label: str
    month: str
    amount: str
    now: bool


@dataclass(frozen=True)
class Grid:
    """A grid line of the chart with its amount."""

    key: str
    y: str
    text_y: str
    text: str


@dataclass(frozen=True)
class Latest:
    """A recent order or invoice."""

    key: str
    icon: str
    name: str
    url: str
    text: str
    amount: str


@dataclass(frozen=True)
class HomeView:
    """The home page."""

    as_of: str = ""
    owed: str = ""
    owed_note: str = ""
    overdue: str = ""
    owed_url: str = ""
    unpaid_invoices: str = ""
    unpaid: str = ""
    being_paid: str = ""
    credit: str = ""
    left_text: str = ""
    left: str = ""
    ending: str = ""
    ending_note: str = ""
    ending_url: str = ""
    active: str = ""
    active_note: str = ""
    active_url: str = ""
    todo: list[Todo] = field(default_factory=list)
    more_todo: str = ""
    more_todo_url: str = ""
    chart: bool = False
    bars: list[Bar] = field(default_factory=list)
    grid: list[Grid] = field(default_factory=list)
    so_far: str = ""
    so_far_amount: str = ""
    latest: list[Latest] = field(default_factory=list)
    tile_orders: str = ""
    tile_invoices: str = ""
    tile_invoices_bad: str = ""
    tile_renewals: str = ""
    tile_devices: str = ""
    tile_devices_silent: str = ""
    tile_profile: str = ""
    guide_en: str = ""
    guide_fr: str = ""
    launch_url: str = ""


def home_view(session: Session, who: Identity, language: str, today: date) -> HomeView:
    """Return the view of the home page in the current language. Runs a constant number of statements.

    Args:
        session: a database session for reading.
        who: the signed-in person, whose account and formats are used.
        language: the page's language; it must be the current one.
        today: the business day.
    """
    account_id, formats = who.account.account_id, Formats(who.region)
    url_for = partial(link_to, who, language)
    owing = invoices.owing(session, account_id, today)
    ending = orders.ending(session, account_id, today)
    states = orders.state_counts(session, account_id, today)
    trackers = devices.state_counts(session, account_id, today)
    spent = invoices.spending(session, account_id, today)
    settings = get_settings()
    bars, grid = _chart(spent, formats)
    plans = sum(e.plans for e in ending)
    overdue_word = t("{amount} overdue", amount=formats.amount(owing.overdue))
    return HomeView(
        as_of=t("as of {time}", time=formats.time(clock.now())),
        owed=formats.amount(owing.total),
        owed_note=""
        if owing.overdue
        else (t("next due {day}", day=formats.day(owing.next_due)) if owing.next_due else t("Nothing to pay")),
        overdue=overdue_word if owing.overdue else "",
        owed_url=url_for("/invoices", state="to_pay"),
        unpaid_invoices=tn("{n} unpaid invoice", "{n} unpaid invoices", owing.unpaid_invoices),
        unpaid=formats.amount(owing.unpaid),
        being_paid=formats.amount(-owing.being_paid) if owing.being_paid else "",
        credit=formats.amount(-owing.credit) if owing.credit else "",
        left_text=t("Left to pay after that") if owing.left >= ZERO else t("Credit left after that"),
        left=formats.amount(abs(owing.left)),
        ending=tn("{n} plan", "{n} plans", plans) if plans else tn("{n} agreement", "{n} agreements", len(ending)),
        ending_note=t("next on {day}", day=formats.day(ending[0].end_on)) if ending else t("Nothing ends soon"),
        ending_url=url_for("/orders", state="ending"),
        active=tn("{n} order", "{n} orders", states["active"]),
        active_note=tn("{n} upcoming", "{n} upcoming", states["upcoming"]) if states["upcoming"] else t("with a current agreement"),
        active_url=url_for("/orders", state="active"),
        todo=_todo(session, account_id, ending, formats, today, url_for),
        more_todo=_more_overdue(owing.overdue_invoices - TODO_INVOICES),
        more_todo_url=url_for("/invoices", state="overdue"),
        chart=any(amount for _, amount in spent),
        bars=bars,
        grid=grid,
        so_far=t("{month} so far", month=month_name(today, "long").capitalize()),
        so_far_amount=formats.amount(spent[-1][1]),
        latest=_latest(session, account_id, formats, today, url_for),
        tile_orders=_orders_tile(states[""], states["active"], formats),
        tile_invoices=tn("{n} to pay", "{n} to pay", owing.invoices) if owing.invoices else t("Nothing to pay"),
        tile_invoices_bad=tn("{n} overdue", "{n} overdue", owing.overdue_invoices) if owing.overdue_invoices else "",
        tile_renewals=tn("{n} agreement ends soon", "{n} agreements end soon", len(ending)) if ending else "",
        tile_devices=tn("{n} device", "{n} devices", trackers[""]) if trackers[""] else "",
        tile_devices_silent=tn("{n} silent", "{n} silent", trackers[DeviceState.SILENT]) if trackers[DeviceState.SILENT] else "",
        tile_profile=who.name,
        guide_en=settings.guide_en_url or "/en/guide",
        guide_fr=settings.guide_fr_url or "/fr/guide",
        launch_url=settings.launch_url,
    )


def _orders_tile(total: int, active: int, formats: Formats) -> str:
    return t("{active} active of {total}", active=formats.number(active), total=formats.number(total)) if total else ""


def _more_overdue(count: int) -> str:
    return tn("{n} more overdue invoice", "{n} more overdue invoices", count) if count > 0 else ""


def _todo(
    session: Session, account_id: int, ending: Sequence[orders.EndingAgreement], formats: Formats, today: date, url_for: Callable[..., str]
) -> list[Todo]:
    shown: list[Todo] = []
    for invoice in invoices.overdue(session, account_id, today, TODO_INVOICES):
        owed = invoices.balance(invoice) - invoices.being_paid(invoice)
        text = t("{amount}, due {day}", amount=formats.amount(owed), day=formats.day(invoice.due_on))
        shown.append(
            Todo(
                f"i{invoice.number}",
                "overdue",
                t("Invoice {number} is overdue", number=invoice.number),
                text,
                url_for("/invoices", open=invoice.number),
                t("Details"),
            )
        )
    for agreement in ending[:TODO_ENDING]:
        days = (agreement.end_on - today).days
        title = tn("Agreement {number} ends in {n} day", "Agreement {number} ends in {n} days", days, number=agreement.number)
        if not days:
            title = t("Agreement {number} ends today", number=agreement.number)
        until = t("until {day}", day=formats.day(agreement.end_on))
        text = f"{tn('{n} plan', '{n} plans', agreement.plans)}, {until}" if agreement.plans else until
        shown.append(Todo(f"o{agreement.number}", "ending", title, text, url_for("/orders", open=agreement.number), t("Details")))
    return shown


def _latest(session: Session, account_id: int, formats: Formats, today: date, url_for: Callable[..., str]) -> list[Latest]:
    dated: list[tuple[date, Latest]] = []
    for order in orders.latest(session, account_id, LATEST):
        day = clock.to_local(order.placed_at).date()
        dated.append(
            (
                day,
                Latest(
                    f"o{order.number}",
                    "order",
                    t("Order {number}", number=order.number),
                    url_for("/orders", open=order.number),
                    _relative_day(day, today, formats),
                    "",
                ),
            )
        )
    for invoice in invoices.latest(session, account_id, LATEST):
        text = f"{_relative_day(invoice.issued_on, today, formats)}, {paid_view(invoice, formats, today).text.lower()}"
        dated.append(
            (
                invoice.issued_on,
                Latest(
                    f"i{invoice.number}",
                    "invoice",
                    t("Invoice {number}", number=invoice.number),
                    url_for("/invoices", open=invoice.number),
                    text,
                    formats.amount(invoice.total),
                ),
            )
        )
    return [latest for _, latest in sorted(dated, key=lambda pair: pair[0], reverse=True)[:LATEST]]


def _relative_day(day: date, today: date, formats: Formats) -> str:
    return t("Today") if day == today else t("Yesterday") if (today - day).days == 1 else formats.day(day)


def _chart(spent: Sequence[tuple[date, Decimal]], formats: Formats) -> tuple[list[Bar], list[Grid]]:
    step = _step(max((amount for _, amount in spent), default=ZERO))
    top = step * 4
    width = Decimal(CHART_WIDTH - CHART_LEFT) / len(spent)
    height = Decimal(CHART_HEIGHT - CHART_FOOT - 10)
    bars = []
    for at, (month, amount) in enumerate(spent):
        bar_height = max(ZERO, amount) / top * height
        left = CHART_LEFT + at * width
        now = at == len(spent) - 1
        bars.append(
            Bar(
                month.isoformat(),
                f"{left + width / 5:.1f}",
                f"{10 + height - bar_height:.1f}",
                f"{width * 3 / 5:.1f}",
                f"{bar_height:.1f}",
                f"{left + width / 2:.1f}",
                month_name(month) if (len(spent) - 1 - at) % 2 == 0 else "",
                month_name(month, "year"),
                formats.amount(amount),
                now,
            )
        )
    grid = [
        Grid(str(i), f"{10 + height - height * i / 4:.1f}", f"{14 + height - height * i / 4:.1f}", _whole_dollars(step * i, formats))
        for i in range(5)
    ]
    return bars, grid


def _step(largest: Decimal) -> Decimal:
    """Return a round step of which four reach the largest amount: 2.5, 5 or 10 times a power of ten, at least 25 dollars."""
    power = Decimal(10)
    while True:
        for factor in (Decimal("2.5"), Decimal(5), Decimal(10)):
            if power * factor * 4 >= largest:
                return power * factor
        power *= 10


def _whole_dollars(amount: Decimal, formats: Formats) -> str:
    # Remove cents only: a sign before three zeros separates thousands.
    return re.sub(r"[.,]00(?!\d)", "", formats.amount(amount))
