"""Copying to another database: every row arrives, and new ids follow the copied ones."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text

from odoportal.backup import copy
from odoportal.backup.copy import CannotCopy, copy_to
from odoportal.core import database
from odoportal.core.database import make_engine
from odoportal.demo.data import EXAMPLE
from odoportal.importing.importer import run_import
from odoportal.migrations import at_head, metadata, migrate
from odoportal.rooms.signin import service
from odoportal.settings import get_settings
from tests.databases import write_sqlite
from tests.postgresql import drop_everything

NOW = datetime(2020, 9, 24, 14, 30, tzinfo=UTC)
LARGE = 2**40


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new.db'}"
    url = request.getfixturevalue("postgresql_server")
    engine = make_engine(url)
    drop_everything(engine)
    engine.dispose()
    return url


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """Yield the example's database, with a mail, a link, a session, and a number that needs 64 bits."""
    for name, value in {
        "MODE": "demo",
        "DATABASE_URL": write_sqlite(tmp_path / "old.db"),
        "DATA_DIR": str(tmp_path),
        "SECRET": "s" * 32,
    }.items():
        monkeypatch.setenv(f"ODOPORTAL_{name}", value)
    get_settings.cache_clear()
    database.engine.cache_clear()
    assert run_import(EXAMPLE, now=NOW).kept
    with database.write_session() as session:
        service.request_reset(session, "maria@transportgagnon.ca", "fr", NOW)
        session.connection().execute(text("UPDATE person SET password = 'stored'"))
        assert service.sign_in(session, 1, "stored", NOW)
        session.connection().execute(text("UPDATE invoice SET number_order = :large"), {"large": LARGE})
    yield database.engine()
    database.engine().dispose()


def content(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    with engine.connect() as connection:
        tables = metadata().sorted_tables
        return {table.name: sorted((tuple(row) for row in connection.execute(table.select())), key=repr) for table in tables}


def test_every_row_arrives(source: Engine, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy, "CHUNK", 3)
    told: list[tuple[str, int, int]] = []
    counts = copy_to(source, target, lambda *step: told.append(step))
    new = make_engine(target)
    try:
        assert at_head(new)
        assert content(new) == content(source)
        assert counts == {name: len(rows) for name, rows in content(source).items()}
        assert counts["order_line"] > 3
        assert counts["mail"] == counts["browser_session"] == 1
        assert ("order_line", counts["order_line"], counts["order_line"]) in told
    finally:
        new.dispose()


def test_new_rows_follow_on(source: Engine, target: str) -> None:
    copy_to(source, target)
    new = make_engine(target)
    try:
        with new.begin() as connection:
            for table in metadata().sorted_tables:
                if "id" in table.c and table.name in {"account", "mail", "orders"}:
                    highest = connection.scalar(select(func.max(table.c.id))) or 0
                    row = {name: value for name, value in _first(connection, table).items() if name != "id"}
                    row |= {"number": "next"} if "number" in row else {}
                    made = connection.execute(table.insert().values(row).returning(table.c.id)).scalar_one()
                    assert made > highest
    finally:
        new.dispose()


def _first(connection: Any, table: Any) -> dict[str, Any]:
    return dict(connection.execute(table.select()).first()._mapping)


def test_a_database_with_rows_is_refused(source: Engine, target: str) -> None:
    copy_to(source, target)
    new = make_engine(target)
    try:
        before = content(new)
        with pytest.raises(CannotCopy, match="not empty"):
            copy_to(source, target)
        assert content(new) == before
    finally:
        new.dispose()


def test_a_row_that_is_refused_leaves_nothing(source: Engine, target: str) -> None:
    migrate(new := make_engine(target))
    try:
        with new.begin() as connection:
            connection.execute(text("CREATE UNIQUE INDEX too_strict ON invoice_line (invoice_id)"))
        with pytest.raises(CannotCopy, match="refuses a row of table invoice_line"):
            copy_to(source, target)
        assert not any(content(new).values())
    finally:
        new.dispose()


def test_what_does_not_arrive_is_noticed(source: Engine, target: str) -> None:
    migrate(new := make_engine(target))
    swallows = {
        "sqlite": "CREATE TRIGGER t BEFORE INSERT ON fulfilment BEGIN SELECT RAISE(IGNORE); END",
        "postgresql": "CREATE RULE r AS ON INSERT TO fulfilment DO INSTEAD NOTHING",
    }
    try:
        with new.begin() as connection:
            connection.execute(text(swallows[new.dialect.name]))
        with pytest.raises(CannotCopy, match="fulfilment has 4 rows and 0 arrived"):
            copy_to(source, target)
        assert not any(content(new).values())
    finally:
        new.dispose()


def test_the_same_database_and_an_old_one_are_refused(source: Engine, tmp_path: Path) -> None:
    with pytest.raises(CannotCopy, match="itself"):
        copy_to(source, str(source.url))
    empty = make_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    try:
        with pytest.raises(CannotCopy, match="not of this release"):
            copy_to(empty, f"sqlite:///{tmp_path / 'new.db'}")
    finally:
        empty.dispose()


def test_the_import_works_on_both(source: Engine, target: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    copy_to(source, target)
    source.dispose()
    monkeypatch.setenv("ODOPORTAL_DATABASE_URL", target)
    get_settings.cache_clear()
    database.engine.cache_clear()
    report = run_import(EXAMPLE, now=NOW)
    assert report.kept, report.bad
    assert all((counts.new, counts.removed) == (0, 0) for counts in report.files.values())
    (tmp_path / "accounts.csv").write_text("number,name\nNEW,Novel\n")
    assert run_import(tmp_path / "accounts.csv", now=NOW).kept
    database.engine().dispose()
