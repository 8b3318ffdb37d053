"""What every test may use: a running portal for the session, and a clock and settings that are put back."""

from collections.abc import Iterator

import pytest

from odoportal.foundation import clock, database, trace
from odoportal.settings import get_settings
from tests.server import Portal, running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests last: Playwright's event loop runs in the main thread until the session ends, and nobody else's can beside it."""
    items.sort(key=lambda item: "browser" in item.path.parts)


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """The built portal on demonstration data, one for the whole session: tests that change data clean up behind them."""
    with running(tmp_path_factory.mktemp("portal") / "data") as started:
        yield started


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    yield
    clock.use(None)
    trace.request.set("")
    get_settings.cache_clear()
    database.engine.cache_clear()
