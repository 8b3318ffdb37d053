"""The socket filter passes handshakes and messages as Reflex's own client makes them, within a rate limit."""

import asyncio
import json
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from odoportal.limits import rate_limits
from odoportal.observability import logs
from odoportal.web import socket_filter
from odoportal.web.socket_filter import SocketFilter

TOKEN = "0b1e6f52-93c4-4d7a-f1aa-5c2d7e8f9a01"
"""A token as the browser makes it: its 17th digit can be one that Python's `uuid` never writes."""
ANOTHER = "5917f5cb-bb29-4701-b424-bec57fa0b4cd"
QUERY = f"token={TOKEN}&EIO=4&transport=websocket"
KNOWN = "state.load"
ROUTER = {"pathname": "/en/orders/", "asPath": "/en/orders?q=a", "query": {"q": "a"}}
EVENT = {"name": KNOWN, "payload": {"vars": {}, "hashes": ["a"]}, "event_actions": {"debounce": 100}, "router_data": ROUTER}
BOOT = "40/_event," + json.dumps({"event": EVENT, "state_schema": "3e577442d71e9b1b7ceadc4838fbdb42"})


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, object]]:
    """Record the lines of the security log."""
    lines: list[tuple[str, object]] = []
    monkeypatch.setattr(logs, "log_security_event", lambda event, _level, **facts: lines.append((event, facts["what"])))
    monkeypatch.setattr(rate_limits.time, "monotonic", lambda: 1005.0)
    return lines


async def pass_(
    layer: SocketFilter, messages: list[Any], query: str = QUERY, client: str = "203.0.113.7", **more: Any
) -> tuple[list[Any], list[Message]]:
    """Return which messages reach the application, and what is answered instead."""
    reached: list[Any] = []
    sent: list[Message] = []
    coming = iter([{"type": "websocket.receive", "text": said} for said in messages] + [{"type": "websocket.disconnect", "code": 1000}])

    async def receive() -> Message:
        return next(coming)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/_event/", "query_string": query.encode(), "client": (client, 1), "subprotocols": ["0.10.1"]}
    scope |= {"headers": [], "extensions": {"websocket.http.response": {}}, **more}
    layer.app = Application(reached)
    await layer(scope, receive, send)
    return reached, sent


