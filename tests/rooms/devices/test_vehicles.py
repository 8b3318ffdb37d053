"""Naming a vehicle: rights, other accounts, what is recorded, and what the list finds afterwards."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from odoportal.accounts.models import Change
from odoportal.core import database
from odoportal.core.identity import Identity, NotAllowed
from odoportal.rooms.devices import service, vehicles
from odoportal.rooms.devices.models import DeviceAssignment
from odoportal.rooms.devices.vehicles import NoSuchDevice
from tests.making import NOON, TODAY, device, order
from tests.rooms.devices.test_service import found
from tests.rooms.people.conftest import people, store  # noqa: F401 - fixtures

People = dict[str, Identity]


@pytest.fixture
def fleet(people: People) -> People:  # noqa: F811
    """Return the people of an account with three devices, one of which it holds no more, and another account with one."""
    with database.write_session() as session:
        mine, other = people["owner"].account.account_id, people["stranger"].account.account_id
        sale = order(session, mine, "100")
        device(session, mine, "S1", vehicle="Unit 1", order=sale)
        device(session, mine, "S2")
        device(session, mine, "S3", vehicle="Unit 3", until=TODAY - timedelta(days=1))
        device(session, other, "S4", vehicle="Theirs")
        device(session, other, "S3", vehicle="Theirs")
    return people


def rename(who: Identity, serial: str, vehicle: str) -> str:
    with database.write_session() as session:
        held = vehicles.held_device(session, who.account.account_id, serial, TODAY)
        return vehicles.rename(session, who, held, vehicle, NOON, "203.0.113.7")


def names(session: Session) -> list[str]:
    return sorted(session.exec(select(DeviceAssignment.vehicle)).all())


@pytest.mark.asvs("8.2.1")
@pytest.mark.parametrize("role", ["owner", "operations", "billing", "read_only"])
def test_owner_and_operations_may_name_vehicles(fleet: People, role: str) -> None:
    if role in {"owner", "operations"}:
        assert rename(fleet[role], "S1", "Unit 1, Ford") == "Unit 1"
        return
    with pytest.raises(NotAllowed):
        rename(fleet[role], "S1", "Unit 1, Ford")
    with database.read_session() as session:
        assert "Unit 1" in names(session)


@pytest.mark.asvs("8.2.2")
@pytest.mark.parametrize("serial", ["S3", "S4", "S5", ""])
def test_a_device_of_another_account_or_time_is_not_there(fleet: People, serial: str) -> None:
    with database.read_session() as session:
        before = names(session)
    with pytest.raises(NoSuchDevice):
        rename(fleet["owner"], serial, "Mine")
    with database.read_session() as session:
        assert names(session) == before


def test_the_list_finds_and_the_activity_names_the_new_one(fleet: People) -> None:
    rename(fleet["owner"], "S1", "Échelle 7")
    with database.read_session() as session:
        assert found(session, fleet["owner"].account.account_id, q="echelle") == ["S1"]
        (change,) = session.exec(select(Change)).all()
        assert vehicles.held_device(session, fleet["owner"].account.account_id, "S1", TODAY).vehicle == "Échelle 7"
        unchanged = session.exec(select(DeviceAssignment).where(DeviceAssignment.vehicle == "Échelle 7")).one()
    assert (change.what, change.about, change.before, change.after, change.address) == (
        "vehicle_renamed",
        "S1",
        '{"vehicle": "Unit 1"}',
        '{"vehicle": "Échelle 7"}',
        "203.0.113.7",
    )
    assert unchanged.file_vehicle == "Unit 1"


def test_the_same_name_is_no_change(fleet: People) -> None:
    rename(fleet["owner"], "S1", "Unit 1")
    with database.read_session() as session:
        assert session.exec(select(Change)).all() == []


def test_a_derived_column_is_what_an_import_would_write(fleet: People) -> None:
    rename(fleet["owner"], "S1", "Unit 1, Ford")
    with database.read_session() as session:
        device_ = service.get(session, fleet["owner"].account.account_id, "S1")
    assert device_ is not None
    assert device_.search == "s1\nodo50\nunit 1, ford\n100\n2020-12-31"
    assert device_.vehicle_order == "unit 1, ford"
