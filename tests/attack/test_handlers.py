"""Every handler that the socket accepts: the checked-in list, and who may use each handler."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from odoportal.frontend import builder
from tests.attack.conftest import Cookies, Victim
from tests.attack.wire import HYDRATE, ON_LOAD, ORDERS, ROOT, SIGNED, Tab, tab, value
from tests.server import Portal

_LIST = Path(__file__).with_name("handlers.txt")
_REGISTRY = """
import odoportal.odoportal
from reflex_base.registry import RegistrationContext
print(*sorted(RegistrationContext.get().event_handlers), sep="\\n")
"""
ATTACKS = (
    {"var_name": "gone", "value": "/evil"},
    {"var_name": "ready", "value": True},
    {"vars": {f"{SIGNED}.gone_rx_state_": "/evil"}},
    {"vars": {f"{SIGNED}._bound": "x"}},
    {"info": "x", "component_stack": "y"},
    {"value": True},
    {"account_id": 2, "role": "owner"},
)


def handler_rights() -> dict[str, str]:
    """Return the checked-in list: by full handler name, who may call it (`anyone`, `nobody`, or the right it needs in the account)."""
    lines = [line.split() for line in _LIST.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return {f"{ROOT}.{name}": who for who, name in lines}


def log_text(portal: Portal) -> str:
    """Return the server's log."""
    return portal.data.with_suffix(".log").read_text("utf-8", "replace")


@pytest.mark.asvs("8.1.1")
@pytest.mark.asvs("6.1.3")
@pytest.mark.asvs("2.1.1")
@pytest.mark.case("A-60")
def test_the_registry_is_the_checked_in_list() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _REGISTRY],
        cwd=builder.root(),
        env={**os.environ, "ODOPORTAL_MODE": "demo"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line for line in ran.stdout.split() if line.startswith(ROOT)] == sorted(handler_rights())


@pytest.mark.parametrize("payload", [{}, *ATTACKS], ids=str)
@pytest.mark.asvs("8.2.1")
@pytest.mark.asvs("16.3.2")
@pytest.mark.case("A-60")
def test_nobody_gets_anything_out_of_any_handler(portal: Portal, victim: Victim, attacker: Victim, payload: dict[str, object]) -> None:
    async def run() -> Tab:
        # Use a separate address for each payload: this many events come close to the limit per address.
        async with tab(portal.url, client=f"127.0.1.{1 + [{}, *ATTACKS].index(payload)}") as stranger:
            for name in handler_rights():
                await stranger.send(name, payload, f"/en/orders?open={victim.order}")
            await stranger.fence()
            return stranger

    before = log_text(portal)
    stranger = asyncio.run(run())
    for marker in (*victim.markers, *attacker.markers):
        assert marker not in stranger.text
    assert "/evil" not in stranger.text
    for frame in stranger.frames:
        assert value(frame, ORDERS, "filled") in {None, False}
        assert value(frame, SIGNED, "ready") in {None, False}
    new_log = log_text(portal)[len(before) :]
    for name, who in handler_rights().items():
        if who != "anyone":
            assert f"authz_fail handler={name[-120:]}" in new_log, name


@pytest.mark.parametrize("payload", [{}, *ATTACKS], ids=str)
@pytest.mark.asvs("15.3.3")
@pytest.mark.asvs("16.3.3")
@pytest.mark.case("A-60", "A-64")
def test_what_nobody_may_call_does_nothing_for_the_signed_in_either(portal: Portal, attacker: Victim, payload: dict[str, object]) -> None:
    async def run() -> Tab:
        async with tab(portal.url, own) as signed:
            await signed.load("/en/orders")
            before = len(signed.frames)
            for name in (name for name, who in handler_rights().items() if who == "nobody"):
                await signed.send(name, payload)
            await signed.fence()
            assert [f for f in signed.frames[before:] if set(f["delta"]) - {ROOT}] == []
            assert len((await signed.navigate("/en/orders?q=zzz"))["rows"]) == 0
            return signed

    # Use a separate session: events count per session, and earlier tests sent many.
    own = portal.sign_in(attacker.email)
    before = log_text(portal)
    signed = asyncio.run(run())
    portal.ask("/auth/sign-out", form={"language": "fr"}, cookie=own)
    assert "/evil" not in signed.text
    new_log = log_text(portal)[len(before) :]
    for name in (name for name, who in handler_rights().items() if who == "nobody"):
        assert f"input_validation_fail handler={name[-120:]}" in new_log


