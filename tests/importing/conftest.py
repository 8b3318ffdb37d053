"""Fixtures for imports: an empty database in a temporary folder, and files written as text."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, SQLModel

from odoportal.core import database
from odoportal.importing import merge
from odoportal.importing.importer import Options, run_import
from odoportal.importing.report import Report
from odoportal.settings import get_settings

NOW = datetime(2020, 9, 24, 14, 30, tzinfo=UTC)
Take = Callable[..., Report]
ACCOUNTS = "number,name\nA,Transport Alpha\nB,Beta Haulage\n"
ORDER = "account,number,placed_at,start_on,end_on,subtotal,total\nA,100,2020-01-02T09:00-05:00,2020-01-02,2021-01-01,100.00,114.98\n"
ORDER_LINES = "order,quantity,description_fr,description_en,unit_price,amount\n100,2,Câble,Cable,50.00,100.00\n"
TAXES = (
    "document,number,name_fr,name_en,registration,rate,base,amount\n"
    "order,100,TPS,GST,R1,5,,5.00\norder,100,TVQ,QST,R2,9.975,,9.98\n"
    "invoice,500,TPS,GST,R1,5,,5.00\ninvoice,500,TVQ,QST,R2,9.975,,9.98\n"
)
INVOICE = "account,number,order,issued_on,due_on,subtotal,total\nA,500,100,2020-01-02,2020-02-01,100.00,114.98\n"
INVOICE_LINES = "invoice,quantity,description_fr,description_en,unit_price,amount\n500,2,Câble,Cable,50.00,100.00\n"
PAYMENT = "account,reference,received_at,method_fr,method_en,amount\nA,P1,2020-01-05T12:00-05:00,Chèque 7,Cheque 7,114.98\n"
ALLOCATION = "payment,invoice,amount\nP1,500,114.98\n"


def _small() -> dict[str, str]:
    return {
        "accounts.csv": ACCOUNTS,
        "orders.csv": ORDER,
        "order_lines.csv": ORDER_LINES,
        "taxes.csv": TAXES,
        "invoices.csv": INVOICE,
        "invoice_lines.csv": INVOICE_LINES,
        "payments.csv": PAYMENT,
        "allocations.csv": ALLOCATION,
    }


@pytest.fixture(autouse=True)
def portal(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("ODOPORTAL_MODE", "demo")
    monkeypatch.setenv("ODOPORTAL_DATABASE_URL", database_url)
    monkeypatch.setenv("ODOPORTAL_DATA_DIR", str(tmp_path / "data"))
    # No one else uses the database between two parts of an import.
    monkeypatch.setattr(merge, "PAUSE_SECONDS", 0.0)
    get_settings.cache_clear()
    database.engine.cache_clear()
    yield tmp_path
    database.engine().dispose()
    database.engine.cache_clear()
    get_settings.cache_clear()


@pytest.fixture
def small() -> dict[str, str]:
    """Return files with two accounts, and a paid order of the first one."""
    return _small()


@pytest.fixture
def take(tmp_path: Path) -> Take:
    """Return a function that imports files, given as text or bytes by name; keywords other than `invite` and `report` are options."""
    made = iter(range(10_000))

    def run(files: dict[str, Any], **more: Any) -> Report:
        folder = tmp_path / f"run{next(made)}"
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        outside = {name: more.pop(name) for name in ("invite", "report") if name in more}
        return run_import(folder, now=NOW, options=Options(**more), **outside)

    return run


@pytest.fixture
def rows() -> Callable[..., list[dict[str, Any]]]:
    """Return a function that reads every row of a model's table as dictionaries."""

    def read(model: Any) -> list[dict[str, Any]]:
        with Session(database.engine()) as session:
            return [dict(row._mapping) for row in session.connection().execute(model.__table__.select())]

    return read


@pytest.fixture
def everything() -> Callable[[], dict[str, list[tuple[Any, ...]]]]:
    """Return a function that reads all tables of the database, to compare."""

    def read() -> dict[str, list[tuple[Any, ...]]]:
        with Session(database.engine()) as session:
            tables = SQLModel.metadata.sorted_tables
            return {table.name: [tuple(row) for row in session.connection().execute(table.select())] for table in tables}

    return read
