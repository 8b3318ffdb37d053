"""Which events are reported, when and to whom, and that none is reported twice."""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event
from sqlmodel import Session, select

from odoportal.accounts.activity_log import Actor
from odoportal.accounts.models import Account, Membership, Person, Role
from odoportal.core import database
from odoportal.core.identity import Identity
from odoportal.rooms.cards.models import Card
from odoportal.rooms.invoices.models import Allocation, Invoice, Payment
from odoportal.rooms.notifications import events, send, service
from odoportal.rooms.notifications.models import Notice, NoticeReader, NotificationKind
from tests.making import NOON, account, engine, invoice, order, rolled_back
from tests.rooms.notifications.conftest import People, letters
from tests.rooms.people.conftest import member

__all__ = ["engine"]

DAY = date(2020, 9, 24)
OWNERS = ["billing@example.com", "owner@example.com"]


def run(today: date = DAY, **more: Any) -> send.SendRun:
    """Run the notifications on a day, at noon."""
    return send.run("sandbox", today, datetime(today.year, today.month, today.day, 16, tzinfo=UTC), **more)


def bill(who: Identity, number: str, **more: Any) -> None:
    """Add an invoice, as an import does."""
    with database.write_session() as session:
        invoice(session, who.account.account_id, number, **{"issued": DAY, **more})


def pay(who: Identity, reference: str, number: str = "", on: date = DAY, status: str = "settled") -> None:
    """Add a payment, as an import does."""
    with database.write_session() as session:
        received = datetime(on.year, on.month, on.day, 16, tzinfo=UTC)
        made = Payment(
            account_id=who.account.account_id,
            reference=reference,
            received_at=received,
            method_en="Visa 4242",
            method_fr="Visa 4242",
            amount=Decimal(100),
            status=status,
        )
        session.add(made)
        session.flush()
        if number:
            paid = session.exec(select(Invoice).where(Invoice.number == number)).one()
            session.add(
                Allocation(account_id=who.account.account_id, payment_id=made.id or 0, invoice_id=paid.id or 0, amount=Decimal(100))
            )


def told() -> list[str]:
    """Return the recipients and subjects of all mails, in the order they were written."""
    return [f"{letter.to}: {letter.subject}" for letter in letters()]


def to_owner() -> list[str]:
    """Return the subjects of the mails to the account's owner."""
    return [letter.subject for letter in letters("owner@example.com")]


def test_a_new_invoice_is_told_once_to_who_wants_it(people: People) -> None:
    bill(people["owner"], "212048", total="576.07")
    assert run() == send.SendRun({NotificationKind.INVOICE: 1}, 2)  # type: ignore[arg-type]
    assert run() == run(DAY + timedelta(days=1)) == send.SendRun()
    assert sorted(letter.to for letter in letters()) == OWNERS
    letter = letters("owner@example.com")[0]
    assert letter.subject == "New invoice 212048"
    assert "Invoice 212048: $576.07" in letter.text
    assert "https://portal.example.com/en/invoices?account=1042&open=212048" in letter.text
    assert "H7L 3J5" in letter.text
    assert "H7L 3J5" in letter.html
    with database.read_session() as session:
        assert [(n.account_id, n.kind, n.about) for n in session.exec(select(Notice))] == [
            (people["owner"].account.account_id, "invoice", "212048")
        ]
        assert sorted(r.email for r in session.exec(select(NoticeReader))) == OWNERS


def test_a_dry_run_says_the_same_and_writes_nothing(people: People) -> None:
    bill(people["owner"], "212048")
    assert run(dry=True) == run(dry=True) == send.SendRun({NotificationKind.INVOICE: 1}, 2)  # type: ignore[arg-type]
    assert letters() == []
    assert run() == send.SendRun({NotificationKind.INVOICE: 1}, 2)  # type: ignore[arg-type]


