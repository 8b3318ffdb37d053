"""The view of the statement page: ready strings in the page's language and the person's formats."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from sqlmodel import Session

from odoportal.core import clock
from odoportal.core.i18n import Formats, t, tn
from odoportal.core.identity import Identity
from odoportal.lists.query import ListQuery, ListRules
from odoportal.lists.view import Hidden, Tab
from odoportal.rooms.statements import service
from odoportal.rooms.statements.service import Aging, Movement, MovementKind, Statement
from odoportal.web.links import link_to

RULES = ListRules(sorts=("date",), default_sort="date", states=())
MAX_MOVEMENTS = 500


@dataclass(frozen=True)
class MovementRow:
    """A movement; `url` is empty if there is nothing to open."""

    key: str
    date: str
    name: str
    note: str
    url: str
    amount: str
    balance: str


@dataclass(frozen=True)
class AgingRow:
    """The open amount of one age."""

    key: str
    text: str
    amount: str


@dataclass(frozen=True)
class StatementView:
    """The statement page. `plain_since` and `plain_until` are the default days, which an address leaves out."""

    presets: list[Tab] = field(default_factory=list)
    hidden: list[Hidden] = field(default_factory=list)
    since: str = ""
    until: str = ""
    plain_since: str = ""
    plain_until: str = ""
    period: str = ""
    opening: str = ""
    charged: str = ""
    credited: str = ""
    closing: str = ""
    rows: list[MovementRow] = field(default_factory=list)
    older: str = ""
    older_amount: str = ""
    carried: str = ""
    aging: list[AgingRow] = field(default_factory=list)
    owed: str = ""
    being_paid: str = ""
    unpaid: str = ""
    credit: str = ""
    aged: str = ""
    said: str = ""
    csv: str = ""
    xlsx: str = ""
    pdf: str = ""
    as_of: str = ""


def statement_view(session: Session, who: Identity, query: ListQuery, language: str, today: date) -> StatementView:
    """Return the view of the statement for the period of a list query.

    Args:
        session: a database session for reading.
        who: the signed-in person, whose account and formats are used.
        query: the list query of the page.
        language: the page's language; it must be the current one.
        today: the business day.
    """
    formats = Formats(who.region)
    since, until = service.period(query.since, query.until, today)
    found = service.statement(session, who.account.account_id, since, until, today, MAX_MOVEMENTS)
    files = query.url(open="")
    span = t("{first} to {last}", first=formats.day(since), last=formats.day(until))
    return StatementView(
        presets=_presets(query, since, until, today),
        hidden=[Hidden("account", query.account)] if query.account else [],
        since=since.isoformat(),
        until=until.isoformat(),
        plain_since=date(today.year, 1, 1).isoformat(),
        plain_until=today.isoformat(),
        period=span,
        opening=formats.amount(found.opening),
        charged=formats.amount(found.charged),
        credited=formats.amount(-found.credited),
        closing=formats.amount(found.closing),
        rows=[movement_row(at, move, formats, who, language) for at, move in enumerate(found.movements)],
        older=older_movements(found),
        older_amount=formats.amount(found.carried - found.opening),
        carried=formats.amount(found.carried),
        aging=aging_rows(found.aging, formats),
        owed=formats.amount(found.aging.owed) if found.aging.being_paid else "",
        being_paid=formats.amount(found.aging.being_paid),
        unpaid=formats.amount(found.aging.total),
        credit=formats.amount(-found.credit) if found.credit else "",
        aged=t("Outstanding on {day}, by age", day=formats.day(until)),
        said=t("Statement, {period}: {movements}", period=span, movements=tn("{n} transaction", "{n} transactions", found.count)),
        csv=f"/{language}/statement.csv{files}",
        xlsx=f"/{language}/statement.xlsx{files}",
        pdf=f"/{language}/statement.pdf{files}",
        as_of=t("as of {time}", time=formats.time(clock.now())),
    )


def _presets(query: ListQuery, since: date, until: date, today: date) -> list[Tab]:
    month = today.replace(day=1)
    last = (month - timedelta(days=1)).replace(day=1)
    # Start on the day after the same day of last year, to cover exactly one year; on February 29, start on March 1.
    year_ago = today.replace(year=today.year - 1, day=28) if (today.month, today.day) == (2, 29) else today.replace(year=today.year - 1)
    known = {
        "year": (t("This year"), today.replace(month=1, day=1), today),
        "month": (t("This month"), month, today),
        "last-month": (t("Last month"), last, month - timedelta(days=1)),
        "twelve": (t("Last 12 months"), year_ago + timedelta(days=1), today),
    }
    # In January "this year" and "this month" are the same period: mark only the first match.
    current = next((key for key, (_, first, end) in known.items() if (first, end) == (since, until)), "")
    return [
        Tab(
            key,
            known[key][0],
            "",
            query.url(since=None if key == "year" else known[key][1], until=known[key][2] if key == "last-month" else None),
            "true" if key == current else "false",
        )
        for key in ("month", "last-month", "year", "twelve")
    ]


def movement_name(move: Movement, language: str) -> str:
    """Return the name of a movement: `Invoice 212048`, `Payment, Visa 4242`, `Credit note 900`."""
    text = move.text_en if language == "en" else move.text_fr
    return {
        MovementKind.INVOICE: t("Invoice {number}", number=move.number),
        MovementKind.PAYMENT: t("Payment, {method}", method=text),
        MovementKind.CREDIT_NOTE: t("Credit note {number}", number=move.number),
    }[move.kind]


def movement_note(move: Movement, formats: Formats, language: str) -> str:
    """Return the small line under a movement: the due date of an invoice, or what a payment or credit note is for."""
    if move.kind == MovementKind.INVOICE:
        return t("due {day}", day=formats.day(move.due_on)) if move.due_on else ""
    if not move.invoices:
        return t("not applied to an invoice")
    goes_to = tn("for invoice {numbers}", "for invoices {numbers}", len(move.invoices), numbers=", ".join(move.invoices))
    reason = move.text_en if language == "en" else move.text_fr
    return f"{goes_to}, {reason}" if reason and move.kind == MovementKind.CREDIT_NOTE else goes_to


def movement_row(at: int, move: Movement, formats: Formats, who: Identity, language: str) -> MovementRow:
    """Return the row of a movement. An invoice, and a payment or credit note for a single invoice, links to the invoice's details."""
    number = move.number if move.kind == MovementKind.INVOICE else move.invoices[0] if len(move.invoices) == 1 else ""
    return MovementRow(
        key=str(at),
        date=formats.day(move.day),
        name=movement_name(move, language),
        note=movement_note(move, formats, language),
        url=link_to(who, language, "/invoices", open=number) if number else "",
        amount=formats.amount(move.amount),
        balance=formats.amount(move.balance),
    )


def aging_rows(aging: Aging, formats: Formats) -> list[AgingRow]:
    """Return the rows of the ages, the youngest first."""
    named: tuple[tuple[str, str, Decimal], ...] = (
        ("current", t("Not yet due"), aging.current),
        ("30", t("1–30 days past due"), aging.to_30),
        ("60", t("31–60 days past due"), aging.to_60),
        ("90", t("61–90 days past due"), aging.to_90),
        ("older", t("Over 90 days past due"), aging.older),
    )
    return [AgingRow(key, text, formats.amount(amount)) for key, text, amount in named]


def older_movements(found: Statement) -> str:
    """Return the name of the row for the older movements, if not all movements are shown: `4,641 earlier transactions, in the CSV file`."""
    older = found.count - len(found.movements)
    if not older:
        return ""
    return tn("{n} earlier transaction, in the CSV file", "{n} earlier transactions, in the CSV file", older)
