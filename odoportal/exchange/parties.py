"""Accounts, people with their memberships, and addresses, from an import's rows into the database."""

import json
from collections.abc import Mapping
from typing import Any

from odoportal.accounts import ending
from odoportal.accounts.audit import STAFF
from odoportal.accounts.models import Account, Membership, Person
from odoportal.accounts.service import email_key
from odoportal.addresses.models import Address, AddressDefault
from odoportal.addresses.service import FIELDS, archived_code
from odoportal.exchange.files import address_key
from odoportal.exchange.formats import AccountRow, AddressRow, PersonRow
from odoportal.exchange.reader import Line
from odoportal.exchange.run import Ref, Run, once
from odoportal.exchange.store import Key, Outcome, Values, by_key, differs, fetch, table_of
from odoportal.foundation.i18n import region_of
from odoportal.invoices.models import Invoice
from odoportal.orders.models import Order
from odoportal.people.models import FileRole


def take_accounts(run: Run) -> None:
    """Accounts, by number."""
    name = "accounts.csv"
    lines = list(once(run, name, run.lines(name, AccountRow), ("number",), "account"))
    existing = by_key(fetch(run.session, Account, "number", {line.row.number for line in lines}), ("number",))
    wanted: dict[Key, Values] = {(line.row.number,): line.row.model_dump() for line in lines}
    outcome = run.keep(name, Account, ("number",), existing, wanted, {"created_at": run.now})
    run.known["account"].update({number: Ref(found, found) for (number,), found in outcome.ids.items()})


def take_people(run: Run) -> None:
    """People, by email whatever its case, and their role in each account, where it is news. Password and region stay as they are."""
    name = "people.csv"
    lines = run.lines(name, PersonRow)
    run.learn("account", {line.row.account for line in lines})
    people: dict[str, Line[PersonRow]] = {}
    roles: dict[tuple[int, str], Line[PersonRow]] = {}
    for line in lines:
        account = run.find("account", line.row.account, (name, line.at, "account"))
        if account is None:
            continue
        key = email_key(line.row.email)
        first = people.setdefault(key, line)
        if column := _difference(first.row, line.row):
            run.refuse(name, line.at, column, f"differs from line {first.at}, which is about the same person")
        elif (again := roles.setdefault((account.id, key), line)) is not line:
            run.refuse(name, line.at, "email", f"repeats line {again.at}")
    outcome = _keep_people(run, people)
    ids = {key: found for (key,), found in outcome.ids.items()}
    members = {(account, ids[key]): line.row.role for (account, key), line in roles.items()}
    _keep_members(run, members, {ids[key] for (key,) in outcome.new}, {ids[key] for (key,) in outcome.changed})


def _difference(one: PersonRow, other: PersonRow) -> str:
    return next((column for column in ("name", "language", "phone") if getattr(one, column) != getattr(other, column)), "")


def _keep_people(run: Run, people: dict[str, Line[PersonRow]]) -> Outcome:
    existing = by_key(fetch(run.session, Person, "email_key", people.keys()), ("email_key",))
    wanted: dict[Key, Values] = {}
    for key, line in people.items():
        held, row = existing.get((key,)), line.row
        if held and held.email.lower() != row.email.lower():
            # `straße@` and `strasse@` have one key and two mailboxes: never give the one's access to the other.
            run.refuse("people.csv", line.at, "email", f"{row.email} is too close to {held.email}, which belongs to somebody else")
        language = row.language or (held.language if held else "fr")
        phone = row.phone if "phone" in row.model_fields_set or held is None else held.phone
        region = held.region if held else region_of(language)
        wanted[key,] = {"email_key": key, "email": row.email, "name": row.name, "language": language, "phone": phone, "region": region}
    return run.write(Person, ("email_key",), existing, wanted, {"created_at": run.now, "password": ""})


