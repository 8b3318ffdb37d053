"""Logs: instants in UTC, and never a password, cookie or token in them.

Reflex writes a whole event with its headers when a handler fails, so what is secret is masked in the text of every record.
"""

import logging
import re
import sys
import time

MASK = "***"
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
_CARD = re.compile(r"(?<!\d)(?:\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{4}|\d{4}([ -])\d{6}\2\d{5})(?!\d)")


def redact(text: str) -> str:
    """The text with passwords, cookies, tokens, card numbers and whatever an event carried masked."""
    text = _EVENT.sub(lambda m: f"{m['name']}{m['sign']}{{{MASK}}}", text)
    text = _QUOTED.sub(lambda m: f"{m['name']}{m['quote']}{MASK}{m['quote']}", text)
    text = _HEADER.sub(lambda m: f"{m['name']}{m['colon']}{MASK}", text)
    text = _PLAIN.sub(lambda m: f"{m['name']}{MASK}", text)
    text = _ADDRESS.sub(lambda m: f"{m['name']}{MASK}", text)
    return _CARD.sub(lambda m: MASK if _is_card(m[0]) else m[0], text)


def _is_card(text: str) -> bool:
    """True when the check digit is a payment card's (Luhn)."""
    digits = [int(letter) for letter in reversed(text) if letter.isdecimal()]
    return sum(digits[0::2] + [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]) % 10 == 0


def _indented(text: str) -> str:
    return text.replace("\r", "\\r").replace("\n", "\n  ")


class Redaction(logging.Filter):
    """Masks the message and the traceback of each record, before any handler formats it."""

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
        return True


def configure(level: str) -> None:
    """Send every log to standard error through one redacting handler.

    Args:
        level: `debug`, `info`, `warning` or `error`.
    """
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(Redaction())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "reflex", "reflex_base", "sqlalchemy", "alembic"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # A line per socket that comes and goes says nothing; and the two socket libraries add a handler of their own,
    # which would redact nothing, to a logger whose level nobody has set.
    quiet = max(logging.WARNING, root.level) if level != "debug" else logging.DEBUG
    for name in ("uvicorn.error", "engineio.server", "socketio.server"):
        logging.getLogger(name).setLevel(quiet)
