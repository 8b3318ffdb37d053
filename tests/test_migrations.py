"""The schema: from empty to what the models say, all of it or nothing."""

import re
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from odoportal import migrations
from odoportal.foundation.database import make_engine

PACKAGE = Path(migrations.__file__).parents[1]


@pytest.fixture
def engine(tmp_path: Path):
    made = make_engine(f"sqlite:///{tmp_path}/portal.db")
    yield made
    made.dispose()


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


def test_from_empty_to_what_the_models_say(engine: Engine) -> None:
    assert not migrations.at_head(engine)
    migrations.migrate(engine)
    assert migrations.at_head(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
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
    orphan = text("INSERT INTO membership (account_id, person_id, role) VALUES (1, 1, 'owner')")
    monkeypatch.setattr(migrations, "_upgrade", lambda connection: connection.execute(orphan))
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
