"""The outbox as the operator sees it."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from odoportal.core import database
from odoportal.mail import outbox_admin
from odoportal.mail.outbox import Mail, deliver_due, enqueue

NOW = datetime(2020, 9, 24, 14, 30, tzinfo=UTC)
LATER = NOW + timedelta(hours=3)


def letter(session: Session, to: str, **more: object) -> int:
    made = enqueue(session, to=to, language="en", subject="Hello", text="text", html="html", now=NOW)
    for name, value in more.items():
        setattr(made, name, value)
    session.flush()
    assert made.id
    return made.id


def three(session: Session) -> tuple[int, int, int]:
    due = letter(session, "due@example.com", attempts=3, next_try_at=LATER, last_error="timed out")
    dead = letter(session, "dead@example.com", attempts=12, next_try_at=None, failed_at=NOW)
    sent = letter(session, "sent@example.com", next_try_at=None, sent_at=NOW)
    return due, dead, sent


def test_due_and_dead_letters_are_listed_and_sent_ones_are_not(stored: Engine) -> None:
    with database.write_session() as session:
        due, dead, _ = three(session)
    with database.read_session() as session:
        letters, more = outbox_admin.waiting(session)
    assert [(found.id, found.to, found.attempts, found.error) for found in letters] == [
        (due, "due@example.com", 3, "timed out"),
        (dead, "dead@example.com", 12, ""),
    ]
    assert (letters[0].next_try_at, letters[1].failed_at, more) == (LATER, NOW, 0)
    assert not any(hasattr(letters[0], name) for name in ("text", "html", "seed"))


def test_a_long_list_says_how_many_more_there_are(stored: Engine) -> None:
    with database.write_session() as session:
        for place in range(outbox_admin.MAX_LISTED + 5):
            letter(session, f"p{place}@example.com")
        letters, more = outbox_admin.waiting(session)
    assert (len(letters), more) == (outbox_admin.MAX_LISTED, 5)


def test_a_dead_letter_is_tried_again_and_a_sent_one_never(stored: Engine) -> None:
    with database.write_session() as session:
        due, dead, sent = three(session)
        assert outbox_admin.retry(session, LATER, sent) == 0
        assert outbox_admin.retry(session, LATER, 99) == 0
        assert outbox_admin.retry(session, LATER) == 1
        assert outbox_admin.retry(session, LATER) == 0
        assert outbox_admin.retry(session, LATER, due) == 1
    went: list[str] = []
    assert deliver_due(lambda message: went.append(str(message["To"])), LATER) == 2
    assert sorted(went) == ["dead@example.com", "due@example.com"]
    with database.read_session() as session:
        found = session.exec(select(Mail).where(col(Mail.id) == dead)).one()
    assert (found.attempts, found.failed_at, found.sent_at) == (1, None, LATER)
