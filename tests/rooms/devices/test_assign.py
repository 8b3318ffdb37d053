"""A pasted list of vehicles: how it is read, what its check says, and that it is applied as checked or not at all."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, select

from odoportal.accounts.models import Change, Membership
from odoportal.core import database
from odoportal.core.identity import Identity, NotAllowed
from odoportal.rooms.devices import assign, vehicles
from odoportal.rooms.devices.assign import MAX_LINES, NoSuchList, NothingRead, Preview, Reason, Result, StalePreview, TooManyLines
from odoportal.rooms.devices.models import Device, DeviceAssignment, VehicleList
from tests.making import NOON, TODAY, device
from tests.rooms.people.conftest import people, store  # noqa: F401 - fixtures

People = dict[str, Identity]
LIST = (
    "5011870\tUnit 42, Ford Transit\n5011694\tUnit 12\n5.01E+06\tUnit 44\n5011999\tUnit 45\n5011870\tUnit 46\n5011888\t\n5011843\t"
    + "x" * 101
)


@pytest.mark.parametrize(
    ("content", "cells"),
    [
        ("1\tUnit 42, Ford", [(1, "1", "Unit 42, Ford")]),
        ("Serial\tVehicle\n1\tA\n\n2\tB\tnotes", [(2, "1", "A"), (4, "2", "B")]),
        ("No de série;Véhicule\r\n1;Unité 42, Ford\r\n", [(2, "1", "Unité 42, Ford")]),
        ('1,"Unit 42, Ford"\n2,Unit 43, Kenworth\n', [(1, "1", "Unit 42, Ford"), (2, "2", "Unit 43, Kenworth")]),
        ("1 Unit 42, Ford\n2 Unit 43", [(1, "1", "Unit 42, Ford"), (2, "2", "Unit 43")]),
        ("1", [(1, "1", "")]),
        ("  1 \t Unit\u00a0 1 ", [(1, "1", "Unit 1")]),
        ("5,01E+06,Unit 44", [(1, "5,01E+06", "Unit 44")]),
        ('1\t"Unit\n', [(1, "1", "Unit")]),
        ("serial,model,vehicle,order\n1,ODO50,Unit 1,100\n2,ODO50", [(2, "1", "Unit 1"), (3, "2", "")]),
        ('serial,vehicle,reason\n1,"Unit 42, Ford","No device, sorry"', [(2, "1", "Unit 42, Ford")]),
        ("serial,vehicle\n1,Unit 42, Ford", [(2, "1", "Unit 42, Ford")]),
        ('"Serial";"Vehicle"\n1;\'-12', [(2, "1", "-12")]),
    ],
)
def test_a_list_is_read_as_it_was_copied(content: str, cells: list[tuple[int, str, str]]) -> None:
    assert [(line.number, line.serial, line.vehicle) for line in assign.parse(content)] == cells


def test_too_many_lines_and_none_are_refused() -> None:
    assert len(assign.parse("1\tA\n" * MAX_LINES)) == MAX_LINES
    with pytest.raises(TooManyLines):
        assign.parse("1\tA\n" * (MAX_LINES + 1))
    for empty in ("", " \n\n", "Serial\tVehicle\n"):
        with pytest.raises(NothingRead):
            assign.parse(empty)


@pytest.mark.parametrize("serial", ["3,5E+14", "3.50612E+14", "5E+6", "5.01e06"])
def test_a_serial_that_excel_shortened_is_never_looked_up(people: People, serial: str) -> None:  # noqa: F811
    with database.write_session() as session:
        device(session, people["owner"].account.account_id, serial)
        checked = assign.preview(session, people["owner"].account.account_id, f"{serial}\tA", TODAY)
    assert [line.reason for line in checked.lines] == [Reason.SHORTENED]


@pytest.fixture
def fleet(people: People) -> People:  # noqa: F811
    with database.write_session() as session:
        mine = people["owner"].account.account_id
        for serial, vehicle in (("5011870", ""), ("5011694", "Unit 12"), ("5011888", "Unit 7"), ("5011843", "")):
            device(session, mine, serial, vehicle=vehicle)
        device(session, mine, "5011000", until=TODAY - timedelta(days=1))
        device(session, people["stranger"].account.account_id, "5011999", vehicle="Theirs")
    return people


def checked(who: Identity, content: str = LIST) -> tuple[str, Preview]:
    with database.write_session() as session:
        kept = assign.keep(session, who, content, NOON)
        return kept.key, assign.preview(session, who.account.account_id, content, TODAY)


def apply(who: Identity, key: str, version: str, hours: int = 0) -> int:
    with database.write_session() as session:
        return assign.apply(session, who, key, version, TODAY, NOON + timedelta(hours=hours), "203.0.113.7")


def undo(who: Identity, key: str, hours: int = 1) -> tuple[int, int]:
    with database.write_session() as session:
        return assign.undo(session, who, key, TODAY, NOON + timedelta(hours=hours), "203.0.113.7")


def names() -> dict[str, str]:
    with database.read_session() as session:
        serials = {device.id: device.serial for device in session.exec(select(Device))}
        return {serials[row.device_id]: row.vehicle for row in session.exec(select(DeviceAssignment))}


def test_the_check_says_now_will_be_and_why_not(fleet: People) -> None:
    _, preview = checked(fleet["owner"])
    assert [(line.line.number, line.present, line.result, line.reason) for line in preview.lines] == [
        (3, None, Result.LEFT_OUT, Reason.SHORTENED),
        (4, None, Result.LEFT_OUT, Reason.UNKNOWN),
        (5, "", Result.LEFT_OUT, Reason.REPEATED),
        (6, "Unit 7", Result.LEFT_OUT, Reason.NO_VEHICLE),
        (7, "", Result.LEFT_OUT, Reason.TOO_LONG),
        (1, "", Result.CHANGE, None),
        (2, "Unit 12", Result.SAME, None),
    ]
    assert preview.lines[2].first == preview.lines[5].line
    assert [preview.count(result) for result in Result] == [5, 1, 1]


def test_a_device_that_left_is_unknown(fleet: People) -> None:
    _, preview = checked(fleet["owner"], "5011000\tUnit 1")
    assert preview.lines[0].reason == Reason.UNKNOWN


@pytest.mark.parametrize("role", ["owner", "operations"])
def test_what_was_shown_is_applied_once(fleet: People, role: str) -> None:
    before = names()
    key, preview = checked(fleet[role])
    assert apply(fleet[role], key, preview.version) == 1
    assert names() == {**before, "5011870": "Unit 42, Ford Transit"}
    assert apply(fleet[role], key, preview.version, hours=1) == 1
    with database.read_session() as session:
        (change,) = session.exec(select(Change)).all()
    assert (change.what, change.about, change.after) == ("vehicle_assigned", "5011870", '{"vehicle": "Unit 42, Ford Transit"}')


def renamed(session: Session, who: Identity, serial: str, vehicle: str, at: datetime) -> None:
    vehicles.rename(session, who, vehicles.held_device(session, who.account.account_id, serial, TODAY), vehicle, at)


def test_nothing_is_applied_when_something_changed_since(fleet: People) -> None:
    key, preview = checked(fleet["owner"], "5011870\tA\n5011843\tB\n5011694\tUnit 12")
    with database.write_session() as session:
        renamed(session, fleet["operations"], "5011694", "Unit 13", NOON)
    before = names()
    with pytest.raises(StalePreview):
        apply(fleet["owner"], key, preview.version)
    assert names() == before
    with pytest.raises(StalePreview):
        apply(fleet["owner"], key, "")


@pytest.mark.asvs("8.2.1")
@pytest.mark.parametrize("role", ["billing", "read_only"])
def test_others_may_neither_check_apply_nor_undo(fleet: People, role: str) -> None:
    with pytest.raises(NotAllowed):
        checked(fleet[role])
    key, preview = checked(fleet["owner"])
    with pytest.raises(NotAllowed):
        apply(fleet[role], key, preview.version)
    with pytest.raises(NotAllowed):
        undo(fleet[role], key)


@pytest.mark.asvs("8.2.2")
@pytest.mark.parametrize("role", ["operations", "stranger"])
def test_a_list_is_its_person_s_own(fleet: People, role: str) -> None:
    key, preview = checked(fleet["owner"])
    for work in (lambda: apply(fleet[role], key, preview.version), lambda: undo(fleet[role], key)):
        with pytest.raises(NoSuchList):
            work()


@pytest.mark.asvs("8.2.2")
def test_a_list_stays_in_the_account_it_was_pasted_in(fleet: People) -> None:
    key, preview = checked(fleet["owner"])
    elsewhere = replace(fleet["owner"], account=fleet["stranger"].account)
    with database.write_session() as session:
        session.add(Membership(account_id=elsewhere.account.account_id, person_id=elsewhere.person_id, role="owner"))
    for work in (lambda: apply(elsewhere, key, preview.version), lambda: undo(elsewhere, key)):
        with pytest.raises(NoSuchList):
            work()


def test_undo_gives_the_names_back_but_leaves_what_was_named_since(fleet: People) -> None:
    before = names()
    key, preview = checked(fleet["owner"], "5011870\tA\n5011843\tB")
    apply(fleet["owner"], key, preview.version)
    with database.write_session() as session:
        renamed(session, fleet["operations"], "5011843", "C", NOON + timedelta(minutes=5))
    assert undo(fleet["owner"], key) == (1, 1)
    assert names() == {**before, "5011843": "C"}
    with pytest.raises(NoSuchList):
        undo(fleet["owner"], key)


def test_after_a_day_a_list_is_gone(fleet: People) -> None:
    key, preview = checked(fleet["owner"])
    with pytest.raises(NoSuchList):
        apply(fleet["owner"], key, preview.version, hours=24)
    apply(fleet["owner"], key, preview.version, hours=23)
    with database.write_session() as session:
        assert assign.purge(session, NOON + timedelta(hours=46)) == 0
    with pytest.raises(NoSuchList):
        undo(fleet["owner"], key, hours=47)
    with database.write_session() as session:
        assert assign.purge(session, NOON + timedelta(hours=47)) == 1
        assert session.exec(select(VehicleList)).all() == []


def test_undo_needs_an_applied_list(fleet: People) -> None:
    key, _ = checked(fleet["owner"])
    with pytest.raises(NoSuchList):
        undo(fleet["owner"], key)
