"""The statement of account as CSV and Excel: a row for each movement between the balances, then the open amounts by age."""

from collections.abc import Iterator, Sequence
from datetime import date

from sqlmodel import Session

from odoportal.core.i18n import Formats, current_language, region_of, t
from odoportal.core.identity import Identity
from odoportal.core.money import cents
from odoportal.lists.query import ListQuery
from odoportal.lists.table import Cell, CellKind, Column, Table
from odoportal.rooms.statements import service
from odoportal.rooms.statements.service import Statement
from odoportal.rooms.statements.view import aging_rows

_KEYS = ("date", "type", "number", "invoices", "due", "description", "amount", "balance")
_WIDTHS = {"type": 26, "invoices": 20, "description": 30}
_KINDS = {"date": CellKind.DAY, "due": CellKind.DAY, "amount": CellKind.AMOUNT, "balance": CellKind.AMOUNT}


def statement_table(session: Session, who: Identity, query: ListQuery, language: str, today: date) -> Table:
    """Return the statement of a list query with all its movements; arguments as for `statement_view`.

    The column `type` is the type of a row: `opening_balance`, `invoice`, `payment`, `credit_note`, `closing_balance`, then
    `open_current`, `open_1_30`, `open_31_60`, `open_61_90`, `open_over_90`, `pending_payments` and `unapplied_credit`, which is negative.
    The opening balance and the amounts of the movements add up to the closing balance, and so do the last seven.
    """
    account_id = who.account.account_id
    since, until = service.period(query.since, query.until, today)
    # Read only the balances and ages here: the movements are read one by one below.
    found = service.statement(session, account_id, since, until, today, 0)

    def rows() -> Iterator[Sequence[Cell]]:
        yield since, "opening_balance", None, None, None, None, None, cents(found.opening)
        for move in service.movements(session, account_id, since, until, found.opening):
            text = move.text_en if language == "en" else move.text_fr
            shown = (move.day, move.kind, move.number, " ".join(move.invoices), move.due_on, text)
            yield (*shown, cents(move.amount), cents(move.balance))
        yield until, "closing_balance", None, None, None, None, None, cents(found.closing)
        yield from _open(found)

    titles = (t("Date"), t("Type"), t("Number"), t("Invoices"), t("Due"), t("Description"), t("Amount"), t("Balance"))
    words = {"type": _type_words(found)}
    columns = [
        Column(key, title, _KINDS.get(key, CellKind.TEXT), words=words.get(key, {}), width=_WIDTHS.get(key, 0))
        for key, title in zip(_KEYS, titles, strict=True)
    ]
    return Table(t("Statement"), columns, rows())


def _type_words(found: Statement) -> dict[str, str]:
    """Return the text that Excel shows for each type of row, in the current language."""
    ages = {age.key: age.text for age in aging_rows(found.aging, Formats(region_of(current_language())))}
    return {
        "opening_balance": t("Opening balance"),
        "invoice": t("Invoice"),
        "payment": t("Payment"),
        "credit_note": t("Credit note"),
        "closing_balance": t("Closing balance"),
        "open_current": ages["current"],
        "open_1_30": ages["30"],
        "open_31_60": ages["60"],
        "open_61_90": ages["90"],
        "open_over_90": ages["older"],
        "unapplied_credit": t("Credit not applied to an invoice"),
    }


def period_name(query: ListQuery, today: date) -> str:
    """Return the period of a statement for the name of its file."""
    since, until = service.period(query.since, query.until, today)
    return f"{since.isoformat()}-{until.isoformat()}"


def _open(found: Statement) -> Iterator[Sequence[Cell]]:
    aging = found.aging
    named = {
        "open_current": aging.current,
        "open_1_30": aging.to_30,
        "open_31_60": aging.to_60,
        "open_61_90": aging.to_90,
        "open_over_90": aging.older,
        "pending_payments": aging.being_paid,
        "unapplied_credit": -found.credit,
    }
    for kind, amount in named.items():
        yield found.until, kind, None, None, None, None, cents(amount), None
