"""A tab's state is deleted once the tab has left for good, and kept while it may come back."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from types import SimpleNamespace

import pytest
import reflex as rx
from reflex.istate.manager.memory import StateManagerMemory
from reflex.istate.manager.token import BaseStateToken
from reflex.utils.token_manager import LocalTokenManager

from odoportal.core import clock
from odoportal.web import state_eviction
from odoportal.web.state_eviction import StateEviction
from tests.attack.wire import tab
from tests.inside import Inside, serving_inside


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    with serving_inside(tmp_path_factory.mktemp("leaving")) as served:
        yield served


def kept_tokens() -> set[str]:
    from odoportal.odoportal import app

    return {key.partition("/")[0] for key in app.state_manager.states}  # type: ignore[attr-defined]


async def until(wanted: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not wanted():
            await asyncio.sleep(0)


async def come_and_go(inside: Inside, token: str) -> None:
    async with tab(inside.portal.url, inside.session(inside.first), token=token, origin=None) as page:
        await page.load("/en/orders")
        assert token in kept_tokens()


@pytest.mark.case("F-25")
def test_a_tab_that_left_is_forgotten(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    clock.set_source(inside.clock)
    monkeypatch.setattr(state_eviction, "EVICT_AFTER_SECONDS", 0.0)
    token = str(uuid.uuid4())

    async def run() -> None:
        await come_and_go(inside, token)
        await until(lambda: token not in kept_tokens())

    asyncio.run(run())


@pytest.mark.case("F-25")
def test_of_many_tabs_with_one_token_only_the_open_one_is_kept(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    clock.set_source(inside.clock)
    monkeypatch.setattr(state_eviction, "EVICT_AFTER_SECONDS", 0.0)
    token = str(uuid.uuid4())

    async def run() -> None:
        before = kept_tokens()
        async with tab(inside.portal.url, inside.session(inside.first), token=token, origin=None) as first:
            await first.load("/en/orders")
            async with AsyncExitStack() as open_:
                for _ in range(12):
                    # Reflex gives a duplicated tab a new token.
                    again = await open_.enter_async_context(tab(inside.portal.url, inside.session(inside.first), token=token, origin=None))
                    await again.load("/en/orders")
                assert len(kept_tokens() - before) == 13
            await until(lambda: kept_tokens() - before == {token})
            await first.load("/en/orders")
        await until(lambda: kept_tokens() <= before)

    asyncio.run(run())


@pytest.mark.case("F-25")
def test_a_state_that_is_at_work_is_forgotten_once_it_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    from odoportal.odoportal import app

    async def run() -> None:
        monkeypatch.setattr(state_eviction, "EVICT_AFTER_SECONDS", 0.0)
        layer, token = StateEviction(app, app), str(uuid.uuid4())  # type: ignore[arg-type]
        manager = StateManagerMemory()
        monkeypatch.setattr(app, "_state_manager", manager)
        monkeypatch.setattr(app, "_event_namespace", SimpleNamespace(_token_manager=LocalTokenManager()), raising=False)
        async with manager.modify_state(BaseStateToken(ident=token, cls=rx.State)):
            layer._forget(token)
            assert len(manager.states) == 1
        await until(lambda: not manager.states)

    asyncio.run(run())


@pytest.mark.case("F-15")
def test_the_control_one_that_may_come_back_is_not(inside: Inside) -> None:
    clock.set_source(inside.clock)
    token = str(uuid.uuid4())

    async def run() -> None:
        await come_and_go(inside, token)
        # Another tab comes and goes, and the first one's state is still there.
        await come_and_go(inside, str(uuid.uuid4()))
        assert token in kept_tokens()
        await come_and_go(inside, token)

    asyncio.run(run())
