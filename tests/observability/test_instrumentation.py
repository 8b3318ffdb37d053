"""Ids, times and counts of requests, events and statements."""

import asyncio
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import REGISTRY
from reflex_base.event import Event
from sqlalchemy import text

from odoportal.core.database import make_engine
from odoportal.observability import instrumentation, request_id
from odoportal.observability.instrumentation import EventInstrumentation, RequestInstrumentation, kind_of, short_name, watch_sql


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def ask(app: Any, path: str = "/en/orders", query: bytes = b"") -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def run() -> None:
        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": path, "query_string": query, "headers": [(b"x-request-id", b"mine")]}
        await RequestInstrumentation(app)(scope, None, send)  # type: ignore[arg-type]

    asyncio.run(run())
    return sent


async def answers(_scope: Any, _receive: Any, send: Any) -> None:
    logging.getLogger("odoportal.test").warning("inside %s", request_id.request.get())
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def fails(_scope: Any, _receive: Any, _send: Any) -> None:
    raise LookupError


def test_a_request_has_one_name_in_its_answer_and_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "odoportal")
    before = counted("odoportal_http_requests_total", kind="page", status="404")
    name = dict(ask(answers, query=b"token=canary")[0]["headers"])[b"x-request-id"].decode()
    assert len(name) == 10
    assert name != "mine"
    assert f"inside {name}" in caplog.text
    assert "path=/en/orders status=404" in caplog.text
    assert "canary" not in caplog.text
    assert counted("odoportal_http_requests_total", kind="page", status="404") == before + 1
    assert dict(ask(answers)[0]["headers"])[b"x-request-id"] != name.encode()


def test_a_request_that_fails_is_counted_too() -> None:
    before = counted("odoportal_http_requests_total", kind="file", status="500")
    with pytest.raises(LookupError):
        ask(fails, "/fr/invoices/212048.pdf")
    assert counted("odoportal_http_requests_total", kind="file", status="500") == before + 1


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/assets/a.js", "asset"), ("/auth/sign-out", "form"), ("/readyz", "probe"), ("/fr/", "page"), ("/x.zip", "file"), ("//", "page")],
)
def test_kinds_are_few(path: str, kind: str) -> None:
    assert kind_of(path) == kind


def test_events_that_follow_from_a_click_have_its_name() -> None:
    click = request_id.continue_id("1", None)
    assert request_id.continue_id("2", "1") == click
    assert request_id.continue_id("3", "2") == click
    assert request_id.request.get() == click
    assert request_id.continue_id("4", None) != click
    assert request_id.continue_id("2", "1") == click


@pytest.mark.case("A-72")
def test_an_event_that_was_dropped_has_no_line_of_the_log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instrumentation, "EventContext", SimpleNamespace(get=lambda: SimpleNamespace(txid="a", parent_txid=None)))
    monkeypatch.setattr(instrumentation, "RegistrationContext", SimpleNamespace(get=lambda: SimpleNamespace(event_handlers={})))

    async def event(dropped: bool) -> None:
        await EventInstrumentation().preprocess(None, None, Event(name="x"))  # type: ignore[arg-type]
        if dropped:
            instrumentation.mark_dropped()

    async def run() -> None:
        for dropped in (True, False, True):
            await asyncio.create_task(event(dropped))
            # A task's done callbacks run after the code that awaits it.
            await asyncio.sleep(0)

    with caplog.at_level("INFO", "odoportal.events"):
        asyncio.run(run())
    assert len([record for record in caplog.records if record.name == "odoportal.events"]) == 1


def test_old_clicks_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_id, "_MAX_CLICKS", 2)
    first = request_id.continue_id("a", None)
    request_id.continue_id("b", None)
    request_id.continue_id("c", None)
    assert request_id.continue_id("d", "a") != first
    assert len(request_id._ids) == 2


def test_a_slow_statement_is_told_without_its_values(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    caplog.set_level(logging.INFO, "odoportal.sql")
    engine = make_engine(f"sqlite:///{tmp_path / 'watched.db'}")
    watch_sql(engine)
    before = counted("odoportal_sql_seconds_count", kind="select")
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT :value"), {"value": "canary"}) == "canary"
    assert caplog.text == ""
    monkeypatch.setattr(instrumentation, "SLOW_SQL_SECONDS", 0.0)
    with engine.connect() as connection:
        connection.scalar(text("SELECT :value"), {"value": "canary"})
    assert "slow_sql" in caplog.text
    assert "SELECT ?" in caplog.text
    assert "canary" not in caplog.text
    assert counted("odoportal_sql_seconds_count", kind="select") == before + 2


def test_a_handler_is_called_by_its_short_name() -> None:
    assert (
        short_name("reflex___state____state.odoportal___pages___state____session_state.odoportal___rooms___orders___page____orders.load")
        == "orders.load"
    )
