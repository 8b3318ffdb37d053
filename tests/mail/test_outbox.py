"""The outbox sends each mail once, retries failures, keeps tokens out of the database, and refuses insecure SMTP servers."""

import asyncio
import email
import smtplib
import ssl
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default as default_policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from sqlmodel import select

from odoportal.core import clock, database, signing
from odoportal.jobs import runner
from odoportal.jobs.runner import Runner
from odoportal.jobs.schedule import Every
from odoportal.mail import outbox
from odoportal.mail.outbox import Mail
from odoportal.settings import get_settings

START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def portal(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("ODOPORTAL_DATABASE_URL", database_url)
    monkeypatch.setenv("ODOPORTAL_SECRET", "s" * 40)
    monkeypatch.setenv("ODOPORTAL_MAIL_FROM", "ODOportal <no-reply@example.com>")
    monkeypatch.setenv("ODOPORTAL_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ODOPORTAL_SMTP_URL", "")
    get_settings.cache_clear()
    database.engine.cache_clear()
    clock.set_source(lambda: START)
    yield tmp_path
    clock.set_source(None)
    database.engine().dispose()
    database.engine.cache_clear()
    get_settings.cache_clear()


def post(to: str = "maria@example.com", subject: str = "Hello", text: str = "Text", html: str = "<p>Text</p>", **more: Any) -> int:
    with database.write_session() as session:
        letter = outbox.enqueue(session, to=to, language="fr", subject=subject, text=text, html=html, now=START, **more)
        assert letter.id is not None
        return letter.id


def letter(number: int) -> Mail:
    with database.read_session() as session:
        return session.get_one(Mail, number)


class Out:
    """A transport that records mails, and fails as given."""

    def __init__(self, *failures: Exception) -> None:
        self.sent: list[EmailMessage] = []
        self.failures = list(failures)
        self.tries = 0

    def __call__(self, message: EmailMessage) -> None:
        self.tries += 1
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(message)


class Inbox:
    """The handler of an SMTP server that records mails."""

    def __init__(self, refusal: str = "") -> None:
        self.got: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.refusal = refusal

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - the name is the library's
        if self.refusal:
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - the name is the library's
        self.raw.append(envelope.content)
        self.got.append(email.message_from_bytes(envelope.content, policy=default_policy))  # pyright: ignore[reportArgumentType]
        return "250 OK"


class Listening(Controller):
    """An SMTP server on a free port."""

    def __init__(self, inbox: Inbox, **more: Any) -> None:
        super().__init__(inbox, hostname="127.0.0.1", port=0, **more)

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def server() -> Iterator[tuple[Inbox, str]]:
    inbox = Inbox()
    with serving(Listening(inbox)) as url:
        yield inbox, url


@contextmanager
def serving(running: Listening, scheme: str = "smtp") -> Iterator[str]:
    running.start()
    try:
        yield f"{scheme}://127.0.0.1:{running.port}"
    finally:
        running.stop()


def test_one_mail_whose_result_cannot_be_recorded_keeps_no_other_from_leaving(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, way_out, record = post(), post("b@example.com"), Out(), outbox._record_attempt

    def failing(claimed: Mail, now: datetime, why: Exception | None) -> None:
        if claimed.id == first:
            raise ValueError("an odd row")
        record(claimed, now, why)

    monkeypatch.setattr(outbox, "_record_attempt", failing)
    assert outbox.deliver_due(way_out, START) == 1
    assert letter(second).sent_at == START
    assert letter(first).sent_at is None


def test_a_letter_arrives_once_as_text_and_html(server: tuple[Inbox, str]) -> None:
    inbox, url = server
    number = post(subject="Réinitialisation — été", text="Voilà", html="<p>Voilà</p>")
    way_out = outbox.smtp_transport(url)
    assert outbox.deliver_due(way_out, START) == 1
    assert outbox.deliver_due(way_out, START + timedelta(days=1)) == 0
    (got,) = inbox.got
    assert (got["Subject"], got["To"], got["From"]) == ("Réinitialisation — été", "maria@example.com", "ODOportal <no-reply@example.com>")
    assert got["Auto-Submitted"] == "auto-generated"
    assert [part.get_content().strip() for part in got.iter_parts()] == ["Voilà", "<p>Voilà</p>"]  # pyright: ignore[reportAttributeAccessIssue]
    assert letter(number).sent_at == START


@pytest.mark.parametrize("to", ["maria@example.com", "mária@example.com"])
def test_a_letter_that_can_be_stopped_says_how_in_its_headers(server: tuple[Inbox, str], monkeypatch: pytest.MonkeyPatch, to: str) -> None:
    monkeypatch.setenv("ODOPORTAL_PUBLIC_URL", "https://portal.a-rather-long-name.example.com")
    get_settings.cache_clear()
    inbox, url = server
    post(
        to,
        subject="Réinitialisation — été " * 8,
        text=f"Stop: {outbox.UNSUBSCRIBE_PLACEHOLDER}",
        html=f"<a href='{outbox.UNSUBSCRIBE_PLACEHOLDER}'>x</a>",
        unsubscribe="invoice.3.17",
    )
    post("other@example.com")
    assert outbox.deliver_due(outbox.smtp_transport(url), START) == 2
    got, other = sorted(inbox.got, key=lambda letter: letter["To"] == "other@example.com")
    # RFC 8058, section 2: both headers, with the address unencoded and in one piece.
    lines = inbox.raw[inbox.got.index(got)].split(b"\r\n")
    raw = next(line.decode() for line in lines if line.startswith(b"List-Unsubscribe:"))
    stop = raw.removeprefix("List-Unsubscribe: <").removesuffix(">")
    assert stop.startswith("https://portal.a-rather-long-name.example.com/fr/unsubscribe?token=")
    assert signing.verify(outbox.UNSUBSCRIBE, stop.partition("token=")[2]) == "invoice.3.17"
    assert got["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert to not in stop
    assert [part.get_content().strip() for part in got.iter_parts()] == [f"Stop: {stop}", f"<a href='{stop}'>x</a>"]  # pyright: ignore[reportAttributeAccessIssue]
    assert all(len(line) < 998 for line in lines)
    assert other["List-Unsubscribe"] is other["List-Unsubscribe-Post"] is None


@pytest.mark.asvs("16.5.2")
@pytest.mark.case("A-29")
def test_a_server_that_is_down_is_tried_again_later_and_later(server: tuple[Inbox, str]) -> None:
    inbox, url = server
    number, out, at = post(), Out(*[ConnectionRefusedError("down")] * 4), START
    for wait in (1, 2, 4, 8):
        assert outbox.deliver_due(out, at) == 0
        assert outbox.deliver_due(out, at + wait * MINUTE - timedelta(seconds=1)) == 0
        at += wait * MINUTE
    assert out.tries == 4
    assert letter(number).last_error == "ConnectionRefusedError: down"
    assert outbox.deliver_due(outbox.smtp_transport(url), at) == 1
    assert len(inbox.got) == 1
    assert letter(number).last_error == ""


def test_the_wait_between_tries_is_an_hour_at_most() -> None:
    assert [outbox.delay_after(n) // MINUTE for n in (1, 2, 6, 7, 8, 12, 1000)] == [1, 2, 32, 60, 60, 60, 60]


def test_after_twelve_tries_it_is_given_up() -> None:
    number, out, at = post(), Out(*[OSError("no")] * 100), START
    for _ in range(40):
        outbox.deliver_due(out, at)
        at += timedelta(hours=2)
    assert out.tries == outbox.MAX_ATTEMPTS
    assert letter(number).failed_at is not None
    assert letter(number).next_try_at is None


def test_an_address_that_the_server_does_not_know_is_given_up_at_once_and_a_full_box_is_not() -> None:
    gone, full = post("gone@example.com"), post("full@example.com")
    out = Out(
        smtplib.SMTPRecipientsRefused({"gone@example.com": (550, b"unknown")}),
        smtplib.SMTPRecipientsRefused({"full@example.com": (452, b"full")}),
    )
    outbox.deliver_due(out, START)
    assert letter(gone).failed_at == START
    assert letter(full).failed_at is None
    assert outbox.deliver_due(out, START + MINUTE) == 1


def test_one_bad_letter_does_not_hold_up_the_next() -> None:
    post("a@example.com")
    post("b@example.com")
    out = Out(OSError("no"))
    assert outbox.deliver_due(out, START) == 1
    assert [str(m["To"]) for m in out.sent] == ["b@example.com"]


def test_two_workers_send_each_letter_once() -> None:
    for n in range(20):
        post(f"p{n}@example.com")
    out, lock = Out(), threading.Lock()

    def way_out(message: EmailMessage) -> None:
        with lock:
            out(message)

    with ThreadPoolExecutor(2) as pool:
        sent = list(pool.map(lambda _: outbox.deliver_due(way_out, START), range(2)))
    assert sum(sent) == 20
    assert len({str(m["To"]) for m in out.sent}) == len(out.sent) == 20


def test_of_two_workers_that_both_saw_a_letter_waiting_one_sends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    number, both, out, update = post(), threading.Barrier(2), Out(), outbox.sql_update

    def met(table: type[Mail]) -> Any:
        # On SQLite the second worker does not get this far.
        with suppress(threading.BrokenBarrierError):
            both.wait(1)
        return update(table)

    monkeypatch.setattr(outbox, "sql_update", met)
    with ThreadPoolExecutor(2) as pool:
        sent = list(pool.map(lambda _: outbox.deliver_due(out, START), range(2)))
    assert sorted(sent) == [0, 1]
    assert (out.tries, letter(number).attempts) == (1, 1)


def test_without_the_claim_two_workers_would_send_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    number, both, out = post(), threading.Barrier(2), Out()
    monkeypatch.setattr(outbox, "_claim", lambda mail_id, now: letter(mail_id))

    def way_out(message: EmailMessage) -> None:
        both.wait(10)
        out(message)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: outbox.deliver_due(way_out, START), range(2)))
    assert out.tries == 2
    assert letter(number).sent_at


class Killed(BaseException):
    """Simulates the death of a worker."""


def test_a_worker_that_dies_leaves_the_letter_to_a_later_try_with_the_same_id() -> None:
    number, seen = post(), []

    def dying(message: EmailMessage) -> None:
        seen.append(message["Message-ID"])
        raise Killed

    with pytest.raises(Killed):
        outbox.deliver_due(dying, START)
    out = Out()
    assert outbox.deliver_due(out, START + outbox.CLAIM_DURATION - timedelta(seconds=1)) == 0
    assert outbox.deliver_due(out, START + outbox.CLAIM_DURATION) == 1
    assert out.sent[0]["Message-ID"] == seen[0]
    assert letter(number).attempts == 2


def test_a_letter_whose_worker_dies_every_time_ends() -> None:
    number, at = post(), START

    def dying(message: EmailMessage) -> None:
        raise Killed

    for _ in range(outbox.MAX_ATTEMPTS):
        with pytest.raises(Killed):
            outbox.deliver_due(dying, at)
        at += outbox.CLAIM_DURATION
    assert outbox.deliver_due(dying, at) == 0
    assert letter(number).failed_at == at


def test_a_letter_is_written_with_what_it_tells_or_not_at_all() -> None:
    with pytest.raises(RuntimeError), database.write_session() as session:
        outbox.enqueue(session, to="a@example.com", language="fr", subject="S", text="T", html="H", now=START)
        raise RuntimeError
    assert outbox.deliver_due(Out(), START) == 0


def test_the_same_key_is_one_letter() -> None:
    assert post(key="invoice-1") == post(key="invoice-1")
    assert post(key="invoice-2") != post()
    assert outbox.deliver_due(Out(), START) == 3


@pytest.mark.asvs("1.3.3")
@pytest.mark.parametrize("broken", ["Hi\r\nBcc: evil@example.com", "Hi\nBcc: evil@example.com", "Hi\rBcc: evil@example.com"])
@pytest.mark.asvs("1.3.11")
@pytest.mark.case("A-12")
def test_a_line_break_in_a_header_is_refused(broken: str) -> None:
    with pytest.raises(ValueError):
        post(subject=broken)
    for to in (f"maria@example.com{broken[2:]}", f"{broken[2:]}@example.com"):
        with pytest.raises(ValueError):
            post(to=to)
    with pytest.raises(ValueError):
        post(to="nobody")
    with database.read_session() as session:
        assert session.exec(select(Mail)).all() == []


def test_letters_beyond_ascii() -> None:
    for to in ("hélène@exemple.ca", "helene@exämple.ca", "a, b <evil@example.com>@example.com"):
        post(to)
    out = Out()
    assert outbox.deliver_due(out, START) == 3
    assert "hélène@exemple.ca" in out.sent[0].as_bytes().decode()
    assert "helene@xn--exmple-cua.ca" in out.sent[1].as_bytes().decode()
    assert len(out.sent[2]["To"].addresses) == 1
    assert out.sent[2]["To"].addresses[0].domain == "example.com"


def test_a_token_is_filled_in_when_the_letter_leaves_and_stored_nowhere() -> None:
    seed = outbox.new_seed()
    number = post(text=f"see {outbox.TOKEN_PLACEHOLDER}", html=f"<a href='{outbox.TOKEN_PLACEHOLDER}'>", seed=seed)
    token = outbox.token_of(seed)
    out = Out()
    outbox.deliver_due(out, START)
    assert out.sent[0].as_string().count(token) == 2
    assert outbox.TOKEN_PLACEHOLDER not in out.sent[0].as_string()
    assert token not in str(letter(number).model_dump())


def test_a_token_needs_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    seed = outbox.new_seed()
    token = outbox.token_of(seed)
    assert token == outbox.token_of(seed) != outbox.token_of(outbox.new_seed())
    assert len(token) == 43
    monkeypatch.setenv("ODOPORTAL_SECRET", "t" * 40)
    get_settings.cache_clear()
    assert outbox.token_of(seed) != token


def test_without_a_server_letters_become_files_that_can_be_read(portal: Path) -> None:
    link = "https://portal.example.com/fr/reset?token=" + "x" * 60
    post("maria@example.com", text=f"Voilà\n{link}\n", html=f"<a href='{link}'>é</a>")
    post("../../evil/@example.com")
    assert outbox.deliver_due(outbox.transport_of(get_settings()), START) == 2
    made = sorted((portal / "data" / "mail").iterdir())
    assert [path.suffix for path in made] == [".eml"] * 2
    assert all(path.stat().st_mode & 0o077 == 0 for path in made)
    (maria,) = [path for path in made if "maria" in path.name]
    assert link in maria.read_text("utf-8")
    assert "Voilà" in maria.read_text("utf-8")


def test_signing_in_to_the_server() -> None:
    asked: list[tuple[bytes, bytes]] = []

    def authenticator(server, session, envelope, mechanism, data) -> AuthResult:
        asked.append((data.login, data.password))
        return AuthResult(success=data.password == b"p@ss/word", handled=False)

    inbox = Inbox()
    running = Listening(inbox, authenticator=authenticator, auth_require_tls=False, auth_exclude_mechanism=["LOGIN"])
    with serving(running) as url:
        outbox.smtp_transport(url.replace("://", "://us%40er:p%40ss%2Fword@"))(outbox.compose(letter(post())))
        with pytest.raises(smtplib.SMTPAuthenticationError):
            outbox.smtp_transport(url.replace("://", "://user:wrong@"))(outbox.compose(letter(post())))
        assert (asked[0], len(inbox.got)) == ((b"us@er", b"p@ss/word"), 1)


@pytest.mark.parametrize("other", ["LOGIN", "PLAIN"])
def test_a_password_may_have_accents(other: str) -> None:
    asked: list[tuple[bytes, bytes]] = []

    def authenticator(server, session, envelope, mechanism, data) -> AuthResult:
        asked.append((data.login, data.password))
        return AuthResult(success=data.password == "été".encode(), handled=False)

    inbox = Inbox()
    running = Listening(inbox, authenticator=authenticator, auth_require_tls=False, auth_exclude_mechanism=[other])
    with serving(running) as url:
        outbox.smtp_transport(url.replace("://", "://us%40er:%C3%A9t%C3%A9@"))(outbox.compose(letter(post())))
        with pytest.raises(smtplib.SMTPAuthenticationError):
            outbox.smtp_transport(url.replace("://", "://user:hélas@"))(outbox.compose(letter(post())))
    assert (asked[0], len(inbox.got)) == ((b"us@er", "été".encode()), 1)


def test_a_server_that_takes_no_password_is_told_in_words() -> None:
    with serving(Listening(Inbox(), auth_exclude_mechanism=["LOGIN", "PLAIN"])) as url, pytest.raises(smtplib.SMTPNotSupportedError):
        outbox.smtp_transport(url.replace("://", "://user:été@"))(outbox.compose(letter(post())))


@pytest.mark.parametrize(
    ("sender", "shown"),
    [
        ("Odotrack, inc. <a@odotrack.com>", '"Odotrack, inc." <a@odotrack.com>'),
        ("Odotrack: facturation <a@odotrack.com>", '"Odotrack: facturation" <a@odotrack.com>'),
        ('"Odotrack (Québec)" <a@odotrack.com>', '"Odotrack (Québec)" <a@odotrack.com>'),
        ("a@odotrack.com", "a@odotrack.com"),
        ("Odotrack <a@odotrack.québec>", "Odotrack <a@odotrack.xn--qubec-csa>"),
    ],
)
def test_the_sender_may_have_any_name(monkeypatch: pytest.MonkeyPatch, sender: str, shown: str) -> None:
    monkeypatch.setenv("ODOPORTAL_MAIL_FROM", sender)
    get_settings.cache_clear()
    composed = outbox.compose(letter(post()))
    read = email.message_from_bytes(composed.as_bytes(), policy=default_policy)
    assert str(read["From"]) == shown
    assert str(read["Message-ID"]).endswith(shown.rpartition("@")[2].strip(">") + ">")


@pytest.mark.parametrize("attached", [None, ("a.pdf", b"%PDF-")])
@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_letter_says_its_language(language: str, attached: tuple[str, bytes] | None) -> None:
    number = post(attached=attached)
    written = letter(number)
    written.language = language
    assert email.message_from_bytes(outbox.compose(written).as_bytes(), policy=default_policy).get_all("Content-Language") == [language]


@pytest.mark.parametrize("character", ["a", "é", "\U0001f600"])
def test_no_line_is_longer_than_mail_allows(server: tuple[Inbox, str], character: str) -> None:
    inbox, url = server
    long = character * 1_000
    post(text=f"Voilà\n{long}\nfin", html=f"<p>{long}</p>")
    assert outbox.deliver_due(outbox.smtp_transport(url), START) == 1
    assert max(len(line) for line in inbox.raw[0].split(b"\r\n")) <= 998
    parts = [part.get_content() for part in inbox.got[0].iter_parts()]  # pyright: ignore[reportAttributeAccessIssue]
    assert [part.replace("\r", "").strip() for part in parts] == [f"Voilà\n{long}\nfin", f"<p>{long}</p>"]


@pytest.fixture
def certificate(portal: Path) -> ssl.SSLContext:
    key, cert = portal / "key.pem", portal / "cert.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*made, "-keyout", key, "-out", cert], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    return context


@pytest.mark.asvs("12.3.2")
@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
def test_a_certificate_that_nobody_vouches_for_is_refused(
    scheme: str, certificate: ssl.SSLContext, portal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = Inbox()
    running = Listening(inbox, ssl_context=certificate) if scheme == "smtps" else Listening(inbox, tls_context=certificate)
    with serving(running, scheme) as url:
        message = outbox.compose(letter(post()))
        with pytest.raises(ssl.SSLCertVerificationError):
            outbox.smtp_transport(url)(message)
        trusting = ssl.create_default_context(cafile=portal / "cert.pem")
        with monkeypatch.context() as patch:
            patch.setattr(ssl, "create_default_context", lambda: trusting)
            outbox.smtp_transport(url)(message)
        assert len(inbox.got) == 1


@pytest.mark.asvs("12.3.1")
def test_starttls_is_never_left_out() -> None:
    inbox = Inbox()
    with serving(Listening(inbox), "smtp+starttls") as url:
        with pytest.raises(smtplib.SMTPNotSupportedError):
            outbox.smtp_transport(url)(outbox.compose(letter(post())))
        assert inbox.got == []


@pytest.mark.parametrize("url", ["mail.example.com", "http://mail.example.com", "smtp://", "smtp+tls://x"])
def test_an_address_of_no_mail_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="ODOPORTAL_SMTP_URL"):
        outbox.smtp_transport(url)


def test_the_outbox_wakes_when_a_letter_is_committed_and_survives_a_lost_database(monkeypatch: pytest.MonkeyPatch) -> None:
    deliver, failures = outbox.deliver_due, [OSError("gone")]

    def delivering(way_out: outbox.Transport, now: datetime) -> int:
        if failures:
            raise failures.pop()
        return deliver(way_out, now)

    async def run() -> list[str]:
        arrived = asyncio.Queue[str]()
        loop = asyncio.get_running_loop()

        def way_out(message: EmailMessage) -> None:
            loop.call_soon_threadsafe(arrived.put_nowait, str(message["To"]))

        # With an hour between looks, only the wake-up of a commit can cause a delivery.
        job = replace(outbox.JOB, schedule=Every(timedelta(hours=1)), work=lambda: outbox.deliver(way_out))
        monkeypatch.setattr(runner, "LONGEST_WAIT", timedelta(hours=1))
        running = asyncio.create_task(Runner([job]).run())
        await asyncio.to_thread(post, "lost@example.com")
        while failures:
            await asyncio.sleep(0)
        found = list[str]()
        for number, expected in ((0, 2), (1, 3)):
            await asyncio.to_thread(post, f"p{number}@example.com")
            while len(found) < expected:
                found.append(await asyncio.wait_for(arrived.get(), 10))
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return found

    monkeypatch.setattr(outbox, "deliver_due", delivering)
    assert asyncio.run(run()) == ["lost@example.com", "p0@example.com", "p1@example.com"]
    post("later@example.com")


def test_a_letter_holds_no_invisible_marks() -> None:
    number = post(subject="\u202eairaM invites you", text="\u2066Maria\nGagnon", html="<p>\u202eairaM</p>")
    sent = letter(number)
    assert (sent.subject, sent.text, sent.html) == ("airaM invites you", "Maria\nGagnon", "<p>airaM</p>")
