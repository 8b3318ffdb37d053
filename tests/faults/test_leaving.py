"""What a tab was shown is forgotten once the tab has left, and kept for one that is only away for a moment."""

import asyncio
import uuid
from collections.abc import Callable, Iterator

import pytest

from odoportal.foundation import clock, leaving
from tests.attack.wire import tab
from tests.inside import Inside, serving_inside


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    with serving_inside(tmp_path_factory.mktemp("leaving")) as served:
        yield served


def kept() -> set[str]:
    from odoportal.odoportal import app

    return {key.partition("/")[0] for key in app.state_manager.states}  # type: ignore[attr-defined]


async def until(wanted: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not wanted():
            await asyncio.sleep(0)


async def come_and_go(inside: Inside, token: str) -> None:
    async with tab(inside.portal.url, inside.session(inside.first), token=token, origin=None) as page:
        await page.load("/en/orders")
        assert token in kept()


@pytest.mark.case("F-25")
def test_a_tab_that_left_is_forgotten(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    clock.use(inside.clock)
    monkeypatch.setattr(leaving, "LEFT_SECONDS", 0.0)
    token = str(uuid.uuid4())

    async def run() -> None:
        await come_and_go(inside, token)
        await until(lambda: token not in kept())

    asyncio.run(run())


@pytest.mark.case("F-15")
def test_the_control_one_that_may_come_back_is_not(inside: Inside) -> None:
    clock.use(inside.clock)
    token = str(uuid.uuid4())

    async def run() -> None:
        await come_and_go(inside, token)
        # Whoever comes after it has left sees that it is still known.
        await come_and_go(inside, str(uuid.uuid4()))
        assert token in kept()
        await come_and_go(inside, token)

    asyncio.run(run())
