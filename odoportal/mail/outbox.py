"""The outbox: a table of mails, each written in the transaction that causes it and sent later, with retries until it is accepted.

A mail with a one-use link has `MARK` in place of the link's token, and a seed. The token is derived from the seed and the portal's secret
when the mail is sent, so a copy of the database holds no working link. In the same way, `STOP_MARK` becomes the address that unsubscribes
from the mail's kind (RFC 8058), for mails with an `unsubscribe` value.
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
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from pathlib import Path
from time import monotonic
from urllib.parse import SplitResult, unquote, urlsplit

from sqlalchemy import delete as sql_delete
from sqlalchemy import event, func
from sqlalchemy import update as sql_update
from sqlmodel import Field, Session, SQLModel, col, select

from odoportal.core import clock, private_files, signing
from odoportal.core.database import read_session, write_session
from odoportal.core.folding import strip_invisible
from odoportal.jobs import runner
from odoportal.jobs.schedule import Every, Job, Result
from odoportal.observability.failures import Failures
from odoportal.settings import Settings, get_settings

TOKEN_PLACEHOLDER = "__ONE_USE_TOKEN__"  # noqa: S105 - stands for a token
UNSUBSCRIBE_PLACEHOLDER = "__UNSUBSCRIBE__"
UNSUBSCRIBE = "/unsubscribe"
"""The path of the unsubscribe page, and the purpose that its tokens are signed for."""
ONE_CLICK = ("List-Unsubscribe", "One-Click")
"""Name and value of the only field that a mail program posts to that page (RFC 8058, section 3.2)."""
MAX_ATTEMPTS = 12
FIRST_DELAY = timedelta(minutes=1)
LONGEST_DELAY = timedelta(hours=1)
# Longer than any delivery. If a worker dies with a claimed mail, another worker can claim it after this time.
CLAIM_DURATION = timedelta(minutes=10)
BATCH = 50
POLL = timedelta(seconds=5)
SMTP_TIMEOUT = 20.0
LONGEST_LINE = 998
"""The most octets of a line (RFC 5322, section 2.1.1); servers refuse longer ones."""
_PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
_PERMANENT = range(550, 560)
_MORE, _SIGNED_IN = 334, 235
_log = logging.getLogger("odoportal.mail")

Transport = Callable[[EmailMessage], None]


class Mail(SQLModel, table=True):
    """A mail. It is due while `next_try_at` is set; a mail that was sent or given up is not tried again."""

    id: int | None = Field(default=None, primary_key=True)
    key: str | None = Field(default=None, max_length=100, unique=True, description="mails with the same key are one mail")
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
    """Like the library's policy, but keeps an address in a header in one piece.

    The library would write a long one as encoded words, which no reader of `List-Unsubscribe` understands. A line may have 998 characters
    (RFC 5322, section 2.1.1).
    """

    def fold(self, name: str, value: str) -> str:
        """Return a header as text."""
        return f"{name}: {value}{self.linesep}" if name == ONE_CLICK[0] else super().fold(name, value)

    def fold_binary(self, name: str, value: str) -> bytes:
        """Return a header as sent."""
        return self.fold(name, value).encode() if name == ONE_CLICK[0] else super().fold_binary(name, value)


_SMTP = _Policy(linesep="\r\n")
_SMTPUTF8 = _SMTP.clone(utf8=True)


def new_seed() -> str:
    """Return a random seed of 256 bits."""
    return secrets.token_urlsafe(32)


def token_of(seed: str) -> str:
    """Return the token for a seed. It cannot be derived without the portal's secret."""
    key = get_settings().secret.get_secret_value().encode()
    mac = hmac.digest(key, b"odoportal one-use token v1:" + seed.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def unsubscribe_address(mail: Mail) -> str:
    """Return the signed address that unsubscribes from a mail's kind. It contains no email address and stays valid for years."""
    return f"{get_settings().origin}/{mail.language}{UNSUBSCRIBE}?token={signing.sign(UNSUBSCRIBE, mail.unsubscribe)}"


def compose(mail: Mail) -> EmailMessage:
    """Return the message to send: text and HTML, with the token and the unsubscribe address filled in.

    Raises:
        ValueError: a header contains a line break, or the address is not valid.
    """
    name, sender = get_settings().sender
    local, _, domain = mail.to.rpartition("@")
    if not local or not domain or any(c in mail.to for c in "\r\n"):
        raise ValueError("not an email address")
    ascii_only = local.isascii()
    message = EmailMessage(policy=_SMTP if ascii_only else _SMTPUTF8)
    message["From"] = Address(name, addr_spec=sender)
    message["To"] = Address(username=local, domain=domain.encode("idna").decode() if ascii_only else domain)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.created_at)
    # The same id at every attempt, so that a receiver can drop a second copy.
    stable_id = hashlib.sha256(f"{mail.id}:{mail.created_at.isoformat()}:{mail.to}".encode()).hexdigest()[:32]
    message["Message-ID"] = f"<{stable_id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    token = token_of(mail.seed) if mail.seed else ""
    text, html = mail.text.replace(TOKEN_PLACEHOLDER, token), mail.html.replace(TOKEN_PLACEHOLDER, token)
    if mail.unsubscribe:
        unsubscribe_url = unsubscribe_address(mail)
        message["List-Unsubscribe"] = f"<{unsubscribe_url}>"
        message["List-Unsubscribe-Post"] = "=".join(ONE_CLICK)
        text, html = text.replace(UNSUBSCRIBE_PLACEHOLDER, unsubscribe_url), html.replace(UNSUBSCRIBE_PLACEHOLDER, unsubscribe_url)
    message.set_content(text, cte=_encoding_of(text))
    message.add_alternative(html, subtype="html", cte=_encoding_of(html))
    if mail.attached is not None:
        message.add_attachment(mail.attached, maintype="application", subtype="pdf", filename=mail.attached_name)
    # The calls above move the headers of the content into the parts.
    message["Content-Language"] = mail.language
    return message