def test_what_is_being_paid_is_not_asked_for(people: People) -> None:
    bill(people["owner"], "1", total="114.98", pending=Decimal("114.98"), due=DAY + timedelta(days=30))
    bill(people["owner"], "2", total="100.00", pending=Decimal("40.00"), due=DAY + timedelta(days=30))
    bill(people["owner"], "3", total="100.00", pending=Decimal("40.00"), issued=DAY - timedelta(days=9), due=DAY - timedelta(days=1))
    run()
    new, late = letters("owner@example.com")
    # Each row, then a blank line: the due date cannot be read as that of the next invoice.
    assert "Invoice 1: $114.98\n  Payment in progress\n\nInvoice 2: $100.00\n  Due on October\u00a024, 2020\n\n" in new.text
    assert "Invoice 3: $60.00\n  Due on September\u00a023, 2020 · 1 day overdue\n\n" in late.text
    assert "\n\n\n" not in new.text + late.text


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_dates_of_a_letter_are_written_out_in_its_language(people: People, language: str) -> None:
    with database.write_session() as session:
        owner = session.get_one(Person, people["owner"].person_id)
        owner.language, owner.region = language, "en-CA" if language == "fr" else "fr-CA"
    for number, days in (("1", 0), ("2", 31)):
        bill(people["owner"], number, issued=DAY - timedelta(days=days), due=DAY + timedelta(days=30 - days))
    pay(people["owner"], "P1", "1")
    run()
    text = "\n".join(letter.text for letter in letters("owner@example.com")).replace("\u00a0", " ")
    assert "24 octobre 2020" in text if language == "fr" else "October 24, 2020" in text
    assert not re.search(r"\d{4}-\d\d", text)


