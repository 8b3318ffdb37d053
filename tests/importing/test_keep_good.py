"""`--keep-good` and `--dry-run`: what is imported is complete, and the rejects can be corrected and imported again."""

import csv
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from odoportal.accounts.models import Account
from odoportal.importing.dialect import Dialect
from odoportal.importing.importer import ImportRefused
from odoportal.rooms.invoices.models import Allocation, CreditNote, Invoice, InvoiceLine, Payment
from odoportal.rooms.orders.models import Order

BATCHES = pytest.mark.parametrize("batch_rows", [1, 3, 6000])


def second(small: dict[str, str]) -> dict[str, str]:
    """Return the small account's files with its order and invoice repeated under other numbers."""
    for name in ("orders.csv", "order_lines.csv", "taxes.csv", "invoices.csv", "invoice_lines.csv", "payments.csv", "allocations.csv"):
        head, _, rows = small[name].partition("\n")
        again = rows.replace("100,2", "101,2").replace("A,100", "A,101").replace("order,100", "order,101").replace("500,100,", "501,101,")
        again = again.replace("A,500", "A,501").replace("500,2,", "501,2,").replace("invoice,500", "invoice,501").replace("P1", "P2")
        small[name] = f"{head}\n{rows}{again.replace(',500,', ',501,')}"
    return small


def read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_the_second_set_is_good(take: Any, small: Any, rows: Any) -> None:
    report = take(second(small))
    assert report.kept, report.bad
    assert {row["number"]: row["paid"] for row in rows(Invoice)} == {"500": Decimal("114.98"), "501": Decimal("114.98")}


@BATCHES
@pytest.mark.parametrize(
    ("change", "kept"),
    [
        # A bad line excludes its invoice, and so the payment; the order is imported.
        (("invoice_lines.csv", "501,2,", "501,x,"), ({"100", "101"}, {"500"}, {"P1"})),
        (("taxes.csv", "invoice,501,TVQ", "invoice,501,TVQ" + "x" * 50), ({"100", "101"}, {"500"}, {"P1"})),
        (("invoices.csv", "A,501,101,2020-01-02", "A,501,101,nonsense"), ({"100", "101"}, {"500"}, {"P1"})),
        # Sums that do not add up count as bad rows.
        (("invoice_lines.csv", "501,2,Câble,Cable,50.00,100.00", "501,2,Câble,Cable,50.00,99.00"), ({"100", "101"}, {"500"}, {"P1"})),
        # A bad order excludes its invoice and the payment.
        (("orders.csv", "A,101,", "A,101,yesterday"), ({"100"}, {"500"}, {"P1"})),
        (("order_lines.csv", "101,2,Câble,Cable,50.00,100.00", "101,2,Câble,Cable,50.00,1.00"), ({"100"}, {"500"}, {"P1"})),
        # A bad allocation leaves the invoice unpaid.
        (("allocations.csv", "P2,501,114.98", "P2,501,nothing"), ({"100", "101"}, {"500", "501"}, {"P1"})),
        (("payments.csv", "A,P2", "Z,P2"), ({"100", "101"}, {"500", "501"}, {"P1"})),
        # A bad account excludes everything.
        (("accounts.csv", "A,Transport Alpha", "A," + "x" * 201), (set(), set(), set())),
    ],
)  # fmt: skip
def test_what_depends_on_a_bad_row_is_left_out_too(
    take: Any, small: Any, rows: Any, tmp_path: Path, change: tuple[str, str, str], kept: Any, batch_rows: int
) -> None:
    name, old, new = change
    good = second(small)
    assert old in good[name]
    bad = {**good, name: good[name].replace(old, new)}
    report = take(bad, keep_good=tmp_path / "bad", batch_rows=batch_rows)
    assert report.kept
    assert report.bad
    found = {row["number"] for row in rows(Order)}, {row["number"] for row in rows(Invoice)}, {row["reference"] for row in rows(Payment)}
    assert found == kept
    mended = {path.name: path.read_text("utf-8").replace(new, old) for path in (tmp_path / "bad").iterdir()}
    again = take(mended)
    assert again.kept, again.bad
    assert {row["number"]: row["paid"] for row in rows(Invoice)} == {"500": Decimal("114.98"), "501": Decimal("114.98")}
    assert all(counts.ignored == () for counts in again.files.values())
    assert all((c.new, c.changed, c.removed) == (0, 0, 0) for c in take(good).files.values())


