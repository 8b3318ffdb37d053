"""The benchmark data is what an import would have written, and the benchmarks start."""

import subprocess
import sys
from pathlib import Path

from sqlalchemy import text
from sqlmodel import Session, func, select

from odoportal.core.database import make_engine
from odoportal.importing.recompute import refresh_orders
from odoportal.migrations import migrate
from odoportal.rooms.invoices.balances import settle
from odoportal.rooms.invoices.models import Invoice
from odoportal.rooms.orders.models import Order
from tests.benchmarks import data

ROOT = Path(__file__).resolve().parents[2]


def test_what_documents_repeat_of_their_parts_stands_as_an_import_writes_it(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'rows.db'}")
    migrate(engine)
    data.fill(engine, 2_000)
    with Session(engine) as session:
        before = session.connection().exec_driver_sql("SELECT total_changes()").scalar()
        refresh_orders(session, [n for n in session.exec(select(Order.id)) if n])
        for account in range(1, 21):
            settle(session, account, [n for n in session.exec(select(Invoice.id).where(Invoice.account_id == account)) if n])
        assert session.connection().exec_driver_sql("SELECT total_changes()").scalar() == before
        assert not session.connection().execute(text("PRAGMA foreign_key_check")).all()
        counts = [session.exec(select(func.count()).select_from(Invoice).where(Invoice.account_id == n)).one() for n in (1, 2)]
        assert counts == [200, 100]
    engine.dispose()


def test_the_sql_of_every_view_can_be_measured() -> None:
    command = [sys.executable, "-m", "tests.benchmarks", "sql", "--rows", "1000", "--runs", "1"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert "steps of plans that read a whole table" in ran.stdout, ran.stderr
