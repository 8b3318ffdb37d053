"""Recomputing what documents derive from their parts after an import: search texts, first lines, paid amounts,
and the columns by which devices are listed.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from sqlalchemy import Table, bindparam, select
from sqlmodel import Session

from odoportal.importing.bulk import chunks, differs, fetch, table_of
from odoportal.importing.run import Run
from odoportal.rooms.devices.derived import OrderFacts, derived
from odoportal.rooms.devices.models import Device, DeviceAssignment
from odoportal.rooms.invoices.balances import refresh_unapplied, settle
from odoportal.rooms.orders.models import Fulfilment, Order, OrderLine
from odoportal.rooms.orders.search_text import first_line, search_text


def refresh(run: Run) -> None:
    """Recompute the orders, devices, payments and invoices that a run touched."""
    orders = {ref.id for ref in run.touched["order"]}
    refresh_orders(run.session, orders)
    assigned = {row.device_id for row in fetch(run.session, DeviceAssignment, "order_id", orders)}
    refresh_devices(run.session, assigned | {ref.id for ref in run.touched["device"]})
    refresh_unapplied(run.session, {ref.id for ref in run.touched["payment"]})
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
        lines, serials = _grouped(session, OrderLine, "order_id", some, "position"), _serials(session, some)
        changes = []
        for row in fetch(session, Order, "id", some):
            texts = {
                "search": search_text(row, lines[row.id], serials[row.id]),
                "first_line_en": first_line(lines[row.id], "en"),
                "first_line_fr": first_line(lines[row.id], "fr"),
            }
            if any(getattr(row, name) != text for name, text in texts.items()):
                changes.append({"row_id": row.id, **{f"new_{name}": text for name, text in texts.items()}})
        _update(session, orders, changes)


def refresh_devices(session: Session, ids: Collection[int]) -> None:
    """Recompute the derived columns of some devices, in a few statements for any number. Arguments as for `refresh_orders`."""
    for some in chunks(ids):
        assignments = _grouped(session, DeviceAssignment, "device_id", some, "since")
        orders = _order_facts(session, {row.order_id for rows in assignments.values() for row in rows if row.order_id})
        changes = []
        for row in fetch(session, Device, "id", some):
            values = derived(row, assignments[row.id], orders)
            if differs(row, values):
                changes.append({"row_id": row.id, **{f"new_{name}": value for name, value in values.items()}})
        _update(session, table_of(Device), changes)


def _update(session: Session, table: Table, changes: list[dict[str, Any]]) -> None:
    if changes:
        values = {name.removeprefix("new_"): bindparam(name) for name in changes[0] if name != "row_id"}
        session.connection().execute(table.update().where(table.c.id == bindparam("row_id")).values(values), changes)


def _serials(session: Session, orders: list[int]) -> dict[int, list[str]]:
    devices, assigned, found = table_of(Device), table_of(DeviceAssignment), defaultdict[int, list[str]](list)
    rows = select(assigned.c.order_id, devices.c.serial).join(devices, devices.c.id == assigned.c.device_id)
    for order_id, serial in session.connection().execute(rows.where(assigned.c.order_id.in_(orders)).order_by(devices.c.serial)):
        found[order_id].append(serial)
    return found


def _order_facts(session: Session, ids: Collection[int]) -> dict[int, OrderFacts]:
    facts: dict[int, OrderFacts] = {}
    for some in chunks(ids):
        steps = _grouped(session, Fulfilment, "order_id", some, "id")
        for row in fetch(session, Order, "id", some):
            done = {step.step: step.done_at is not None for step in steps[row.id]}
            facts[row.id] = OrderFacts(row.number, row.number_order, row.end_on, done)
    return facts


def _grouped(session: Session, model: Any, column: str, values: list[int], order_by: str) -> dict[int, list[Any]]:
    table, groups = table_of(model), defaultdict[int, list[Any]](list)
    for row in session.connection().execute(select(*table.c).where(table.c[column].in_(values)).order_by(table.c[order_by])):
        groups[getattr(row, column)].append(row)
    return groups
