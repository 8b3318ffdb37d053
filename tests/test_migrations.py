"""Migrations: from an empty database to the schema of the models, completely or not at all."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, String, inspect, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from odoportal import migrations
from odoportal.core import i18n
from odoportal.core.database import make_engine
from odoportal.lists import search
from odoportal.lists.query import ListQuery
from odoportal.rooms.invoices import service as invoices
from odoportal.rooms.invoices.columns import INVOICES
from tests.postgresql import drop_everything

PACKAGE = Path(migrations.__file__).parents[1]


@pytest.fixture
def engine(tmp_path: Path):
    made = make_engine(f"sqlite:///{tmp_path}/portal.db")
    yield made
    made.dispose()


def _all_of(engine: Engine) -> dict[str, Any]:
    compared = migrations.object_filter(engine.dialect.name)
    return {"compare_type": True, "compare_server_default": True, "include_object": compared}


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


def test_from_empty_to_what_the_models_say(engine: Engine) -> None:
    assert not migrations.at_head(engine)
    migrations.migrate(engine)
    assert migrations.at_head(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=_all_of(engine))
        assert compare_metadata(context, migrations.metadata()) == []


def test_every_table_of_the_code_is_in_the_metadata() -> None:
    declared = sum(len(re.findall(r"\btable=True\)", file.read_text("utf-8"))) for file in PACKAGE.rglob("*.py"))
    assert len(migrations.metadata().tables) == declared


def test_twice_changes_nothing(engine: Engine) -> None:
    migrations.migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO account (number, name, created_at) VALUES ('1', 'A', '2026-01-01 00:00:00')"))
    migrations.migrate(engine)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM account")) == 1


def test_a_failed_step_leaves_nothing(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = migrations._upgrade

    def fails(connection: object) -> None:
        whole(connection)  # type: ignore[arg-type]
        raise RuntimeError("the power went")

    monkeypatch.setattr(migrations, "_upgrade", fails)
    with pytest.raises(RuntimeError):
        migrations.migrate(engine)
    assert tables(engine) == set()
    monkeypatch.setattr(migrations, "_upgrade", whole)
    migrations.migrate(engine)
    assert migrations.at_head(engine)


def test_rows_that_point_nowhere_are_refused(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    migrations.migrate(engine)

    def step(connection: Connection) -> None:
        connection.execute(text("INSERT INTO membership (account_id, person_id, role) VALUES (1, 1, 'owner')"))
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    monkeypatch.setattr(migrations, "_upgrade", step)
    with pytest.raises(migrations.MigrationFailed):
        migrations.migrate(engine)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM membership")) == 0
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1


def test_a_newer_database_is_refused_in_one_sentence(engine: Engine) -> None:
    migrations.migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(migrations.MigrationFailed, match="9999"):
        migrations.migrate(engine)


def test_two_at_once_both_end_well(engine: Engine) -> None:
    failures: list[Exception] = []
    start = threading.Barrier(2)

    def work() -> None:
        own = make_engine(str(engine.url))
        start.wait()
        try:
            migrations.migrate(own)
        except Exception as error:
            failures.append(error)
        finally:
            own.dispose()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert migrations.at_head(engine)


FILLED = """
INSERT INTO account (id, number, name, created_at)
VALUES (1, 'A', 'Alpha', '2020-01-01 00:00:00'),
(2, 'B', 'Beta', '2020-01-01 00:00:00');
INSERT INTO orders (id, account_id, number, number_order, placed_at, start_on, end_on, subtotal, total, first_line_en, first_line_fr,
search)
VALUES (7, 1, '100', 100, '2020-01-02 00:00:00', '2020-01-02', '2021-01-01', 10000, 11498, 'plan', 'forfait', 'cable usb');
INSERT INTO invoice (id, account_id, number, number_order, order_id, issued_on, due_on, terms_en, terms_fr, subtotal, total, paid, pending,
credited, settled_on, refunded, search) VALUES
(5, 1, '500', 500, 7, '2020-01-02', '2020-02-01', '', '', 10000, 11498, 11498, 0, 0, '2020-01-20', false, 'cable usb'),
(6, 2, '501', 501, NULL, '2020-01-03', '2020-02-02', '', '', 10000, 11498, 0, 0, 0, NULL, false, 'cable');
"""


PAID_AND_CREDITED = """
UPDATE invoice SET refunded = true, credited = 11498, settled_on = '2020-02-10' WHERE id = 5;
INSERT INTO payment (id, account_id, reference, received_at, method_en, method_fr, amount, status)
VALUES (3, 1, 'P3', '2020-01-20 12:00:00', 'Visa', 'Visa', 13498, 'settled');
INSERT INTO allocation (account_id, payment_id, invoice_id, amount) VALUES (1, 3, 5, 11498);
INSERT INTO credit_note (account_id, invoice_id, number, issued_on, reason_en, reason_fr, subtotal, total)
VALUES (1, 5, 'C1', '2020-02-10', '', '', 10000, 11498);
"""


PERSON = """
INSERT INTO person (id, email, email_key, name, language, region, phone, password, created_at)
VALUES (1, 'a@example.com', 'a@example.com', 'A', 'en', 'en-CA', '', '', '2020-01-01 00:00:00')
"""


@contextmanager
def database_of_release(revision: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Engine]:
    """Yield an empty database of an earlier release; `request.param` says whether SQLite or PostgreSQL."""
    url = f"sqlite:///{folder / 'portal.db'}" if request.param == "sqlite" else request.getfixturevalue("postgresql_server")
    made = make_engine(url)
    if request.param == "postgresql":
        drop_everything(made)
    with made.begin() as connection:
        for name in migrations.missing_extensions(connection):
            connection.execute(text(f"CREATE EXTENSION {name}"))
    to(revision, made)
    yield made
    made.dispose()


def to(revision: str, engine: Engine) -> None:
    with engine.execution_options(sqlite_begin="IMMEDIATE").begin() as connection:
        command.upgrade(migrations.configuration(connection), revision)


def found(session: Session, account_id: int, q: str) -> list[str]:
    with i18n.use("en"):
        request = INVOICES.request(account_id, ListQuery.parse(INVOICES.rules, {"q": q}), "en", date(2020, 9, 24))
    return [i.number for i in INVOICES.source.find(session, request).rows]


def test_data_of_the_revision_before_are_kept_and_found(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with engine.begin() as connection:
        for name in migrations.missing_extensions(connection):
            connection.execute(text(f"CREATE EXTENSION {name}"))
    to("0002", engine)
    with engine.begin() as connection:
        for statement in FILLED.strip().split(";")[:-1]:
            connection.execute(text(statement))
    migrations.migrate(engine)
    monkeypatch.setattr(search, "LARGE_ACCOUNT_ROWS", -1)
    with Session(engine) as session:
        assert [found(session, 1, q) for q in ("cable", "usb", "ab", "zebra")] == [["500"], ["500"], ["500"], []]
        assert (found(session, 2, "cable"), found(session, 2, "usb")) == (["501"], [])
        assert invoices.state_counts(session, 1, date(2020, 9, 24))["paid"] == 1
        assert invoices.owing(session, 2, date(2020, 9, 24)).overdue == Decimal("114.98")


def test_known_browsers_are_kept_and_found_by_their_token(engine: Engine) -> None:
    to("0021", engine)
    with engine.begin() as connection:
        connection.execute(text(PERSON))
        connection.execute(text("INSERT INTO known_browser (person_id, hash, seen_at) VALUES (1, 'aa', '2026-01-01 00:00:00')"))
    migrations.migrate(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT person_id, hash FROM known_browser")).all() == [(1, "aa")]
    assert ["hash"] in [index["column_names"] for index in inspect(engine).get_indexes("known_browser")]


@pytest.mark.sqlite("its triggers, which a rebuilt table loses")
def test_a_step_that_rebuilds_a_table_leaves_its_search_right(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    migrations.migrate(engine)
    with engine.begin() as connection:
        # Their columns of the first release, without the one that was dropped since.
        for statement in FILLED.replace(" refunded,", "").replace(" false,", "").strip().split(";")[:-1]:
            connection.execute(text(statement))
    whole = migrations._upgrade

    def rebuilds(connection: Connection) -> None:
        with Operations(MigrationContext.configure(connection)).batch_alter_table("invoice", recreate="always") as batch:
            batch.alter_column("terms_en", existing_type=String(300), type_=String(301))
        connection.execute(text("UPDATE invoice SET search = 'zebra' WHERE id = 6"))
        left = connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'invoice'")).all()
        assert left == []
        whole(connection)

    monkeypatch.setattr(migrations, "_upgrade", rebuilds)
    migrations.migrate(engine)
    monkeypatch.setattr(search, "LARGE_ACCOUNT_ROWS", -1)
    with Session(engine) as session:
        assert (found(session, 2, "zebra"), found(session, 2, "cable")) == (["501"], [])
        session.connection().execute(text("UPDATE invoice SET search = 'mule' WHERE id = 6"))
        assert (found(session, 2, "mule"), found(session, 2, "zebra")) == (["501"], [])


@pytest.fixture(params=["sqlite", "postgresql"])
def release_27(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    with database_of_release("0027", request, tmp_path) as made:
        yield made


def test_a_refunded_invoice_becomes_a_credited_one_with_credit_on_the_account(release_27: Engine) -> None:
    engine = release_27
    with engine.begin() as connection:
        for statement in FILLED.strip().split(";")[:-1]:
            connection.execute(text(statement))
        for statement in PAID_AND_CREDITED.strip().split(";")[:-1]:
            connection.execute(text(statement))
    to("0028", engine)
    day = date(2020, 9, 24)
    with Session(engine) as session:
        assert invoices.state_counts(session, 1, day)["credited"] == 1
        assert invoices.owing(session, 1, day).credit == Decimal("114.98") + Decimal("20.00")
        assert invoices.owing(session, 2, day).total == Decimal("114.98")
    with engine.execution_options(sqlite_begin="IMMEDIATE").begin() as connection:
        command.downgrade(migrations.configuration(connection), "0027")
        assert connection.scalar(text("SELECT number FROM invoice WHERE refunded")) == "500"


def test_addresses_for_copies_are_kept_and_their_numbers_never_given_twice(engine: Engine) -> None:
    to("0021", engine)
    columns = "account_id, email, email_key, language, hash, asked_by, expires_at"
    copies = [(4, "a@example.org"), (9, "b@example.org")]
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO account (id, number, name, created_at) VALUES (1, 'A', 'Alpha', '2020-01-01 00:00:00')"))
        connection.execute(
            text(
                "INSERT INTO person (id, email, email_key, name, phone, language, region, password, created_at) "
                "VALUES (7, 'o@example.com', 'o@example.com', 'O', '', 'fr', 'fr-CA', 'x', '2020-01-01 00:00:00')"
            )
        )
        for number, email in copies:
            values = f"({number}, 1, '{email}', '{email}', 'fr', '{number}', 7, '2020-01-08 00:00:00')"
            connection.execute(text(f"INSERT INTO invoice_copy (id, {columns}) VALUES {values}"))
    migrations.migrate(engine)
    again = text(f"INSERT INTO invoice_copy ({columns}) VALUES (1, 'c', 'c@example.org', 'fr', 'new', 7, '2020-01-08 00:00:00')")
    with engine.begin() as connection:
        assert [tuple(row) for row in connection.execute(text("SELECT id, email FROM invoice_copy ORDER BY id"))] == copies
        connection.execute(text("DELETE FROM invoice_copy WHERE id = 9"))
        connection.execute(again)
        # Ids are not reused: the link in mails to number 9 must not stop another person's copies.
        assert connection.scalar(text("SELECT id FROM invoice_copy WHERE email = 'c'")) == 10
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(again)