@pytest.mark.parametrize(
    "stored", [f"{SIGNED}.gone_rx_state_", f"{SIGNED}.gone", f"{SIGNED}._bound", f"{ORDERS}.filled_rx_state_", "no.such.state.x"]
)
@pytest.mark.asvs("7.2.1")
@pytest.mark.case("A-67")
def test_what_a_browser_says_it_has_stored_sets_nothing(portal: Portal, cookie_of: Cookies, attacker: Victim, stored: str) -> None:
    async def run() -> None:
        async with tab(portal.url, cookie_of(attacker.email)) as signed:
            await signed.load("/en/orders")
            await signed.send(HYDRATE, {"vars": {stored: "/evil"}, "hashes": ["a", "b"]})
            await signed.fence()
            await signed.send(ON_LOAD)
            await signed.view()
            assert "/evil" not in signed.text

    asyncio.run(run())


@pytest.mark.asvs("8.2.3")
@pytest.mark.asvs("15.3.1")
@pytest.mark.case("A-73")
def test_a_frame_holds_what_the_page_shows_and_nothing_of_the_request_s_secrets(
    portal: Portal, cookie_of: Cookies, attacker: Victim
) -> None:
    async def run() -> Tab:
        async with tab(portal.url, cookie_of(attacker.email), Authorization="Bearer canary-bearer-5512") as signed:
            await signed.load(f"/en/orders?open={attacker.order}")
            return signed

    text = asyncio.run(run()).text
    assert cookie_of(attacker.email).split("=", 1)[1] not in text
    assert "canary-bearer-5512" not in text
    for secret in ("password", "bcrypt", "$2b$", "account_id", "person_id", "session_hash", "search", "seen_at"):
        assert f'"{secret}' not in text, secret


@pytest.mark.asvs("8.2.3")
@pytest.mark.asvs("8.1.2")
@pytest.mark.case("A-73")
def test_the_variables_of_a_page_are_the_ones_that_are_meant(portal: Portal, cookie_of: Cookies, attacker: Victim) -> None:
    async def run() -> Tab:
        async with tab(portal.url, cookie_of(attacker.email)) as signed:
            await signed.load("/en/orders")
            return signed

    sent: dict[str, set[str]] = {}
    for frame in asyncio.run(run()).frames:
        for state, variables in frame["delta"].items():
            sent.setdefault(state.removeprefix(f"{ROOT}."), set()).update(v.removesuffix("_rx_state_") for v in variables)
    lists = {"filled", "version", "view"}
    signed = SIGNED.removeprefix(f"{ROOT}.")
    assert sent.pop(ROOT) == {
        "is_hydrated",
        "rx_router_headers",
        "rx_router_page",
        "rx_router_route_id",
        "rx_router_session",
        "rx_router_url",
    }
    assert sent.pop(signed) == {"denied", "ends", "failed", "gone", "ready", "reference", "release", "shell", "troubles"}
    for room, name in (
        ("activity", "changes"),
        ("addresses", "addresses"),
        ("devices", "devices"),
        ("invoices", "invoices"),
        ("orders", "orders"),
        ("statements", "statements"),
    ):
        assert sent.pop(f"{signed}.odoportal___rooms___{room}___page____{name}") == lists
    for room, name in (
        ("addresses", "edit_address"),
        ("cards", "cards"),
        ("dashboard", "home"),
        ("notifications", "notices"),
        ("people", "people"),
        ("privacy", "my_data"),
        ("profile", "profile"),
        ("security", "security"),
    ):
        assert sent.pop(f"{signed}.odoportal___rooms___{room}___page____{name}") == {"filled", "view"}
    assert sent.pop(f"{signed}.odoportal___rooms___devices___assign_page____assign_vehicles") == {"filled", "view"}
    assert not any(sent.values()), sent