def test_the_bad_rows_say_why(take: Any, small: Any, tmp_path: Path) -> None:
    files = second(small)
    files["invoice_lines.csv"] = files["invoice_lines.csv"].replace("501,2,", "501,x,")
    lines: list[str] = []
    take(files, keep_good=tmp_path / "bad", report=lines.append)
    assert read(tmp_path / "bad" / "invoice_lines.csv") == [
        ["invoice", "quantity", "description_fr", "description_en", "unit_price", "amount", "problem"],
        ["501", "x", "Câble", "Cable", "50.00", "100.00", 'quantity: "x" is not a whole number from 0 to 1000000'],
    ]
    assert read(tmp_path / "bad" / "invoices.csv")[1][-1] == "belongs together with a bad row"
    assert read(tmp_path / "bad" / "allocations.csv")[1][-1] == "invoice 501 is bad"
    assert not (tmp_path / "bad" / "orders.csv").exists()
    assert f"invoices.csv: 1 not imported, written to {tmp_path / 'bad' / 'invoices.csv'}" in lines
    assert lines[-1] == "The good rows were imported."
    assert (tmp_path / "bad" / "invoices.csv").stat().st_mode & 0o077 == 0


@BATCHES
def test_a_bad_row_leaves_the_others_of_its_document_as_they_were(
    take: Any, small: Any, rows: Any, tmp_path: Path, batch_rows: int
) -> None:
    take(small)
    lines = "invoice,description_fr,amount\n500,Boîte,40\n500,Câble,sixty\n"
    report = take({"invoice_lines.csv": lines}, keep_good=tmp_path / "bad", batch_rows=batch_rows)
    assert report.kept
    assert [line["description_fr"] for line in rows(InvoiceLine)] == ["Câble"]
    assert [row[1] for row in read(tmp_path / "bad" / "invoice_lines.csv")[1:]] == ["Boîte", "Câble"]


@BATCHES
def test_leaving_a_payment_out_can_make_another_one_too_much(take: Any, small: Any, rows: Any, tmp_path: Path, batch_rows: int) -> None:
    take(small)
    head = small["payments.csv"].partition("\n")[0]
    payments = f"{head}\nA,P1,2020-01-05T12:00-05:00,x,x,114.98\nA,P2,2020-01-06T12:00-05:00,x,x,114.98\n"
    moved = small["invoices.csv"] + "A,501,,2020-01-02,2020-02-01,100.00,114.98\n"
    taxes = "document,number,name_fr,registration,rate,amount\ninvoice,501,TPS,R1,5,14.98\n"
    line = "invoice,description_fr,amount\n501,Boîte,100\n"
    files = {"invoices.csv": moved, "taxes.csv": taxes, "invoice_lines.csv": line, "payments.csv": payments}
    # P1 moves to the new invoice and P2 takes its place. If the new invoice is bad, P1 stays and leaves no room for P2.
    parts = "payment,invoice,amount\nP1,501,114.98\nP2,500,114.98\n"
    bad = {**files, "allocations.csv": parts, "invoice_lines.csv": line.replace("100", "99")}
    report = take(bad, keep_good=tmp_path / "bad", batch_rows=batch_rows)
    assert report.kept
    assert {row["reference"] for row in rows(Payment)} == {"P1"}
    assert [row["amount"] for row in rows(Allocation)] == [Decimal("114.98")]
    assert "the payments of invoice 500 add up to 229.96" in read(tmp_path / "bad" / "allocations.csv")[2][-1]
    assert take({**files, "allocations.csv": parts}).kept
    assert {row["number"]: row["paid"] for row in rows(Invoice)} == {"500": Decimal("114.98"), "501": Decimal("114.98")}


@BATCHES
def test_too_much_credited_over_several_batches(take: Any, small: Any, rows: Any, tmp_path: Path, batch_rows: int) -> None:
    head = "number,invoice,issued_on,reason_fr,subtotal,total\n"
    small["credit_notes.csv"] = head + "C1,500,2020-03-01,x,100,100\nC2,500,2020-03-02,x,14.99,14.99\n"
    report = take(small, batch_rows=batch_rows)
    assert [str(bad) for bad in report.bad] == [
        "credit_notes.csv, line 2, column total: the credit notes of invoice 500 add up to 114.99, its total is 114.98"
    ]
    assert rows(Invoice) == []
    kept = take(small, keep_good=tmp_path / "bad", batch_rows=batch_rows)
    assert kept.kept
    assert (len(rows(Invoice)), rows(CreditNote)) == (1, [])
    assert len(read(tmp_path / "bad" / "credit_notes.csv")) == 3


def test_the_bad_file_has_the_form_of_the_one_it_comes_from(take: Any, tmp_path: Path) -> None:
    raw = "\tnumber;name;problem\r\nA;Métal;before\r\n;Bôite;\r\n".replace("\t", "").encode("cp1252")
    assert take({"accounts.csv": raw}, keep_good=tmp_path / "bad").kept
    assert (tmp_path / "bad" / "accounts.csv").read_bytes() == "number;name;problem\r\n;Bôite;number: is empty\r\n".encode("cp1252")


