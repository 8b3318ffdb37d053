"""Fixtures for all tests: a database, a running portal for the session, and a clock and settings that are reset after each test."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from playwright.sync_api import Browser

from odoportal.core import clock, database
from odoportal.lists import spooled_file
from odoportal.observability import request_id
from odoportal.rooms import registry
from odoportal.settings import get_settings
from tests import databases, server
from tests.chromium import launched
from tests.making import engine, stored
from tests.postgresql import binaries, running_postgresql
from tests.redis_server import Server, running_redis
from tests.requirements import Requirements
from tests.server import Portal, running
from tests.workers.pair import Workers, two_workers

# An example may take long on a busy machine: no test depends on the wall clock.
hypothesis.settings.register_profile("portal", deadline=None)
hypothesis.settings.load_profile("portal")

__all__ = ["engine", "stored"]

registry.install()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--database`: with `postgresql`, the tests with a database run on PostgreSQL."""
    parser.addoption("--database", choices=databases.KINDS, default=databases.KINDS[0], help="what the tests' databases are")


def pytest_configure(config: pytest.Config) -> None:
    """Register the report of the security requirements."""
    config.pluginmanager.register(Requirements(config), "requirements")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put files with browser tests last: Playwright's event loop occupies the main thread until the end, so no other can run there.

    Whole files are moved, because each pytest-xdist worker takes one file after another. Files with whole journeys or many tests come
    first among their kind, so that no worker has a long one left when the others are done.

    On PostgreSQL, keep only tests that use `new_database` and are not marked `any_database`, and of the browser tests only those marked as
    a whole journey. Skip tests about SQLite itself, with their reason.
    """
    last = {item.path for item in items if _in_browser(item)}
    journeys = {item.path for item in items if item.get_closest_marker("journey")}
    sizes = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.path in last, item.path not in journeys, -sizes[item.path], item.path))
    if config.getoption("database") != "sqlite":
        config.hook.pytest_deselected(items=[item for item in items if not _runs_on_postgresql(item)])
        items[:] = [item for item in items if _runs_on_postgresql(item)]
        for item in items:
            for marker in item.iter_markers("sqlite"):
                item.add_marker(pytest.mark.skip(reason=f"about SQLite: {marker.args[0]}"))


def _in_browser(item: pytest.Item) -> bool:
    return "chromium" in getattr(item, "fixturenames", ())


def _runs_on_postgresql(item: pytest.Item) -> bool:
    only_in_browser = _in_browser(item) and item.get_closest_marker("journey") is None
    left_out = only_in_browser or item.get_closest_marker("any_database") is not None
    return "new_database" in getattr(item, "fixturenames", ()) and not left_out


@pytest.fixture(scope="session", autouse=True)
def _shared_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp()
    # Each worker of pytest-xdist has a folder inside the folder of the run.
    server.shared_folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session")
def new_database(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[databases.New]:
    """Yield a function that makes databases."""
    with databases.copies(str(pytestconfig.getoption("database")), tmp_path_factory.mktemp("databases")) as new:
        yield new


@pytest.fixture
def database_url(new_database: databases.New, tmp_path: Path) -> Iterator[str]:
    """Yield the URL of an empty, migrated database for one test."""
    with new_database(tmp_path, again=True) as url:
        yield url


@pytest.fixture(scope="session")
def portal(pytestconfig: pytest.Config, new_database: databases.New, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """Yield the built portal on demonstration data. It is shared by the whole session, so tests that change data must clean up."""
    folder = tmp_path_factory.mktemp("portal")
    with new_database(folder) as url:
        # Without a database of its own, a portal gets a copy of the demonstration, which takes no loading.
        loaded = url if pytestconfig.getoption("database") == "postgresql" else ""
        with running(folder / "data", database=loaded) as started:
            yield started


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Yield a running Chromium, shared by the session."""
    with launched() as browser:
        yield browser


@pytest.fixture(autouse=True)
def _reset() -> Iterator[None]:
    before = {name: value for name, value in os.environ.items() if name.startswith("ODOPORTAL_")}
    yield
    # A command writes the paths of its settings into the environment.
    for name in [name for name in os.environ if name.startswith("ODOPORTAL_") and name not in before]:
        del os.environ[name]
    os.environ.update(before)
    # A lock that the event loop of an earlier test left locked would block the next file of the same person for ever.
    spooled_file._locks.clear()
    clock.set_source(None)
    request_id.request.set("")
    get_settings.cache_clear()
    database.engine.cache_clear()


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the URL of a running PostgreSQL server; a test must empty the database first (`tests.postgresql.empty`)."""
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    with running_postgresql(tmp_path_factory.mktemp("postgresql")) as url:
        yield url


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Yield a running Redis server; a test must empty it first (`server.ask("FLUSHALL")`)."""
    if shutil.which("redis-server") is None:
        pytest.skip("Redis is not installed")
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def workers(tmp_path_factory: pytest.TempPathFactory, postgresql_server: str, redis_server: Server) -> Iterator[Workers]:
    """Yield two workers behind one address, shared by the session."""
    with two_workers(tmp_path_factory.mktemp("workers"), postgresql_server, redis_server) as both:
        yield both
