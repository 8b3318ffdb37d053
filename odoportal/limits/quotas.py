"""How many pages and files somebody who is signed in may ask for within a minute (ASVS 2.4.1).

What a file costs decides: whoever opens one after the other is far from it, a script that fetches them all is not.
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
"""After so long every one of these is free again."""


async def within_quota(limit: RateLimitItem, who: Identity, key: str) -> bool:
    """Count a request; False when there were too many, which the log says.

    Args:
        limit: one of these.
        who: who asks.
        key: what is counted by: the person, since anybody with a password can begin any number of sessions.
    """
    if await rate_limits.hit(limit, key, alone=True):
        return True
    logs.log_security_event("excess_rate_limit_exceeded", logging.WARNING, limit=limit.namespace, person=who.person_id)
    return False
