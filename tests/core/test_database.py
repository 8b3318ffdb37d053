"""Tests of reading and writing database sessions."""

import asyncio
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError
from sqlmodel import Session, select

from odoportal.accounts.models import Account
from odoportal.core import database
from odoportal.rooms.invoices.models import InvoiceLine
from tests.making import NOON, account, invoice, order


def add(session: Session, number: str) -> str:
    session.add(Account(number=number, name=number, created_at=NOON))
    return number


def numbers(session: Session) -> list[str]:
    return sorted(session.exec(select(Account.number)).all())


def test_what_is_written_can_be_read_in_another_thread(stored: Engine) -> None:
    async def run() -> tuple[str, list[str], list[bool]]:
        written = await database.write(add, "1")
        threads = await asyncio.gather(*(database.read(lambda _s: threading.current_thread() is threading.main_thread()) for _ in range(3)))
        return written, await database.read(numbers), threads

    assert asyncio.run(run()) == ("1", ["1"], [False, False, False])


@pytest.mark.asvs("2.3.3")
def test_an_exception_leaves_nothing(stored: Engine) -> None:
    def half(session: Session) -> None:
        add(session, "1")
        session.flush()
        raise LookupError

    with pytest.raises(LookupError):
        asyncio.run(database.write(half))
    with database.read_session() as session:
        assert numbers(session) == []


def test_a_reading_session_keeps_nothing(stored: Engine) -> None:
    with database.read_session() as session:
        add(session, "1")
        session.flush()
    with database.read_session() as session:
        assert numbers(session) == []


@pytest.mark.sqlite("its settings")
def test_the_house_s_settings_hold_on_every_connection(stored: Engine) -> None:
    def pragmas(session: Session) -> list[Any]:
        return [
            session.connection().execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")
        ]

    async def run() -> list[list[Any]]:
        return await asyncio.gather(*(database.read(pragmas) for _ in range(6)))

    assert asyncio.run(run()) == [["wal", 1, 5000, 2]] * 6


@pytest.mark.sqlite("its one writer at a time")
def test_writers_wait_for_each_other_and_lose_nothing(stored: Engine) -> None:
    with database.write_session() as session:
        account(session, "0")

    def increase(session: Session) -> None:
        row = session.exec(select(Account)).one()
        row.name = str(int(row.name) + 1 if row.name.isdigit() else 1)

    async def run() -> None:
        await asyncio.gather(*(database.write(increase) for _ in range(24)))

    asyncio.run(run())
    with database.read_session() as session:
        assert session.exec(select(Account.name)).one() == "24"


@pytest.mark.sqlite("its one writer at a time")
def test_the_control_a_deferred_reader_that_turns_writer_fails_at_once(stored: Engine) -> None:
    with database.write_session() as session:
        account(session, "0")
    with database.read_session() as first:
        assert numbers(first) == ["0"]
        with database.write_session() as second:
            add(second, "1")
        add(first, "2")
        with pytest.raises(OperationalError, match="locked"):
            first.flush()


def test_a_reader_is_not_held_up_by_a_writer(stored: Engine) -> None:
    with database.write_session() as writer:
        add(writer, "1")
        writer.flush()
        with database.read_session() as reader:
            assert numbers(reader) == []


@pytest.mark.asvs("8.4.1")
def test_the_database_itself_keeps_accounts_apart(stored: Engine) -> None:
    with database.write_session() as session:
        mine, other = account(session, "A"), account(session, "B")
        theirs, bought = invoice(session, other, "1").id, order(session, other, "2").id
    with pytest.raises(IntegrityError), database.write_session() as session:
        session.add(
            InvoiceLine(account_id=mine, invoice_id=theirs or 0, position=0, description_en="x", description_fr="x", amount=Decimal(1))
        )
    with pytest.raises(IntegrityError), database.write_session() as session:
        invoice(session, mine, "3", order_id=bought)


@pytest.mark.case("F-07")
@pytest.mark.sqlite("its one writer at a time")
def test_what_runs_in_the_loop_does_not_wait(stored: Engine, tmp_path: Path) -> None:
    with database.read_session() as session:
        assert numbers(session) == []
    at_once = database.nonblocking_engine()
    assert at_once is not None
    with at_once.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 0
        with database.write_session() as writer:
            add(writer, "1")
            writer.flush()
            with pytest.raises(OperationalError, match="locked"):
                connection.exec_driver_sql("DELETE FROM account")
    at_once.dispose()


@pytest.mark.case("F-09")
@pytest.mark.sqlite("its file")
def test_a_file_that_is_gone_is_not_made_anew_and_a_moved_one_is_not_written_to(stored: Engine, tmp_path: Path) -> None:
    place, aside = tmp_path / "portal.db", tmp_path / "aside.db"
    with database.write_session() as session:
        add(session, "1")
    place.rename(aside)
    with pytest.raises(SQLAlchemyError), database.write_session() as session:
        add(session, "2")
    assert not place.exists()
    aside.rename(place)
    with database.write_session() as session:
        add(session, "3")
        assert numbers(session) == ["1", "3"]


@pytest.mark.case("F-10")
@pytest.mark.sqlite("its limit of pages")
def test_a_full_database_refuses_a_write_as_a_whole_and_reads_on(stored: Engine) -> None:
    with database.write_session() as session:
        add(session, "1")
    with pytest.raises(OperationalError, match="full"), database.write_session() as session:
        session.connection().exec_driver_sql("PRAGMA max_page_count=1")
        for number in range(10_000):
            add(session, f"x{number}")
    with database.read_session() as session:
        assert numbers(session) == ["1"]
        session.connection().exec_driver_sql("PRAGMA max_page_count=1073741823")
    with database.write_session() as session:
        add(session, "2")
    with database.read_session() as session:
        assert numbers(session) == ["1", "2"]


@pytest.mark.case("F-07")
def test_readers_have_threads_that_no_writer_waits_in(stored: Engine) -> None:
    async def run() -> bool:
        held = threading.Event()

        def hold(_session: Session) -> bool:
            return held.wait(30)

        # More writers than the default executor has threads.
        writers = [asyncio.create_task(database.write(hold)) for _ in range(40)]
        read = await database.read(numbers)
        held.set()
        return read == [] and all(await asyncio.gather(*writers))

    assert asyncio.run(run())
