"""Health checks and metrics, as a proxy, a stranger and Prometheus see them, and one request id from click to SQL, in production."""

import asyncio
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.responses import Response

from odoportal import health
from odoportal.core import database
from odoportal.mail import outbox
from odoportal.migrations import migrate
from odoportal.settings import Settings, get_settings
from tests.attack.wire import ORDERS, tab
from tests.server import FLEET, PASSWORD, Portal, free_port, load_demo_data, production_settings, running_production


@pytest.fixture(scope="module")
def metrics_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory, metrics_port: int) -> Iterator[Portal]:
    """Run a portal in production on an SQLite database, with debug logging."""
    data, port = tmp_path_factory.mktemp("production") / "data", free_port()
    data.mkdir()
    settings = production_settings(data, f"http://localhost:{port}", log_level="debug", metrics_address=str(metrics_port))
    load_demo_data(settings, small=True)
    with running_production(settings, port) as started:
        yield started


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODOPORTAL_DATABASE_URL", f"sqlite:///{tmp_path}/portal.db")
    get_settings.cache_clear()
    database.engine.cache_clear()
    monkeypatch.setattr(health, "_readiness", health._Readiness())


def readiness() -> Response:
    return asyncio.run(health.ready(None))  # type: ignore[arg-type]


@pytest.mark.usefixtures("here")
def test_ready_needs_the_schema_of_this_release(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(health, "FRESH_SECONDS", 3600.0)
    answer = readiness()
    assert (answer.status_code, bytes(answer.body)) == (503, b"not ready")
    assert "not_ready parts=database" in caplog.text
    migrate(database.engine())
    assert readiness().status_code == 503, "asked again while the answer is fresh"
    monkeypatch.setattr(health, "FRESH_SECONDS", 0.0)
    answer = readiness()
    assert (answer.status_code, bytes(answer.body)) == (200, b"ready")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.usefixtures("here")
def test_not_ready_without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODOPORTAL_DATABASE_URL", "sqlite:////no/such/folder/portal.db")
    get_settings.cache_clear()
    database.engine.cache_clear()
    assert readiness().status_code == 503
    assert [sample.labels | {"value": sample.value} for family in health.Figures().collect() for sample in family.samples] == [
        {"part": "database", "value": 0.0},
        {"part": "outbox", "value": 1.0},
        {"part": "redis", "value": 1.0},
    ]


@pytest.mark.case("F-24")
@pytest.mark.usefixtures("here")
def test_ready_without_redis_which_the_figures_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    migrate(database.engine())
    monkeypatch.setenv("ODOPORTAL_REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    get_settings.cache_clear()
    assert readiness().status_code == 200
    up = next(iter(health.Figures().collect()))
    assert {sample.labels["part"]: sample.value for sample in up.samples} == {"database": 1.0, "outbox": 1.0, "redis": 0.0}


@pytest.mark.usefixtures("here")
def test_not_ready_while_the_outbox_hangs(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    migrate(database.engine())
    monkeypatch.setattr(outbox, "seconds_idle", lambda: health.OUTBOX_SILENT_SECONDS)
    assert readiness().status_code == 503
    assert "parts=outbox" in caplog.text


@pytest.mark.parametrize(
    ("given", "meant"), [("", ""), ("9464", "127.0.0.1:9464"), ("0.0.0.0:9464", "0.0.0.0:9464"), ("[::1]:9464", "[::1]:9464")]
)
def test_the_address_of_the_metrics(given: str, meant: str) -> None:
    assert Settings(metrics_address=given).metrics_address == meant


@pytest.mark.parametrize("given", ["host", "host:", ":9464", "127.0.0.1:70000", "0", "127.0.0.1:x"])
def test_a_bad_address_of_the_metrics(given: str) -> None:
    with pytest.raises(ValueError, match="must be a port"):
        Settings(metrics_address=given)


def test_probes_tell_strangers_nothing(production: Portal) -> None:
    assert production.ask("/healthz").body == "ok"
    assert production.ask("/readyz").body == "ready"
    assert production.ask("/metrics").status == 404


def _metrics(port: int) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return {name: float(number) for name, number in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def test_metrics(production: Portal, metrics_port: int) -> None:
    cookie = production.sign_in(FLEET)

    async def run() -> dict[str, float]:
        async with tab(production.url, cookie) as signed:
            await signed.load("/en/orders")
            await signed.fence()
            # An event is counted after its last update was sent.
            seen = dict[str, float]()
            for _ in range(100):
                seen = await asyncio.to_thread(_metrics, metrics_port)
                if seen['odoportal_events_total{outcome="done"}'] >= 3:
                    break
            return seen

    seen = asyncio.run(run())
    assert seen["odoportal_sockets"] == 1
    assert seen['odoportal_events_total{outcome="done"}'] >= 3
    assert seen['odoportal_event_seconds_count{handler="orders.load"}'] >= 1
    assert seen['odoportal_http_requests_total{kind="page",status="303"}'] >= 1
    assert seen['odoportal_sql_seconds_count{kind="select"}'] >= 3
    assert seen['odoportal_security_events_total{event="authn_login_success"}'] >= 1
    assert seen["odoportal_sessions"] >= 1
    assert seen['odoportal_up{part="database"}'] == 1
    assert {"odoportal_mail_waiting", "odoportal_mail_dead", "odoportal_files_in_the_making", "process_resident_memory_bytes"} <= set(seen)
    for line in seen:
        assert FLEET not in line
        assert cookie.split("=")[1] not in line


def test_one_name_from_the_click_to_the_statement(production: Portal) -> None:
    cookie = production.sign_in(FLEET)

    async def run() -> None:
        async with tab(production.url, cookie) as signed:
            await signed.load("/en/orders")
            await signed.navigate("/en/orders?page=2")
            await signed.fence()

    asyncio.run(run())
    said = production.said()
    loads = [line for line in said if line.get("handler") == "orders.load"]
    assert len({line["request"] for line in loads}) >= 2
    for load in loads:
        mine = [line for line in said if line.get("request") == load["request"]]
        assert {"on_load_internal_state.on_load_internal", "orders.load"} <= {line.get("handler") for line in mine}
        assert any(line["logger"] == "odoportal.sql" and "FROM orders" in line["statement"] for line in mine)
        assert {line["asker_account"] for line in mine if "asker" in line} == {"10732"}


def test_a_request_is_named_in_answer_and_log(production: Portal) -> None:
    answer = production.ask("/en/orders?q=canary-search", cookie=production.sign_in(FLEET))
    name = answer.headers["x-request-id"]
    mine = [line for line in production.said() if line.get("request") == name]
    assert any(line["logger"] == "odoportal.http" and line["path"] == "/en/orders" and line["status"] == 200 for line in mine)
    assert any(line["logger"] == "odoportal.sql" for line in mine)
    assert "canary-search" not in json.dumps(production.said())


def test_an_address_that_no_page_sends_fails_nothing(production: Portal) -> None:
    """An event with a forged address causes no failure: the notice of a failure would go to the same address and fail too."""

    async def run() -> None:
        async with tab(production.url, production.sign_in(FLEET)) as signed:
            await signed.load("/en/orders")
            await signed.emit({"name": f"{ORDERS}.load", "payload": {}, "router_data": {"asPath": {}}})
            for _ in range(20):
                await signed.fence()

    asyncio.run(run())
    assert [line for line in production.said() if line.get("message") == "an event failed"] == []


def test_the_failure_of_a_notice_of_a_failure_brings_no_other_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    from odoportal import odoportal as assembly

    events = iter([SimpleNamespace(txid="click", parent_txid=None), SimpleNamespace(txid="notice", parent_txid="click")])
    monkeypatch.setattr(assembly, "EventContext", SimpleNamespace(get=lambda: next(events)))
    assert assembly._failed(ValueError()) is not None
    assert assembly._failed(ValueError()) is None


def test_no_customer_and_no_password_stands_in_the_log_of_production(production: Portal) -> None:
    text = production.data.with_suffix(".log").read_text("utf-8")
    for canary in (PASSWORD, FLEET, "Lafrenière"):
        assert canary not in text
