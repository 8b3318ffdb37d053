"""Health checks (`/healthz`, `/readyz`), and the metrics that are looked up when Prometheus asks."""

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

from odoportal import background_jobs
from odoportal.core import clock, database
from odoportal.jobs import leases
from odoportal.limits import redis_counters
from odoportal.mail import outbox
from odoportal.mail.outbox import Mail
from odoportal.migrations import at_head
from odoportal.observability import logs
from odoportal.rooms.signin.models import BrowserSession

FRESH_SECONDS = 1.0
TIMEOUT_SECONDS = 5.0
# A mail takes several exchanges with a server, each of at most `outbox.SMTP_TIMEOUT`; an outbox silent for longer hangs.
OUTBOX_SILENT_SECONDS = 300.0
_NO_STORE = {"cache-control": "no-store"}
_log = logging.getLogger("odoportal.health")
# One thread: where the database hangs, asking again and again must not take every thread of the process.
_executor = ThreadPoolExecutor(1, thread_name_prefix="health")


def database_is_right() -> bool:
    """Return whether the database answers and has this release's schema."""
    try:
        return at_head(database.engine())
    except SQLAlchemyError:
        return False


def outbox_is_right() -> bool:
    """Return whether this process works on its outbox. A mail server that is down does not count: mails wait for it."""
    return outbox.seconds_idle() < OUTBOX_SILENT_SECONDS


def redis_is_right() -> bool:
    """Return whether Redis answers; True if none is configured."""
    try:
        return redis_counters.is_reachable()
    except RedisError:
        return False


PARTS = (("database", database_is_right), ("outbox", outbox_is_right))
"""Parts a process needs to receive visitors. Redis is not one: without it no process lets people sign in, but signed-in people read on."""


class _Readiness:
    """The parts that do not work, checked at most once a second."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._checked_at = float("-inf")
        self._wrong: tuple[str, ...] = ()

    async def wrong(self) -> tuple[str, ...]:
        """Return the names of the parts that do not work."""
        async with self._lock:
            if monotonic() - self._checked_at >= FRESH_SECONDS:
                found = tuple([name for name, check in PARTS if not await _works(check)])
                if found != self._wrong:
                    logs.log_event(_log, logging.WARNING, "not_ready" if found else "ready_again", parts=" ".join(found))
                self._wrong, self._checked_at = found, monotonic()
            return self._wrong


async def _works(check: object) -> bool:
    result = asyncio.get_running_loop().run_in_executor(_executor, check)  # type: ignore[arg-type]
    try:
        return await asyncio.wait_for(result, TIMEOUT_SECONDS)
    except TimeoutError:
        return False


_readiness = _Readiness()


async def alive(_request: Request) -> Response:
    """Answer that the process is alive."""
    return PlainTextResponse("ok", headers=_NO_STORE)


async def ready(_request: Request) -> Response:
    """Answer whether a proxy may send visitors here: 200 or 503. The log has the reason; the answer does not."""
    if await _readiness.wrong():
        return PlainTextResponse("not ready", 503, _NO_STORE)
    return PlainTextResponse("ready", headers=_NO_STORE)


class Figures(Collector):
    """Metrics that are the same for every process, since they are read from the database: take the largest, not the sum."""

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics. If the database does not answer, those read from it are left out."""
        up = GaugeMetricFamily("odoportal_up", "1 if a part of the portal works", labels=["part"])
        right = {name: is_right() for name, is_right in (*PARTS, ("redis", redis_is_right))}
        for name, is_right in right.items():
            up.add_metric([name], float(is_right))
        yield up
        if not right["database"]:
            return
        with database.read_session() as session:
            counted = _figures(session, clock.now())
            late = {state.name for state in leases.late(session, background_jobs.JOBS)}
        overdue = GaugeMetricFamily("odoportal_job_late", "1 if a background job is late by more than twice its period", labels=["job"])
        for job in background_jobs.JOBS:
            overdue.add_metric([job.name], float(job.name in late))
        yield overdue
        for name, (words, number) in counted.items():
            yield GaugeMetricFamily(f"odoportal_{name}", words, number)


def _figures(session: Session, now: datetime) -> dict[str, tuple[str, float]]:
    ask = session.connection().scalar
    oldest = ask(select(func.min(col(Mail.created_at))).where(col(Mail.next_try_at).is_not(None)))
    return {
        "mail_waiting": (
            "Emails in the outbox that are still tried",
            ask(select(func.count()).select_from(Mail).where(col(Mail.next_try_at).is_not(None))) or 0,
        ),
        "mail_dead": (
            "Emails that were given up",
            ask(select(func.count()).select_from(Mail).where(col(Mail.failed_at).is_not(None))) or 0,
        ),
        "mail_oldest_seconds": ("Age of the oldest email that is still tried", (now - oldest).total_seconds() if oldest else 0.0),
        "sessions": ("Signed-in browsers", ask(select(func.count()).select_from(BrowserSession)) or 0),
    }
