"""Rules of the address book. Changing the book never changes what an existing document prints.

A document refers to an address row. So an address that a document uses is never rewritten: it is archived, and the changed address replaces
it under the same code. Codes are assigned by Odotrack; the code of an address added in the portal begins with `~`, which no imported code
can.

**Interplay with imports.** An import changes an address only if its file differs from the previous file (`Address.file`). So a customer's
change or removal is kept until Odotrack sends something new; then the whole address from the file replaces it. Imported documents refer to
an address by its code, as found in the book at the time of the import.
"""

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import exists, inspect, or_
from sqlalchemy import select as sql_select
from sqlmodel import Session, SQLModel, col, select

from odoportal.accounts.activity_log import ActivityKind, Actor, record
from odoportal.accounts.models import Membership
from odoportal.accounts.rights import Right, may, require_right
from odoportal.core.folding import fold, name_order
from odoportal.core.identity import Identity, NotAllowed
from odoportal.lists.query import page_to_show
from odoportal.lists.source import FoundRows, ListRequest
from odoportal.rooms.addresses import postal
from odoportal.rooms.addresses.activity import AddressActivity
from odoportal.rooms.addresses.models import Address, AddressDefault, AddressPurpose

FIELDS = ("name", "line1", "line2", "district", "city", "province", "postal_code", "country")
MOST = 2_000
REMOVED = "removed"
OWN = "~"
CODE_ROOM = 28
RIGHT = {AddressPurpose.DELIVERY: Right.DELIVERY, AddressPurpose.BILLING: Right.BILLING}


class NoSuchAddress(LookupError):
    """The account's book has no such address."""


class TooManyAddresses(ValueError):
    """The book already has `MOST` addresses."""


class AddressInUse(ValueError):
    """The address is the default for a purpose; another default must be chosen before it can be removed."""


def by_id(session: Session, account_id: int, ids: Iterable[int | None]) -> Mapping[int, Address]:
    """Return the account's addresses with these ids, including archived ones."""
    wanted = {i for i in ids if i is not None}
    if not wanted:
        return {}
    found = session.exec(select(Address).where(Address.account_id == account_id, col(Address.id).in_(wanted))).all()
    return {address.id: address for address in found if address.id is not None}


def lines(address: Address | None, language: str) -> list[str]:
    """Return the lines of an address as printed on an envelope (`postal.lines`); none without an address."""
    return postal.lines(values(address), language) if address else []


def values(address: Address) -> dict[str, str]:
    """Return the stored values of an address by field."""
    return {name: getattr(address, name) for name in FIELDS}


def book(session: Session, account_id: int, q: str = "", removed: bool = False) -> Sequence[Address]:
    """Return the addresses of an account, sorted by name and street.

    Args:
        session: a reading session.
        account_id: the account.
        q: words that must all be found; case and accents are ignored.
        removed: return the removed addresses instead. Replaced addresses are in neither list.
    """
    state = col(Address.archived_at).is_not(None) if removed else col(Address.archived_at).is_(None)
    replaced = col(Address.code).like(f"_%{OWN}%")
    found = session.exec(select(Address).where(Address.account_id == account_id, state, ~replaced)).all()
    words = fold(q).split()
    matching = [a for a in found if all(word in _search_text(a) for word in words)]
    return sorted(matching, key=lambda a: (name_order(a.name), name_order(a.line1), a.id or 0))


class BookSource:
    """The rows of the address book's list.

    A book has at most `MOST` addresses, so they are searched and sorted in Python: `ListRequest.sort` returns the sort key of an address.
    """

    states = (REMOVED,)
    texts = ()

    def find(self, session: Session, request: ListRequest) -> FoundRows:
        """Return the page of the book that a list query asks for."""
        query, account_id = request.query, request.account_id
        books = {state: book(session, account_id, query.q, removed=bool(state)) for state in ("", REMOVED)}
        rows = sorted(books[query.state], key=request.sort, reverse=query.descending)
        window = page_to_show(query, len(rows))
        whole = {state: book(session, account_id, removed=bool(state)) for state in books} if query.q else books
        counts = {state: len(addresses) for state, addresses in whole.items()}
        return FoundRows(window, rows[window.offset : window.offset + window.size], counts, counts[query.state])