def test_one_account_that_fails_keeps_no_other_from_its_mails(
    people: People, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with database.write_session() as session:
        other = session.exec(select(Account).where(Account.number != people["owner"].account.number).order_by(Account.number)).all()[-1]
        assert (other.id or 0) > people["owner"].account.account_id
        invoice(session, other.id or 0, "9001", issued=DAY)
    bill(people["owner"], "212048")
    found = send.events

    def failing(session: Session, account_id: int, *more: Any) -> Any:
        if account_id == people["owner"].account.account_id:
            raise ValueError("'uk' is not a valid country code")
        return found(session, account_id, *more)

    monkeypatch.setattr(send, "events", failing)
    done = run()
    assert (done.failed, done.things) == (["account 1042"], {NotificationKind.INVOICE: 1})
    assert "notices: account 1042 failed" in caplog.text
    monkeypatch.undo()
    assert run().failed == []
    assert to_owner() == ["New invoice 212048"]


def test_a_first_import_of_a_long_history_tells_its_last_days_only(people: People) -> None:
    for back in range(400):
        bill(people["owner"], str(1000 + back), issued=DAY - timedelta(days=back), due=DAY - timedelta(days=back - 30))
    done = run()
    # The invoices issued in the last three days, and those that became overdue in them, one for each day and stage.
    assert done.things == {NotificationKind.INVOICE: 4, NotificationKind.OVERDUE: 12 - 3 + 3}
    assert to_owner() == ["4 new invoices", "12 invoices are overdue"]
    assert run(DAY + timedelta(days=1)).things == {NotificationKind.OVERDUE: 3}


def test_an_import_that_is_late_is_told_for_two_weeks(people: People) -> None:
    run(DAY - timedelta(days=30))
    bill(people["owner"], "1", issued=DAY - events.MAX_DELAY)
    bill(people["owner"], "2", issued=DAY - events.MAX_DELAY - timedelta(days=1))
    bill(people["owner"], "3", issued=DAY + timedelta(days=1))
    run()
    assert to_owner() == ["New invoice 1"]
    run(DAY + timedelta(days=1))
    assert to_owner() == ["New invoice 1", "New invoice 3"]


def test_an_overdue_invoice_is_told_on_the_first_seventh_and_thirtieth_day_and_no_more(people: People) -> None:
    run(DAY - timedelta(days=60))
    bill(people["owner"], "212048", issued=DAY - timedelta(days=40), due=DAY)
    days = [back for back in range(60) if NotificationKind.OVERDUE in run(DAY + timedelta(days=back)).things]
    assert days == [1, 7, 30]
    assert to_owner() == ["Invoice 212048 is overdue"] * 3


def test_where_nobody_looked_only_the_stage_that_is_reached_is_told(people: People) -> None:
    run(DAY - timedelta(days=60))
    bill(people["owner"], "212048", issued=DAY - timedelta(days=40), due=DAY - timedelta(days=9))
    run()
    assert to_owner() == ["Invoice 212048 is overdue"]
    assert "9 days overdue" in letters("owner@example.com")[0].text
    assert run(DAY + timedelta(days=35)).things == {NotificationKind.OVERDUE: 1}
    assert run(DAY + timedelta(days=36)) == send.SendRun()


@pytest.mark.parametrize(
    "how",
    [
        {"paid": Decimal(100), "settled_on": DAY},
        {"credited": Decimal(100), "settled_on": DAY},
        {"pending": Decimal(100)},
        {"paid": Decimal(100), "credited": Decimal(100), "settled_on": DAY},
    ],
    ids=["paid", "cancelled", "under way", "credited after payment"],
)
def test_what_is_not_owed_is_never_called_overdue(people: People, how: dict[str, Any]) -> None:
    run(DAY - timedelta(days=60))
    bill(people["owner"], "212048", issued=DAY - timedelta(days=40), due=DAY - timedelta(days=1), **how)
    assert run() == send.SendRun()


def test_a_payment_is_told_when_it_is_settled(people: People) -> None:
    bill(people["owner"], "212048", issued=DAY - timedelta(days=20))
    pay(people["owner"], "P1", "212048", status="pending")
    pay(people["owner"], "P2", status="failed")
    assert run() == send.SendRun()
    with database.write_session() as session:
        session.exec(select(Payment).where(Payment.reference == "P1")).one().status = "settled"
    assert run().things == {NotificationKind.PAYMENT: 1}
    assert to_owner() == ["Payment received: $100.00"]
    assert "invoice 212048" in letters("owner@example.com")[0].text


def test_an_agreement_is_told_60_30_and_7_days_before_its_last(people: People) -> None:
    run(DAY - timedelta(days=90))
    with database.write_session() as session:
        order(session, people["owner"].account.account_id, "26367", end=DAY + timedelta(days=60))
    days = [ahead for ahead in range(70) if NotificationKind.ENDING in run(DAY + timedelta(days=ahead)).things]
    assert days == [0, 30, 53]
    assert to_owner() == ["The agreement of order 26367 ends soon"] * 3
    assert len(letters("operations@example.com")) == 3
    assert letters("read_only@example.com") == []


def test_a_card_is_told_once_a_month_before_it_ends_unless_it_is_gone(people: People) -> None:
    run(DAY - timedelta(days=90))
    for last4, gone in (("4242", None), ("1881", NOON)):
        with database.write_session() as session:
            session.add(
                Card(
                    account_id=people["owner"].account.account_id,
                    provider="sandbox",
                    token=last4,
                    brand="visa",
                    last4=last4,
                    exp_month=10,
                    exp_year=2020,
                    added_at=NOON,
                    known_at=NOON,
                    removed_at=gone,
                )
            )
    days = [ahead for ahead in range(50) if NotificationKind.CARD in run(DAY + timedelta(days=ahead)).things]
    assert days == [7]
    assert to_owner() == ["A card on file expires soon"]
    assert "Visa •••• 4242" in letters("owner@example.com")[0].text
    assert "1881" not in letters("owner@example.com")[0].text


def test_switched_off_is_not_told_and_later_is_told_what_is_new_then(people: People) -> None:
    owner = people["owner"]
    reader = service.Reader(owner.account.account_id, owner.person_id)
    bill(owner, "1")
    with database.write_session() as session:
        service.switch(session, reader, NotificationKind.INVOICE, False, Actor.of(owner), NOON)
    run()
    assert [letter.to for letter in letters()] == ["billing@example.com"]
    with database.write_session() as session:
        service.switch(session, reader, NotificationKind.INVOICE, True, Actor.of(owner), NOON)
    assert run() == send.SendRun()
    bill(owner, "2")
    run()
    assert to_owner() == ["New invoice 2"]


@pytest.mark.parametrize("how", ["disabled", "removed", "never came"])
def test_who_has_no_access_is_told_nothing(people: People, how: str) -> None:
    owner = people["owner"]
    with database.write_session() as session:
        person = session.get_one(Person, owner.person_id)
        if how == "disabled":
            person.disabled_at = NOON
        elif how == "never came":
            person.password = ""
        else:
            session.delete(session.get_one(Membership, (owner.account.account_id, owner.person_id)))
    bill(owner, "1")
    run()
    assert [letter.to for letter in letters()] == ["billing@example.com"]


@pytest.mark.asvs("8.2.2")
@pytest.mark.case("A-61")
def test_another_account_hears_nothing(people: People) -> None:
    bill(people["owner"], "1")
    bill(people["stranger"], "2")
    run()
    assert sorted(told()) == [
        "billing@example.com: New invoice 1",
        "owner@example.com: New invoice 1",
        "stranger@example.com: New invoice 2",
    ]


def test_a_run_holds_the_account_before_it_looks_what_is_told(people: People) -> None:
    bill(people["owner"], "212048")
    holding: list[bool] = []
    with database.write_session() as session:
        event.listen(session, "do_orm_execute", lambda asked: holding.append(asked.statement._for_update_arg is not None))
        found, _ = send._report(session, people["owner"].account.account_id, "sandbox", {}, DAY, NOON)
    assert [thing.about for thing in found] == ["212048"]
    # SQLite allows one writer at a time anyway; on PostgreSQL only this lock prevents a second run.
    assert holding[0]
    assert not any(holding[1:])


def test_many_at_once_are_one_letter(people: People) -> None:
    for number in range(25):
        bill(people["owner"], f"{number:03}")
    run()
    assert to_owner() == ["25 new invoices"]
    text = letters("owner@example.com")[0].text
    assert "Invoice 019" in text
    assert "Invoice 020" not in text
    assert "and 5 more" in text


def test_letters_are_in_the_person_s_language_and_formats(people: People) -> None:
    with database.write_session() as session:
        person = session.get_one(Person, people["owner"].person_id)
        person.language, person.region = "fr", "fr-CA"
    bill(people["owner"], "212048", total="1234.50")
    run()
    letter = letters("owner@example.com")[0]
    assert letter.subject == "Nouvelle facture 212048"
    assert "1\u00a0234,50\u00a0$" in letter.text
    assert "/fr/invoices?account=1042&open=212048" in letter.text
    assert "« Nouvelles factures »".replace("« ", "«\u00a0").replace(" »", "\u00a0»") in letter.text


@pytest.mark.asvs("2.3.4")
@pytest.mark.case("F-23")
def test_of_eight_runs_at_the_same_time_one_tells(people: People) -> None:
    for number in range(5):
        bill(people["owner"], str(number))
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: run(), range(8)))
    assert sum(one.mails for one in done) == 2
    assert len(letters()) == 2


