"""With no free database connection, a request waits briefly and gets an error page; it succeeds once a connection is free."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from odoportal import health
from odoportal.core import clock, database
from tests.attack.wire import ORDERS, SIGNED, tab, value
from tests.faults.test_database_away import AGAIN, INTERNAL, WORDS
from tests.inside import PASSWORD, Inside, serving_inside
from tests.server import Answer

PAGES = ("/en/", "/fr/orders", "/en/invoices?page=2", "/fr/statement", "/en/profile", "/fr/orders.csv", "/en/statement.pdf")


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    with serving_inside(tmp_path_factory.mktemp("pool")) as served:
        yield served


@pytest.fixture(autouse=True)
def _its_clock(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    clock.set_source(inside.clock)
    # Disable the cache of health checks.
    monkeypatch.setattr(health, "FRESH_SECONDS", 0.0)
    inside.errors.clear()


@contextmanager
def exhausted_pool() -> Iterator[None]:
    """Hold all connections of the pool. A request waits for one for a shorter time than in production."""
    pool = database.engine().pool
    assert pool._timeout == database.TIMEOUT_SECONDS  # type: ignore[attr-defined]
    with ExitStack() as held, pytest.MonkeyPatch.context() as patch:
        for _ in range(pool.size() + pool._max_overflow):  # type: ignore[attr-defined]
            held.enter_context(database.engine().connect())
        patch.setattr(pool, "_timeout", 0.05)
        yield


def _unforeseen(inside: Inside) -> list[str]:
    """Return the errors with a traceback, except those of background jobs, which may run at the same moment and fail this way."""
    traced = [error for error in inside.errors if re.search("Traceback|never retrieved", error)]
    return [error for error in traced if not re.match(r"\w+: \S+ failed\n", error)]


def fetch(inside: Inside, path: str, cookie: str = "", form: dict[str, str] | None = None) -> Answer:
    return inside.portal.ask(path, form=form, cookie=cookie, x_forwarded_for=inside.elsewhere()["X-Forwarded-For"])


@pytest.mark.case("F-09")
@pytest.mark.asvs("16.5.2")
def test_whoever_gets_none_is_told_in_our_own_words_and_answered_once_there_is_one(inside: Inside) -> None:
    cookie = inside.session(inside.first)
    form = {"email": inside.first.email, "password": PASSWORD}
    with exhausted_pool():
        refused = [(path, fetch(inside, path, cookie)) for path in PAGES]
        refused += [("/fr/login", fetch(inside, "/fr/login", form=form)), ("/en/forgot", fetch(inside, "/en/forgot", form=form))]
        # Pages that need no database still work.
        assert fetch(inside, "/healthz").status == 200
        assert fetch(inside, "/en/guide").status == 200
        assert fetch(inside, "/readyz").status == 503
    for path, answer in refused:
        assert (path, answer.status, answer.headers["retry-after"]) == (path, 503, "30")
        language = path[1:3]
        assert WORDS[language] in answer.body
        assert AGAIN[language] in answer.body
        assert not INTERNAL.search(answer.body)
        assert answer.cookies == []
    assert [fetch(inside, path, cookie).status for path in PAGES] == [200] * len(PAGES)
    assert fetch(inside, "/readyz").status == 200
    # Five failed sign-ins would lock the account, but none of these tries counted.
    assert fetch(inside, "/fr/login", form=form).status == 303
    assert inside.errors
    assert not _unforeseen(inside)


@pytest.mark.case("F-09")
def test_an_open_page_says_so_and_works_again(inside: Inside) -> None:
    cookie = inside.session(inside.second)

    async def run() -> str:
        async with tab(inside.portal.url, cookie) as page:
            shown = await page.load("/en/orders")
            await page.fence()
            with exhausted_pool():
                await page.go_to("/en/orders?page=2")
                await page.until(lambda frame: value(frame, SIGNED, "failed"))
            await page.send(f"{ORDERS}.retry", {}, "/en/orders")
            again = await page.until(lambda frame: value(frame, ORDERS, "view"))
            assert again["rows"] == shown["rows"]
            return page.text

    assert not INTERNAL.search(asyncio.run(run()))
    assert not _unforeseen(inside)