def _search_text(address: Address) -> str:
    code = address.postal_code
    provinces = (dict(postal.provinces(address.country, language)).get(address.province, "") for language in ("fr", "en"))
    return fold(" ".join([*values(address).values(), code.replace(" ", ""), *provinces, "" if is_own(address.code) else address.code]))


def is_own(code: str) -> bool:
    """Return whether a code belongs to an address that was added in the portal."""
    return code.startswith(OWN)


def get(session: Session, account_id: int, code: str) -> Address | None:
    """Return the account's address with this code, even if it was removed."""
    return session.exec(select(Address).where(Address.account_id == account_id, Address.code == code)).first()


def stored(session: Session, who: Identity, code: str) -> dict[str, str]:
    """Return the stored values, by field, of an address in the book of the signed-in person's account.

    Raises:
        NoSuchAddress: it is not in the book, or was removed.
    """
    return values(_current_address(session, who.account.account_id, code))


def defaults(session: Session, account_id: int) -> Mapping[AddressPurpose, int]:
    """Return the ids of an account's default addresses by purpose."""
    found = session.exec(select(AddressDefault).where(AddressDefault.account_id == account_id)).all()
    return {AddressPurpose(d.purpose): d.address_id for d in found}


def add(session: Session, who: Identity, fields: Mapping[str, str], now: datetime, client: str = "") -> Address:
    """Add an address to the book; the first one becomes the default for each purpose that the person may choose a default for.

    Raises:
        NotAllowed: the person lacks the right.
        UnusableAddress: a field is missing or invalid.
        TooManyAddresses: the book is full.
    """
    membership = require_right(session, who, Right.ADDRESSES)
    account_id = who.account.account_id
    clean: dict[str, Any] = postal.validate(fields)
    existing = book(session, account_id)
    if len(existing) >= MOST:
        raise TooManyAddresses
    address = Address(account_id=account_id, code=f"{OWN}{secrets.token_hex(5)}", **clean)
    session.add(address)
    session.flush()
    if not existing:
        for purpose in AddressPurpose:
            if may(membership.role, RIGHT[purpose]):
                _set_default(session, account_id, purpose, address)
    _record(session, AddressActivity.ADDED, address, who, now, client, after=values(address))
    return address


def change(session: Session, who: Identity, code: str, fields: Mapping[str, str], now: datetime, client: str = "") -> Address:
    """Change an address for future documents; existing documents keep the address they have.

    Returns:
        The address now in the book: the same row, or the row that replaced it.

    Raises:
        NotAllowed: the person lacks the right, or the address is the default for a purpose that the person has no right to.
        NoSuchAddress: it is not in the book, or was removed.
        UnusableAddress: a field is missing or invalid.
    """
    membership = require_right(session, who, Right.ADDRESSES)
    address = _current_address(session, who.account.account_id, code)
    _require_purposes(session, membership, address)
    before = values(address)
    clean: dict[str, Any] = postal.validate(fields, before)
    if clean == before:
        return address
    _record(session, AddressActivity.CHANGED, address, who, now, client, before=before, after=clean)
    imported = address.file or ("" if is_own(code) else json.dumps(before))
    if not is_used(session, address):
        for name, value in clean.items():
            setattr(address, name, value)
        address.file = imported
        session.add(address)
        session.flush()
        return address
    address.code, address.archived_at = archived_code(code, address.id or 0), now
    session.add(address)
    session.flush()
    replacement = Address(account_id=address.account_id, code=code, file=imported, **clean)
    session.add(replacement)
    session.flush()
    for purpose, address_id in defaults(session, address.account_id).items():
        if address_id == address.id:
            _set_default(session, address.account_id, purpose, replacement)
    return replacement


def remove(session: Session, who: Identity, code: str, now: datetime, client: str = "") -> Address:
    """Remove an address from the book. It is archived: documents keep it, and `restore` puts it back.

    Raises:
        NotAllowed: the person lacks the right, or the address is the default for a purpose that the person has no right to.
        NoSuchAddress: it is not in the book.
        AddressInUse: it is a default, and the book has other addresses that could be chosen instead.
    """
    membership = require_right(session, who, Right.ADDRESSES)
    account_id = who.account.account_id
    address = _current_address(session, account_id, code)
    default_for = _require_purposes(session, membership, address)
    if default_for and len(book(session, account_id)) > 1:
        raise AddressInUse
    for purpose in default_for:
        session.delete(session.get_one(AddressDefault, (account_id, purpose.value)))
    address.archived_at = now
    if not address.file and not is_own(code):
        # Record the imported values: otherwise the next import would treat the address as unchanged by the customer and overwrite it.
        address.file = json.dumps(values(address))
    session.add(address)
    session.flush()
    _record(session, AddressActivity.REMOVED, address, who, now, client, before=values(address))
    return address


