"""The mail server is down for an hour, on a simulated clock: no mail is lost, and each arrives once."""

from datetime import UTC, datetime, timedelta

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import Engine
from sqlmodel import Session, select

from odoportal.core import database
from odoportal.mail import outbox
from tests.server import free_port

NOW = datetime(2020, 9, 24, 14, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LETTERS = 3


class Inbox:
    """An SMTP handler that collects the recipients."""

    def __init__(self) -> None:
        self.got: list[str] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: object) -> str:  # noqa: N802 - the library's name
        self.got += envelope.rcpt_tos  # type: ignore[attr-defined]
        return "250 OK"


def every_minute(transport: outbox.Transport, first: int, last: int) -> None:
    for minute in range(first, last):
        outbox.deliver_due(transport, NOW + minute * MINUTE)


def letters() -> list[outbox.Mail]:
    with database.read_session() as session:
        found = list(session.exec(select(outbox.Mail)))
        session.expunge_all()
        return found


def write(session: Session) -> None:
    for place in range(LETTERS):
        outbox.enqueue(session, to=f"p{place}@example.com", language="fr", subject="Été", text="t", html="h", now=NOW)


@pytest.mark.case("F-18")
def test_an_hour_without_the_mail_server_delivers_every_letter_once(stored: Engine) -> None:
    port = free_port()
    transport = outbox.smtp_transport(f"smtp://127.0.0.1:{port}")
    with database.write_session() as session:
        write(session)
    every_minute(transport, 0, 60)
    # Retries after one, two, four… minutes make six tries in an hour, and none is the last.
    assert [(letter.attempts, letter.sent_at, letter.failed_at) for letter in letters()] == [(6, None, None)] * LETTERS
    inbox = Inbox()
    server = Controller(inbox, hostname="127.0.0.1", port=port)
    server.start()
    try:
        every_minute(transport, 60, 180)
    finally:
        server.stop()
    assert sorted(inbox.got) == [f"p{place}@example.com" for place in range(LETTERS)]
    assert all(letter.sent_at and letter.next_try_at is None for letter in letters())


@pytest.mark.case("F-18")
def test_the_control_without_the_note_that_it_went_a_letter_comes_again(stored: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    delivered: list[str] = []
    monkeypatch.setattr(outbox, "_record_attempt", lambda *_: None)
    with database.write_session() as session:
        write(session)
    every_minute(lambda message: delivered.append(str(message["To"])), 0, 60)
    assert len(delivered) > LETTERS
