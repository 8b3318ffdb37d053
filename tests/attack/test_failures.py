"""When every database read fails, answers do not say why, the log does, and the portal keeps running."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from odoportal.core import clock, database
from odoportal.odoportal import PAGES
from tests.attack.test_handlers import handler_rights
from tests.attack.test_registry import SAMPLES, Records, ask, text_of
from tests.attack.wire import HYDRATE, ON_LOAD, ORDERS, Tab, tab, value
from tests.inside import Inside

INSIDE = "/srv/inside/secret4711"


@pytest.fixture
def failing(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inside]:
    """Yield a portal in which every database read raises an error whose text holds an internal path."""

    @contextmanager
    def reading() -> Iterator[Any]:
        raise RuntimeError(f"no such file: {INSIDE}")
        yield

    clock.set_source(inside.clock)
    inside.errors.clear()
    monkeypatch.setattr(database, "read_session", reading)
    yield inside
    inside.errors.clear()


@pytest.mark.asvs("16.5.1")
@pytest.mark.asvs("16.3.4")
@pytest.mark.asvs("16.5.4")
@pytest.mark.case("A-75")
def test_a_failing_handler_says_that_it_failed_and_the_log_says_why(failing: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> Tab:
        async with tab(failing.portal.url, failing.session(failing.first), origin=None) as unlucky:
            await unlucky.send(HYDRATE, {}, "/en/orders")
            for name, who in handler_rights().items():
                if who != "nobody":
                    await unlucky.send(name, {}, f"/en/orders?open={failing.first.order}")
            await unlucky.fence()
            before = len(unlucky.frames)
            monkeypatch.undo()
            clock.set_source(failing.clock)
            # The same socket works again as soon as the cause is gone.
            await unlucky.send(ON_LOAD, {}, "/en/orders")
            await unlucky.until(lambda frame: (value(frame, ORDERS, "view") or {}).get("rows"))
            assert "Traceback" not in repr(unlucky.frames[:before])
            return unlucky

    shown_text = asyncio.run(run()).text
    assert INSIDE not in shown_text
    assert any(INSIDE in error for error in failing.errors)


@pytest.mark.asvs("16.5.1")
@pytest.mark.asvs("16.3.4")
@pytest.mark.case("A-75")
def test_a_failing_page_or_file_says_nothing_about_the_inside(failing: Inside) -> None:
    cookie, one = failing.session(failing.first), failing.first
    wanted = [
        w
        for path, make in SAMPLES.items()
        if "language" in path
        for w in make(Records(one.invoice, one.order, one.credit_note, one.vehicle_list, one.serial))
    ]
    for what in wanted:
        answer = ask(failing.portal, what, cookie)
        assert answer.status_code >= 500, what
        assert INSIDE not in text_of(answer)
        assert "Traceback" not in answer.text
    for page in PAGES:
        answer = failing.portal.ask(f"/en{page.path}", cookie=cookie)
        assert INSIDE not in answer.body
        assert "Traceback" not in answer.body
    assert any(INSIDE in error for error in failing.errors)
    assert failing.portal.ask("/healthz").status == 200
