"""Importing payments and their allocations to invoices."""

from odoportal.core import clock
from odoportal.importing.bulk import Key, Values, by_key, fetch
from odoportal.importing.run import RowRef, Run, unique_rows
from odoportal.importing.schemas import AllocationRecord, PaymentRecord
from odoportal.rooms.invoices.models import Allocation, Payment, PaymentStatus


def import_payments(run: Run) -> None:
    """Import payments, matched by reference. A payment of another account is refused, never moved."""
    name, key = "payments.csv", ("reference",)
    lines = list(unique_rows(run, name, run.lines(name, PaymentRecord), key, "payment"))
    run.look_up("account", {line.row.account for line in lines})
    existing = by_key(fetch(run.session, Payment, "reference", {line.row.reference for line in lines}), key)
    wanted: dict[Key, Values] = {}
    places: dict[str, int] = {}
    for line in lines:
        row, own = line.row, ("payment", line.row.reference)
        account = run.find("account", row.account, (name, line.at, "account"), own)
        held = existing.get((row.reference,))
        if account is None:
            continue
        if held is not None and held.account_id != account.id:
            run.refuse(name, line.at, "account", f"payment {row.reference} belongs to another account", own)
            continue
        received_on = clock.to_local(row.received_at).date()
        if row.status == PaymentStatus.SETTLED and received_on > run.today:
            run.refuse(name, line.at, "received_at", f"{received_on} is after today; a payment that is not received yet is pending", own)
            continue
        places[row.reference] = line.at
        wanted[row.reference,] = {**row.stated("account"), "account_id": account.id}
    outcome = run.upsert_and_count(
        name, Payment, key, existing, wanted, PaymentRecord.defaults(), lines={(held,): at for held, at in places.items()}
    )
    for (reference,), found in outcome.ids.items():
        run.known["payment"][reference] = RowRef(found, wanted[reference,]["account_id"])
        run.planned["payment"][found] = wanted[reference,]
        run.note_first_row("payment", found, name, places[reference])
    if not run.dry:
        run.touch("payment", (RowRef(outcome.ids[at], wanted[at]["account_id"]) for at in outcome.new | outcome.changed))
        for row in fetch(run.session, Allocation, "payment_id", [outcome.ids[at] for at in outcome.changed]):
            run.touch("invoice", [RowRef(row.invoice_id, row.account_id)])


def import_allocations(run: Run) -> None:
    """Import allocations of payments to invoices. The rows of a payment replace all of its stored allocations."""
    name = "allocations.csv"
    lines = list(unique_rows(run, name, run.lines(name, AllocationRecord), ("payment", "invoice")))
    run.look_up("payment", {line.row.payment for line in lines})
    run.look_up("invoice", {line.row.invoice for line in lines})
    wanted: dict[Key, Values] = {}
    for line in lines:
        payment = run.find("payment", line.row.payment, (name, line.at, "payment"))
        invoice = run.find("invoice", line.row.invoice, (name, line.at, "invoice"))
        if payment is None or invoice is None:
            continue
        if payment.account_id != invoice.account_id:
            run.refuse(name, line.at, "invoice", f"invoice {line.row.invoice} belongs to another account than the payment")
            continue
        run.note_first_row("payment", payment.id, name, line.at)
        run.allocations[payment.id][invoice.id] = (line.row.amount, line.at)
        wanted[payment.id, invoice.id] = {
            "account_id": payment.account_id,
            "payment_id": payment.id,
            "invoice_id": invoice.id,
            "amount": line.row.amount,
        }
    places: dict[Key, int] = {at: run.allocations[at[0]][at[1]][1] for at in wanted}
    accounts = {values["payment_id"]: values["account_id"] for values in wanted.values()}
    outcome = run.replace_parts(name, Allocation, "payment_id", ("payment_id", "invoice_id"), wanted, places)
    run.touch("invoice", (RowRef(invoice, accounts[payment]) for payment, invoice in outcome.touched))
    run.touch("payment", (RowRef(payment, accounts[payment]) for payment, _ in outcome.touched))
