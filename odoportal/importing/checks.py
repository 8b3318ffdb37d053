"""Checks that amounts add up before anything is written: lines, taxes, payments and credit notes against totals."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session

from odoportal.core.money import ZERO
from odoportal.importing.bulk import chunks, fetch, table_of
from odoportal.importing.run import DISPLAY_NAMES, NATURAL_KEYS, Run
from odoportal.rooms.invoices.models import Allocation, CreditNote, CreditNoteTax, Invoice, InvoiceLine, InvoiceTax, Payment, PaymentStatus
from odoportal.rooms.orders.models import OrderLine, OrderTax

DOCUMENT_FILES = {"orders.csv", "invoices.csv", "credit_notes.csv"}
AMOUNT_FILES = {"payments.csv", "allocations.csv"}
TOTAL, PAID, CREDITED = "total", "paid", "credited"


@dataclass(frozen=True)
class Move:
    """The effect of one row on an invoice: it sets the `total`, or adds to what is `paid` or `credited` (subtracts if negative).

    `invoice` is the id, or a negative number for an invoice that is not stored yet. `number` is set for a total only.
    """

    invoice: int
    what: str
    amount: Decimal
    file: str
    line: int
    number: str = ""


@dataclass
class InvoiceChange:
    """The combined effect of all moves on an invoice, and the first row of each kind of move. `total` is None if it does not change."""

    number: str
    total: Decimal | None
    paid: Decimal
    credited: Decimal
    places: dict[str, tuple[str, int]]


def check_sums(run: Run) -> list[Move]:
    """Record every document and payment of a dry run that does not add up, at its own row or at the first row that refers to it.

    A document with a bad row is skipped: its sums are wrong because of that row.

    Returns:
        The effects of the run on invoices, for `changes_over_total`: the payments and credit notes of one invoice may come in several runs.
    """
    _check_documents(run, "order", OrderLine, OrderTax)
    _check_documents(run, "invoice", InvoiceLine, InvoiceTax)
    _check_documents(run, "credit_note", None, CreditNoteTax)
    return [*_check_payments(run), *_credit_moves(run), *_total_moves(run)]


def _referenced_ids(run: Run, kind: str) -> set[int]:
    return {found for at, found in run.first_rows if at == kind}


def _stored_rows(run: Run, model: Any, ids: Iterable[int]) -> dict[int, Any]:
    return {row.id: row for row in fetch(run.session, model, "id", [found for found in ids if found > 0])}


def _refuse(run: Run, kind: str, row_id: int, column: str, reason: str) -> None:
    file, line = run.first_rows[kind, row_id]
    # When lines or taxes do not add up, no single column is the wrong one.
    run.refuse(file, line, _column(file, column), reason)


def _column(file: str, column: str) -> str:
    return column if file in DOCUMENT_FILES else "amount" if file in AMOUNT_FILES else ""


def _check_documents(run: Run, kind: str, lines: Any, taxes: Any) -> None:
    ids = _referenced_ids(run, kind)
    model, _ = NATURAL_KEYS[kind]
    planned, stored = run.planned[kind], _stored_rows(run, model, ids)
    line_sums = _sums(run, lines, f"{kind}_id", ids) if lines else {}
    tax_sums = _sums(run, taxes, f"{kind}_id", ids)
    for found in sorted(ids, key=lambda found: run.first_rows[kind, found]):
        head = planned.get(found) or stored[found]._mapping
        number = stored[found].number if found in stored else head["number"]
        if run.already_reported(kind, number):
            continue
        name = f"{DISPLAY_NAMES.get(kind, kind)} {number}"
        subtotal, total = head["subtotal"], head["total"]
        if lines and (sum_ := line_sums.get(found, ZERO)) != subtotal:
            _refuse(run, kind, found, "subtotal", f"the lines of {name} add up to {sum_}, its subtotal is {subtotal}")
        elif (sum_ := subtotal + tax_sums.get(found, ZERO)) != total:
            _refuse(run, kind, found, "total", f"subtotal and taxes of {name} add up to {sum_}, its total is {total}")


def _sums(run: Run, model: Any, column: str, ids: Collection[int]) -> dict[int, Decimal]:
    """Return the sum of the parts of each document, from the run if it has them, else from the database."""
    table, sums = table_of(model), dict(run.sums[model])
    for some in chunks(found for found in ids if found > 0 and found not in sums):
        statement = select(table.c[column], func.sum(table.c.amount)).where(table.c[column].in_(some)).group_by(table.c[column])
        sums |= {row[0]: row[1] or ZERO for row in run.session.connection().execute(statement)}
    return sums


def _check_payments(run: Run) -> Iterator[Move]:
    ids = _referenced_ids(run, "payment") | run.allocations.keys()
    stored = _stored_rows(run, Payment, ids)
    held: dict[int, dict[int, Decimal]] = {}
    for row in fetch(run.session, Allocation, "payment_id", stored.keys()):
        held.setdefault(row.payment_id, {})[row.invoice_id] = row.amount
    for found in ids:
        before = stored.get(found)
        after = run.planned["payment"].get(found) or before._mapping  # pyright: ignore[reportOptionalMemberAccess]
        reference = after.get("reference") or before.reference  # pyright: ignore[reportOptionalMemberAccess]
        if run.already_reported("payment", reference):
            continue
        now = (
            {invoice: amount for invoice, (amount, _) in run.allocations[found].items()}
            if found in run.allocations
            else held.get(found, {})
        )
        if (allocated := sum(now.values(), ZERO)) > after["amount"]:
            reason = f"the allocations of payment {reference} add up to {allocated}, its amount is {after['amount']}"
            _refuse(run, "payment", found, "amount", reason)
        counted = (before is not None and before.status != PaymentStatus.FAILED, _status(after, before) != PaymentStatus.FAILED)
        yield from _allocation_moves(run, found, held.get(found, {}) if counted[0] else {}, now if counted[1] else {})


def _status(after: Mapping[str, Any], before: Any) -> str:
    return after.get("status") or (before.status if before is not None else PaymentStatus.SETTLED)


def _allocation_moves(run: Run, payment: int, before: Mapping[int, Decimal], after: Mapping[int, Decimal]) -> Iterator[Move]:
    for invoice in before.keys() | after.keys():
        if amount := after.get(invoice, ZERO) - before.get(invoice, ZERO):
            own = run.allocations.get(payment, {}).get(invoice)
            file, line = ("allocations.csv", own[1]) if own else run.first_rows["payment", payment]
            yield Move(invoice, PAID, amount, file, line)


def _credit_moves(run: Run) -> Iterator[Move]:
    planned = run.planned["credit_note"]
    stored = _stored_rows(run, CreditNote, planned)
    for found, values in planned.items():
        file, line = run.first_rows["credit_note", found]
        if before := stored.get(found):
            yield Move(before.invoice_id, CREDITED, -before.total, file, line)
        yield Move(values["invoice_id"], CREDITED, values["total"], file, line)


def _total_moves(run: Run) -> Iterator[Move]:
    planned = run.planned["invoice"]
    stored = _stored_rows(run, Invoice, planned)
    for found, values in planned.items():
        before = stored.get(found)
        if before is None or before.total != values["total"]:
            number = before.number if before is not None else values["number"]
            yield Move(found, TOTAL, values["total"], *run.first_rows["invoice", found], number)


def combine_moves(moves: Iterable[Move]) -> dict[int, InvoiceChange]:
    """Combine moves by invoice."""
    found: dict[int, InvoiceChange] = {}
    for move in moves:
        own = found.setdefault(move.invoice, InvoiceChange("", None, ZERO, ZERO, {}))
        if move.what == TOTAL:
            own.number, own.total = move.number, move.amount
        elif move.what == PAID:
            own.paid += move.amount
        else:
            own.credited += move.amount
        own.places[move.what] = min(own.places.get(move.what, (move.file, move.line)), (move.file, move.line))
    return found


def changes_over_total(session: Session, changed: Mapping[int, InvoiceChange]) -> Iterator[tuple[int, str, str, tuple[str, int, str, str]]]:
    """Yield the invoices on which more would be paid or credited than their total.

    Args:
        session: a session on the database before anything of the import is written.
        changed: the effect of the import, by invoice.

    Yields:
        The invoice's id, its number, `PAID` or `CREDITED`, and where to report it: file, line, column and reason.
    """
    ids = [found for found in changed if found > 0]
    stored = {row.id: row for some in chunks(ids) for row in fetch(session, Invoice, "id", some)}
    before = {PAID: _paid(session, ids), CREDITED: _credited(session, ids)}
    for found, own in changed.items():
        held = stored.get(found)
        total = own.total if own.total is not None else held.total  # pyright: ignore[reportOptionalMemberAccess]
        number = held.number if held is not None else own.number
        for what, amount, words in ((PAID, own.paid, "payments"), (CREDITED, own.credited, "credit notes")):
            if (sum_ := before[what].get(found, ZERO) + amount) > total and (place := own.places.get(what) or own.places.get(TOTAL)):
                reason = f"the {words} of invoice {number} add up to {sum_}, its total is {total}"
                yield found, number, what, (*place, _column(place[0], "total"), reason)


def _paid(session: Session, ids: Collection[int]) -> dict[int, Decimal]:
    parts, payments, sums = table_of(Allocation), table_of(Payment), dict[int, Decimal]()
    for some in chunks(ids):
        statement = (
            select(parts.c.invoice_id, func.sum(parts.c.amount))
            .join(payments, payments.c.id == parts.c.payment_id)
            .where(parts.c.invoice_id.in_(some), payments.c.status != PaymentStatus.FAILED)
            .group_by(parts.c.invoice_id)
        )
        sums |= {row[0]: row[1] for row in session.connection().execute(statement)}
    return sums


def _credited(session: Session, ids: Collection[int]) -> dict[int, Decimal]:
    notes, sums = table_of(CreditNote), dict[int, Decimal]()
    for some in chunks(ids):
        statement = select(notes.c.invoice_id, func.sum(notes.c.total)).where(notes.c.invoice_id.in_(some)).group_by(notes.c.invoice_id)
        sums |= {row[0]: row[1] for row in session.connection().execute(statement)}
    return sums
