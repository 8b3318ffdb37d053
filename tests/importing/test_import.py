"""The import as a whole: repeating it changes nothing, changed rows are updated, and bad rows are reported and leave nothing."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from odoportal.accounts.models import Account, Membership, Person
from odoportal.core import database
from odoportal.importing.importer import ImportRefused, run_import
from odoportal.importing.report import MAX_UNDRAWABLE
from odoportal.rooms.addresses.models import Address
from odoportal.rooms.devices.models import Device
from odoportal.rooms.invoices.models import Allocation, CreditNote, Invoice, InvoiceLine, InvoiceTax, Payment
from odoportal.rooms.orders.models import Order, OrderLine, OrderTax

NOW = datetime(2020, 9, 24, 14, 30, tzinfo=UTC)
PEOPLE = "account,email,name,role,language,phone\n"
ORDER = "account,number,placed_at,start_on,end_on,subtotal,total\n"
INVOICE = "account,number,issued_on,due_on,subtotal,total\n"
INVOICE_OF_ORDER = "account,number,order,issued_on,due_on,subtotal,total\n"
CREDIT = "number,invoice,issued_on,reason_fr,subtotal,total\n"
NO_TAX = "document,number,name_fr,registration,rate,amount\ninvoice,500,TPS,R1,0,0\n"
ADDRESSES = "account,code,name,line1,city\n"


def told(report: Any) -> list[tuple[str, int, str]]:
    return [(bad.file, bad.line, bad.column) for bad in sorted(report.bad)]


def test_twice_changes_nothing(take: Any, small: Any, everything: Any) -> None:
    assert take(small).kept
    before = everything()
    report = take(small)
    assert report.kept
    assert all((counts.new, counts.changed, counts.removed) == (0, 0, 0) for counts in report.files.values())
    assert report.files["taxes.csv"].same == 4
    assert everything() == before


def test_an_invoice_is_settled_by_what_was_paid(take: Any, small: Any, rows: Any) -> None:
    take(small)
    (invoice,) = rows(Invoice)
    assert (invoice["paid"], invoice["settled_on"].isoformat()) == (Decimal("114.98"), "2020-01-05")
    assert all(text in invoice["search"].split("\n") for text in ("500", "100", "114,98", "2 x cable", "cheque 7", "p1", "2020-02-01"))


def test_a_changed_row_updates_and_a_line_that_is_gone_goes(take: Any, small: Any, rows: Any) -> None:
    take(small)
    taxes = "document,number,name_fr,registration,rate,amount\ninvoice,500,TPS,R1,5,5.00\n"
    header = "invoice,quantity,description_fr,description_en,unit_price,amount\n"
    lines = header + "500,1,Câble,Cable,50.00,50.00\n500,1,Boîte,Box,50.00,50.00\n"
    changed = {
        "accounts.csv": "number,name\nA,Transport Alpha et fils\n",
        "invoices.csv": small["invoices.csv"].replace("114.98", "105.00"),
        "invoice_lines.csv": lines,
        "taxes.csv": taxes,
        "payments.csv": small["payments.csv"].replace("114.98", "105.00"),
        "allocations.csv": "payment,invoice,amount\nP1,500,105.00\n",
    }
    report = take(changed)
    assert report.kept, report.bad
    assert (report.files["accounts.csv"].changed, report.files["taxes.csv"].removed) == (1, 1)
    assert [line["description_fr"] for line in rows(InvoiceLine)] == ["Câble", "Boîte"]
    assert [tax["name_en"] for tax in rows(InvoiceTax)] == ["TPS"]
    assert len(rows(OrderTax)) == 2
    (invoice,) = rows(Invoice)
    assert (invoice["total"], invoice["paid"]) == (Decimal("105.00"), Decimal("105.00"))
    assert "boite" in invoice["search"]
    assert {account["name"] for account in rows(Account)} == {"Transport Alpha et fils", "Beta Haulage"}


def test_every_bad_row_is_named_and_nothing_is_kept(take: Any, small: Any, everything: Any) -> None:
    before = everything()
    small["accounts.csv"] = "number,name\nA,Alpha\nB,\n"
    small["people.csv"] = PEOPLE + "A,maria@example.com,Maria,owner,fr,\nA,nobody,N,boss,de,\nZ,z@example.com,Z,owner,fr,\n"
    small["invoices.csv"] = small["invoices.csv"].replace("2020-01-02", "02/01/2020")
    report = take(small)
    assert not report.kept
    assert told(report) == [
        ("accounts.csv", 3, "name"),
        ("invoices.csv", 2, "issued_on"),
        ("people.csv", 3, "email"),
        ("people.csv", 3, "language"),
        ("people.csv", 3, "role"),
        ("people.csv", 4, "account"),
    ]
    assert everything() == before
    text = "\n".join(report.lines())
    assert 'invoices.csv, line 2, column issued_on: "02/01/2020" is not a date such as 2020-09-24' in text
    assert "Nothing was imported." in text
    assert "people.csv: 1 new, 0 changed, 0 same, 2 bad" in text


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        ("invoice_lines.csv", "invoice,description_fr,amount\n999,x,1\n", ("invoice_lines.csv", 2, "invoice")),
        ("fulfilment.csv", "order,step\n999,received\n", ("fulfilment.csv", 2, "order")),
        ("fulfilment.csv", "order,step\n100,lost\n", ("fulfilment.csv", 2, "step")),
        ("fulfilment.csv", "order,step,tracking_url\n100,shipped,javascript:alert(1)\n", ("fulfilment.csv", 2, "tracking_url")),
        ("devices.csv", "account,serial,model,order\nA,1,ODO50,999\n", ("devices.csv", 2, "order")),
        ("devices.csv", "account,serial,model\nA,1,ODO50\nA,1,ODO50\n", ("devices.csv", 3, "serial")),
        ("credit_notes.csv", CREDIT + "C1,500,2020-03-01,x,100,100.01\n", ("credit_notes.csv", 2, "total")),
        ("credit_notes.csv", CREDIT + "C1,500,2020-03-01,x,0,0\n", ("credit_notes.csv", 2, "subtotal")),
        ("taxes.csv", "document,number,name_fr,registration,rate,amount\nquote,500,TPS,R,5,1\n", ("taxes.csv", 2, "document")),
        ("orders.csv", ORDER + "A,7,2020-01-01T00:00Z,2020-01-02,2020-01-01,0,0\n",
         ("orders.csv", 2, "end_on")),
        ("orders.csv", ORDER[:-1] + ",ship_to\nA,7,2020-01-01T00:00Z,2020-01-01,2020-01-02,0,0,NO\n",
         ("orders.csv", 2, "ship_to")),
        ("orders.csv", "account,number\nA,7\n", ("orders.csv", 1, "end_on")),
        ("accounts.csv", "number,name,name\nA,a,b\n", ("accounts.csv", 1, "name")),
        ("accounts.csv", "number,name\nA,a,b\n", ("accounts.csv", 2, "")),
        ("accounts.csv", "number,name\nA," + "x" * 201 + "\n", ("accounts.csv", 2, "name")),
        ("accounts.csv", "number,name\nA,a\0b\n", ("accounts.csv", 2, "name")),
        ("accounts.csv", "number,name\nA,Métal".encode() + b" \xe9\n", ("accounts.csv", 2, "name")),
        ("accounts.csv", "number,name\nA,Métal\n".encode("utf-16"), ("accounts.csv", 1, "")),
        ("accounts.csv", 'number,name\nA,"a\n', ("accounts.csv", 2, "")),
        ("accounts.csv", 'number,name\nA,"' + "x" * 200_000 + '"\n', ("accounts.csv", 2, "")),
        ("accounts.csv", "", ("accounts.csv", 1, "name")),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_at_its_place(take: Any, small: Any, everything: Any, name: str, text: str, where: Any) -> None:
    take(small)
    before = everything()
    report = take({name: text})
    assert where in told(report)
    assert {bad[0] for bad in told(report)} == {name}
    assert everything() == before


@pytest.mark.parametrize(
    ("name", "old", "new", "where"),
    [
        ("invoices.csv", "100.00,114.98", "99.99,114.98", ("invoices.csv", 2, "subtotal")),
        ("invoices.csv", "100.00,114.98", "100.00,114.97", ("invoices.csv", 2, "total")),
        ("orders.csv", "100.00,114.98", "100.00,115.98", ("orders.csv", 2, "total")),
        ("order_lines.csv", "50.00,100.00", "50.00,100.01", ("orders.csv", 2, "subtotal")),
        ("allocations.csv", "114.98", "114.99", ("payments.csv", 2, "amount")),
    ],
)
def test_what_does_not_add_up_is_refused(take: Any, small: Any, name: str, old: str, new: str, where: Any) -> None:
    small[name] = small[name].replace(old, new)
    report = take(small)
    assert where in told(report)
    assert not report.kept


def test_more_than_the_total_cannot_be_paid(take: Any, small: Any) -> None:
    take(small)
    again = {"payments.csv": small["payments.csv"].replace("P1", "P2"), "allocations.csv": "payment,invoice,amount\nP2,500,0.01\n"}
    assert told(take(again)) == [("allocations.csv", 2, "amount")]
    cheaper = {"invoices.csv": small["invoices.csv"].replace("100.00,114.98", "100.00,100.00"), "taxes.csv": NO_TAX}
    assert told(take(cheaper)) == [("invoices.csv", 2, "total")]


def test_more_than_the_total_cannot_be_credited(take: Any, small: Any) -> None:
    take(small)
    notes = CREDIT + "C1,500,2020-03-01,x,100,100\nC2,500,2020-03-02,x,14.99,14.99\n"
    assert told(take({"credit_notes.csv": notes})) == [("credit_notes.csv", 2, "total")]


def test_lines_alone_are_checked_against_the_stored_document(take: Any, small: Any) -> None:
    take(small)
    report = take({"invoice_lines.csv": small["invoice_lines.csv"].replace("100.00", "90.00")})
    assert told(report) == [("invoice_lines.csv", 2, "")]


def test_rows_that_refer_to_a_bad_row_are_not_reported_too(take: Any, small: Any) -> None:
    small["orders.csv"] = small["orders.csv"].replace("2020-01-02,2021", "yesterday,2021")
    assert told(take(small)) == [("orders.csv", 2, "start_on")]
    small["orders.csv"] = "number\n100\n"
    assert {bad[0] for bad in told(take(small))} == {"orders.csv"}


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        ("orders.csv", ORDER + "B,100,2020-01-02T09:00-05:00,2020-01-02,2021-01-01,100,114.98\n",
         ("orders.csv", 2, "account")),
        ("invoices.csv", INVOICE + "B,500,2020-01-02,2020-02-01,100,114.98\n", ("invoices.csv", 2, "account")),
        ("invoices.csv", INVOICE_OF_ORDER + "B,501,100,2020-01-02,2020-02-01,0,0\n", ("invoices.csv", 2, "order")),
        ("payments.csv", "account,reference,received_at,method_fr,amount\nB,P1,2020-01-05T12:00Z,x,1\n", ("payments.csv", 2, "account")),
        ("allocations.csv", "payment,invoice,amount\nPB,500,0.01\n", ("allocations.csv", 2, "invoice")),
        ("devices.csv", "account,serial,model\nB,S1,ODO50\n", ("devices.csv", 2, "account")),
        ("devices.csv", "account,serial,model,order\nB,S2,ODO50,100\n", ("devices.csv", 2, "order")),
        ("credit_notes.csv", CREDIT + "C1,600,2020-03-01,x,1,1\n", ("credit_notes.csv", 2, "invoice")),
        ("orders.csv", ORDER[:-1] + ",bill_to\nB,7,2020-01-01T00:00Z,2020-01-01,2020-01-02,0,0,HQ\n",
         ("orders.csv", 2, "bill_to")),
    ],
)  # fmt: skip
def test_nothing_crosses_from_one_account_to_another(take: Any, small: Any, everything: Any, name: str, text: str, where: Any) -> None:
    small["devices.csv"] = "account,serial,model\nA,S1,ODO50\n"
    small["addresses.csv"] = ADDRESSES + "A,HQ,Alpha,1 rue Un,Laval\n"
    small["credit_notes.csv"] = CREDIT + "C1,500,2020-03-01,x,1,1\n"
    small["payments.csv"] += "B,PB,2020-01-05T12:00-05:00,x,x,5.00\n"
    small["invoices.csv"] += "B,600,,2020-01-02,2020-02-01,0,0\n"
    report = take(small)
    assert report.kept, report.bad
    before = everything()
    assert told(take({name: text})) == [where]
    assert everything() == before


def test_one_text_stands_in_for_the_other_language(take: Any, small: Any, rows: Any) -> None:
    small["order_lines.csv"] = "order,description_fr,description_en,amount\n100,,Cable,60\n100,Boîte,,40\n"
    small["invoice_lines.csv"] = "invoice,description_en,amount\n500,Cable,100\n"
    assert take(small).kept
    assert [(line["description_fr"], line["description_en"]) for line in rows(OrderLine)] == [("Cable", "Cable"), ("Boîte", "Boîte")]
    assert [line["description_fr"] for line in rows(InvoiceLine)] == ["Cable"]
    assert [tax["name_fr"] for tax in rows(InvoiceTax)] == ["TPS", "TVQ"]
    bad = take({"order_lines.csv": "order,description_fr,description_en,amount\n100,,,100\n"})
    assert told(bad) == [("order_lines.csv", 2, "description_fr")]


def test_columns_and_files_that_are_unknown_are_named(take: Any, small: Any) -> None:
    small["accounts.csv"] = "number,name,colour\nA,Alpha,red\nB,Beta,\n"
    small |= {"notes.csv": "anything", "people.xlsx": "PK", "notes.txt": "no"}
    report = take(small)
    assert report.files["accounts.csv"].ignored == ("colour",)
    assert "accounts.csv: 2 new, 0 changed, 0 same; columns ignored: colour" in list(report.lines())
    assert report.ignored_files == ["notes.csv", "people.xlsx"]
    assert "people.xlsx: ignored: a workbook, to be saved as CSV" in list(report.lines())


def test_a_column_left_out_leaves_what_is_there(take: Any, rows: Any) -> None:
    take({"accounts.csv": "number,name\nA,Alpha\n", "people.csv": PEOPLE + "A,Maria@Example.com,Maria,owner,en,555\n"})
    report = take({"people.csv": "account,email,name,role\nA,maria@example.com,Maria G.,billing\n"})
    assert report.kept and report.files["people.csv"].changed == 1
    (person,) = rows(Person)
    assert (person["name"], person["phone"], person["language"], person["region"]) == ("Maria G.", "555", "en", "en-CA")
    assert [member["role"] for member in rows(Membership)] == ["billing"]


def test_a_person_of_two_accounts(take: Any, rows: Any) -> None:
    accounts = "number,name\nA,Alpha\nB,Beta\n"
    people = PEOPLE + "A,lise@example.com,Lise,billing,fr,\nB,LISE@example.com,Lise,read_only,fr,\n"
    assert take({"accounts.csv": accounts, "people.csv": people}).kept
    assert len(rows(Person)) == 1
    assert {member["role"] for member in rows(Membership)} == {"billing", "read_only"}
    differs = take({"people.csv": people.replace("B,LISE@example.com,Lise", "B,lise@example.com,Lisa")})
    assert told(differs) == [("people.csv", 3, "name")]
    repeats = take({"people.csv": people.replace("B,LISE", "A,LISE")})
    assert told(repeats) == [("people.csv", 3, "email")]


def test_an_address_that_folds_to_another_mailbox_is_refused(take: Any) -> None:
    take({"accounts.csv": "number,name\nA,Alpha\n", "people.csv": PEOPLE + "A,strasse@example.com,S,owner,fr,\n"})
    assert told(take({"people.csv": PEOPLE + "A,straße@example.com,S,owner,fr,\n"})) == [("people.csv", 2, "email")]


def test_nobody_is_invited_unless_asked(take: Any, rows: Any) -> None:
    calls: list[tuple[int, int]] = []

    def invite(_session: Any, person: int, account: int) -> None:
        calls.append((person, account))

    people = PEOPLE + "B,a@example.com,A,owner,fr,\nA,a@example.com,A,owner,fr,\n"
    files = {"accounts.csv": "number,name\nA,Alpha\nB,Beta\n", "people.csv": people}
    bad = {**files, "addresses.csv": ADDRESSES + "A,~,x,x,x\n"}
    assert not take(bad, notify=True, invite=invite).kept
    assert take({**files, "people.csv": PEOPLE + "A,b@example.com,B,owner,fr,\n"}, invite=invite).kept
    assert calls == []
    report = take(files, notify=True, invite=invite)
    ids = {person["email"]: person["id"] for person in rows(Person)}
    numbers = {account["number"]: account["id"] for account in rows(Account)}
    assert report.invited == 1
    assert calls == [(ids["a@example.com"], numbers["B"])]
    take(files, notify=True, invite=invite)
    assert len(calls) == 1
    with pytest.raises(ValueError, match="invite"):
        take(files, notify=True)


def test_what_an_owner_did_to_a_role_stays_until_the_file_says_something_new(take: Any, rows: Any) -> None:
    people = PEOPLE + "A,maria@example.com,Maria,owner,fr,\nA,luc@example.com,Luc,billing,fr,\nA,eve@example.com,Eve,billing,fr,\n"
    assert take({"accounts.csv": "number,name\nA,Alpha\n", "people.csv": people}).kept
    ids = {p["email"].split("@")[0]: p["id"] for p in rows(Person)}
    with database.write_session() as session:
        held = {m.person_id: m for m in session.exec(select(Membership))}
        held[ids["luc"]].role = "operations"
        session.delete(held[ids["eve"]])

    def roles() -> dict[str, str]:
        named = {number: name for name, number in ids.items()}
        return {named[m["person_id"]]: m["role"] for m in rows(Membership)}

    again = take({"people.csv": people})
    assert (again.files["people.csv"].same, again.files["people.csv"].changed) == (3, 0)
    assert roles() == {"maria": "owner", "luc": "operations"}
    news = take({"people.csv": people.replace("Luc,billing", "Luc,read_only").replace("Eve,billing", "Eve,owner")})
    assert (news.files["people.csv"].new, news.files["people.csv"].changed, news.files["people.csv"].same) == (1, 1, 1)
    assert roles() == {"maria": "owner", "luc": "read_only", "eve": "owner"}


def test_a_used_address_is_archived_and_its_documents_keep_it(take: Any, small: Any, rows: Any) -> None:
    small["addresses.csv"] = "account,code,name,line1,line2,city\nA,YARD,Alpha,1 rue Un,Porte 2,Laval\nA,POST,Alpha,C. P. 1,,Laval\n"
    small["orders.csv"] = small["orders.csv"].replace("number,", "number,ship_to,").replace("A,100,", "A,100,YARD,")
    assert take(small).kept
    moved = {"addresses.csv": ADDRESSES + "A,YARD,Alpha,9 rue Neuf,Laval\nA,POST,Alpha,C. P. 2,Laval\n", "orders.csv": small["orders.csv"]}
    report = take(moved)
    assert report.kept, report.bad
    assert (report.files["addresses.csv"].new, report.files["addresses.csv"].changed, report.files["orders.csv"].same) == (0, 2, 1)
    by_id = {address["id"]: address for address in rows(Address)}
    assert len(by_id) == 3
    (order,) = rows(Order)
    assert (by_id[order["ship_to_id"]]["line1"], by_id[order["ship_to_id"]]["archived_at"] is None) == ("1 rue Un", False)
    active = {a["code"]: a for a in by_id.values() if a["archived_at"] is None}
    assert (active["YARD"]["line1"], active["YARD"]["line2"], active["POST"]["line1"]) == ("9 rue Neuf", "Porte 2", "C. P. 2")
    again = take(moved)
    assert (again.files["addresses.csv"].same, again.files["orders.csv"].same) == (2, 1)


def test_payments_credit_notes_and_devices_bring_their_documents_up_to_date(take: Any, small: Any, rows: Any) -> None:
    take(small)
    failed = small["payments.csv"].replace("amount\n", "amount,status\n").replace("114.98\n", "114.98,failed\n")
    take({"payments.csv": failed, "devices.csv": "account,serial,model,order\nA,S-77,ODO50,100\n"})
    assert (rows(Invoice)[0]["paid"], rows(Invoice)[0]["settled_on"]) == (Decimal(0), None)
    assert "s-77" in rows(Order)[0]["search"]
    take({"payments.csv": small["payments.csv"].replace("amount\n", "amount,status\n").replace("114.98\n", "114.98,settled\n")})
    credit = {
        "credit_notes.csv": CREDIT + "C1,500,2020-03-01,Erreur,100,114.98\n",
        "taxes.csv": "document,number,name_fr,registration,rate,amount\ncredit_note,C1,TPS,R1,5,5\ncredit_note,C1,TVQ,R2,9.975,9.98\n",
    }
    assert take(credit).kept
    (invoice,) = rows(Invoice)
    assert (invoice["settled_on"].isoformat(), invoice["credited"]) == ("2020-03-01", Decimal("114.98"))
    take({"devices.csv": "account,serial,model,order\nA,S-77,ODO50,\n"})
    assert "s-77" not in rows(Order)[0]["search"]
    assert (len(rows(Device)), len(rows(CreditNote)), len(rows(Payment)), len(rows(Allocation))) == (1, 1, 1, 1)


def test_nothing_is_paid_or_credited_after_the_day_of_the_import(take: Any, small: Any, rows: Any) -> None:
    later = small["payments.csv"].replace("2020-01-05T12:00-05:00", "2020-09-25T00:30-04:00")
    credit = CREDIT + "C1,500,2020-09-25,Erreur,100,114.98\n"
    taxes = "document,number,name_fr,registration,rate,amount\ncredit_note,C1,TPS,R1,5,14.98\n"
    take(small)
    assert told(take({"payments.csv": later})) == [("payments.csv", 2, "received_at")]
    assert ("credit_notes.csv", 2, "issued_on") in told(take({"credit_notes.csv": credit, "taxes.csv": taxes}))
    pending = later.replace("amount\n", "amount,status\n").replace("114.98\n", "114.98,pending\n")
    assert take({"payments.csv": pending}).kept
    (invoice,) = rows(Invoice)
    assert (invoice["paid"], invoice["pending"], invoice["credited"]) == (Decimal(0), Decimal("114.98"), Decimal(0))


def test_a_payment_keeps_what_is_not_allocated(take: Any, small: Any, rows: Any) -> None:
    small["payments.csv"] = small["payments.csv"].replace("114.98", "200.00")
    take(small)
    assert [row["unapplied"] for row in rows(Payment)] == [Decimal("85.02")]
    take({"allocations.csv": "payment,invoice,amount\nP1,500,14.98\n"})
    assert [row["unapplied"] for row in rows(Payment)] == [Decimal("185.02")]


def test_one_payment_may_pay_several_invoices(take: Any, small: Any, rows: Any) -> None:
    small["invoices.csv"] += "A,501,100,2020-01-02,2020-02-01,100.00,100.00\n"
    small["invoice_lines.csv"] += "501,1,Câble,Cable,100.00,100.00\n"
    small["payments.csv"] = small["payments.csv"].replace("114.98", "200.00")
    small["allocations.csv"] = "payment,invoice,amount\nP1,500,114.98\nP1,501,85.02\n"
    assert take(small).kept
    assert {invoice["number"]: invoice["paid"] for invoice in rows(Invoice)} == {"500": Decimal("114.98"), "501": Decimal("85.02")}


def test_one_file_is_enough(tmp_path: Path, take: Any, small: Any) -> None:
    take(small)
    file, lines = tmp_path / "accounts.csv", list[str]()
    file.write_bytes(b"\xef\xbb\xbfnumber,name\r\nA,Transport Alpha\r\n\r\nC,Gamma\r\n")
    assert run_import(file, now=NOW, report=lines.append).kept
    assert lines == ["accounts.csv: 1 new, 0 changed, 1 same", "Everything was imported."]


def test_a_path_without_files_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("other.txt", "accounts.xlsx", "all.zip"):
        (tmp_path / name).write_text("x")
    for name, why in (
        ("nowhere", "does not exist"),
        ("empty", "has no import files"),
        ("other.txt", "is not an import file"),
        ("accounts.xlsx", "is a workbook, to be saved as CSV"),
        ("all.zip", "is a ZIP archive, to be unpacked"),
    ):
        with pytest.raises(ImportRefused, match=why):
            run_import(tmp_path / name, now=NOW)


@pytest.mark.parametrize("batch_rows", [8000, 1])
def test_a_row_counts_once_whether_it_is_new_changed_the_same_or_bad(take: Any, small: Any, batch_rows: int) -> None:
    again = "A,501,100,2020-01-02,2020-02-01,100.00,114.98\nA,502,,2020-01-02,2020-02-01,0,0\n"
    bad = {
        **small,
        # The lines of 501 are missing. 500 is paid twice, and so is refused at the row of its first payment.
        "invoices.csv": small["invoices.csv"] + again,
        "payments.csv": small["payments.csv"] + small["payments.csv"].splitlines()[1].replace("P1", "P2") + "\n",
        "allocations.csv": small["allocations.csv"] + "P2,500,114.98\n",
    }
    report = take(bad, batch_rows=batch_rows)
    assert {(row.file, row.line) for row in report.bad} == {("invoices.csv", 3), ("allocations.csv", 2)}
    text = "\n".join(report.lines())
    assert "invoices.csv: 2 new, 0 changed, 0 same, 1 bad" in text
    assert "allocations.csv: 1 new, 0 changed, 0 same, 1 bad" in text
    assert take(small).kept
    text = "\n".join(take(bad, batch_rows=batch_rows).lines())
    assert "invoices.csv: 1 new, 0 changed, 1 same, 1 bad" in text
    small["order_lines.csv"] = small["order_lines.csv"].replace("50.00,100.00", "50.00,99.00")
    small["invoices.csv"] = small["invoices.csv"].replace("100.00,114.98", "99.00,114.98")
    text = "\n".join(take(small, batch_rows=batch_rows).lines())
    assert "orders.csv: 0 new, 0 changed, 0 same, 1 bad" in text
    assert "invoices.csv: 0 new, 0 changed, 0 same, 1 bad" in text


def test_a_number_with_invisible_marks_or_other_spaces_is_the_same_number(take: Any, small: Any, rows: Any) -> None:
    assert take(small).kept
    marked = {name: small[name].replace("A,500,", "A,5\u200b00\ufeff,") for name in ("invoices.csv",)}
    assert take(marked).files["invoices.csv"].same == 1
    spaced = {"invoices.csv": small["invoices.csv"].replace("A,500,", "A,5\u00a000,"), "invoice_lines.csv": small["invoice_lines.csv"]}
    spaced["invoice_lines.csv"] = spaced["invoice_lines.csv"].replace("500,2", "5\u202f00,2")
    spaced["taxes.csv"] = small["taxes.csv"].replace("invoice,500", "invoice,5 00")
    assert take(spaced).kept
    assert [row["number"] for row in rows(Invoice)] == ["500", "5 00"]


@pytest.mark.parametrize(
    ("name", "old", "new", "why"),
    [
        ("invoices.csv", "A,500,", "A,2.12E+05,", "was rounded by a spreadsheet"),
        ("invoices.csv", "A,500,", "A,x/../y,", "cannot be part of an address"),
        ("orders.csv", "A,100,", "A,a\\b,", "cannot be part of an address"),
    ],
)
def test_a_number_that_cannot_be_one_is_told_once(take: Any, small: Any, name: str, old: str, new: str, why: str) -> None:
    report = take({**small, name: small[name].replace(old, new)})
    assert not report.kept
    assert [why in bad.reason for bad in report.bad if (bad.file, bad.column) == (name, "number")] == [True]


def test_what_documents_lack_is_counted(take: Any, small: Any) -> None:
    small["invoices.csv"] = small["invoices.csv"].replace("total\n", "total,terms_fr,terms_en\n").replace("114.98\n", "114.98,,Net 30\n")
    small["invoices.csv"] += "A,501,,2020-01-02,2020-02-01,0,0,,\n"
    small["invoice_lines.csv"] = small["invoice_lines.csv"].replace("Câble", "")
    small["order_lines.csv"] = small["order_lines.csv"].replace("Cable", "")
    for report in (take(small, dry=True), take(small), take(small)):
        lines = {line.partition(":")[0]: line.partition("; ")[2] for line in report.lines()}
        assert lines["invoices.csv"] == "1 without terms; 1 without French, where the English is shown"
        assert lines["invoice_lines.csv"] == "1 without French, where the English is shown"
        assert lines["order_lines.csv"] == "1 without English, where the French is shown"
        assert lines["taxes.csv"] == lines["payments.csv"] == ""


def test_names_that_documents_cannot_show_are_told(take: Any, small: Any) -> None:
    small["accounts.csv"] = "number,name\nA,ᓄᓇᕕᒃ ᓂ\nB,Σίσυφος é\n"
    small["people.csv"] = PEOPLE + "A,a@example.com,中村,owner,fr,\n"
    small["invoice_lines.csv"] = small["invoice_lines.csv"].replace("Câble", "Câble 🚚").replace("Cable", "Sḵwx̱wú7mesh")
    lines = list(take(small).lines())
    assert lines[:3] == [
        'accounts.csv, line 2, column name: documents cannot show "ᓄ" (U+14C4), "ᓇ" (U+14C7), "ᕕ" (U+1555) and others',
        'invoice_lines.csv, line 2, column description_fr: documents cannot show "🚚" (U+1F69A)',
        'invoice_lines.csv, line 2, column description_en: documents cannot show "\u0331" (U+0331)',
    ]
    assert lines[-1] == "Everything was imported."


def test_many_cells_that_documents_cannot_show_are_counted(take: Any) -> None:
    lines = list(
        take({"accounts.csv": "number,name\n" + "".join(f"{number},中{number}\n" for number in range(MAX_UNDRAWABLE + 5))}).lines()
    )
    assert sum("documents cannot show" in line for line in lines) == MAX_UNDRAWABLE + 1
    assert "and 5 more that documents cannot show" in lines
