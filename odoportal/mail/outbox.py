"""Mail: an outbox table, written with what it tells about and sent afterwards, again and again until it is taken.

A letter that carries a one-use link has `MARK` where the link's token belongs, and a seed. The token is derived from the
seed with the portal's secret when the letter leaves, so a copy of the database holds no link that works. In the same way `STOP_MARK`
becomes the address that switches off what the letter is one of (RFC 8058), where the letter says what that is (`unsubscribe`).
"""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import logging
import re
import secrets
import smtplib
import ssl
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from pathlib import Path
from time import monotonic
from urllib.parse import unquote, urlsplit

from sqlalchemy import delete as sql_delete
from sqlalchemy import event
from sqlalchemy import update as sql_update
from sqlmodel import Field, Session, SQLModel, col, select

from odoportal.core import clock, private_files, signing
from odoportal.core.database import reading, writing
from odoportal.core.folding import without_marks
from odoportal.settings import Settings, get_settings

MARK = "__ONE_USE_TOKEN__"
STOP_MARK = "__UNSUBSCRIBE__"
UNSUBSCRIBE = "/unsubscribe"
"""The path of the page that such an address leads to; also the purpose it is signed for."""
ONE_CLICK = ("List-Unsubscribe", "One-Click")
"""Name and value of the one field that a mail program sends there (RFC 8058, section 3.2)."""
MOST_TRIES = 12
FIRST_DELAY = timedelta(minutes=1)
LONGEST_DELAY = timedelta(hours=1)
# Longer than any delivery takes: whoever claimed a letter and died with it leaves it to the next after this time.
CLAIM = timedelta(minutes=10)
BATCH = 50
POLL_SECONDS = 5.0
SMTP_TIMEOUT = 20.0
_PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
_PERMANENT = range(550, 560)
_log = logging.getLogger("odoportal.mail")

Transport = Callable[[EmailMessage], None]


class Mail(SQLModel, table=True):
    """A letter. It is due while `next_try_at` is set; sent or given up, it is not tried again."""

    id: int | None = Field(default=None, primary_key=True)
    key: str | None = Field(default=None, max_length=100, unique=True, description="the same key is one letter")
    to: str = Field(max_length=254)
    language: str = Field(max_length=2)
    subject: str = Field(max_length=200)
    text: str
    html: str
    seed: str = Field(default="", max_length=64)
    unsubscribe: str = Field(default="", max_length=60, description="what its link switches off; empty: nothing does")
    attached: bytes | None = Field(default=None, description="a PDF; dropped once it has left")
    attached_name: str = Field(default="", max_length=100)
    created_at: datetime
    attempts: int = 0
    next_try_at: datetime | None = Field(default=None, index=True)
    sent_at: datetime | None = None
    failed_at: datetime | None = None
    last_error: str = Field(default="", max_length=300)


class _Policy(EmailPolicy):
    """Like the library's, but an address in a header stays whole: a longer one would be written in encoded words, which no reader of
    `List-Unsubscribe` understands. A line may have 998 signs (RFC 5322, section 2.1.1).
    """

    def fold(self, name: str, value: str) -> str:
        """A header as text."""
        return f"{name}: {value}{self.linesep}" if name == ONE_CLICK[0] else super().fold(name, value)

    def fold_binary(self, name: str, value: str) -> bytes:
        """A header as it leaves."""
        return self.fold(name, value).encode() if name == ONE_CLICK[0] else super().fold_binary(name, value)


_SMTP = _Policy(linesep="\r\n")
_SMTPUTF8 = _SMTP.clone(utf8=True)


def new_seed() -> str:
    """A random seed of 256 bits."""
    return secrets.token_urlsafe(32)


