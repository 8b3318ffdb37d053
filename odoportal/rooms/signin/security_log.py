"""The security log: one line per event, in the words of the OWASP logging vocabulary.

A line names the person by number and the typed email by a short digest, so that tries on one address can be seen
together while the log holds no address, password or token, and nothing typed can break a line.
"""

import hashlib
import logging

from odoportal.accounts.service import email_key
from odoportal.observability import logs


def typed(email: str) -> str:
    """A short digest of a typed email, the same for all its spellings."""
    return hashlib.sha256(email_key(email[:1000]).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def log_event(event: str, level: int = logging.INFO, **facts: object) -> None:
    """Write one line: the event's word and its facts. Control characters in a fact are escaped."""
    logs.log_security_event(event, level, **facts)