def _encoding_of(text: str) -> str:
    """Return how a text is encoded: not at all, so that a link in an `.eml` file can be read and copied, unless a line is too long."""
    return "8bit" if all(len(line.encode()) <= LONGEST_LINE for line in text.split("\n")) else "quoted-printable"


def enqueue(
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
    """Put a mail into the outbox, in the transaction that causes it.

    Args:
        session: the writing session.
        to: the address.
        language: "fr" or "en".
        subject: one line.
        text: the mail as plain text.
        html: the same mail as HTML.
        now: the current time.
        seed: the seed of the token that replaces `MARK`.
        key: if given, no second mail with the same key is written.
        unsubscribe: what the address that replaces `STOP_MARK` unsubscribes from; the unsubscribe page interprets it.
        attached: name and content of a PDF.

    Returns:
        The new mail, or the existing one with the same key.

    Raises:
        ValueError: a header contains a line break, or the address is not valid.
    """
    if key is not None and (known := session.exec(select(Mail).where(Mail.key == key)).first()):
        return known
    subject, text, html = (strip_invisible(written) for written in (subject, text, html))
    mail = Mail(key=key, to=to, language=language, subject=subject, text=text, html=html, seed=seed, created_at=now, next_try_at=now)
    mail.unsubscribe = unsubscribe
    if attached is not None:
        mail.attached_name, mail.attached = attached
    compose(mail)
    session.add(mail)
    session.flush()
    event.listen(session, "after_commit", _wake_after_commit, once=True)
    return mail


def cancel_unsent(session: Session, unsubscribe: str) -> int:
    """Delete the unsent mails with this `unsubscribe` value and return how many there were.

    A mail that a worker is sending at this moment may still arrive.
    """
    waiting = (col(Mail.unsubscribe) == unsubscribe, col(Mail.sent_at).is_(None))
    return session.exec(sql_delete(Mail).where(*waiting)).rowcount


def delete(session: Session, mail_id: int) -> None:
    """Delete a mail from the outbox, in the transaction that wrote it. The id 0 deletes none."""
    session.exec(sql_delete(Mail).where(col(Mail.id) == mail_id))


def smtp_transport(url: str) -> Transport:
    """Return an SMTP transport for `smtp://host`, `smtps://user:password@host` or `smtp+starttls://user:password@host:587`.

    Raises:
        ValueError: the URL is none of these.
    """
    _parse_smtp(url)

    def send(message: EmailMessage) -> None:
        with open_smtp(url, SMTP_TIMEOUT) as server:
            server.ehlo_or_helo_if_needed()
            server.send_message(message, mail_options=["BODY=8BITMIME"] if server.has_extn("8bitmime") else [])

    return send


def _parse_smtp(url: str) -> tuple[SplitResult, str, int]:
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("ODOPORTAL_SMTP_URL must be an address such as smtp+starttls://user:password@mail.example.com:587.")
    return parts, parts.hostname, parts.port or _PORTS[parts.scheme]


@contextlib.contextmanager
def open_smtp(url: str, timeout: float) -> Iterator[smtplib.SMTP]:
    """Yield a connection to the mail server of an address, encrypted and signed in as the address says.

    Raises:
        ValueError: the address is not valid.
        OSError, smtplib.SMTPException: the server does not answer, or refuses.
    """
    parts, host, port = _parse_smtp(url)
    if parts.scheme == "smtps":
        server = smtplib.SMTP_SSL(host, port, timeout=timeout, context=ssl.create_default_context())
    else:
        server = smtplib.SMTP(host, port, timeout=timeout)
    with server:
        if parts.scheme == "smtp+starttls":
            server.starttls(context=ssl.create_default_context())
        if parts.username:
            _sign_in(server, unquote(parts.username), unquote(parts.password or ""))
        yield server


def _sign_in(server: smtplib.SMTP, user: str, password: str) -> None:
    """Sign in to a mail server, in UTF-8 (RFC 4616): `smtplib` knows ASCII only."""
    if user.isascii() and password.isascii():
        server.login(user, password)
        return
    server.ehlo_or_helo_if_needed()
    known = server.esmtp_features.get("auth", "").upper().split()
    if "PLAIN" in known:
        code, answer = server.docmd("AUTH", f"PLAIN {_base64(f'{chr(0)}{user}{chr(0)}{password}')}")
    elif "LOGIN" in known:
        code, answer = server.docmd("AUTH", f"LOGIN {_base64(user)}")
        if code == _MORE:
            code, answer = server.docmd(_base64(password))
    else:
        raise smtplib.SMTPNotSupportedError("The server takes no user and password with other letters than ASCII.")
    if code != _SIGNED_IN:
        raise smtplib.SMTPAuthenticationError(code, answer)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


def file_transport(folder: Path) -> Transport:
    """Return a transport that writes an `.eml` file per mail into a folder, readable by the operator only."""

    def send(message: EmailMessage) -> None:
        private_files.make_folder(folder)
        to = re.sub(r"[^A-Za-z0-9@.+_-]", "_", str(message["To"]))[:80]
        name = f"{clock.now():%Y%m%dT%H%M%S}-{str(message['Message-ID'])[1:9]}-{to}.eml"
        temporary = folder / f".{name}.{secrets.token_hex(4)}"
        private_files.make_file(temporary)
        temporary.write_bytes(message.as_bytes())
        temporary.replace(folder / name)

    return send


def transport_of(settings: Settings) -> Transport:
    """Return the transport of the settings: SMTP, or files in the data folder.

    Raises:
        ValueError: the SMTP URL is not valid.
    """
    return smtp_transport(settings.smtp_url) if settings.smtp_url else file_transport(settings.data_dir / "mail")


def delay_after(attempts: int) -> timedelta:
    """Return the wait after a number of failed attempts: one minute, doubling to at most an hour."""
    return min(FIRST_DELAY * 2 ** min(attempts - 1, 16), LONGEST_DELAY)


def _claim(mail_id: int, now: datetime) -> Mail | None:
    """Claim a due mail for one attempt, or return None. Of several workers only one gets it."""
    with write_session() as session:
        mail = session.get(Mail, mail_id)
        if mail is None or mail.next_try_at is None or mail.next_try_at > now:
            return None
        if mail.attempts >= MAX_ATTEMPTS:
            mail.failed_at, mail.next_try_at = now, None
            return None
        taken = session.exec(
            sql_update(Mail)
            .where(col(Mail.id) == mail_id, col(Mail.next_try_at) == mail.next_try_at)
            .values(attempts=mail.attempts + 1, next_try_at=now + CLAIM_DURATION)
        )
        session.refresh(mail)
        return mail if taken.rowcount == 1 else None


def _is_permanent(why: Exception) -> bool:
    return isinstance(why, smtplib.SMTPRecipientsRefused) and all(code in _PERMANENT for code, _ in why.recipients.values())


def _record_attempt(claimed: Mail, now: datetime, why: Exception | None) -> None:
    """Record the result of an attempt: sent, given up, or due again later."""
    with write_session() as session:
        mail = session.get(Mail, claimed.id)
        if mail is None:
            return
        if why is None:
            mail.sent_at, mail.next_try_at, mail.last_error, mail.attached = now, None, "", None
            return
        mail.last_error = " ".join(f"{type(why).__name__}: {why}".split())[:300]
        if mail.attempts >= MAX_ATTEMPTS or _is_permanent(why):
            mail.failed_at, mail.next_try_at = now, None
            _log.error("mail %s given up after %s tries: %s", mail.id, mail.attempts, type(why).__name__)
        else:
            mail.next_try_at = now + delay_after(mail.attempts)
            _log.warning("mail %s not sent, try %s: %s", mail.id, mail.attempts, type(why).__name__)


def deliver_due(transport: Transport, now: datetime) -> int:
    """Try every due mail once and return how many were sent.

    No transaction is open during the delivery. If a worker dies between sending a mail and recording it, the mail is sent again with the
    same Message-ID; losing it would be worse.
    """
    due = select(Mail.id).where(col(Mail.next_try_at) <= now).order_by(col(Mail.next_try_at), col(Mail.id)).limit(BATCH)
    with read_session() as session:
        waiting = [mail_id for mail_id in session.exec(due) if mail_id is not None]
    sent, failures = 0, Failures("mail")
    for mail_id in waiting:
        _heartbeat.beat()
        with failures.skip(f"mail {mail_id}"):
            sent += _deliver(mail_id, transport, now)
    return sent


def _deliver(mail_id: int, transport: Transport, now: datetime) -> bool:
    """Try a mail once, and record the result. Return whether it was sent."""
    claimed = _claim(mail_id, now)
    if claimed is None:
        return False
    why: Exception | None = None
    # Any error of a server or network leaves the mail for its next attempt.
    try:
        transport(compose(claimed))
    except Exception as failure:
        why = failure
    _record_attempt(claimed, now, why)
    return why is None


class _Heartbeat:
    """Knows when this process's outbox last worked."""

    def __init__(self) -> None:
        self._at = monotonic()

    def beat(self) -> None:
        """Record that the outbox is working."""
        self._at = monotonic()

    def seconds_idle(self) -> float:
        """Return the seconds since the outbox last worked."""
        return monotonic() - self._at


_heartbeat = _Heartbeat()


def _wake_after_commit(_session: Session) -> None:
    runner.wake(JOB.name)


def seconds_idle() -> float:
    """Return the seconds since this process's outbox last checked for mails."""
    return _heartbeat.seconds_idle()


async def deliver(transport: Transport | None = None) -> Result:
    """Try every due mail once: the job of the outbox.

    Args:
        transport: sends the mails; None for the transport of the settings.
    """
    return Result(await asyncio.to_thread(deliver_due, transport or transport_of(get_settings()), clock.now()))


def count_due(session: Session, now: datetime) -> int:
    """Return how many mails are due."""
    _heartbeat.beat()
    due = select(func.count()).select_from(Mail).where(col(Mail.next_try_at) <= now)
    return session.connection().scalar(due) or 0


JOB = Job("mail", Every(POLL), deliver, count_due, only_if_waiting=True)
"""Sends due mails every few seconds, and at once after a process that serves commits a mail."""
