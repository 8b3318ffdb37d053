"""Migration 0025, which gives each device an assignment, on a database of the previous release."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, text
from sqlmodel import Session, select

from odoportal import migrations
from odoportal.importing.recompute import refresh_devices
from odoportal.rooms.devices.models import NEVER, Device, DeviceAssignment
from tests.rooms.devices.test_service import found
from tests.test_migration_people import add, ago
from tests.test_migrations import database_of_release


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Yield a database of the previous release (0024) with two accounts, three orders, an invoice and four devices."""
    with database_of_release("0024", request, tmp_path) as made:
        order = {"placed_at": ago(9), "subtotal": 0, "total": 0, "first_line_en": "", "first_line_fr": "", "search": ""}
        with made.begin() as connection:
            for number, name in ((1, "A"), (2, "B")):
                add(connection, "account", id=number, number=name, name=name, created_at=ago(99), two_step=False)
            for key in (100, 101, 102):
                add(
                    connection,
                    "orders",
                    id=key,
                    account_id=1,
                    number=f"{key}",
                    number_order=key,
                    start_on="2020-01-02",
                    end_on="2021-01-01",
                    **order,
                )
            for key, done in ((101, ago(5)), (102, None)):
                texts = {"carrier": "", "tracking": "", "tracking_url": "", "note_en": "", "note_fr": ""}
                add(connection, "fulfilment", account_id=1, order_id=key, step="shipped", done_at=done, **texts)
            sums = {
                "subtotal": 0,
                "total": 0,
                "paid": 0,
                "pending": 0,
                "credited": 0,
                "refunded": False,
                "terms_en": "",
                "terms_fr": "",
                "search": "",
            }
            add(
                connection,
                "invoice",
                id=5,
                account_id=1,
                number="500",
                number_order=500,
                issued_on="2020-01-02",
                due_on="2020-02-01",
                **sums,
            )
            line = {"description_en": "x", "description_fr": "x", "note_en": "", "note_fr": ""}
            add(connection, "invoice_line", id=7, account_id=1, invoice_id=5, position=1, **line)
            for key, owner, vehicle, ordered in ((1, 1, "Échelle 7", 100), (2, 1, "", 101), (3, 1, "", 102), (4, 2, "Van", None)):
                add(connection, "device", id=key, account_id=owner, serial=f"S{key}", model="ODO50", vehicle=vehicle, order_id=ordered)
        yield made


def test_each_device_begins_with_its_order_or_its_account(engine: Engine) -> None:
    migrations.migrate(engine)
    with Session(engine) as session:
        found = session.exec(select(DeviceAssignment).order_by(DeviceAssignment.device_id)).all()  # type: ignore[arg-type]
        assert [(row.account_id, row.device_id, row.order_id, row.vehicle, row.file_vehicle, row.since, row.until) for row in found] == [
            (1, 1, 100, "Échelle 7", "Échelle 7", date(2020, 1, 2), None),
            (1, 2, 101, "", "", date(2020, 1, 2), None),
            (1, 3, 102, "", "", date(2020, 1, 2), None),
            (2, 4, None, "Van", "Van", ago(99).date(), None),
        ]
        assert session.connection().execute(text("SELECT invoice_id, order_id, order_line FROM invoice_line")).all() == [(5, None, None)]


def test_the_list_is_as_an_import_would_write_it(engine: Engine) -> None:
    migrations.migrate(engine)
    with Session(engine) as session:
        devices = session.exec(select(Device).order_by(Device.serial)).all()
        assert [(d.state, d.end_on, d.held_until) for d in devices] == [
            ("active", date(2021, 1, 1), NEVER),
            ("shipping", date(2021, 1, 1), NEVER),
            ("preparing", date(2021, 1, 1), NEVER),
            ("active", NEVER, NEVER),
        ]
        before = [device.model_dump() for device in devices]
        refresh_devices(session, [device.id or 0 for device in devices])
        session.expire_all()
        assert [device.model_dump() for device in session.exec(select(Device).order_by(Device.serial)).all()] == before
        assert found(session, 1, q="echelle") == ["S1"]


def test_a_serial_may_have_a_row_in_each_account_but_one_holder(engine: Engine) -> None:
    migrations.migrate(engine)
    uniques = {tuple(found["column_names"]) for found in inspect(engine).get_unique_constraints("device")}
    assert ("account_id", "serial") in uniques
    assert ("serial",) not in uniques
    assert {"order_id", "vehicle"}.isdisjoint(column["name"] for column in inspect(engine).get_columns("device"))
    holder = next(index for index in inspect(engine).get_indexes("device") if index["name"] == "ix_device_holder")
    assert holder["unique"]
