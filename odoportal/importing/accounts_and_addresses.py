"""Importing accounts and addresses into the database."""

import json
from collections.abc import Mapping
from typing import Any

from odoportal.accounts.models import Account
from odoportal.importing.bulk import Key, Values, by_key, changed_values, differs, fetch, table_of
from odoportal.importing.file_order import address_key
from odoportal.importing.run import RowRef, Run, unique_rows
from odoportal.importing.schemas import AccountRecord, AddressRecord
from odoportal.rooms.addresses import postal
from odoportal.rooms.addresses.models import Address, AddressDefault
from odoportal.rooms.addresses.service import FIELDS, archived_code
from odoportal.rooms.invoices.models import Invoice
from odoportal.rooms.orders.models import Order


def import_accounts(run: Run) -> None:
    """Import accounts, matched by number."""
    name = "accounts.csv"
    lines = list(unique_rows(run, name, run.lines(name, AccountRecord), ("number",), "account"))
    existing = by_key(fetch(run.session, Account, "number", {line.row.number for line in lines}), ("number",))
    wanted: dict[Key, Values] = {(line.row.number,): line.row.model_dump() for line in lines}
    outcome = run.upsert_and_count(name, Account, ("number",), existing, wanted, {"created_at": run.now})
    run.known["account"].update({number: RowRef(found, found) for (number,), found in outcome.ids.items()})


def import_addresses(run: Run) -> None:
    """Import addresses, matched by account and code.

    An address that a document uses is archived, and a new row with the changed values takes over its code. What a customer changed or
    removed in the portal is kept as long as the file says the same as last time (see `rooms.addresses.service`).
    """
    name, key, addresses = "addresses.csv", ("account_id", "code"), table_of(Address)
    lines = run.lines(name, AddressRecord)
    run.look_up("account", {line.row.account for line in lines})
    wanted: dict[Key, Values] = {}
    places: dict[Key, str] = {}
    for line in unique_rows(run, name, lines, ("account", "code")):
        place = address_key(line.row.account, line.row.code)
        account = run.find("account", line.row.account, (name, line.at, "account"), ("address", place))
        if account:
            wanted[account.id, line.row.code] = {"account_id": account.id, **line.row.stated("account")}
            places[account.id, line.row.code] = place
    existing = by_key(fetch(run.session, Address, "account_id", {at[0] for at in wanted}), key)
    wanted |= _merged_values(existing, wanted)
    replaced = _to_replace(run, existing, wanted)
    for at, row in replaced.items():
        del existing[at]
        wanted[at] = {**_copied_values(row), **wanted[at]}
        archived = {"code": archived_code(row.code, row.id), "archived_at": run.now}
        if not run.dry:
            run.session.connection().execute(addresses.update().where(addresses.c.id == row.id).values(archived))
        run.recount(name)
    outcome = run.upsert_and_count(
        name, Address, key, existing, wanted, {**AddressRecord.defaults(), "district": "", "file": "", "archived_at": None}
    )
    if not run.dry:
        for at, row in replaced.items():
            uses = table_of(AddressDefault)
            run.session.connection().execute(uses.update().where(uses.c.address_id == row.id).values(address_id=outcome.ids[at]))
    run.known["address"].update({places[at]: RowRef(found, at[0]) for at, found in outcome.ids.items()})


def _merged_values(existing: Mapping[Key, Any], wanted: Mapping[Key, Values]) -> dict[Key, Values]:
    """Return the complete values of the addresses that exist already.

    An address that was changed in the portal takes the file's values where the file says something new; otherwise it keeps its own.
    """
    found: dict[Key, Values] = {}
    for at in existing.keys() & wanted.keys():
        row = existing[at]
        kept = {name: getattr(row, name) for name in (*wanted[at], *FIELDS, "file", "archived_at")}
        if not row.file:
            found[at] = {**kept, **wanted[at]}
            continue
        # An earlier release stored the province and the postal code as the file wrote them.
        previous: Values = postal.understood(json.loads(row.file))
        found[at] = {**previous, **wanted[at], "file": "", "archived_at": None} if changed_values(previous, wanted[at]) else kept
    return found


def _to_replace(run: Run, existing: Mapping[Key, Any], wanted: Mapping[Key, Values]) -> dict[Key, Any]:
    """Return the addresses that differ and that a document uses."""
    differing = {at: existing[at] for at in existing.keys() & wanted.keys() if differs(existing[at], wanted[at])}
    used: set[int] = set()
    for model, column in ((Order, "ship_to_id"), (Order, "bill_to_id"), (Invoice, "bill_to_id")):
        used.update(getattr(row, column) for row in fetch(run.session, model, column, {row.id for row in differing.values()}))
    return {at: row for at, row in differing.items() if row.id in used}


def _copied_values(row: Any) -> Values:
    return {name: value for name, value in row._mapping.items() if name not in {"id", "archived_at"}}
