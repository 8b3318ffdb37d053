"""The function that imports the rows of each file."""

from collections.abc import Callable

from odoportal.importing.accounts_and_people import take_accounts, take_addresses
from odoportal.importing.documents import (
    take_credit_notes,
    take_fulfilment,
    take_invoice_lines,
    take_invoices,
    take_order_lines,
    take_orders,
    take_taxes,
)
from odoportal.importing.payments import take_allocations, take_devices, take_payments
from odoportal.importing.people import take_people
from odoportal.importing.run import Run

TAKERS: dict[str, Callable[[Run], None]] = {
    "accounts.csv": take_accounts,
    "people.csv": take_people,
    "addresses.csv": take_addresses,
    "orders.csv": take_orders,
    "order_lines.csv": take_order_lines,
    "fulfilment.csv": take_fulfilment,
    "invoices.csv": take_invoices,
    "invoice_lines.csv": take_invoice_lines,
    "credit_notes.csv": take_credit_notes,
    "taxes.csv": take_taxes,
    "payments.csv": take_payments,
    "allocations.csv": take_allocations,
    "devices.csv": take_devices,
}
