"""Logs with UTC times and without passwords, cookies or tokens: JSON in production, text in a demonstration.

Reflex logs a whole event with its headers when a handler fails, so secrets are masked in the text of every record. Each text is cut to a
few KiB first, so that input from strangers costs neither time nor space. Every line names its request and, in JSON, the signed-in person.
"""

import json
import logging
import re
import sys
import time
import traceback

from odoportal.core import card_numbers
from odoportal.core.identity import current_identity
from odoportal.observability import metrics, request_id

MASK = "***"
MESSAGE_CHARACTERS = 4096
"""The most characters kept of a message and of each part of a traceback."""
FACT_CHARACTERS = 1024
TRACEBACK_CHARACTERS = 16_384
"""The most characters kept of a traceback: its end, where the error is."""
_security = logging.getLogger("odoportal.security")
# Keep the time linear in the length of any text: bound all lengths, or let a match that has started run to its end.
# Treat an unclosed secret as running to the end of the text, because a text may be cut before its closing quote.
_MASKED_NAMES = (
    r"(?:\w{0,30}password|passphrase|\w{0,30}secret|\w{0,30}token|authorization|"
    r"(?:set-)?cookie|(?:__Host-)?odo_session|session_hash|sid|otp)"
)
_QUOTED = re.compile(
    rf"""(?i)(?P<name>\b{_MASKED_NAMES}["'\\]{{0,8}}\s{{0,3}}[:=,]\s{{0,3}}[bru]?)"""
    r"""(?P<quote>\\{0,8}["']).*?(?P<end>(?<!\\)(?P=quote)|\Z)""",
    re.S,
)
_PLAIN = re.compile(rf"(?i)\b(?P<name>{_MASKED_NAMES}\s*=\s*)[^\s&;,'\")]+")
_HEADER = re.compile(r"(?im)\b(?P<name>(?:set-)?cookie|authorization)(?P<colon>:\s*)[^\r\n'\"]+")
_URL = re.compile(r"(?P<name>\b[a-z][a-z0-9+.-]{0,20}://[^\s:/@]{0,100}:)[^\s@/]++(?=@)")
_CUT_URL = re.compile(r"(?P<name>://[^\s:/@]{0,100}:)[^\s@/]*+\Z")
_EVENT = re.compile(r"""\b(?:payload|router_data|headers)(?:=|["'\\]{0,8}: ?)\{""")
_NUMBER_CHARACTERS = "0123456789 \t\u00a0\u202f.-\u2010\u2011\u2013"
"""The characters of a written card number. A number that is cut apart could no longer be recognized."""


def redact(text: str, cut: bool = False) -> str:
    """Return the text with passwords, cookies, tokens, card numbers and the contents of events masked.

    The time is linear in the length of the text.

    Args:
        text: of any length; see `truncated`.
        cut: whether the text was cut, so that its last brace may not be the one that ends an event.
    """
    if event := _EVENT.search(text):
        end = -1 if cut else text.rfind("}", event.end())
        text = f"{text[: event.end()]}{MASK}{text[end:] if end >= 0 else ''}"
    text = _QUOTED.sub(lambda m: f"{m['name']}{m['quote']}{MASK}{m['end']}", text)
    text = _HEADER.sub(lambda m: f"{m['name']}{m['colon']}{MASK}", text)
    text = _PLAIN.sub(lambda m: f"{m['name']}{MASK}", text)
    text = _URL.sub(lambda m: f"{m['name']}{MASK}", text)
    return card_numbers.mask_card_numbers(text, MASK)


def truncated(text: str, limit: int) -> str:
    """Return the redacted text, cut to `limit` characters before redaction. A cut text ends with a note of its full length.

    The start is kept, so that no secret loses the name before it. A secret that is cut through is masked like a whole one.
    """
    if len(text) <= limit:
        return redact(text)
    kept = _CUT_URL.sub(lambda m: f"{m['name']}{MASK}", text[:limit].rstrip(_NUMBER_CHARACTERS))
    return f"{redact(kept, cut=True)} [cut, {len(text)} characters]"


def _traceback_text(parts: list[str]) -> str:
    """Return a traceback from its parts, each redacted and cut separately. A traceback that is too long loses its start."""
    kept, room = list[str](), TRACEBACK_CHARACTERS
    for part in reversed(parts):
        text = truncated(part.rstrip("\n"), MESSAGE_CHARACTERS)
        if room < len(text):
            kept.append(f"[cut, {len(parts)} parts]")
            break
        room -= len(text)
        kept.append(text)
    return "\n".join(reversed(kept))


def _indented(text: str) -> str:
    return text.replace("\r", "\\r").replace("\n", "\n  ")


def _safe_value(name: str, value: object) -> object:
    """Return a fact that is safe to log: numbers unchanged, texts masked and without characters that could end a line."""
    if isinstance(value, int | float):
        return value
    return truncated(f"{name}={value}", FACT_CHARACTERS).partition("=")[2].encode("unicode_escape").decode("ascii")


def log_security_event(event: str, level: int = logging.INFO, **facts: object) -> None:
    """Write and count a line of the security log.

    Args:
        event: the event's name in the OWASP logging vocabulary.
        level: the log level.
        facts: the details, by name.
    """
    metrics.SECURITY.labels(event).inc()
    log_event(_security, level, event, **facts)


def log_event(logger: logging.Logger, level: int, event: str, **facts: object) -> None:
    """Write a log line for an event with its facts, each a separate field in JSON. Control characters are escaped.

    Args:
        logger: where to log.
        level: the log level.
        event: the event's name.
        facts: the details, by name.
    """
    if logger.isEnabledFor(level):
        safe = {name: _safe_value(name, value) for name, value in facts.items()}
        text = " ".join(f"{name}={value}" for name, value in safe.items())
        logger.log(level, "%s %s", event, text, extra={"event": event, "facts": safe})


class Redaction(logging.Filter):
    """Cuts and masks the message and traceback of each record before a handler formats it, and adds the request id."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True: no record is dropped."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            message = str(record.msg)
        # Indent all lines but the first, whatever a customer typed (ASVS 16.4.1): exceptions contain input, too.
        record.msg, record.args = _indented(truncated(message, MESSAGE_CHARACTERS)), ()
        if record.exc_text:
            record.exc_text = _indented(truncated(record.exc_text, TRACEBACK_CHARACTERS))
        elif record.exc_info and record.exc_info[0]:
            record.exc_text = _indented(_traceback_text(traceback.format_exception(*record.exc_info)))
        record.exc_info = None
        if record.stack_info:
            record.stack_info = _indented(truncated(record.stack_info, TRACEBACK_CHARACTERS))
        record.request = request_id.request.get()
        return True


class _TextFormatter(logging.Formatter):
    """A line of text: time, level, logger, request id if there is one, message."""

    converter = time.gmtime  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s %(named)s%(message)s", "%Y-%m-%dT%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        name = getattr(record, "request", "")
        record.named = f"[{name}] " if name else ""
        return super().format(record)


class _JsonFormatter(logging.Formatter):
    """One JSON object per line. The signed-in person appears as numbers only, without name or address."""

    def format(self, record: logging.LogRecord) -> str:
        who = current_identity.get()
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
        structured: whether to write JSON for programs; otherwise text for people, without a line for each request and event.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter() if structured else _TextFormatter())
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
    # Lines about each opened or closed socket and each schema check say nothing useful, and the debug lines of the socket libraries are
    # whole frames with customers' data. With their own level, these libraries add no handler, which would not redact.
    for name in ("uvicorn.error", "engineio", "engineio.server", "socketio", "socketio.server", "alembic"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