def token_of(seed: str) -> str:
    """The token that a seed stands for; without the portal's secret nobody can tell."""
    key = get_settings().secret.get_secret_value().encode()
    mixed = hmac.digest(key, b"odoportal one-use token v1:" + seed.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(mixed).rstrip(b"=").decode()


def unsubscribe_address(mail: Mail) -> str:
    """The signed address that switches off what a letter is one of. It holds no address of anybody, and works for years."""
    return f"{get_settings().origin}/{mail.language}{UNSUBSCRIBE}?token={signing.sign(UNSUBSCRIBE, mail.unsubscribe)}"


def compose(mail: Mail) -> EmailMessage:
    """The letter as it leaves: text and HTML, with its token filled in.

    Raises:
        ValueError: on a line break in a header, or an address that is none.
    """
    name, sender = parseaddr(get_settings().mail_from)
    local, _, domain = mail.to.rpartition("@")
    if not local or not domain or any(c in mail.to for c in "\r\n"):
        raise ValueError("not an email address")
    ascii_only = local.isascii()
    message = EmailMessage(policy=_SMTP if ascii_only else _SMTPUTF8)
    message["From"] = Address(name, addr_spec=sender)
    message["To"] = Address(username=local, domain=domain.encode("idna").decode() if ascii_only else domain)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.created_at)
    # The same at every try, so that a receiver can drop a second copy.
    same = hashlib.sha256(f"{mail.id}:{mail.created_at.isoformat()}:{mail.to}".encode()).hexdigest()[:32]
    message["Message-ID"] = f"<{same}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = mail.language
    token = token_of(mail.seed) if mail.seed else ""
    text, html = mail.text.replace(MARK, token), mail.html.replace(MARK, token)
    if mail.unsubscribe:
        stop = unsubscribe_address(mail)
        message["List-Unsubscribe"] = f"<{stop}>"
        message["List-Unsubscribe-Post"] = "=".join(ONE_CLICK)
        text, html = text.replace(STOP_MARK, stop), html.replace(STOP_MARK, stop)
    # Unencoded, so that a link in an `.eml` file can be read and copied as it stands.
    message.set_content(text, cte="8bit")
    message.add_alternative(html, subtype="html", cte="8bit")
    if mail.attached is not None:
        message.add_attachment(mail.attached, maintype="application", subtype="pdf", filename=mail.attached_name)
    return message


def post(
    session: Session,
    *,
    to: str,
    language: str,
    subject: str,
    text: str,
    html: str,
    now: datetime,
    seed: str = "",
    key: str | None = None,
    unsubscribe: str = "",
    attached: tuple[str, bytes] | None = None,
) -> Mail:
    """Put a letter into the outbox, in the transaction of what it tells about.

    Args:
        session: the writing session.
        to: the address.
        language: "fr" or "en".
        subject: one line.
        text: the letter as plain text.
        html: the same letter as HTML.
        now: the instant it was written.
        seed: of the token that replaces `MARK`.
        key: where given, a letter with the same key is not written twice.
        unsubscribe: what the address that replaces `STOP_MARK` switches off; its page knows what that means.
        attached: name and content of a PDF.

    Raises:
        ValueError: on a line break in a header, or an address that is none.
    """
    if key is not None and (known := session.exec(select(Mail).where(Mail.key == key)).first()):
        return known
    subject, text, html = (without_marks(written) for written in (subject, text, html))
    mail = Mail(key=key, to=to, language=language, subject=subject, text=text, html=html, seed=seed, created_at=now, next_try_at=now)
    mail.unsubscribe = unsubscribe
    if attached is not None:
        mail.attached_name, mail.attached = attached
    compose(mail)
    session.add(mail)
    session.flush()
    event.listen(session, "after_commit", _wake, once=True)
    return mail


def take_back(session: Session, unsubscribe: str) -> int:
    """Drop the letters that have not left yet and that a link `unsubscribe` would switch off; returns how many.

    One that a worker is handing over at this moment may still leave.
    """
    waiting = (col(Mail.unsubscribe) == unsubscribe, col(Mail.sent_at).is_(None))
    return session.exec(sql_delete(Mail).where(*waiting)).rowcount


def take_out(session: Session, mail_id: int) -> None:
    """Take a letter out of the outbox again, in the transaction that wrote it; none of the number 0."""
    session.exec(sql_delete(Mail).where(col(Mail.id) == mail_id))


