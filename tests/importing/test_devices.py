"""Devices in an import: assignments that follow each other, moves between accounts, and what is refused in words."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from odoportal.accounts.models import Account
from odoportal.core import database
from odoportal.rooms.devices.models import NEVER, Device, DeviceAssignment
from odoportal.rooms.invoices.models import InvoiceLine
from tests.importing.conftest import ACCOUNTS, INVOICE_LINES, ORDER, ORDER_LINES

HEAD = "account,serial,model,vehicle,order,line,state,since,until,last_signal_at\n"
STEPS = "order,step,done_at,expected_on\n"
OTHER_ORDER = ORDER.split("\n")[1].replace("A,100,", "B,200,").replace("2020-01-02,2021-01-01", "2020-06-01,2022-05-31")


def stored() -> dict[str, list[tuple[Any, ...]]]:
    """Return the assignments by account number: serial, vehicle, first and last day."""
    with database.read_session() as session:
        devices = {device.id: device for device in session.exec(select(Device))}
        found = session.exec(select(DeviceAssignment).order_by(col(DeviceAssignment.since))).all()
        names = {account.id: account.number for account in session.exec(select(Account))}
    by_account: dict[str, list[tuple[Any, ...]]] = {}
    for row in sorted(found, key=lambda row: (row.account_id, devices[row.device_id].serial)):
        by_account.setdefault(names[row.account_id], []).append((devices[row.device_id].serial, row.vehicle, row.since, row.until))
    return by_account


def one(session: Session, account_number: str = "A") -> Device:
    return session.exec(select(Device).join(Account).where(Device.serial == "S1", Account.number == account_number)).one()


def reasons(report: Any) -> list[tuple[int, str, str]]:
    return [(bad.line, bad.column, bad.reason) for bad in sorted(report.bad)]


def test_a_device_begins_with_its_order(take: Any, small: Any) -> None:
    take(small)
    assert take({"devices.csv": HEAD + "A,S1,ODO50,Unit 1,100,1,,,,\n"}).kept
    assert stored() == {"A": [("S1", "Unit 1", date(2020, 1, 2), None)]}
    with database.read_session() as session:
        device = one(session)
    assert (device.state, device.order_number, device.end_on, device.held_until) == ("active", 100, date(2021, 1, 1), NEVER)
    assert device.search == "s1\nodo50\nunit 1\n100\n2021-01-01"


def test_without_an_order_it_begins_on_the_day_of_the_import(take: Any) -> None:
    take({"accounts.csv": ACCOUNTS, "devices.csv": HEAD + "A,S1,ODO50,,,,,,,\n"})
    assert stored() == {"A": [("S1", "", date(2020, 9, 24), None)]}


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ("100,received,2020-01-02T09:00-05:00,\n100,prepared,,2020-01-03\n", "preparing"),
        ("100,shipped,2020-01-02T09:00-05:00,\n100,activated,,2020-01-03\n", "shipping"),
        ("100,shipped,2020-01-02T09:00-05:00,\n100,activated,2020-01-03T09:00-05:00,\n", "active"),
    ],
)
def test_the_fulfilment_says_where_the_file_does_not(take: Any, small: Any, steps: str, state: str) -> None:
    take({**small, "devices.csv": HEAD + "A,S1,ODO50,,100,,,,,\n"})
    take({"fulfilment.csv": STEPS + steps})
    with database.read_session() as session:
        assert one(session).state == state
    take({"devices.csv": HEAD + "A,S1,ODO50,,100,,Lost,,,2020-09-20T10:00-04:00\n"})
    with database.read_session() as session:
        device = one(session)
    assert (device.state, device.signal_order) == ("lost", "2020-09-20T14:00:00+00:00")


def test_a_move_ends_one_assignment_and_begins_another(take: Any, small: Any) -> None:
    take({**small, "devices.csv": HEAD + "A,S1,ODO50,Unit 1,100,,,,,2020-05-01T10:00Z\n"})
    report = take({"devices.csv": HEAD + "B,S1,ODO50,Van 9,,,,2020-06-01,,\n"})
    assert report.kept, report.bad
    assert stored() == {
        "A": [("S1", "Unit 1", date(2020, 1, 2), date(2020, 5, 31))],
        "B": [("S1", "Van 9", date(2020, 6, 1), None)],
    }
    with database.read_session() as session:
        former, present = one(session, "A"), one(session, "B")
    assert (former.held_until, present.held_until) == (date(2020, 5, 31), NEVER)
    assert (former.last_signal_at, present.last_signal_at) == (datetime.fromisoformat("2020-05-01T10:00Z"), None)
    again = take({"devices.csv": HEAD + "B,S1,ODO50,Van 9,,,,2020-06-01,,\n"})
    assert (again.files["devices.csv"].same, again.files["devices.csv"].new) == (1, 0)


def test_a_move_within_one_file_in_batches_waits_for_both_accounts(take: Any, small: Any) -> None:
    small["orders.csv"] += OTHER_ORDER + "\n"
    small["order_lines.csv"] += ORDER_LINES.split("\n")[1].replace("100,2", "200,2") + "\n"
    small["taxes.csv"] += "order,200,TPS,GST,R1,5,,5.00\norder,200,TVQ,QST,R2,9.975,,9.98\n"
    small["devices.csv"] = HEAD + "A,S1,ODO50,Unit 1,100,,,,2020-05-31,\n".replace(",,2020-05", ",2020-01-05,2020-05")
    small["devices.csv"] += "B,S1,ODO50,Van 9,200,,,2020-06-01,,\n"
    report = take(small, batch_rows=2)
    assert report.kept, report.bad
    assert [rows[0][2:] for rows in stored().values()] == [(date(2020, 1, 5), date(2020, 5, 31)), (date(2020, 6, 1), None)]


def test_another_order_from_a_later_day_is_a_new_assignment(take: Any, small: Any) -> None:
    take({**small, "devices.csv": HEAD + "A,S1,ODO50,Unit 1,100,,,2020-01-02,,\n"})
    assert take({"devices.csv": HEAD + "A,S1,ODO50,Unit 1,,,,2020-08-01,,\n"}).kept
    assert [row[2:] for row in stored()["A"]] == [(date(2020, 1, 2), date(2020, 7, 31)), (date(2020, 8, 1), None)]


def test_another_first_day_for_the_same_order_is_a_correction(take: Any, small: Any) -> None:
    take({**small, "devices.csv": HEAD + "A,S1,ODO50,Unit 1,100,,,,,\n"})
    report = take({"devices.csv": HEAD + "A,S1,ODO50,Unit 1,100,,,2020-02-01,,\n"})
    assert (report.files["devices.csv"].changed, report.files["devices.csv"].new) == (1, 0)
    assert stored() == {"A": [("S1", "Unit 1", date(2020, 2, 1), None)]}


@pytest.mark.parametrize(
    ("rows", "where"),
    [
        (
            "B,S1,ODO50,,,,,2020-03-01,,\n",
            (2, "since", "is assigned from 2020-01-02 to 2020-06-30; it cannot be from 2020-03-01 as well"),
        ),
        ("B,S1,ODO50,,,,,2020-01-02,,\n", (2, "since", "is assigned from 2020-01-02 to 2020-06-30")),
        ("B,S1,ODO50,,,,,,,\n", (2, "account", "belongs to another account; a device that moves needs its first day in since")),
        ("A,S1,ODO50,,,,,2020-03-01,2020-02-01,\n", (2, "until", "2020-02-01 is before since 2020-03-01")),
        ("A,S1,ODO50,,,,,,2019-12-31,\n", (2, "until", "2019-12-31 is before the first day, 2020-01-02")),
        ("A,S2,ODO50,,,,,,,\nA,S2,ODO50,,,,,2020-03-01,,\n", (2, "since", "several rows of a device need their first days")),
        ("A,S1,ODO50,,,1,,,,\n", (2, "line", "a line needs its order")),
        ("A,S1,ODO50,,100,2,,,,\n", (2, "line", "order 100 has no line 2, it has 1")),
        ("A,S1,ODO50,,100,0,,,,\n", (2, "line", '"0" is not the number of a line, from 1')),
        ("A,S1,ODO50,,,,silent,,,\n", (2, "state", '"silent" is not one of preparing, shipping, active')),
        ("A,S1,ODO50,,,,,,,yesterday\n", (2, "last_signal_at", '"yesterday" is not a time with its UTC offset')),
    ],
)
def test_dates_and_lines_that_do_not_fit_are_refused_in_words(take: Any, small: Any, everything: Any, rows: str, where: Any) -> None:
    take({**small, "devices.csv": HEAD + "A,S1,ODO50,Unit 1,100,,,,2020-06-30,\n"})
    before = everything()
    ((line, column, reason),) = reasons(take({"devices.csv": HEAD + rows}))
    assert (line, column) == where[:2]
    assert where[2] in reason
    assert everything() == before


def test_a_line_of_the_same_import_counts(take: Any, small: Any) -> None:
    small["devices.csv"] = HEAD + "A,S1,ODO50,,100,2,,,,\n"
    assert reasons(take(small)) == [(2, "line", "order 100 has no line 2, it has 1")]
    lines = "100,1,Câble,Cable,50.00,50.00\n" * 2
    small["order_lines.csv"] = ORDER_LINES.split("\n")[0] + "\n" + lines
    assert take(small, batch_rows=1).kept


def test_a_name_given_in_the_portal_stays_while_the_file_says_the_same(take: Any, small: Any) -> None:
    named = HEAD + "A,S1,ODO50,Unit 1,100,,,,,\n"
    take({**small, "devices.csv": named})
    with database.write_session() as session:
        session.exec(select(DeviceAssignment)).one().vehicle = "Unit 1, Ford"
    take({"devices.csv": named})
    assert stored()["A"][0][1] == "Unit 1, Ford"
    take({"devices.csv": "account,serial,model\nA,S1,ODO50\n"})
    assert stored()["A"][0][1] == "Unit 1, Ford"
    take({"devices.csv": named.replace("Unit 1", "Unit 77")})
    assert stored()["A"][0][1] == "Unit 77"


def test_a_former_holder_s_name_is_not_handed_on(take: Any, small: Any) -> None:
    take({**small, "devices.csv": HEAD + "A,S1,ODO50,Unit 1,100,,,,,\n"})
    take({"devices.csv": "account,serial,model,since\nB,S1,ODO50,2020-06-01\n"})
    assert stored()["B"] == [("S1", "", date(2020, 6, 1), None)]


def test_a_line_of_an_invoice_names_the_order_line_it_bills(take: Any, small: Any, rows: Any) -> None:
    head, line, _ = INVOICE_LINES.split("\n")
    small["invoice_lines.csv"] = f"{head},order,line\n{line},100,1\n"
    assert take(small).kept
    (billed,) = rows(InvoiceLine)
    assert billed["order_line"] == 1
    assert billed["order_id"] is not None
    small["invoice_lines.csv"] = f"{head},order,line\n{line},100,3\n"
    assert reasons(take(small)) == [(2, "line", "order 100 has no line 3, it has 1")]
    small["invoice_lines.csv"] = f"{head},line\n{line},3\n"
    assert reasons(take(small)) == [(2, "line", "a line needs its order")]


def test_a_thousand_moves_come_in_the_same_way_in_any_batches(take: Any, small: Any) -> None:
    day = date(2020, 1, 2)
    first = "".join(f"A,T{place},ODO50,Unit {place},100,,,{day},,\n" for place in range(50))
    second = "".join(f"B,T{place},ODO50,Van {place},,,,{day + timedelta(place + 1)},,\n" for place in range(50))
    take({**small, "devices.csv": HEAD + first}, batch_rows=7)
    report = take({"devices.csv": HEAD + second}, batch_rows=7)
    assert report.kept, report.bad
    assert (len(stored()["A"]), len(stored()["B"])) == (50, 50)
    assert all(row[3] is not None for row in stored()["A"])
