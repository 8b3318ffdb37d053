"""Migration 0026, which adds what lists filter by to their indexes, on a database of the previous release."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, text
from sqlmodel import Session

from odoportal import migrations
from odoportal.lists import search
from odoportal.rooms.invoices import service as invoices
from odoportal.rooms.invoices.service import InvoiceState
from tests.making import TODAY
from tests.rooms.devices.test_service import found as found_devices
from tests.test_migrations import FILLED, database_of_release, found

FLEET = """
INSERT INTO device (id, account_id, serial, model, file_state, state, state_order, vehicle_order, order_number, end_on, held_until,
signal_order, search) VALUES
(1, 1, 'S1', 'ODO50', '', 'active', 2, '', 100, '2021-01-01', '9999-12-31', '', 's1 cable'),
(2, 1, 'S2', 'ODO50', 'lost', 'lost', 5, '', 0, '9999-12-31', '9999-12-31', '', 's2'),
(3, 2, 'S3', 'ODO50', '', 'active', 2, '', 0, '9999-12-31', '9999-12-31', '', 's3')
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Yield a database of the previous release (0025) with an order, two invoices and three devices in two accounts."""
    with database_of_release("0025", request, tmp_path) as made:
        with made.begin() as connection:
            for statement in (*FILLED.strip().split(";")[:-1], FLEET):
                connection.execute(text(statement))
        yield made


def test_the_indexes_are_those_of_the_models(engine: Engine) -> None:
    migrations.migrate(engine)
    for name in ("orders", "invoice", "device"):
        declared = {
            index.name: [str(column.name) for column in index.columns]
            for index in migrations.metadata().tables[name].indexes
            if index.name not in {"ix_invoice_paid", f"ix_{name}_{'grams' if engine.dialect.name == 'sqlite' else 'texts'}"}
        }
        stored = {index["name"]: index["column_names"] for index in inspect(engine).get_indexes(name)}
        assert {index: columns for index, columns in stored.items() if index in declared} == declared


def test_lists_find_what_they_found(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    migrations.migrate(engine)
    for rows in (search.LARGE_ACCOUNT_ROWS, -1):
        monkeypatch.setattr(search, "LARGE_ACCOUNT_ROWS", rows)
        with Session(engine) as session:
            assert [found(session, 1, q) for q in ("cable", "paid", "zebra")] == [["500"], ["500"], []]
            for asked, serial in (({"q": "active"}, "S1"), ({"state": "out"}, "S2"), ({"q": "s", "to": "2021-01-01"}, "S1")):
                assert found_devices(session, 1, **asked) == [serial]
            assert invoices.state_counts(session, 1, TODAY)[InvoiceState.PAID] == 1
