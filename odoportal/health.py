"""Whether this process lives, whether it may be given visitors, and the figures that are looked up when Prometheus asks."""

import asyncio
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from time import monotonic

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from redis import RedisError
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from odoportal.core import clock, database
from odoportal.limits import redis_counters
from odoportal.mail import outbox
from odoportal.mail.outbox import Mail
from odoportal.migrations import at_head
from odoportal.observability import logs
from odoportal.rooms.signin.models import BrowserSession

FRESH_SECONDS = 1.0
TIMEOUT_SECONDS = 5.0
# A letter takes several exchanges with a server, each of at most `mail.SMTP_TIMEOUT`; an outbox silent for longer hangs.
OUTBOX_SILENT_SECONDS = 300.0
_NO_STORE = {"cache-control": "no-store"}
_log = logging.getLogger("odoportal.health")
# One thread: where the database hangs, asking again and again must not take every thread of the process.
_looking = ThreadPoolExecutor(1, thread_name_prefix="health")


def database_is_right() -> bool:
    """True when the database answers and has this release's schema."""
    try:
        return at_head(database.engine())
    except SQLAlchemyError:
        return False


def outbox_is_right() -> bool:
    """True when this process looks for letters. A mail server that is down does not count: the letters wait."""
    return outbox.silent_seconds() < OUTBOX_SILENT_SECONDS


def redis_is_right() -> bool:
    """True where Redis answers, or none is set."""
    try:
        return redis_counters.answers()
    except RedisError:
        return False


PARTS = (("database", database_is_right), ("outbox", outbox_is_right))
"""What a process needs to be given visitors. Not Redis: without it every process alike lets nobody sign in, but whoever is reads on."""


class _Readiness:
    """What is not right, looked up at most once a second however many ask."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._looked = float("-inf")
        self._wrong: tuple[str, ...] = ()

    async def wrong(self) -> tuple[str, ...]:
        """The names of the parts that are not right."""
        async with self._turn:
            if monotonic() - self._looked >= FRESH_SECONDS:
                found = tuple([name for name, is_right in PARTS if not await _is_right(is_right)])
                if found != self._wrong:
                    logs.log_event(_log, logging.WARNING, "not_ready" if found else "ready_again", parts=" ".join(found))
                self._wrong, self._looked = found, monotonic()
            return self._wrong


async def _is_right(look: object) -> bool:
    asked = asyncio.get_running_loop().run_in_executor(_looking, look)  # type: ignore[arg-type]
    try:
        return await asyncio.wait_for(asked, TIMEOUT_SECONDS)
    except TimeoutError:
        return False


_readiness = _Readiness()


async def alive(_request: Request) -> Response:
    """The process answers."""
    return PlainTextResponse("ok", headers=_NO_STORE)


async def ready(_request: Request) -> Response:
    """Whether a proxy may send visitors here: 200 or 503. What is wrong stands in the log; a stranger is not told."""
    if await _readiness.wrong():
        return PlainTextResponse("not ready", 503, _NO_STORE)
    return PlainTextResponse("ready", headers=_NO_STORE)


class Figures(Collector):
    """What every process of a portal says alike, since it is in the database: take the largest, not the sum."""

    def collect(self) -> Iterator[Metric]:
        """Look the figures up. Those of a database that does not answer are left out."""
        up = GaugeMetricFamily("odoportal_up", "1 where a part of the portal is right", labels=["part"])
        right = {name: is_right() for name, is_right in (*PARTS, ("redis", redis_is_right))}
        for name, is_right in right.items():
            up.add_metric([name], float(is_right))
        yield up
        if not right["database"]:
            return
        with database.read_session() as session:
            counted = _figures(session, clock.now())
        for name, (words, number) in counted.items():
            yield GaugeMetricFamily(f"odoportal_{name}", words, number)


def _figures(session: Session, now: datetime) -> dict[str, tuple[str, float]]:
    ask = session.connection().scalar
    oldest = ask(select(func.min(col(Mail.created_at))).where(col(Mail.next_try_at).is_not(None)))
    return {
        "mail_waiting": (
            "Letters in the outbox that are still tried",
            ask(select(func.count()).select_from(Mail).where(col(Mail.next_try_at).is_not(None))) or 0,
        ),
        "mail_dead": (
            "Letters that were given up",
            ask(select(func.count()).select_from(Mail).where(col(Mail.failed_at).is_not(None))) or 0,
        ),
        "mail_oldest_seconds": ("Age of the oldest letter that is still tried", (now - oldest).total_seconds() if oldest else 0.0),
        "sessions": ("Signed-in browsers", ask(select(func.count()).select_from(BrowserSession)) or 0),
    }