def _keep_members(run: Run, members: dict[tuple[int, int], str], new_people: set[int], changed_people: set[int]) -> None:
    key = ("account_id", "person_id")
    wanted: dict[Key, Values] = {at: {"account_id": at[0], "person_id": at[1], "role": role} for at, role in members.items()}
    ids = {at[1] for at in members}
    said = run.write(FileRole, key, by_key(fetch(run.session, FileRole, "person_id", ids), key), wanted, {}, ids=False)
    # What the file says as before is no news: what an owner changed or took away in the portal stays so.
    news = {at: values for at, values in wanted.items() if at in said.touched}
    existing = by_key(fetch(run.session, Membership, "person_id", ids), key)
    outcome = run.write(Membership, key, existing, news, {}, ids=False)
    for at in sorted(outcome.changed) if not run.dry else ():
        if ending.loses(existing[at].role, news[at]["role"]):
            ending.end(run.session, ending.Lost(at[0], at[1], STAFF, role=news[at]["role"]), run.now)
    for at in members:
        run.count("people.csv", at in outcome.new, at in outcome.changed or at[1] in changed_people)
        if at[1] in new_people:
            run.new_people.setdefault(at[1], at[0])


def take_addresses(run: Run) -> None:
    """Addresses, by account and code. One that a document uses is archived, and the changed one takes its place.

    What a customer changed or removed in the portal stays so while the file says the same as last time (`addresses.service`).
    """
    name, key, addresses = "addresses.csv", ("account_id", "code"), table_of(Address)
    lines = run.lines(name, AddressRow)
    run.learn("account", {line.row.account for line in lines})
    wanted: dict[Key, Values] = {}
    places: dict[Key, str] = {}
    for line in once(run, name, lines, ("account", "code")):
        place = address_key(line.row.account, line.row.code)
        account = run.find("account", line.row.account, (name, line.at, "account"), ("address", place))
        if account:
            wanted[account.id, line.row.code] = {"account_id": account.id, **line.row.stated("account")}
            places[account.id, line.row.code] = place
    existing = by_key(fetch(run.session, Address, "account_id", {at[0] for at in wanted}), key)
    wanted |= _news(existing, wanted)
    replaced = _to_replace(run, existing, wanted)
    for at, row in replaced.items():
        del existing[at]
        wanted[at] = {**_copied(row), **wanted[at]}
        archived = {"code": archived_code(row.code, row.id), "archived_at": run.now}
        if not run.dry:
            run.session.connection().execute(addresses.update().where(addresses.c.id == row.id).values(archived))
        run.recount(name)
    outcome = run.keep(name, Address, key, existing, wanted, {**AddressRow.defaults(), "district": "", "file": "", "archived_at": None})
    if not run.dry:
        for at, row in replaced.items():
            uses = table_of(AddressDefault)
            run.session.connection().execute(uses.update().where(uses.c.address_id == row.id).values(address_id=outcome.ids[at]))
    run.known["address"].update({places[at]: Ref(found, at[0]) for at, found in outcome.ids.items()})


def _news(existing: Mapping[Key, Any], wanted: Mapping[Key, Values]) -> dict[Key, Values]:
    """The known addresses, whole. One that was changed in the portal is the file's where the file says something new, else as it is."""
    found: dict[Key, Values] = {}
    for at in existing.keys() & wanted.keys():
        row = existing[at]
        kept = {name: getattr(row, name) for name in (*wanted[at], *FIELDS, "file", "archived_at")}
        if not row.file:
            found[at] = {**kept, **wanted[at]}
            continue
        said: Values = json.loads(row.file)
        new = {**said, **wanted[at]}
        found[at] = {**new, "file": "", "archived_at": None} if any(new[name] != value for name, value in said.items()) else kept
    return found


def _to_replace(run: Run, existing: Mapping[Key, Any], wanted: Mapping[Key, Values]) -> dict[Key, Any]:
    """The addresses that differ and that a document uses."""
    differing = {at: existing[at] for at in existing.keys() & wanted.keys() if differs(existing[at], wanted[at])}
    used: set[int] = set()
    for model, column in ((Order, "ship_to_id"), (Order, "bill_to_id"), (Invoice, "bill_to_id")):
        used.update(getattr(row, column) for row in fetch(run.session, model, column, {row.id for row in differing.values()}))
    return {at: row for at, row in differing.items() if row.id in used}


def _copied(row: Any) -> Values:
    return {name: value for name, value in row._mapping.items() if name not in {"id", "archived_at"}}
