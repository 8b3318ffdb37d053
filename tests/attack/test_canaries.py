"""Secrets are sent to every entry point and must not appear in the log, in a frame or in a file of the data folder."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy import text as sql

from odoportal.core.identity import token_hash
from tests.attack.conftest import Cookies, Victim
from tests.attack.wire import HYDRATE, ON_LOAD, ORDERS, ROOT, SIGNED, tab
from tests.server import GUIDE, PASSWORD, Portal, free_port, load_demo_data, production_settings, running_production

CANARY = "Canary7731Vq"
TOKEN = f"{CANARY}-reset-token-0123456789"


@pytest.fixture(scope="module")
def verbose(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """Yield a portal in production that logs everything it can: every request, event and SQL statement, as JSON."""
    data, port = tmp_path_factory.mktemp("verbose") / "data", free_port()
    data.mkdir()
    settings = production_settings(data, f"http://localhost:{port}", log_level="debug")
    load_demo_data(settings, small=True)
    with running_production(settings, port) as started:
        yield started


@pytest.mark.asvs("16.2.5")
@pytest.mark.asvs("14.2.1")
@pytest.mark.case("A-74")
def test_no_secret_reaches_log_or_frame(portal: Portal, attacker: Victim) -> None:
    _send_secrets_everywhere(portal, attacker.email)
    assert PASSWORD not in portal.data.with_suffix(".log").read_text("utf-8", "replace").partition("Stop with Ctrl+C")[2]


@pytest.mark.asvs("16.2.5")
@pytest.mark.asvs("14.2.1")
def test_no_secret_reaches_the_log_of_production_at_its_most_talkative(verbose: Portal) -> None:
    _send_secrets_everywhere(verbose, GUIDE)
    log_lines = verbose.said()
    assert {"odoportal.http", "odoportal.events", "odoportal.sql", "odoportal.security"} <= {line["logger"] for line in log_lines}
    text = verbose.data.with_suffix(".log").read_text("utf-8")
    for personal in (PASSWORD, GUIDE, "Transport Gagnon", "Maria"):
        assert personal not in text


def _send_secrets_everywhere(portal: Portal, person: str) -> None:
    cookie = portal.sign_in(person)
    secret = cookie.split("=", 1)[1]
    for form in (
        {"email": person, "password": f"{CANARY}-wrong"},
        {"email": f"{CANARY}@example.com", "password": f"{CANARY}-wrong"},
    ):
        portal.ask("/en/login", form=form)
    portal.ask("/en/login", form={"email": "a@b.ca", "password": f"{CANARY}-refused"}, origin="https://evil.example")
    portal.ask(f"/en/reset?token={TOKEN}")
    portal.ask(f"/fr/invite?token={TOKEN}")
    portal.ask(f"/fr/join?token={TOKEN}")
    for kind in ("reset", "invite", "join"):
        portal.ask(f"/en/{kind}", form={"password": f"{CANARY}-new password of some length"}, cookie=f"odo_{kind}={TOKEN}")
    portal.ask("/en/forgot", form={"email": "nobody@example.com", "password": f"{CANARY}-stray"})
    portal.ask("/en/orders", cookie=cookie, authorization=f"Bearer {CANARY}-bearer")

    async def run() -> str:
        headers = {"Authorization": f"Bearer {CANARY}-bearer"}
        hidden: dict[str, Any] = {"password": f"{CANARY}-typed", "token": f"{CANARY}-typed", "card": "4242 4242 4242 4242"}
        async with tab(portal.url, cookie, **headers) as signed:
            await signed.load("/en/orders")
            # Fail in every way: unknown handler, unknown argument, payload that is no dictionary, handler that raises.
            await signed.send("no.such.handler", hidden)
            await signed.send(f"{ORDERS}.load", hidden)
            await signed.send(f"{SIGNED}.setvar", hidden)
            await signed.emit({"name": 5, "payload": hidden, "router_data": hidden})
            await signed.emit({"name": f"{ORDERS}.load", "payload": hidden, "router_data": {"asPath": {}, **hidden}})
            await signed.send(HYDRATE, {"vars": hidden})
            await signed.send(ON_LOAD, {"value": hidden})
            await signed.send(f"{ROOT}.hydrate", {}, "/en/orders?fresh=1")
            await signed.fence()
            return signed.text

    frames = asyncio.run(run())
    log = portal.data.with_suffix(".log").read_text("utf-8", "replace")
    for text, where in ((frames, "a frame"), (log, "the log")):
        for leak in (
            secret,
            token_hash(secret),
            f"{CANARY}-wrong",
            f"{CANARY}-refused",
            TOKEN,
            f"{CANARY}-new",
            f"{CANARY}-stray",
            f"{CANARY}-bearer",
            f"{CANARY}-typed",
            "4242 4242 4242 4242",
        ):
            assert leak not in text, f"{leak} in {where}"


@pytest.mark.asvs("16.4.1")
@pytest.mark.case("A-12")
def test_a_log_line_cannot_be_forged(portal: Portal, cookie_of: Cookies, attacker: Victim) -> None:
    forged = "2026-01-01T00:00:00.000Z INFO odoportal.security authn_login_success person=1"

    async def run() -> None:
        async with tab(portal.url, cookie_of(attacker.email)) as signed:
            await signed.send(f"x\n{forged}\r{forged}", {}, f"/en/orders?q=%0a{forged}")
            await signed.emit(f"text\n{forged}")
            await signed.fence()

    portal.ask("/en/login", form={"email": f"a@b.ca\n{forged}", "password": "x"}, user_agent=f"x {forged}")
    asyncio.run(run())
    log = portal.data.with_suffix(".log").read_text("utf-8", "replace")
    assert not any(line.startswith(forged) for line in log.splitlines())


@pytest.mark.asvs("7.2.2")
@pytest.mark.asvs("14.3.3")
@pytest.mark.case("A-28")
def test_the_data_folder_holds_no_usable_session(portal: Portal, rows: Engine, cookie_of: Cookies, attacker: Victim) -> None:
    secret = cookie_of(attacker.email).split("=", 1)[1]
    for file in portal.data.rglob("*"):
        if file.is_file():
            assert secret.encode() not in file.read_bytes(), file.name
    with rows.connect() as connection:
        assert connection.scalar(sql("SELECT count(*) FROM browser_session WHERE hash = :hash"), {"hash": token_hash(secret)}) == 1
        assert all(
            row[0].count("$2b$") == 1 and PASSWORD not in row[0]
            for row in connection.execute(sql("SELECT password FROM person WHERE password != ''"))
        )
    assert portal.data.stat().st_mode & 0o077 == 0
