"""The example files are the guide's account, to the cent and to the word."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from odoportal.accounts.models import Account, Membership, Person
from odoportal.core.money import tax
from odoportal.demo.data import EXAMPLE
from odoportal.importing.file_order import BY_NAME
from odoportal.importing.importer import run_import
from odoportal.rooms.addresses.models import Address
from odoportal.rooms.devices.models import Device, DeviceAssignment
from odoportal.rooms.invoices.models import Allocation, Invoice, InvoiceLine, InvoiceTax, Payment
from odoportal.rooms.orders.models import Fulfilment, Order, OrderLine, OrderTax
from odoportal.rooms.orders.search_text import shown_line

NOW = datetime(2020, 9, 24, 14, 30, tzinfo=UTC)
# The Agreement column as the guide prints it.
AGREEMENT = [
    "2 X ODOtrace plan for businesses",
    "2 X ODO50",
    "68 X ODOtrace plan for businesses - 3 years",
    "2 X Activation Fee",
    "2 X 3 pins OBD2 cable",
    "Discount 3 pins OBD2 cable",
    "1 X FedEx",
]
AMOUNTS = ["53.90", "378.00", None, "50.00", "29.90", "-29.90", "19.14"]
FRENCH = [
    "Forfait ODOtrace pour entreprises",
    "ODO50",
    "Forfait ODOtrace pour entreprises – 3 ans",
    "Frais d’activation",
    "Câble OBD2 à 3 broches",
    "Rabais câble OBD2 à 3 broches",
    "FedEx",
]


@pytest.fixture(autouse=True)
def loaded(portal: Any) -> None:
    report = run_import(EXAMPLE, now=NOW)
    assert report.kept, report.bad
    assert set(report.files) == set(BY_NAME)
    assert not any(counts.ignored for counts in report.files.values())


def money(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def test_the_account_and_its_owner(rows: Any) -> None:
    assert [(account["number"], account["name"]) for account in rows(Account)] == [("10418", "Transport Gagnon inc.")]
    (maria,) = rows(Person)
    assert (maria["email"], maria["name"]) == ("maria@transportgagnon.ca", "Maria Gagnon")
    assert (maria["language"], maria["region"]) == ("fr", "fr-CA")
    assert [member["role"] for member in rows(Membership)] == ["owner"]


def test_order_26367(rows: Any) -> None:
    (order,) = rows(Order)
    assert (order["number"], order["start_on"], order["end_on"]) == ("26367", date(2020, 9, 24), date(2023, 9, 23))
    assert (order["subtotal"], order["total"]) == (Decimal("501.04"), Decimal("576.07"))
    lines = rows(OrderLine)
    assert [shown_line(line["quantity"], line["description_en"]) for line in lines] == AGREEMENT
    assert [line["description_fr"] for line in lines] == FRENCH
    assert [line["amount"] for line in lines] == [money(amount) for amount in AMOUNTS]
    assert [line["monthly"] for line in lines] == [amount is None for amount in AMOUNTS]
    assert lines[2]["note_en"] == "34 months for 2 vehicles, billed as they run"
    addresses = {address["id"]: address for address in rows(Address)}
    assert (addresses[order["ship_to_id"]]["line1"], addresses[order["bill_to_id"]]["line1"]) == ("1250, boul. Dagenais Ouest", "C. P. 418")
    assert [(tax["amount"], tax["rate"]) for tax in rows(OrderTax)] == [(Decimal("25.05"), 5), (Decimal("49.98"), Decimal("9.975"))]
    assert order["first_line_fr"] == "forfait odotrace pour entreprises"
    shown = (*(line.lower() for line in AGREEMENT), "cable obd2 a 3 broches", "576.07", "576,07", "2020-09-24", "2023-09-23", "5011870")
    assert all(text in order["search"] for text in shown)


def test_invoice_212048(rows: Any) -> None:
    (invoice,) = rows(Invoice)
    assert (invoice["number"], invoice["issued_on"], invoice["due_on"]) == ("212048", date(2020, 9, 24), date(2020, 10, 24))
    assert (invoice["total"], invoice["paid"], invoice["settled_on"]) == (Decimal("576.07"), Decimal("576.07"), date(2020, 9, 24))
    lines = rows(InvoiceLine)
    assert [shown_line(line["quantity"], line["description_en"]) for line in lines] == [line for line in AGREEMENT if "68 X" not in line]
    assert sum(line["amount"] for line in lines) == invoice["subtotal"] == Decimal("501.04")
    for row in rows(InvoiceTax):
        assert row["amount"] == tax(Decimal("501.04"), row["rate"])
    assert [row["registration"] for row in rows(InvoiceTax)] == ["12345 6789 RT0001", "1234567890 TQ0001"]
    (payment,) = rows(Payment)
    assert (payment["reference"], payment["method_fr"]) == ("PAY-80417", "Visa 4242")
    assert payment["received_at"] == datetime(2020, 9, 24, 14, 4, tzinfo=UTC)
    assert [part["amount"] for part in rows(Allocation)] == [Decimal("576.07")]


def test_fulfilment_and_devices(rows: Any) -> None:
    steps = {step["step"]: step for step in rows(Fulfilment)}
    assert steps["received"]["done_at"] == datetime(2020, 9, 24, 13, 58, tzinfo=UTC)
    assert (steps["prepared"]["done_at"], steps["prepared"]["note_fr"]) == (None, "en cours, numéros attribués")
    assert (steps["shipped"]["carrier"], steps["shipped"]["expected_on"]) == ("FedEx", date(2020, 9, 28))
    assert steps["activated"]["note_en"] == "at the first report on the road"
    devices = [(device["model"], device["serial"], device["state"]) for device in rows(Device)]
    assert devices == [("ODO50", "5011870", "preparing"), ("ODO50", "5011888", "preparing")]
    assert [(row["since"], row["order_line"], row["vehicle"]) for row in rows(DeviceAssignment)] == [(date(2020, 9, 24), 1, "")] * 2
    billed = {row["position"]: row["order_line"] for row in rows(InvoiceLine) if row["order_id"]}
    assert billed == {place: place for place in range(1, 7)} | {4: 5, 5: 6, 6: 7, 3: 4}
