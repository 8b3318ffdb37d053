"""Logs: instants in UTC, and never a password, cookie or token in them; JSON in production, text in a demonstration.

Reflex writes a whole event with its headers when a handler fails, so what is secret is masked in the text of every record.
Every line says which request it belongs to, and who asked.
"""

import json
import logging
import re
import sys
import time

from odoportal.foundation import cardnumbers, metrics, trace
from odoportal.foundation.identity import asker

MASK = "***"
_security = logging.getLogger("odoportal.security")
# Lengths are bounded: what a stranger wrote must not cost more time than it is long.
_NAMES = (
    r"(?:\w{0,30}password|passphrase|\w{0,30}secret|\w{0,30}token|authorization|"
    r"(?:set-)?cookie|(?:__Host-)?odo_session|session_hash|sid|otp)"
)
_QUOTED = re.compile(
    rf"""(?i)(?P<name>\b{_NAMES}["'\\]{{0,8}}\s{{0,3}}[:=,]\s{{0,3}}[bru]?)"""
    r"""(?P<quote>\\{0,8}["'])(?P<value>.*?)(?<!\\)(?P=quote)""",
    re.S,
)
_PLAIN = re.compile(rf"(?i)\b(?P<name>{_NAMES}\s*=\s*)(?P<value>[^\s&;,'\")]+)")
_HEADER = re.compile(r"(?im)\b(?P<name>(?:set-)?cookie|authorization)(?P<colon>:\s*)(?P<value>[^\r\n'\"]+)")
_ADDRESS = re.compile(r"(?P<name>\b[a-z][a-z0-9+.-]{0,20}://[^\s:/@]{0,100}:)(?P<value>[^\s@/]{1,300})(?=@)")
_EVENT = re.compile(r"\b(?P<name>payload|router_data|headers)(?P<sign>=|'?: )\{.*\}")


def redact(text: str) -> str:
    """The text with passwords, cookies, tokens, card numbers and whatever an event carried masked."""
    text = _EVENT.sub(lambda m: f"{m['name']}{m['sign']}{{{MASK}}}", text)
    text = _QUOTED.sub(lambda m: f"{m['name']}{m['quote']}{MASK}{m['quote']}", text)
    text = _HEADER.sub(lambda m: f"{m['name']}{m['colon']}{MASK}", text)
    text = _PLAIN.sub(lambda m: f"{m['name']}{MASK}", text)
    text = _ADDRESS.sub(lambda m: f"{m['name']}{MASK}", text)
    return cardnumbers.masked(text, MASK)


def _indented(text: str) -> str:
    return text.replace("\r", "\\r").replace("\n", "\n  ")


def _safe(name: str, value: object) -> object:
    """A fact as it may stand in a log: numbers as they are, text masked and without anything that could end a line."""
    if isinstance(value, int | float):
        return value
    return redact(f"{name}={value}").partition("=")[2].encode("unicode_escape").decode("ascii")


def security(event: str, level: int = logging.INFO, **facts: object) -> None:
    """Write a line of the security log, and count it: the event's word, of the OWASP logging vocabulary, and its facts."""
    metrics.SECURITY.labels(event).inc()
    tell(_security, level, event, **facts)


def tell(logger: logging.Logger, level: int, event: str, **facts: object) -> None:
    """Write one line: a word for what happened, and its facts, each a field of its own in JSON. Control characters are escaped."""
    if logger.isEnabledFor(level):
        safe = {name: _safe(name, value) for name, value in facts.items()}
        said = " ".join(f"{name}={value}" for name, value in safe.items())
        logger.log(level, "%s %s", event, said, extra={"event": event, "facts": safe})


class Redaction(logging.Filter):
    """Masks the message and the traceback of each record, before any handler formats it, and notes whose request it is."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true: nothing is dropped."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            message = str(record.msg)
        # Only the first line of a record begins at the margin, whatever a customer typed (ASVS 16.4.1): an exception says it, too.
        record.msg, record.args = _indented(redact(message)), ()
        if record.exc_info:
            record.exc_text = record.exc_text or logging.Formatter().formatException(record.exc_info)
        record.exc_text = _indented(redact(record.exc_text)) if record.exc_text else None
        record.exc_info = None
        if record.stack_info:
            record.stack_info = _indented(redact(record.stack_info))
        record.request = trace.request.get()
        return True


class _Line(logging.Formatter):
    """A line of text: instant, level, logger, request where there is one, message."""

    converter = time.gmtime  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s %(named)s%(message)s", "%Y-%m-%dT%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        name = getattr(record, "request", "")
        record.named = f"[{name}] " if name else ""
        return super().format(record)


class _Json(logging.Formatter):
    """One JSON object in one line. Who asked is a number, never a name or an address."""

    def format(self, record: logging.LogRecord) -> str:
        who = asker.get()
        line: dict[str, object] = {
            "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": getattr(record, "event", ""),
            "message": "" if hasattr(record, "event") else record.getMessage(),
            "request": getattr(record, "request", ""),
            "asker": who.person_id if who else None,
            "asker_account": who.account.number if who else None,
            "exception": record.exc_text,
            "stack": record.stack_info,
        }
        facts: dict[str, object] = getattr(record, "facts", {})
        return json.dumps({name: value for name, value in {**line, **facts}.items() if value not in {None, ""}}, ensure_ascii=False)


def configure(level: str, structured: bool = False) -> None:
    """Send every log to standard error through one redacting handler.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        structured: JSON, for a program to read; otherwise text for people, without a line for each request and event.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if structured else _Line())
    handler.addFilter(Redaction())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("odoportal.http", "odoportal.events"):
        logging.getLogger(name).setLevel(logging.NOTSET if structured or level == "debug" else max(logging.WARNING, root.level))
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "reflex", "reflex_base", "sqlalchemy", "alembic"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # A line per socket that comes and goes, or per look at the schema, says nothing, and the socket libraries' debug lines are whole
    # frames with customers' data. With a level of their own they add no handler, which would redact nothing.
    for name in ("uvicorn.error", "engineio", "engineio.server", "socketio", "socketio.server", "alembic"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
