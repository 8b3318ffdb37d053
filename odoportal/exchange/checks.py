"""Sums that must add up once all rows of a run are in: lines, taxes, payments and credit notes against their totals."""

from collections.abc import Collection
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from odoportal.exchange.run import NATURAL, WORDS, Run
from odoportal.exchange.store import chunks, fetch, table_of
from odoportal.foundation.money import ZERO
from odoportal.invoices.models import Allocation, CreditNote, CreditNoteTax, Invoice, InvoiceLine, InvoiceTax, Payment, PaymentStatus
from odoportal.orders.models import OrderLine, OrderTax

DOCUMENT_FILES = {"orders.csv", "invoices.csv", "credit_notes.csv"}
AMOUNT_FILES = {"payments.csv", "allocations.csv"}


def check_sums(run: Run) -> None:
    """Take down every document of the run that does not add up, at its own row or the first that speaks of it.

    A document with a bad row is left out: its sums are wrong because of it.
    """
    _check_documents(run, "order", OrderLine, OrderTax)
    _check_documents(run, "invoice", InvoiceLine, InvoiceTax)
    _check_documents(run, "credit_note", None, CreditNoteTax)
    _check_payments(run)
    _check_invoices(run)


def _spoken_of(run: Run, kind: str) -> set[int]:
    return {found for at, found in run.places if at == kind}


def _refuse(run: Run, kinds: tuple[str, ...], row_id: int, column: str, reason: str) -> None:
    for kind in kinds:
        if place := run.places.get((kind, row_id)):
            # Lines and taxes are wrong together: there is no one column to point at.
            own = column if place[0] in DOCUMENT_FILES else "amount" if place[0] in AMOUNT_FILES else ""
            run.refuse(*place, own, reason)
            return


def _check_documents(run: Run, kind: str, lines: Any, taxes: Any) -> None:
    ids = _spoken_of(run, kind)
    model, _ = NATURAL[kind]
    of_lines = _sums(run, lines, f"{kind}_id", ids) if lines else {}
    of_taxes = _sums(run, taxes, f"{kind}_id", ids)
    for row in fetch(run.session, model, "id", ids):
        if run.excused(kind, row.number):
            continue
        name = f"{WORDS.get(kind, kind)} {row.number}"
        if lines and (found := of_lines.get(row.id, ZERO)) != row.subtotal:
            _refuse(run, (kind,), row.id, "subtotal", f"the lines of {name} add up to {found}, its subtotal is {row.subtotal}")
        elif (found := row.subtotal + of_taxes.get(row.id, ZERO)) != row.total:
            _refuse(run, (kind,), row.id, "total", f"subtotal and taxes of {name} add up to {found}, its total is {row.total}")


def _sums(run: Run, model: Any, column: str, ids: Collection[int]) -> dict[int, Decimal]:
    table, sums = table_of(model), dict[int, Decimal]()
    for some in chunks(ids):
        statement = select(table.c[column], func.sum(table.c.amount)).where(table.c[column].in_(some)).group_by(table.c[column])
        sums |= {row[0]: row[1] or ZERO for row in run.session.connection().execute(statement)}
    return sums


def _check_payments(run: Run) -> None:
    ids = _spoken_of(run, "payment")
    given = _sums(run, Allocation, "payment_id", ids)
    for row in fetch(run.session, Payment, "id", ids):
        if (found := given.get(row.id, ZERO)) > row.amount and not run.excused("payment", row.reference):
            _refuse(run, ("payment",), row.id, "amount", f"{found} of payment {row.reference} goes to invoices, its amount is {row.amount}")


def _check_invoices(run: Run) -> None:
    ids = _spoken_of(run, "invoice") | _spoken_of(run, "allocated") | _spoken_of(run, "credited")
    paid, credited = _paid(run, ids), _credited(run, ids)
    for row in fetch(run.session, Invoice, "id", ids):
        if run.excused("invoice", row.number):
            continue
        for found, kinds, what in ((paid, ("allocated", "invoice"), "payments"), (credited, ("credited", "invoice"), "credit notes")):
            if (amount := found.get(row.id, ZERO)) > row.total:
                _refuse(run, kinds, row.id, "total", f"{what} of {amount} go to invoice {row.number}, its total is {row.total}")


def _paid(run: Run, ids: Collection[int]) -> dict[int, Decimal]:
    parts, payments, sums = table_of(Allocation), table_of(Payment), dict[int, Decimal]()
    for some in chunks(ids):
        statement = (
            select(parts.c.invoice_id, func.sum(parts.c.amount))
            .join(payments, payments.c.id == parts.c.payment_id)
            .where(parts.c.invoice_id.in_(some), payments.c.status != PaymentStatus.FAILED)
            .group_by(parts.c.invoice_id)
        )
        sums |= {row[0]: row[1] for row in run.session.connection().execute(statement)}
    return sums


def _credited(run: Run, ids: Collection[int]) -> dict[int, Decimal]:
    notes, sums = table_of(CreditNote), dict[int, Decimal]()
    for some in chunks(ids):
        statement = select(notes.c.invoice_id, func.sum(notes.c.total)).where(notes.c.invoice_id.in_(some)).group_by(notes.c.invoice_id)
        sums |= {row[0]: row[1] for row in run.session.connection().execute(statement)}
    return sums