Step = tuple[str, int, int]
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("day"), st.integers(1, 20), st.just(0)),
        st.tuples(st.just("invoice"), st.integers(0, 5), st.integers(-40, 3)),
        st.tuples(st.just("pay"), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("run"), st.just(0), st.just(0)),
        st.tuples(st.just("choose"), st.integers(0, 1), st.integers(0, 1)),
    ),
    max_size=25,
)


def _apply(session: Session, who: Identity, step: Step, today: date) -> None:
    what, one, two = step
    known = session.exec(select(Invoice).where(Invoice.number == str(one))).first()
    if what == "invoice" and known is None:
        issued = today + timedelta(days=two)
        invoice(session, who.account.account_id, str(one), issued=issued, due=issued + timedelta(days=10))
    elif what == "pay" and known is not None:
        known.paid, known.settled_on = known.total, today
    elif what == "choose":
        reader = service.Reader(who.account.account_id, who.person_id)
        service.switch(session, reader, (NotificationKind.INVOICE, NotificationKind.OVERDUE)[one], two == 1, Actor.of(who), NOON)
    session.flush()


@settings(max_examples=60)
@given(_STEPS)
def test_whatever_the_order_of_imports_choices_and_runs_each_thing_is_told_once_at_most(engine: Engine, steps: Sequence[Step]) -> None:
    with rolled_back(engine) as session:
        who = member(session, account(session), "owner@example.com", Role.OWNER)
        member(session, account(session, "2000"), "stranger@example.com", Role.OWNER)
        of = session.get_one(Account, who.account.account_id)
        seen: list[tuple[str, str]] = []
        today = DAY
        for step in [*steps, ("run", 0, 0)]:
            today += timedelta(days=step[1] if step[0] == "day" else 0)
            _apply(session, who, step, today)
            if step[0] != "run":
                continue
            wanted = service.choices(session, of.id or 0, who.person_id, Role.OWNER)
            found, readers = send._report(session, of.id or 0, "", {}, today, NOON)
            on = {NotificationKind(kind) for kind, value in wanted.items() if value}
            assert len(readers) == len(on & {event.kind for event in found})
            assert all(isinstance(person, Person) and person.id == who.person_id for person in readers)
            for event in found:
                assert (event.kind.value, event.about) not in seen
                seen.append((event.kind.value, event.about))
                assert isinstance(event.record, Invoice)
                assert event.kind is not NotificationKind.OVERDUE or event.record.paid < event.record.total
                assert today - events.MAX_DELAY <= event.day <= today
        numbers = [about.split()[0] for kind, about in seen if kind == "overdue"]
        assert all(numbers.count(number) <= len(events.OVERDUE_DAYS) for number in numbers)
        session.expunge_all()