class Application:
    """Records the messages it receives."""

    def __init__(self, reached: list[Any]) -> None:
        self.reached = reached

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read until the end."""
        del scope, send
        while (message := await receive())["type"] == "websocket.receive":
            self.reached.append(message["text"])


def reaching(*messages: Any, query: str = QUERY, **more: Any) -> list[Any]:
    return asyncio.run(pass_(SocketFilter(None, {KNOWN}), list(messages), query, **more))[0]  # type: ignore[arg-type]


def event(**more: Any) -> str:
    return "42/_event," + json.dumps(["event", {**EVENT, **more}])


def without(key: str) -> str:
    return "42/_event," + json.dumps(["event", {name: value for name, value in EVENT.items() if name != key}])


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    "messages",
    [
        [BOOT, event(), "3", event(), "41/_event,"],
        ["40/_event,", event(), "1"],
        ["40/_event,{}", event()],
        ["40/_event", without("payload"), without("event_actions"), without("router_data")],
        [BOOT, '42/_event,["client_error",{"message":"no","substate":"a","error_type":"dispatch_function_missing"}]'],
        ['40/_event,{"event":{"name":"state.load"},"state_schema":null}'],
        [BOOT, event(router_data={"pathname": "/", "asPath": "/"})],
    ],
)
def test_what_a_page_says_passes(messages: list[str]) -> None:
    assert reaching(*messages) == messages


def nested(levels: int) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for _ in range(levels):
        made = {"a": made}
    return made


BOOTS: dict[str, Any] = {
    "event 5": {"event": 5},
    "a text": {"event": "payload={" * 100},
    "a list": {"event": [EVENT]},
    "an event that is nothing": {"event": None},
    "no name": {"event": {"payload": {}}},
    "an unknown handler": {"event": {**EVENT, "name": "state.none"}},
    "another key": {"event": EVENT, "more": 1},
    "another key in the event": {"event": {**EVENT, "token": TOKEN}},
    "router data that is a list": {"event": {**EVENT, "router_data": [1]}},
    "router data that is nothing": {"event": {**EVENT, "router_data": None}},
    "a payload that is nothing": {"event": {**EVENT, "payload": None}},
    "a schema that is a number": {"event": EVENT, "state_schema": 5},
    "a long schema": {"event": EVENT, "state_schema": "a" * 65},
    "a schema that is a text": {"event": EVENT, "state_schema": "password="},
    "a list instead": [EVENT],
    "a number instead": 5,
    "a text instead": "x",
}


@pytest.mark.asvs("2.2.1")
@pytest.mark.case("A-65", "A-67")
@pytest.mark.parametrize("data", BOOTS.values(), ids=list(BOOTS))
def test_a_connection_says_only_what_a_page_says(told: list[Any], data: Any) -> None:
    assert reaching(f"40/_event,{json.dumps(data)}", event()) == []
    assert told == [("input_validation_fail", "message")]


EVENTS: dict[str, str] = {
    "an unknown handler": event(name="state.none"),
    "a name that is a number": event(name=5),
    "a name that is nothing": event(name=None),
    "a long name": event(name=KNOWN + "x" * 300),
    "another key": event(ts=1),
    "a payload that is a list": event(payload=[1]),
    "a payload that is nothing": event(payload=None),
    "a deep payload": event(payload=nested(17)),
    "a payload of many": event(payload={str(n): n for n in range(101)}),
    "router data that is a text": event(router_data="x"),
    "router data that is nothing": event(router_data=None),
    "more router data": event(router_data={**ROUTER, "headers": {"cookie": "sid=0"}}),
    "another token": event(router_data={**ROUTER, "token": TOKEN}),
    "an address that is a number": event(router_data={**ROUTER, "asPath": 5}),
    "an address of another host": event(router_data={**ROUTER, "asPath": "http://[::1"}),
    "an address that begins like one": event(router_data={**ROUTER, "asPath": "//[::1"}),
    "an address with a backslash": event(router_data={**ROUTER, "asPath": "/\\[::1"}),
    "a long address": event(router_data={**ROUTER, "asPath": "/" + "x" * 8_192}),
    "a path that is a list": event(router_data={**ROUTER, "pathname": ["/en"]}),
    "a query that is a text": event(router_data={**ROUTER, "query": "x"}),
    "a query of lists": event(router_data={**ROUTER, "query": {"q": ["1"]}}),
    "a query of many": event(router_data={**ROUTER, "query": {str(n): "" for n in range(101)}}),
    "actions that are texts": event(event_actions={"debounce": "x"}),
    "an answer asked for": event().replace("42/_event,", "42/_event,7"),
    "another namespace": event().replace("/_event", "/other"),
    "a ping": '42/_event,["ping"]',
    "a report that is a number": '42/_event,["client_error",7]',
    "another report": '42/_event,["client_error",{"message":"a","stack":"b"}]',
    "data with a goodbye": "41/_event,{}",
    "a file": '451-/_event,["event",{"_placeholder":true,"num":0}]',
    "nothing": "",
}


@pytest.mark.asvs("2.2.1")
@pytest.mark.case("A-65", "A-67", "A-72")
@pytest.mark.parametrize("data", EVENTS.values(), ids=list(EVENTS))
def test_what_no_page_says_is_dropped(told: list[Any], data: str) -> None:
    assert reaching(BOOT, data, event()) == [BOOT, event()]
    assert told == [("input_validation_fail", "message")]


@pytest.mark.asvs("2.3.1")
@pytest.mark.case("A-66")
@pytest.mark.usefixtures("told")
def test_a_socket_connects_once_says_events_and_leaves_once() -> None:
    goodbye = "41/_event,"
    assert reaching(event(), goodbye, BOOT, BOOT, "40/_event,", event(), goodbye, BOOT, event(), goodbye, "3") == [
        BOOT,
        event(),
        goodbye,
        "3",
    ]


@pytest.mark.case("A-72")
@pytest.mark.usefixtures("told")
def test_a_socket_reports_few_failures() -> None:
    report = '42/_event,["client_error",{"message":"no"}]'
    assert reaching(BOOT, *[report] * 9) == [BOOT, *[report] * 3]


HANDSHAKES: dict[str, Any] = {
    "no token": {"query": "EIO=4&transport=websocket"},
    "an empty token": {"query": "token=&EIO=4&transport=websocket"},
    "two tokens": {"query": f"{QUERY}&token={ANOTHER}"},
    "the same token twice": {"query": f"{QUERY}&token={TOKEN}"},
    "a token and an empty one": {"query": f"token=&{QUERY}"},
    "a token that is none": {"query": QUERY.replace(TOKEN, "x")},
    "a token of another form": {"query": QUERY.replace(TOKEN, TOKEN.upper())},
    "a token with a line break": {"query": QUERY.replace(TOKEN, f"{TOKEN}%0A")},
    "more parameters": {"query": f"{QUERY}&sid=abc"},
    "many parameters": {"query": QUERY + "&t=1" * 20},
    "polling": {"query": QUERY.replace("websocket", "polling")},
    "another version": {"query": QUERY.replace("EIO=4", "EIO=3")},
    "no query": {"query": ""},
    "a query that is no text": {"query_string": QUERY.encode() + b"&t=\xff"},
    "another path": {"path": "/en/orders"},
    "the root": {"path": "/"},
    "below the path": {"path": "/_event/x"},
    "two subprotocols": {"subprotocols": ["0.10.1", "x"]},
    "a long subprotocol": {"subprotocols": ["x" * 33]},
    "a subprotocol that is a text": {"subprotocols": ["payload={"]},
}


@pytest.mark.asvs("2.2.1")
@pytest.mark.case("A-67")
@pytest.mark.parametrize("how", HANDSHAKES.values(), ids=list(HANDSHAKES))
def test_a_handshake_that_no_page_makes_is_refused(told: list[Any], how: dict[str, Any]) -> None:
    reached, sent = asyncio.run(pass_(SocketFilter(None, {KNOWN}), [BOOT], **how))  # type: ignore[arg-type]
    assert reached == []
    assert [message["type"] for message in sent] == ["websocket.http.response.start", "websocket.http.response.body"]
    assert sent[0]["status"] == 403
    assert (b"x-content-type-options", b"nosniff") in sent[0]["headers"]
    assert told == [("input_validation_fail", "handshake")]


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("query", [QUERY, f"t=123.4&{QUERY}", QUERY.replace(TOKEN, ANOTHER)])
@pytest.mark.parametrize("spoken", [["0.10.1"], []])
def test_a_handshake_of_a_page_is_admitted(query: str, spoken: list[str]) -> None:
    assert reaching(BOOT, query=query, subprotocols=spoken) == [BOOT]


@pytest.mark.asvs("2.4.1")
@pytest.mark.case("A-72")
def test_one_address_may_say_so_much_in_a_span_over_all_its_sockets(told: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        layer, said = SocketFilter(None, {KNOWN}), ["3"] * 998  # type: ignore[arg-type]
        for _ in range(3):
            assert len((await pass_(layer, [BOOT, *said]))[0]) == 999
        # The address has used its limit: no event and no new socket is let through. An answer to a ping still passes, or the socket would
        # end.
        layer._rate_limit._counts["203.0.113.7"] = socket_filter.FRAMES_PER_ADDRESS - 2
        assert (await pass_(layer, [BOOT, event(), "3", event(), "1"]))[0] == [BOOT, "3", "1"]
        sent = (await pass_(layer, [BOOT]))[1]
        assert sent[0]["status"] == 429
        assert told == [("excess_rate_limit_exceeded", "messages")]
        # Other addresses are let through, and this one once the span has ended.
        assert (await pass_(layer, [BOOT, event()], client="203.0.113.8"))[0] == [BOOT, event()]
        monkeypatch.setattr(rate_limits.time, "monotonic", lambda: 1010.0)
        assert (await pass_(layer, [BOOT, event()]))[0] == [BOOT, event()]
        assert len(told) == 1

    asyncio.run(run())


@pytest.mark.asvs("2.4.1")
@pytest.mark.case("A-72")
@pytest.mark.usefixtures("told")
def test_a_site_of_ipv6_is_one_address() -> None:
    async def run() -> None:
        layer = SocketFilter(None, {KNOWN})  # type: ignore[arg-type]
        await pass_(layer, [BOOT], client="2001:db8:1:2::5")
        layer._rate_limit._counts["2001:db8:1:2::/64"] = socket_filter.FRAMES_PER_ADDRESS
        assert (await pass_(layer, [BOOT], client="2001:db8:1:2:ffff::9"))[1][0]["status"] == 429
        assert (await pass_(layer, [BOOT], client="2001:db8:1:3::5"))[0] == [BOOT]

    asyncio.run(run())


@pytest.mark.case("A-72")
def test_garbage_is_told_once_in_a_span(told: list[Any]) -> None:
    async def run() -> None:
        layer = SocketFilter(None, {KNOWN})  # type: ignore[arg-type]
        for _ in range(5):
            await pass_(layer, ["9"] * 50)
        assert told == [("input_validation_fail", "message")]
        await pass_(layer, ["9"], client="203.0.113.8")
        assert len(told) == 2

    asyncio.run(run())
