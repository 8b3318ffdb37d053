"""Recomputing what documents derive from their parts after an import: search texts, first lines, paid amounts."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from sqlalchemy import bindparam, select
from sqlmodel import Session

from odoportal.importing.bulk import chunks, fetch, table_of
from odoportal.importing.run import Run
from odoportal.rooms.devices.models import Device
from odoportal.rooms.invoices.balances import settle
from odoportal.rooms.orders.models import Order, OrderLine
from odoportal.rooms.orders.search_text import first_line, search_text


def refresh(run: Run) -> None:
    """Recompute the orders and invoices that a run touched."""
    refresh_orders(run.session, {ref.id for ref in run.touched["order"]})
    invoices: dict[int, set[int]] = defaultdict(set)
    for ref in run.touched["invoice"]:
        invoices[ref.account_id].add(ref.id)
    for account_id, ids in invoices.items():
        settle(run.session, account_id, ids)


def refresh_orders(session: Session, ids: Collection[int]) -> None:
    """Recompute the search text and the first line of some orders, in a few statements for any number.

    Args:
        session: a writing session; the caller commits.
        ids: the ids of the orders.
    """
    orders = table_of(Order)
    for some in chunks(ids):
        lines, devices = _grouped(session, OrderLine, some, "position"), _grouped(session, Device, some, "serial")
        changes = []
        for row in fetch(session, Order, "id", some):
            texts = {
                "search": search_text(row, lines[row.id], [device.serial for device in devices[row.id]]),
                "first_line_en": first_line(lines[row.id], "en"),
                "first_line_fr": first_line(lines[row.id], "fr"),
            }
            if any(getattr(row, name) != text for name, text in texts.items()):
                changes.append({"row_id": row.id, **{f"new_{name}": text for name, text in texts.items()}})
        if changes:
            names = ("search", "first_line_en", "first_line_fr")
            update = orders.update().where(orders.c.id == bindparam("row_id")).values({name: bindparam(f"new_{name}") for name in names})
            session.connection().execute(update, changes)


def _grouped(session: Session, model: Any, orders: list[int], order_by: str) -> dict[int, list[Any]]:
    table, groups = table_of(model), defaultdict[int, list[Any]](list)
    for row in session.connection().execute(select(*table.c).where(table.c.order_id.in_(orders)).order_by(table.c[order_by])):
        groups[row.order_id].append(row)
    return groups
