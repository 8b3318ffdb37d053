"""Everything about one device: agreement, invoice line and history, of the account's own time only."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import Engine
from sqlmodel import Session

from odoportal.accounts.activity_log import Actor, record
from odoportal.rooms.devices.activity import DeviceActivity
from odoportal.rooms.devices.history import Event, EventKind, details
from odoportal.rooms.devices.models import DeviceAssignment
from odoportal.rooms.invoices.models import Invoice, InvoiceLine
from odoportal.rooms.orders.models import Fulfilment
from tests.making import NOON, TODAY, account, device, invoice, order, rolled_back

START = date(2020, 1, 2)


def billed(session: Session, account_id: int, number: str, order_id: int, issued: date, line: int | None = None) -> Invoice:
    made = invoice(session, account_id, number, issued=issued, order_id=order_id)
    session.add(
        InvoiceLine(
            account_id=account_id,
            invoice_id=made.id or 0,
            position=1,
            description_en="Plan",
            description_fr="Forfait",
            amount=Decimal("26.95"),
            order_id=order_id if line else None,
            order_line=line,
        )
    )
    session.flush()
    return made


def test_the_agreement_and_the_newest_invoice_line(engine: Engine) -> None:
    with rolled_back(engine) as session:
        mine = account(session)
        sale = order(session, mine, "100", START, date(2022, 12, 31), [("Plan", "Forfait"), ("ODO50", "ODO50")])
        device(session, mine, "S1", order=sale, line=1, since=START)
        billed(session, mine, "500", sale.id or 0, date(2020, 2, 1), 1)
        billed(session, mine, "501", sale.id or 0, date(2020, 3, 1), 1)
        billed(session, mine, "502", sale.id or 0, date(2020, 4, 1), 2)
        billed(session, mine, "503", sale.id or 0, date(2020, 5, 1))
        found = details(session, mine, "S1", TODAY)
        assert found is not None
        assert found.order is not None
        assert found.line is not None
        assert found.billed is not None
        assert (found.order.number, found.line.position, found.line_count) == ("100", 1, 2)
        assert (found.billed.invoice.number, found.billed.line and found.billed.line.amount) == ("501", Decimal("26.95"))


def test_without_a_line_in_the_file_no_line_is_claimed(engine: Engine) -> None:
    with rolled_back(engine) as session:
        mine = account(session)
        sale = order(session, mine, "100", START)
        device(session, mine, "S1", order=sale, since=START)
        device(session, mine, "S2", order=sale, line=1, since=START)
        device(session, mine, "S3")
        billed(session, mine, "503", sale.id or 0, date(2020, 5, 1))
        for serial in ("S1", "S2"):
            found = details(session, mine, serial, TODAY)
            assert found is not None
            assert found.billed is not None
            assert (found.billed.invoice.number, found.billed.line) == ("503", None)
        none = details(session, mine, "S3", TODAY)
        assert none is not None
        assert (none.order, none.line, none.billed) == (None, None, None)


def test_the_history_is_of_the_account_s_own_time(engine: Engine) -> None:
    with rolled_back(engine) as session:
        former, present = account(session, "A"), account(session, "B")
        moved = date(2020, 6, 1)
        sale = order(session, former, "100", START)
        device(session, former, "S1", vehicle="Unit 1", order=sale, since=START, until=moved - timedelta(days=1), signal=NOON)
        for step, day in (("shipped", 3), ("activated", 9)):
            at = datetime(2020, 1, day, 15, tzinfo=UTC)
            session.add(Fulfilment(account_id=former, order_id=sale.id or 0, step=step, done_at=at, carrier="FedEx", tracking="7848"))
        # The new holder's order was shipped before the tracker came to it.
        theirs = order(session, present, "200", date(2020, 5, 1))
        session.add(Fulfilment(account_id=present, order_id=theirs.id or 0, step="shipped", done_at=datetime(2020, 5, 2, tzinfo=UTC)))
        device(session, present, "S1", vehicle="Van 9", order=theirs, since=moved)
        for owner, name in ((former, "Unit 2"), (present, "Van 10")):
            before_, after_ = {"vehicle": "x"}, {"vehicle": name}
            record(session, DeviceActivity.RENAMED, Actor(None), NOON, account_id=owner, about="S1", before=before_, after=after_)
        session.flush()
        before, after = details(session, former, "S1", TODAY), details(session, present, "S1", TODAY)
        assert before is not None
        assert after is not None
        assert [(event.kind, event.day) for event in before.history] == [
            (EventKind.SIGNAL, TODAY),
            (EventKind.NAMED, TODAY),
            (EventKind.LEFT, date(2020, 5, 31)),
            (EventKind.ACTIVATED, date(2020, 1, 9)),
            (EventKind.SHIPPED, date(2020, 1, 3)),
            (EventKind.ORDERED, START),
        ]
        assert before.history[4].by == "FedEx 7848"
        assert after.history == [
            Event(EventKind.NAMED, TODAY, NOON, before="x", after="Van 10"),
            Event(EventKind.ORDERED, moved, order="200"),
        ]
        assert "Unit" not in repr(after)


def test_a_renewal_is_another_assignment(engine: Engine) -> None:
    with rolled_back(engine) as session:
        mine = account(session)
        old, new = order(session, mine, "100", START), order(session, mine, "200", date(2020, 8, 1))
        made = device(session, mine, "S1", order=old, since=START, until=date(2020, 7, 31))
        since = date(2020, 8, 1)
        session.add(DeviceAssignment(account_id=mine, device_id=made.id or 0, order_id=new.id, since=since))
        session.flush()
        found = details(session, mine, "S1", TODAY)
        assert found is not None
        assert [(event.kind, event.order) for event in found.history] == [(EventKind.ASSIGNED, "200"), (EventKind.ORDERED, "100")]
        assert found.order is not None
        assert found.order.number == "200"


def test_an_unknown_serial_and_another_account_s_are_the_same(engine: Engine) -> None:
    with rolled_back(engine) as session:
        mine, other = account(session, "A"), account(session, "B")
        device(session, other, "S1")
        assert details(session, mine, "S1", TODAY) is details(session, mine, "S2", TODAY) is None