def test_nothing_is_written_over(take: Any, small: Any, tmp_path: Path, everything: Any) -> None:
    before = everything()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "invoices.csv").write_text("precious")
    with pytest.raises(ImportRefused, match="already"):
        take(small, keep_good=tmp_path / "bad")
    with pytest.raises(ImportRefused, match="is a file"):
        take({"accounts.csv": small["accounts.csv"]}, keep_good=tmp_path / "bad" / "invoices.csv")
    assert everything() == before


def test_a_file_that_cannot_be_read_to_its_end_keeps_nothing(take: Any, small: Any, tmp_path: Path, everything: Any) -> None:
    before = everything()
    small["payments.csv"] = "reference\nP1\n"
    assert not take(small, keep_good=tmp_path / "bad").kept
    assert everything() == before
    assert not (tmp_path / "bad").exists()


def test_without_a_bad_row_no_file_is_made(take: Any, small: Any, tmp_path: Path) -> None:
    assert take(small, keep_good=tmp_path / "bad").left_out == {}
    assert not (tmp_path / "bad").exists()


@BATCHES
def test_a_dry_run_tells_the_same_and_writes_nothing(take: Any, small: Any, everything: Any, batch_rows: int) -> None:
    take({"accounts.csv": "number,name\nA,Before\nB,Beta Haulage\n"})
    before = everything()
    tried = take(small, dry=True, batch_rows=batch_rows)
    assert (tried.kept, tried.bad) == (False, [])
    assert list(tried.lines())[-1] == "Nothing was written: this was a dry run."
    assert everything() == before
    done = take(small, batch_rows=batch_rows)
    assert (done.kept, done.files) == (True, tried.files)
    assert (done.files["accounts.csv"].changed, done.files["accounts.csv"].same, done.files["taxes.csv"].new) == (1, 1, 4)
    same = take(small, dry=True, batch_rows=batch_rows)
    assert all((counts.new, counts.changed, counts.removed) == (0, 0, 0) for counts in same.files.values())


@BATCHES
def test_an_address_of_the_same_import_is_found_from_another_batch(take: Any, small: Any, rows: Any, batch_rows: int) -> None:
    small["addresses.csv"] = "account,code,name,line1,city\nB,YARD,Beta,2 rue Deux,Laval\nA,YARD,Alpha,1 rue Un,Laval\n"
    small["orders.csv"] = small["orders.csv"].replace("number,", "number,ship_to,").replace("A,100,", "A,100,YARD,")
    assert take(small, batch_rows=batch_rows).kept
    assert take(small, dry=True, batch_rows=batch_rows).files["orders.csv"].same == 1
    (order,) = rows(Order)
    assert order["ship_to_id"]


def test_ways_of_writing_are_declared(take: Any, rows: Any) -> None:
    text = "account;number;issued_on;due_on;subtotal;total\nA;500;24/09/2020;24/10/2020;0;0\n"
    files = {"accounts.csv": "number;name\nA;Alpha\n", "invoices.csv": text}
    assert not take(files).kept
    assert take(files, spelling=Dialect(day_first=True)).kept
    assert rows(Invoice)[0]["issued_on"].isoformat() == "2020-09-24"


@pytest.mark.parametrize(
    ("encoding", "start", "sign", "declared"),
    [
        ("utf-8", "sep=|\r\n", "|", Dialect()),
        ("utf-8", "Accounts of 2020\n\n", ";", Dialect()),
        ("utf-16", "", ";", Dialect(encoding="utf-16")),
        ("cp850", "", ",", Dialect(encoding="cp850")),
        ("mac-roman", "", "\t", Dialect(encoding="mac-roman")),
    ],
)
def test_rejects_have_the_form_of_their_file(
    take: Any, tmp_path: Path, rows: Any, encoding: str, start: str, sign: str, declared: Dialect
) -> None:
    raw = (start + f"number,name\nA,Montréal\nB{'x' * 50},Hélène\n".replace(",", sign)).encode(encoding)
    report = take({"accounts.csv": raw}, keep_good=tmp_path / "bad", spelling=declared)
    assert report.left_out["accounts.csv"][0] == 1
    mended = (tmp_path / "bad" / "accounts.csv").read_bytes().decode(encoding).replace("x" * 50, "").encode(encoding)
    assert take({"accounts.csv": mended}, spelling=declared).kept
    assert [(row["number"], row["name"]) for row in rows(Account)] == [("A", "Montréal"), ("B", "Hélène")]


def test_a_file_in_another_encoding_is_not_imported_in_part(take: Any, tmp_path: Path, rows: Any) -> None:
    raw = "number,name\nA,Alpha\nB,Montréal\nC,Gamma\n".encode("cp850")
    assert not take({"accounts.csv": raw}, keep_good=tmp_path / "bad").kept
    assert rows(Account) == []
