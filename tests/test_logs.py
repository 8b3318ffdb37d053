"""No password, cookie, token or card number reaches a log."""

import io
import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoportal.foundation import logs

CANARY = "canary-Zq81x"
EVENT = (
    "Error in task handle_event [txid=1]: Event(name='reflex___state____state.boom', router_data={'headers': {'cookie': 'sid=%(c)s'}}, "
    "payload={'form': {'anything': '%(c)s'}, 'n': 1}) failed"
)


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch):
    out = io.StringIO()
    root = logging.getLogger()
    kept, level = root.handlers[:], root.level
    monkeypatch.setattr(logs.sys, "stderr", out)
    logs.configure("info")
    yield out
    root.handlers[:], _ = kept, root.setLevel(level)


@pytest.mark.asvs("16.2.5")
@pytest.mark.parametrize(
    "text",
    [
        "{'email': 'a@b.c', 'password': '%(c)s'}",
        '{"new_password": "%(c)s and more"}',
        "{'password': \"it's %(c)s\"}",
        "password=%(c)s",
        "GET /fr/reset?token=%(c)s&x=1",
        "Cookie: odo_session=%(c)s; theme=dark",
        "cookie='__Host-odo_session=%(c)s'",
        "{'HTTP_COOKIE': 'sid=%(c)s'}",
        "Authorization: Bearer %(c)s",
        "{'authorization': 'Bearer %(c)s'}",
        "smtps://portal:%(c)s@mail.example.com:465",
        "client_secret=%(c)s",
        EVENT,
    ],
)
def test_redacted(text: str) -> None:
    assert CANARY in text % {"c": CANARY}
    assert CANARY not in logs.redact(text % {"c": CANARY})


@pytest.mark.asvs("16.2.5")
@pytest.mark.parametrize("number", ["4242424242424242", "4242 4242 4242 4242", "4242-4242-4242-4242"])
def test_card_numbers_are_masked(number: str) -> None:
    assert number not in logs.redact(f"paid with {number}.")


def test_the_rest_stays() -> None:
    text = "authn_login_fail person=12 account=1042 order=26367 2026-10-03T09:58:00 total=576.07"
    assert logs.redact(text) == text


@pytest.mark.parametrize("part", ["\\", "a.", "password='", "payload={", "{", "4242 ", "smtp://a:", "token", "cookie: "])
def test_long_text_of_a_stranger_is_quick(part: str) -> None:
    # Quadratic time would take minutes here, linear time takes milliseconds.
    assert isinstance(logs.redact(part * 50_000 + "}"), str)


@given(st.text(max_size=300))
def test_no_text_breaks_it(text: str) -> None:
    assert isinstance(logs.redact(text), str)


@pytest.mark.asvs("16.2.5")
def test_tracebacks_and_arguments_are_redacted(logged: io.StringIO) -> None:
    try:
        int(f"password='{CANARY}'")
    except ValueError:
        logging.getLogger("reflex.app").exception("while handling %s", {"password": CANARY})
    assert "ValueError" in logged.getvalue()
    assert CANARY not in logged.getvalue()


@pytest.mark.asvs("16.4.1")
def test_a_record_stays_one_line(logged: io.StringIO) -> None:
    logging.getLogger("odoportal.signin").warning("refused %s", "a@b.c\n2026-01-01T00:00:00.000Z INFO root admin signed in")
    assert len([line for line in logged.getvalue().splitlines() if re.match(r"\d{4}-", line)]) == 1


@pytest.mark.asvs("16.2.2")
def test_instants_are_utc(logged: io.StringIO) -> None:
    record = logging.LogRecord("odoportal", logging.INFO, __file__, 1, "hello", (), None)
    record.created, record.msecs = 0.0, 7.0
    logging.getLogger("odoportal").handle(record)
    assert logged.getvalue() == "1970-01-01T00:00:00.007Z INFO odoportal hello\n"


def test_odd_arguments_do_not_break_a_record(logged: io.StringIO) -> None:
    logging.getLogger("odoportal").info("%d of %s", "x")  # noqa: PLE1206
    assert "%d of %s" in logged.getvalue()


def test_the_socket_libraries_add_no_handler_that_does_not_redact(logged: io.StringIO) -> None:
    import socketio

    names = ("socketio.server", "engineio.server")
    # An application made earlier in this process, before the logs were configured, may have left one.
    for name in names:
        logging.getLogger(name).handlers.clear()
    socketio.AsyncServer(async_mode="asgi", logger=False, engineio_logger=False)
    for name in names:
        assert logging.getLogger(name).handlers == []
