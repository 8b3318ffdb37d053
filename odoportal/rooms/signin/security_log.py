"""The security log: one line per event, in the OWASP logging vocabulary.

A line names the person by id and the typed email by a short digest, so that attempts with one email can be correlated. The log contains
no email, password or token, and typed text cannot break a line.
"""

import hashlib
import logging

from odoportal.accounts.service import email_key
from odoportal.observability import logs


def typed(email: str) -> str:
    """Return a short digest of a typed email, the same for all its spellings."""
    return hashlib.sha256(email_key(email[:1000]).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def log_event(event: str, level: int = logging.INFO, **facts: object) -> None:
    """Write one line with the event's name and its facts. Control characters in a fact are escaped."""
    logs.log_security_event(event, level, **facts)
