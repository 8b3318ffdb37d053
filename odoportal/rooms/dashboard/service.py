"""Counts of records for the home page and the menu."""

from collections.abc import Mapping
from datetime import date

from sqlmodel import Session

from odoportal.lists import search
from odoportal.rooms.devices import service as devices
from odoportal.rooms.invoices.models import Invoice
from odoportal.rooms.orders import service as orders
from odoportal.rooms.orders.models import Order


def counts(session: Session, account_id: int, today: date) -> Mapping[str, int]:
    """Return the number of records behind each entry of the menu, by its path. Runs four statements."""
    return {
        "/orders": search.count(session, Order, search.of_account(Order, account_id)),
        "/invoices": search.count(session, Invoice, search.of_account(Invoice, account_id)),
        "/renewals": len(orders.ending(session, account_id, today)),
        "/devices": devices.count(session, account_id),
    }
