"""What the home page and the menu count."""

from collections.abc import Mapping
from datetime import date

from sqlmodel import Session

from odoportal.devices import service as devices
from odoportal.foundation import finding
from odoportal.invoices.models import Invoice
from odoportal.orders import service as orders
from odoportal.orders.models import Order


def counts(session: Session, account_id: int, today: date) -> Mapping[str, int]:
    """How many records stand behind each place of the menu, by its path. Four statements."""
    return {
        "/orders": finding.count(session, Order, finding.of_account(Order, account_id)),
        "/invoices": finding.count(session, Invoice, finding.of_account(Invoice, account_id)),
        "/renewals": len(orders.ending(session, account_id, today)),
        "/devices": devices.count(session, account_id),
    }