def smtp(url: str) -> Transport:
    """A way out by SMTP: `smtp://host`, `smtps://user:password@host`, `smtp+starttls://user:password@host:587`.

    Raises:
        ValueError: when the address is none of these.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("ODOPORTAL_SMTP_URL must be an address such as smtp+starttls://user:password@mail.example.com:587.")
    host, port = parts.hostname, parts.port or _PORTS[parts.scheme]

    def send(message: EmailMessage) -> None:
        if parts.scheme == "smtps":
            server = smtplib.SMTP_SSL(host, port, timeout=SMTP_TIMEOUT, context=ssl.create_default_context())
        else:
            server = smtplib.SMTP(host, port, timeout=SMTP_TIMEOUT)
        with server:
            if parts.scheme == "smtp+starttls":
                server.starttls(context=ssl.create_default_context())
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
            server.ehlo_or_helo_if_needed()
            server.send_message(message, mail_options=["BODY=8BITMIME"] if server.has_extn("8bitmime") else [])

    return send


def files(folder: Path) -> Transport:
    """A way out into a folder: one `.eml` file per letter, readable by the operator only."""

    def send(message: EmailMessage) -> None:
        private_files.folder(folder)
        to = re.sub(r"[^A-Za-z0-9@.+_-]", "_", str(message["To"]))[:80]
        name = f"{clock.now():%Y%m%dT%H%M%S}-{str(message['Message-ID'])[1:9]}-{to}.eml"
        unfinished = folder / f".{name}.{secrets.token_hex(4)}"
        private_files.file(unfinished)
        unfinished.write_bytes(message.as_bytes())
        unfinished.replace(folder / name)

    return send


def transport_of(settings: Settings) -> Transport:
    """The way out that the settings name: SMTP, or files in the data folder.

    Raises:
        ValueError: when the SMTP address is not usable.
    """
    return smtp(settings.smtp_url) if settings.smtp_url else files(settings.data_dir / "mail")


def delay_after(attempts: int) -> timedelta:
    """The wait after so many failed tries: a minute, doubling, an hour at most."""
    return min(FIRST_DELAY * 2 ** min(attempts - 1, 16), LONGEST_DELAY)


def _claim(mail_id: int, now: datetime) -> Mail | None:
    """Take one due letter for one try: of several workers exactly one gets it."""
    with writing() as session:
        mail = session.get(Mail, mail_id)
        if mail is None or mail.next_try_at is None or mail.next_try_at > now:
            return None
        if mail.attempts >= MOST_TRIES:
            mail.failed_at, mail.next_try_at = now, None
            return None
        taken = session.exec(
            sql_update(Mail)
            .where(col(Mail.id) == mail_id, col(Mail.next_try_at) == mail.next_try_at)
            .values(attempts=mail.attempts + 1, next_try_at=now + CLAIM)
        )
        session.refresh(mail)
        return mail if taken.rowcount == 1 else None


def _is_permanent(why: Exception) -> bool:
    return isinstance(why, smtplib.SMTPRecipientsRefused) and all(code in _PERMANENT for code, _ in why.recipients.values())


def _settle(claimed: Mail, now: datetime, why: Exception | None) -> None:
    with writing() as session:
        mail = session.get(Mail, claimed.id)
        if mail is None:
            return
        if why is None:
            mail.sent_at, mail.next_try_at, mail.last_error, mail.attached = now, None, "", None
            return
        mail.last_error = " ".join(f"{type(why).__name__}: {why}".split())[:300]
        if mail.attempts >= MOST_TRIES or _is_permanent(why):
            mail.failed_at, mail.next_try_at = now, None
            _log.error("mail %s given up after %s tries: %s", mail.id, mail.attempts, type(why).__name__)
        else:
            mail.next_try_at = now + delay_after(mail.attempts)
            _log.warning("mail %s not sent, try %s: %s", mail.id, mail.attempts, type(why).__name__)


def deliver_due(transport: Transport, now: datetime) -> int:
    """Try every letter that is due, once each, and say how many went out.

    No transaction is open while a server is spoken to. A worker that dies between sending and noting it leaves the letter to be
    sent again, with the same Message-ID; a lost letter would be worse.
    """
    due = select(Mail.id).where(col(Mail.next_try_at) <= now).order_by(col(Mail.next_try_at), col(Mail.id)).limit(BATCH)
    with reading() as session:
        waiting = [mail_id for mail_id in session.exec(due) if mail_id is not None]
    sent = 0
    for mail_id in waiting:
        _bell.beat()
        claimed = _claim(mail_id, now)
        if claimed is None:
            continue
        why: Exception | None = None
        # Whatever a server or a network does, the letter waits for its next try.
        try:
            transport(compose(claimed))
        except Exception as failure:
            why = failure
        _settle(claimed, now, why)
        sent += why is None
    return sent


class _Bell:
    """Wakes the outbox of this process early, from whatever thread committed a letter, and knows when it was last at work."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rung: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self._beaten = monotonic()

    def beat(self) -> None:
        self._beaten = monotonic()

    def silent(self) -> float:
        return monotonic() - self._beaten

    def hang(self, loop: asyncio.AbstractEventLoop | None) -> asyncio.Event:
        rung = asyncio.Event()
        with self._lock:
            self._rung = (loop, rung) if loop else None
        return rung

    def ring(self) -> None:
        with self._lock:
            if self._rung and not self._rung[0].is_closed():
                self._rung[0].call_soon_threadsafe(self._rung[1].set)


_bell = _Bell()


def _wake(_session: Session) -> None:
    _bell.ring()


def silent_seconds() -> float:
    """For how long the outbox of this process has looked at no letter."""
    return _bell.silent()


async def run_outbox(transport: Transport | None = None, poll: float = POLL_SECONDS) -> None:
    """Send what is due until cancelled: every few seconds, and at once when this process wrote a letter."""
    way_out = transport or transport_of(get_settings())
    rung = _bell.hang(asyncio.get_running_loop())
    try:
        while True:
            rung.clear()
            _bell.beat()
            try:
                await asyncio.to_thread(deliver_due, way_out, clock.now())
            except Exception as why:
                # A database that is away comes back. No traceback: it would hold letters.
                _log.error("the outbox could not be read: %s", type(why).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(rung.wait(), poll)
    finally:
        _bell.hang(None)
