"""Rules of devices: states by day and file, the list and its counts, and the separation of accounts."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session, col

from odoportal.lists import search
from odoportal.lists.query import ListQuery, ListRules
from odoportal.lists.source import ListRequest
from odoportal.rooms.devices import service
from odoportal.rooms.devices.models import NEVER, Device, DeviceAssignment, DeviceState
from odoportal.rooms.devices.service import ENDING, OUT
from tests.making import TODAY, account, device, order, recorded_statements, rolled_back

FILTER_WORDS = {DeviceState.ACTIVE: "active", DeviceState.SILENT: "silent", OUT: "out of service"}
STATES = st.sampled_from(["", *(state for state in DeviceState if state != DeviceState.SILENT)])
SIGNALS = st.none() | st.integers(0, 6)


SORTS: dict[str, Any] = {
    "serial": col(Device.serial),
    "model": col(Device.model),
    "vehicle": col(Device.vehicle_order),
    "agreement": col(Device.order_number),
    "end": col(Device.end_on),
    "state": (service.state_position(TODAY), col(Device.signal_order)),
    "signal": col(Device.signal_order),
}
RULES = ListRules(tuple(SORTS), "-serial", service.LIST.states, service.LIST.texts)


def found(session: Session, account_id: int, **given_: str) -> list[str]:
    query = ListQuery.parse(RULES, {"size": "100", "sort": "serial", **given_})
    request = ListRequest(account_id, query, "en", TODAY, FILTER_WORDS, sort=SORTS[query.key], computed=query.key == "state")
    return [d.serial for d in service.LIST.find(session, request).rows]


def signal(days: int | None) -> datetime | None:
    """Return noon in Montréal some days ago."""
    return datetime(TODAY.year, TODAY.month, TODAY.day, 16, tzinfo=UTC) - timedelta(days=days) if days is not None else None


@pytest.mark.parametrize(
    ("stored", "until", "last", "state"),
    [
        ("active", None, None, "active"),
        ("active", None, 2, "active"),
        ("active", None, 3, "silent"),
        ("suspended", None, 30, "suspended"),
        ("active", TODAY, 0, "active"),
        ("active", TODAY - timedelta(days=1), 9, "returned"),
        ("preparing", TODAY - timedelta(days=1), None, "returned"),
        ("lost", TODAY - timedelta(days=1), None, "lost"),
        ("replaced", TODAY - timedelta(days=1), None, "replaced"),
    ],
)
def test_a_state_follows_from_the_file_the_last_signal_and_the_last_day(
    stored: str, until: date | None, last: int | None, state: str
) -> None:
    made = Device(account_id=1, serial="1", model="ODO50", state=stored, held_until=until or NEVER, last_signal_at=signal(last))
    assert service.state_of(made, TODAY) == state


@pytest.mark.parametrize(("minute", "state"), [(0, "silent"), (1, "active")])
def test_silence_is_counted_in_days_of_montreal(engine: Engine, minute: int, state: str) -> None:
    # The day before yesterday began at 4:00 UTC.
    at = datetime(2020, 9, 22, 3, 59, tzinfo=UTC) + timedelta(minutes=minute)
    with rolled_back(engine) as session:
        mine = account(session)
        made = device(session, mine, "1", signal=at)
        assert service.state_of(made, TODAY) == state
        assert bool(found(session, mine, state="silent")) == (state == "silent")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(STATES, SIGNALS, st.integers(-3, 3) | st.none(), st.integers(-90, 90)), max_size=10))
def test_filters_counts_and_states_agree(engine: Engine, rows: list[tuple[str, int | None, int | None, int]]) -> None:
    with rolled_back(engine) as session:
        mine = account(session)
        devices: list[Device] = []
        for place, (state, last, until, end) in enumerate(rows):
            sale = order(session, mine, f"{place}1", date(2019, 1, 1), TODAY + timedelta(days=end))
            left = TODAY + timedelta(days=until) if until is not None else None
            devices.append(device(session, mine, f"D{place}", order=sale, state=state, signal=signal(last), until=left))
        states = {d.serial: service.state_of(d, TODAY) for d in devices}
        running = {DeviceState.ACTIVE, DeviceState.SILENT}
        expected = {
            "": states,
            DeviceState.ACTIVE: [s for s in states if states[s] in running],
            ENDING: [d.serial for d in devices if states[d.serial] in running and TODAY <= d.end_on <= TODAY + timedelta(days=60)],
            DeviceState.SILENT: [s for s in states if states[s] == DeviceState.SILENT],
            DeviceState.SHIPPING: [s for s in states if states[s] in {DeviceState.PREPARING, DeviceState.SHIPPING}],
            OUT: [s for s in states if list(DeviceState).index(states[s]) > list(DeviceState).index(DeviceState.SILENT)],
        }
        counts = service.state_counts(session, mine, TODAY)
        by_state = [states[serial] for serial in found(session, mine, sort="state")]
        assert by_state == sorted(by_state, key=list(DeviceState).index)
        for name, serials in expected.items():
            assert (name, found(session, mine, state=name)) == (name, sorted(serials))
            assert (name, counts[name]) == (name, len(serials))


def fleet(session: Session) -> int:
    mine, other = account(session, "A"), account(session, "B")
    old = order(session, mine, "900", date(2018, 1, 1), date(2020, 10, 1))
    new = order(session, mine, "1000", date(2020, 1, 1), date(2022, 12, 31))
    device(session, mine, "S1", vehicle="Unité 2, Volvo", order=old, signal=signal(4))
    device(session, mine, "S2", vehicle="unit 10", order=new, signal=signal(0), model="ODO70")
    device(session, mine, "S3", order=new, state="preparing")
    device(session, mine, "S4", vehicle="Échelle", state="lost", signal=signal(9))
    device(session, other, "S9", vehicle="Unité 2, Volvo", signal=signal(4))
    return mine


@pytest.mark.parametrize(
    ("sort", "serials"),
    [
        ("serial", "1234"),
        ("-serial", "4321"),
        ("model", "1342"),
        ("vehicle", "3421"),
        ("agreement", "4123"),
        ("end", "1234"),
        ("state", "3214"),
        ("-state", "4123"),
        ("signal", "3412"),
        ("-signal", "2143"),
    ],
)
def test_the_list_sorts_by_every_column(engine: Engine, sort: str, serials: str) -> None:
    with rolled_back(engine) as session:
        assert "".join(s[1] for s in found(session, fleet(session), sort=sort)) == serials


@pytest.mark.parametrize("large", [False, True], ids=["few rows", "many rows"])
@pytest.mark.parametrize(
    ("given_", "serials"),
    [
        ({"q": "volvo"}, ["S1"]),
        ({"q": "unite 2"}, ["S1"]),
        ({"q": "ECHELLE"}, ["S4"]),
        ({"q": "odo70"}, ["S2"]),
        ({"q": "1000"}, ["S2", "S3"]),
        ({"q": "2020-10-01"}, ["S1"]),
        ({"q": "silent"}, ["S1"]),
        ({"q": "service"}, ["S4"]),
        ({"q": "nothing"}, []),
        ({"order": "1000"}, ["S2", "S3"]),
        ({"order": "999"}, []),
        ({"from": "2021-01-01", "to": "2023-01-01"}, ["S2", "S3"]),
        ({"state": "active", "q": "odo"}, ["S1", "S2"]),
    ],
)
def test_search_and_filters(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, large: bool, given_: dict[str, str], serials: list[str]
) -> None:
    if large:
        monkeypatch.setattr(search, "LARGE_ACCOUNT_ROWS", -1)
    with rolled_back(engine) as session:
        assert found(session, fleet(session), **given_) == serials


def test_the_plan_is_the_newest_assignment(engine: Engine) -> None:
    with rolled_back(engine) as session:
        mine = fleet(session)
        made = service.get(session, mine, "S1")
        assert made is not None
        renewed = DeviceAssignment(account_id=mine, device_id=made.id or 0, vehicle="Unit 3", since=TODAY)
        session.add(renewed)
        session.flush()
        plans = service.plans(session, mine, [made.id or 0])
        assert [(p.assignment.vehicle, p.order) for p in plans.values()] == [("Unit 3", None)]
        assert service.plans(session, mine + 1, [made.id or 0]) == {}


def test_the_devices_of_an_order(engine: Engine) -> None:
    with rolled_back(engine) as session:
        mine = account(session)
        sale = order(session, mine, "1")
        device(session, mine, "B", order=sale, vehicle="Two")
        device(session, mine, "A", order=sale)
        assert sale.id is not None
        assert [(d.serial, d.vehicle) for d in service.of_order(session, mine, sale.id)] == [("A", ""), ("B", "Two")]
        assert service.of_order(session, mine + 1, sale.id) == []


def test_a_serial_of_another_account_is_not_found(engine: Engine) -> None:
    with rolled_back(engine) as session:
        mine = fleet(session)
        assert service.get(session, mine, "S9") is None
        assert service.get(session, mine, "S1") is not None
        assert service.count(session, mine) == 4


def test_the_statements_of_a_page_do_not_depend_on_its_rows(engine: Engine) -> None:
    with rolled_back(engine) as session:
        mine, empty = fleet(session), account(session, "C")
        for account_id in (mine, empty):
            with recorded_statements(engine) as ran:
                found(session, account_id)
            assert len(ran) == 2
