"""The function that imports the rows of each file."""

from collections.abc import Callable

from odoportal.importing.accounts_and_addresses import import_accounts, import_addresses
from odoportal.importing.devices import import_devices
from odoportal.importing.documents import (
    import_credit_notes,
    import_fulfilment,
    import_invoice_lines,
    import_invoices,
    import_order_lines,
    import_orders,
    import_taxes,
)
from odoportal.importing.payments import import_allocations, import_payments
from odoportal.importing.people import import_people
from odoportal.importing.run import Run

HANDLERS: dict[str, Callable[[Run], None]] = {
    "accounts.csv": import_accounts,
    "people.csv": import_people,
    "addresses.csv": import_addresses,
    "orders.csv": import_orders,
    "order_lines.csv": import_order_lines,
    "fulfilment.csv": import_fulfilment,
    "invoices.csv": import_invoices,
    "invoice_lines.csv": import_invoice_lines,
    "credit_notes.csv": import_credit_notes,
    "taxes.csv": import_taxes,
    "payments.csv": import_payments,
    "allocations.csv": import_allocations,
    "devices.csv": import_devices,
}
