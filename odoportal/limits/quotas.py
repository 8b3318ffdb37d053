"""Quotas: how many pages and files a signed-in person may request within a minute (ASVS 2.4.1).

They reflect the cost of each kind: a person who opens files one by one stays far below them, a script that fetches all of them does not.
"""

import logging

from limits import RateLimitItem, RateLimitItemPerMinute

from odoportal.core.identity import Identity
from odoportal.limits import rate_limits
from odoportal.observability import logs

PAGES = RateLimitItemPerMinute(1200, 1, "pages")
DOCUMENTS = RateLimitItemPerMinute(120, 1, "documents")
EXPORTS = RateLimitItemPerMinute(60, 1, "exports")
ARCHIVES = RateLimitItemPerMinute(20, 1, "archives")
RETRY_SECONDS = "60"
"""After this time every quota is free again."""


async def within_quota(limit: RateLimitItem, who: Identity, key: str) -> bool:
    """Count a request and return whether it is within the quota. Log a request that is not.

    Args:
        limit: one of the quotas of this module.
        who: the signed-in person.
        key: what is counted by: the person, because anyone with a password can start any number of sessions.
    """
    if await rate_limits.hit(limit, key, alone=True):
        return True
    logs.log_security_event("excess_rate_limit_exceeded", logging.WARNING, limit=limit.namespace, person=who.person_id)
    return False
