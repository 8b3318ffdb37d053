"""Locks on serving a database: one process, or several that share their counts."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from odoportal import migrations
from odoportal.core.database import make_engine
from odoportal.importing import locks
from tests.postgresql import drop_everything

PROGRAM = """
import sys
from odoportal.importing import locks
from odoportal.core.database import make_engine
with locks.serving(make_engine(sys.argv[1]), together=bool(sys.argv[2])):
    print("serving", flush=True)
    sys.stdin.read()
"""


@contextmanager
def elsewhere(url: str, together: bool) -> Iterator[None]:
    """Serve the database in another process, and kill it in the end."""
    command = [sys.executable, "-c", PROGRAM, url, "1" if together else ""]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        try:
            assert process.stdout.readline() == b"serving\n"
            yield
        finally:
            process.kill()


def serve(engine: Engine, together: bool) -> None:
    with locks.serving(engine, together):
        pass


def let_go(engine: Engine) -> None:
    """Wait until the server has noticed that the serving process is dead."""
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": locks._SERVING_NUMBER})


@pytest.fixture
def server(postgresql_server: str) -> Iterator[Engine]:
    engine = make_engine(postgresql_server)
    yield engine
    let_go(engine)
    engine.dispose()


@pytest.mark.case("F-23")
@pytest.mark.parametrize("together", [False, True])
def test_one_process_serves_a_file(tmp_path: Path, together: bool) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'portal.db'}")
    with elsewhere(str(engine.url), together), pytest.raises(locks.DatabaseInUse, match=r"Another process .*ODOPORTAL_REDIS_URL"):
        serve(engine, together)
    serve(engine, together)


@pytest.mark.case("F-23")
@pytest.mark.parametrize(("there", "here"), [(False, False), (False, True), (True, False)])
def test_one_process_serves_a_server_where_nothing_is_shared(server: Engine, postgresql_server: str, there: bool, here: bool) -> None:
    with elsewhere(postgresql_server, there), pytest.raises(locks.DatabaseInUse, match="Another process"):
        serve(server, here)
    let_go(server)
    serve(server, here)


@pytest.mark.case("F-23")
def test_several_serve_together_through_redis(server: Engine, postgresql_server: str) -> None:
    with elsewhere(postgresql_server, True), elsewhere(postgresql_server, True):
        serve(server, True)


def test_a_lock_outlives_nobody_where_the_server_was_restarted(server: Engine) -> None:
    with locks.serving(server, together=False), server.connect() as other:
        here = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        other.execute(text(f"SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory' AND {here}"))
    serve(server, False)


@pytest.mark.case("F-13")
def test_a_worker_that_starts_waits_for_the_other_one_s_migration_however_long(server: Engine, postgresql_server: str) -> None:
    drop_everything(server)
    # Other statements wait at most 50 ms for a lock.
    impatient = create_engine(postgresql_server, connect_args={"options": "-c lock_timeout=50"})
    with ThreadPoolExecutor(1) as pool, server.connect() as other:
        other.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": migrations._LOCK_NUMBER})
        second = pool.submit(migrations.migrate, impatient)
        assert second in wait([second], 0.5).not_done
        other.rollback()
        second.result(60)
    assert migrations.at_head(server)
    with impatient.connect() as asked:
        assert asked.scalar(text("SHOW lock_timeout")) == "50ms"
    impatient.dispose()