def restore(session: Session, who: Identity, code: str, now: datetime, client: str = "") -> Address:
    """Put a removed address back into the book.

    Raises:
        NotAllowed: the person lacks the right.
        NoSuchAddress: there is no such address.
    """
    require_right(session, who, Right.ADDRESSES)
    address = get(session, who.account.account_id, code)
    if address is None:
        raise NoSuchAddress(code)
    if address.archived_at is not None:
        address.archived_at = None
        session.add(address)
        session.flush()
        _record(session, AddressActivity.RESTORED, address, who, now, client, after=values(address))
    return address


def make_default(session: Session, who: Identity, code: str, purpose: AddressPurpose, now: datetime, client: str = "") -> Address:
    """Make an address the default for a purpose.

    Raises:
        NotAllowed: the person lacks the right for this purpose.
        NoSuchAddress: it is not in the book, or was removed.
    """
    require_right(session, who, RIGHT[purpose])
    address = _current_address(session, who.account.account_id, code)
    before = session.get(Address, defaults(session, who.account.account_id).get(purpose, 0))
    _set_default(session, who.account.account_id, purpose, address)
    old, new = {purpose.value: _summary(before) if before else ""}, {purpose.value: _summary(address)}
    _record(session, AddressActivity.DEFAULT, address, who, now, client, before=old, after=new)
    return address


def purposes(session: Session, address: Address) -> list[AddressPurpose]:
    """Return the purposes that an address is the default for."""
    return [purpose for purpose, address_id in defaults(session, address.account_id).items() if address_id == address.id]


def _require_purposes(session: Session, member: Membership, address: Address) -> list[AddressPurpose]:
    """Return the purposes that an address is the default for, if the member has the right to each.

    Changing a default address redirects deliveries or bills just as choosing another default does, so both need the same right.

    Raises:
        NotAllowed: the member lacks the right for one of the purposes.
    """
    found = purposes(session, address)
    for purpose in found:
        if not may(member.role, RIGHT[purpose]):
            raise NotAllowed(RIGHT[purpose])
    return found


def _summary(address: Address) -> str:
    return ", ".join(filter(None, (address.name, address.line1, address.city)))


def _record(session: Session, kind: ActivityKind, address: Address, who: Identity, now: datetime, client: str, **more: Any) -> None:
    about = _summary(address)
    record(session, kind, Actor.of(who, client), now, account_id=address.account_id, about=about, **more)


def is_used(session: Session, address: Address) -> bool:
    """Return whether a document refers to the row. Checks every foreign key of the schema to an address."""
    uses = (exists().where(key.parent == address.id, key.parent.table.c.account_id == address.account_id) for key in _references())
    return bool(session.connection().scalar(sql_select(or_(*uses))))


def _references() -> Sequence[Any]:
    mine, defaults_table = inspect(Address).local_table, inspect(AddressDefault).local_table
    tables = (table for table in SQLModel.metadata.sorted_tables if table is not defaults_table)
    return [key for table in tables for key in table.foreign_keys if key.column is mine.c.id]


def archived_code(code: str, address_id: int) -> str:
    """Return the code that an address gets when another replaces it."""
    return f"{code[:CODE_ROOM]}{OWN}{address_id}"


def is_same_code(stored: str, code: str) -> bool:
    """Return whether a stored code is this one, or belongs to an archived address that had it."""
    plain, archived, _ = stored.partition(OWN)
    return plain == (code[:CODE_ROOM] if archived else code)


def _current_address(session: Session, account_id: int, code: str) -> Address:
    address = session.exec(
        select(Address)
        .where(Address.account_id == account_id, Address.code == code, col(Address.archived_at).is_(None))
        .execution_options(populate_existing=True)
    ).first()
    if address is None:
        raise NoSuchAddress(code)
    return address


def _set_default(session: Session, account_id: int, purpose: AddressPurpose, address: Address) -> None:
    session.merge(AddressDefault(account_id=account_id, purpose=purpose.value, address_id=address.id or 0))
    session.flush()
