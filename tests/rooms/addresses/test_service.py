"""The address book: rights, the addresses that documents keep, and the interplay with imports."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from odoportal.accounts.models import Account
from odoportal.core import database
from odoportal.core.identity import Identity, NotAllowed
from odoportal.rooms.addresses import service
from odoportal.rooms.addresses.models import Address, AddressPurpose
from odoportal.rooms.addresses.postal import UnusableAddress
from odoportal.rooms.orders.models import Order
from tests.importing.conftest import take  # noqa: F401 - a fixture
from tests.making import NOON, invoice, order
from tests.rooms.people.conftest import people, store  # noqa: F401 - fixtures

YARD = {"name": "Alpha", "line1": "1, rue Un", "city": "Laval", "province": "QC", "postal_code": "H7L 3J5", "country": "CA"}
People = dict[str, Identity]


def add(who: Identity, **more: str) -> str:
    with database.write_session() as session:
        return service.add(session, who, {**YARD, **more}, NOON).code


def book(who: Identity, **more: Any) -> list[str]:
    with database.read_session() as session:
        return [a.line1 for a in service.book(session, who.account.account_id, **more)]


def defaults(who: Identity) -> dict[str, str]:
    with database.read_session() as session:
        found = service.defaults(session, who.account.account_id)
        return {purpose.value: session.get_one(Address, at).line1 for purpose, at in found.items()}


CHANGES: dict[str, tuple[Callable[[Session, Identity, str], Any], set[str]]] = {
    "add": (lambda s, w, _: service.add(s, w, YARD, NOON), {"owner", "billing", "operations"}),
    "change": (lambda s, w, c: service.change(s, w, c, {**YARD, "line1": "9"}, NOON), {"owner", "billing", "operations"}),
    "remove": (lambda s, w, c: service.remove(s, w, c, NOON), {"owner", "billing", "operations"}),
    "restore": (lambda s, w, c: service.restore(s, w, c, NOON), {"owner", "billing", "operations"}),
    "delivery": (lambda s, w, c: service.make_default(s, w, c, AddressPurpose.DELIVERY, NOON), {"owner", "operations"}),
    "billing": (lambda s, w, c: service.make_default(s, w, c, AddressPurpose.BILLING, NOON), {"owner", "billing"}),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.asvs("8.2.1")
def test_each_role_does_what_the_table_says_and_nobody_reaches_another_account(people: People, name: str) -> None:  # noqa: F811
    work, allowed = CHANGES[name]
    for role in ("owner", "billing", "operations", "read_only"):
        add(people["owner"])
        code = add(people["owner"], line1=f"of {role}")
        before = book(people["owner"])
        if role in allowed:
            with database.write_session() as session:
                work(session, people[role], code)
        else:
            with pytest.raises(NotAllowed), database.write_session() as session:
                work(session, people[role], code)
            assert book(people["owner"]) == before
    if name != "add":
        for unknown in (code, "~none"):
            with pytest.raises(service.NoSuchAddress), database.write_session() as session:
                work(session, people["stranger"], unknown)


def test_the_first_address_is_the_default_and_a_default_is_not_removed_while_there_are_others(people: People) -> None:  # noqa: F811
    owner = people["owner"]
    first = add(owner)
    assert defaults(owner) == {"delivery": "1, rue Un", "billing": "1, rue Un"}
    second = add(owner, line1="2, rue Deux")
    with database.write_session() as session:
        service.make_default(session, owner, second, AddressPurpose.BILLING, NOON)
    assert defaults(owner) == {"delivery": "1, rue Un", "billing": "2, rue Deux"}
    for code in (first, second):
        with pytest.raises(service.AddressInUse), database.write_session() as session:
            service.remove(session, owner, code, NOON)
    with database.write_session() as session:
        service.make_default(session, owner, second, AddressPurpose.DELIVERY, NOON)
        service.remove(session, owner, first, NOON)
        service.remove(session, owner, second, NOON)
    assert (book(owner), defaults(owner)) == ([], {})
    assert book(owner, removed=True) == ["1, rue Un", "2, rue Deux"]
    with database.write_session() as session:
        service.restore(session, owner, first, NOON)
    assert book(owner) == ["1, rue Un"]


@pytest.mark.parametrize("document", ["ship_to_id", "order_bill_to_id", "invoice_bill_to_id"])
def test_what_a_document_prints_is_never_changed(people: People, document: str) -> None:  # noqa: F811
    owner = people["owner"]
    mine, code = owner.account.account_id, add(owner)
    with database.write_session() as session:
        held = service.get(session, mine, code)
        assert held is not None
        if document == "invoice_bill_to_id":
            invoice(session, mine, "500", bill_to_id=held.id)
        else:
            used: dict[str, Any] = {document.removeprefix("order_"): held.id}
            order(session, mine, "100", **used)
        printed = service.lines(held, "fr")
    with database.write_session() as session:
        changed = service.change(session, owner, code, {**YARD, "line1": "9, rue Neuf"}, NOON)
        assert (changed.id, changed.code) != (held.id, held.code)
        assert changed.code == code
    assert book(owner) == ["9, rue Neuf"]
    assert book(owner, removed=True) == []
    # The defaults move to the row that replaced the address.
    assert defaults(owner) == {"delivery": "9, rue Neuf", "billing": "9, rue Neuf"}
    with database.write_session() as session:
        service.remove(session, owner, code, NOON)
        kept = service.by_id(session, mine, [held.id])[held.id or 0]
        assert service.lines(kept, "fr") == printed


# The purposes an address is the default for, the role that changes it, and whether that is allowed.
TOUCHES = [
    ({AddressPurpose.BILLING}, "operations", False),
    ({AddressPurpose.BILLING}, "billing", True),
    ({AddressPurpose.DELIVERY}, "operations", True),
    ({AddressPurpose.DELIVERY}, "billing", False),
    ({AddressPurpose.BILLING, AddressPurpose.DELIVERY}, "operations", False),
    ({AddressPurpose.BILLING, AddressPurpose.DELIVERY}, "billing", False),
    ({AddressPurpose.BILLING, AddressPurpose.DELIVERY}, "owner", True),
    (set[AddressPurpose](), "operations", True),
]


@pytest.mark.parametrize(("uses", "role", "may"), TOUCHES)
@pytest.mark.asvs("8.2.1")
def test_an_address_that_is_a_default_is_changed_and_removed_with_the_right_to_choose_it(
    people: People,  # noqa: F811
    uses: set[AddressPurpose],
    role: str,
    may: bool,
) -> None:
    owner, who = people["owner"], people[role]
    add(owner, line1="other")
    code = add(owner, line1="5")
    with database.write_session() as session:
        for purpose in uses:
            service.make_default(session, owner, code, purpose, NOON)
    before = (book(owner), defaults(owner))

    def change() -> None:
        with database.write_session() as session:
            service.change(session, who, code, {**YARD, "line1": "1, rue du Voleur"}, NOON)

    def remove() -> None:
        with database.write_session() as session:
            service.remove(session, who, code, NOON)

    if may:
        change()
        assert "1, rue du Voleur" in book(owner)
        if uses:
            with pytest.raises(service.AddressInUse):
                remove()
        else:
            remove()
        return
    for work in (change, remove):
        with pytest.raises(NotAllowed):
            work()
    assert (book(owner), defaults(owner)) == before


@pytest.mark.parametrize(("role", "expected"), [("operations", {"delivery"}), ("billing", {"billing"}), ("owner", {"delivery", "billing"})])
def test_the_first_address_is_the_default_only_for_what_the_person_may_choose(
    people: People,  # noqa: F811
    role: str,
    expected: set[str],
) -> None:
    add(people[role])
    assert defaults(people["owner"]).keys() == expected


def test_the_only_address_is_not_swapped_by_removing_and_adding(people: People) -> None:  # noqa: F811
    code = add(people["owner"])
    for role in ("operations", "billing"):
        with pytest.raises(NotAllowed), database.write_session() as session:
            service.remove(session, people[role], code, NOON)
    with database.write_session() as session:
        service.remove(session, people["owner"], code, NOON)
    add(people["operations"], line1="1, rue du Voleur")
    assert defaults(people["owner"]) == {"delivery": "1, rue du Voleur"}


def test_a_default_that_a_document_uses_is_replaced_with_the_right_only(people: People) -> None:  # noqa: F811
    owner, code = people["owner"], add(people["owner"])
    with database.write_session() as session:
        held = service.get(session, owner.account.account_id, code)
        assert held is not None
        order(session, owner.account.account_id, "100").ship_to_id = held.id
    with pytest.raises(NotAllowed), database.write_session() as session:
        service.change(session, people["operations"], code, {**YARD, "line1": "9"}, NOON)
    with database.write_session() as session:
        service.change(session, owner, code, {**YARD, "line1": "9"}, NOON)
    assert defaults(owner) == {"delivery": "9", "billing": "9"}


def test_an_unused_address_is_changed_in_place_and_the_same_again_is_no_change(people: People) -> None:  # noqa: F811
    owner = people["owner"]
    code = add(owner, postal_code="h7l3j5")
    with database.write_session() as session:
        before = service.get(session, owner.account.account_id, code)
        assert before is not None
        same = service.change(session, owner, code, {**YARD, "postal_code": "h7l 3j5"}, NOON)
        changed = service.change(session, owner, code, {**YARD, "line1": "9"}, NOON)
        assert before.id == same.id == changed.id
        with pytest.raises(UnusableAddress):
            service.change(session, owner, code, {**YARD, "postal_code": "x"}, NOON)
    assert book(owner) == ["9"]


def test_the_search_forgives_case_accents_and_spaces(people: People) -> None:  # noqa: F811
    owner = people["owner"]
    add(owner, name="Ébénisterie Côté", line1="A")
    add(owner, line1="B", city="Gatineau", postal_code="J8X 2K1")
    for q, found in (("ebenisterie", ["A"]), ("j8x2k1", ["B"]), ("GATINEAU quebec", ["B"]), ("laval", ["A"]), ("%", []), ("", ["A", "B"])):
        assert sorted(book(owner, q=q)) == found, q


def test_a_book_has_an_end(people: People, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(service, "MOST", 1)
    add(people["owner"])
    with pytest.raises(service.TooManyAddresses):
        add(people["owner"])


# --- the next import ---------------------------------------------------------------------------------------------

ADDRESSES = "account,code,name,line1,line2,city,province,postal_code\n"
FILE = ADDRESSES + "1042,YARD,Alpha,1 rue Un,,Laval,QC,H7L 3J5\n1042,POST,Alpha,C. P. 1,,Laval,QC,H7L 3J5\n"
ORDER = "account,number,placed_at,start_on,end_on,ship_to,subtotal,total\n"


def bought(number: str) -> str:
    return f"1042,{number},2020-01-02T09:00-05:00,2020-01-02,2021-01-01,YARD,0.00,0.00\n"


@pytest.fixture
def owner(people: People, take: Any) -> Identity:  # noqa: F811
    """Return the owner of an account with two imported addresses, one of them used by an order."""
    assert take({"addresses.csv": FILE, "orders.csv": ORDER + bought("100")}).kept
    return people["owner"]


def shipped(number: str) -> str:
    with database.read_session() as session:
        of = session.exec(select(Order).where(Order.number == number)).one()
        return session.get_one(Address, of.ship_to_id or 0).line1


def changed(owner: Identity, code: str, line1: str) -> None:
    with database.write_session() as session:
        held = service.get(session, owner.account.account_id, code)
        assert held is not None
        service.change(session, owner, code, {**service.values(held), "line1": line1}, NOON)


def test_what_a_customer_changed_stays_until_the_file_says_something_new(owner: Identity, take: Any) -> None:  # noqa: F811
    for code, line1 in (("YARD", "7 rue Sept"), ("POST", "C. P. 7")):
        changed(owner, code, line1)
    again = take({"addresses.csv": FILE, "orders.csv": ORDER + bought("100") + bought("101")})
    assert (again.files["addresses.csv"].same, again.files["addresses.csv"].changed) == (2, 0)
    assert sorted(book(owner)) == ["7 rue Sept", "C. P. 7"]
    # The existing order keeps the address it printed; a new order has the address now in the book.
    assert (shipped("100"), shipped("101")) == ("1 rue Un", "7 rue Sept")
    news = take({"addresses.csv": FILE.replace("1 rue Un", "8 rue Huit").replace("C. P. 1,", "C. P. 8,")})
    assert (news.files["addresses.csv"].same, news.files["addresses.csv"].changed) == (0, 2)
    assert sorted(book(owner)) == ["8 rue Huit", "C. P. 8"]
    assert (shipped("100"), shipped("101")) == ("1 rue Un", "7 rue Sept")
    assert take({"addresses.csv": FILE.replace("1 rue Un", "8 rue Huit").replace("C. P. 1,", "C. P. 8,")}).files["addresses.csv"].same == 2


def test_what_a_customer_removed_stays_so_until_the_file_says_something_new(owner: Identity, take: Any) -> None:  # noqa: F811
    with database.write_session() as session:
        for code in ("YARD", "POST"):
            service.remove(session, owner, code, NOON)
    assert take({"addresses.csv": FILE, "orders.csv": ORDER + bought("101")}).kept
    assert (book(owner), shipped("101")) == ([], "1 rue Un")
    assert take({"addresses.csv": FILE.replace("C. P. 1,", "C. P. 8,")}).files["addresses.csv"].changed == 1
    assert book(owner) == ["C. P. 8"]


def test_a_default_goes_along_with_the_address_that_a_file_changes(owner: Identity, take: Any) -> None:  # noqa: F811
    with database.write_session() as session:
        service.make_default(session, owner, "YARD", AddressPurpose.DELIVERY, NOON)
    assert take({"addresses.csv": FILE.replace("1 rue Un", "8 rue Huit")}).kept
    assert defaults(owner) == {"delivery": "8 rue Huit"}
    assert take({"addresses.csv": FILE.replace("1 rue Un", "9 rue Neuf")}, dry=True).files["addresses.csv"].changed == 1
    assert defaults(owner) == {"delivery": "8 rue Huit"}


def test_an_address_of_the_portal_is_none_of_a_file_s(owner: Identity, take: Any, store: Engine) -> None:  # noqa: F811
    code = add(owner, line1="of the portal")
    assert service.is_own(code)
    assert take({"addresses.csv": FILE}).files["addresses.csv"].same == 2
    assert "of the portal" in book(owner)
    with database.read_session() as session:
        assert session.exec(select(Account)).all()
    assert take({"addresses.csv": ADDRESSES + f"1042,{code},A,1,,Laval,QC,H7L 3J5\n"}).bad
