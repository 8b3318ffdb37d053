"""Writes the files of an import of any size, row by row: `python -m tests.importing.big FOLDER INVOICES [taxes]`."""

import csv
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from odoportal.core.money import tax

ACCOUNTS = 100
LINES = (("Forfait ODOtrace", "ODOtrace plan", "26.95"), ("Câble OBD2 à 3 broches", "3 pins OBD2 cable", "14.95"), ("FedEx", "", "19.14"))
TAXES = (("TPS", "GST", "12345 6789 RT0001", "5"), ("TVQ", "QST", "1234567890 TQ0001", "9.975"))
FIRST = date(2015, 1, 1)
HEADS = {
    "accounts.csv": "number,name",
    "invoices.csv": "account,number,issued_on,due_on,terms_fr,terms_en,subtotal,total",
    "invoice_lines.csv": "invoice,quantity,description_fr,description_en,unit_price,amount",
    "taxes.csv": "document,number,name_fr,name_en,registration,rate,amount",
}


@contextmanager
def _sheets(folder: Path) -> Iterator[dict[str, Any]]:
    with ExitStack() as stack:
        found: dict[str, Any] = {}
        for name, head in HEADS.items():
            found[name] = csv.writer(stack.enter_context((folder / name).open("w", encoding="utf-8", newline="")))
            found[name].writerow(head.split(","))
        yield found


def write(folder: Path, invoices: int, taxes: bool) -> None:
    """Write invoices of three lines each: half of them of account A0, the others of 50 accounts; with `taxes`, two taxes on each."""
    folder.mkdir(parents=True, exist_ok=True)
    prices = [Decimal(price) for *_, price in LINES]
    with _sheets(folder) as sheets:
        for place in range(ACCOUNTS):
            sheets["accounts.csv"].writerow([f"A{place}", f"Transport {place}"])
        for place in range(invoices):
            number, day = 300_000 + place, FIRST + timedelta(place % 3000)
            account = 0 if place % 2 else place % ACCOUNTS
            quantity = 1 + place % 40
            subtotal = sum(prices, Decimal(0)) + prices[0] * (quantity - 1)
            due = [tax(subtotal, Decimal(rate)) for *_, rate in TAXES] if taxes else []
            terms = ("Payable dans les 30 jours", "Payable within 30 days")
            total = subtotal + sum(due, Decimal(0))
            sheets["invoices.csv"].writerow([f"A{account}", number, day, day + timedelta(30), *terms, subtotal, total])
            for at, (fr, en, price) in enumerate(LINES):
                pieces = 1 if at else quantity
                sheets["invoice_lines.csv"].writerow([number, pieces, fr, en, price, Decimal(price) * pieces])
            for (fr, en, registration, rate), amount in zip(TAXES, due, strict=False):
                sheets["taxes.csv"].writerow(["invoice", number, fr, en, registration, rate, amount])


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]), taxes="taxes" in sys.argv)
