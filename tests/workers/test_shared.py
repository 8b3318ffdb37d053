"""Two workers share sessions, limits, links, forms and mails, and keep signed-in people working while Redis is down."""

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from odoportal.core.identity import token_hash
from tests.attack.wire import HOME, SIGNED, tab
from tests.server import EMPTY, FLEET, GUIDE, OVERDUE, PASSWORD, TWO_ACCOUNTS, Answer, Portal, free_port, running_production
from tests.workers.pair import Workers

NEW_PASSWORD = "une route qui monte doucement"


def open_tab(workers: Workers, number: int, cookie: str, token: str = "") -> Any:
    """Open a socket to one worker, from a page at the common address."""
    return tab(workers.each[number].url, cookie, token, origin=workers.front.url)


def rows(workers: Workers, statement: str, **values: Any) -> list[tuple[Any, ...]]:
    engine = workers.front.engine()
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(statement), values)]
    engine.dispose()
    return found


def sign_in(portal: Portal, email: str, password: str, address: str) -> Answer:
    return portal.ask("/en/login", form={"email": email, "password": password}, x_forwarded_for=address)


@pytest.mark.case("F-23")
@pytest.mark.asvs("7.4.1")
def test_a_session_is_known_at_both_and_ends_at_both(workers: Workers) -> None:
    first = workers.each[0]
    cookie = first.sign_in(FLEET)
    assert [worker.ask("/en/orders", cookie=cookie).status for worker in workers.each] == [200, 200]

    async def run() -> None:
        async with open_tab(workers, 0, cookie) as here, open_tab(workers, 1, cookie) as there:
            shown = [await page.load("/en/orders") for page in (here, there)]
            assert shown[0]["rows"] == shown[1]["rows"] != []
            assert first.ask("/auth/sign-out", form={"language": "en"}, cookie=cookie, origin=workers.front.url).status == 303
            for page in (there, here):
                await page.go_to("/en/orders?page=2")
                assert (await page.redirected()).startswith("/en/login?ended=1")

    asyncio.run(run())
    for worker in workers.each:
        assert worker.ask("/en/orders", cookie=cookie).headers["location"].startswith("/en/login?ended=1")


@pytest.mark.case("F-15", "F-23")
def test_a_page_comes_back_at_the_other_worker_by_its_address(workers: Workers) -> None:
    cookie = workers.front.sign_in(FLEET)
    path = "/en/orders?sort=total&dir=desc&page=2"

    async def run() -> None:
        async with open_tab(workers, 0, cookie) as begun:
            shown = await begun.load(path)
            # The network is cut and the first worker has not noticed yet; the same tab opens a socket to the other worker.
            async with open_tab(workers, 1, cookie, begun.token) as moved:
                assert (await moved.load(path))["rows"] == shown["rows"]
                assert (await moved.navigate("/en/orders?page=3"))["rows"] != shown["rows"]
            # The tab returns to the first worker, which still holds an older state of it.
            async with open_tab(workers, 0, cookie, begun.token) as back:
                assert (await back.load("/en/orders?page=3"))["rows"] == (await back.navigate("/en/orders?page=3"))["rows"] != shown["rows"]

    asyncio.run(run())


@pytest.mark.case("F-23")
@pytest.mark.asvs("6.3.1")
def test_five_wrong_passwords_in_all_make_an_account_wait_at_both(workers: Workers) -> None:
    for number in range(5):
        assert sign_in(workers.each[number % 2], EMPTY, "wrong", f"203.0.113.{number}").status == 422
    for worker in workers.each:
        assert sign_in(worker, EMPTY, PASSWORD, "203.0.113.9").status == 422


@pytest.fixture(scope="module")
def separate_worker(workers: Workers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """Yield a third worker on the same database that keeps its counters in another Redis database."""
    port, other = free_port(), workers.redis.url.removesuffix("/0") + "/1"
    data = tmp_path_factory.mktemp("apart") / "data"
    with running_production({**workers.settings, "redis_url": other, "data_dir": str(data)}, port) as third:
        yield third


@pytest.mark.case("F-23")
def test_the_two_tests_of_limits_fail_where_nothing_is_shared(workers: Workers, separate_worker: Portal) -> None:
    for number in range(5):
        assert sign_in((workers.each[0], separate_worker)[number % 2], OVERDUE, "wrong", f"198.51.100.{number}").status == 422
    assert sign_in(separate_worker, OVERDUE, PASSWORD, "198.51.100.9").status == 303
    for worker in (workers.each[0], separate_worker):
        for _ in range(4):
            worker.ask("/en/forgot", form={"email": OVERDUE}, x_forwarded_for="198.51.100.9")
    assert _links(workers, OVERDUE) == 6


def _links(workers: Workers, email: str) -> int:
    of = "SELECT count(*) FROM one_use_link JOIN person ON person.id = person_id WHERE email = :email"
    return rows(workers, of, email=email)[0][0]


@pytest.mark.case("F-23")
@pytest.mark.asvs("6.3.1")
def test_three_letters_an_hour_are_the_limit_of_both_and_each_is_sent_once(workers: Workers) -> None:
    for number in range(6):
        answer = workers.each[number % 2].ask("/en/forgot", form={"email": GUIDE}, x_forwarded_for=f"203.0.113.{20 + number}")
        assert answer.headers["location"] == "/en/forgot?sent=1"
    assert _links(workers, GUIDE) == 3
    _wait_until(lambda: rows(workers, "SELECT 1 FROM mail WHERE next_try_at IS NOT NULL") == [])
    sent = [letter["Message-ID"] for letter in workers.mails if GUIDE in letter["To"]]
    assert len(sent) == len(set(sent)) == 3


def _wait_until(there: Callable[[], bool]) -> None:
    over = threading.Event()
    for _ in range(300):
        if there():
            return
        over.wait(0.1)
    raise AssertionError("it did not come about within half a minute")


@pytest.mark.case("F-23")
@pytest.mark.asvs("6.4.1")
def test_a_link_opens_once_whichever_worker_is_asked(workers: Workers) -> None:
    workers.front.ask("/en/forgot", form={"email": TWO_ACCOUNTS}, x_forwarded_for="203.0.113.30")
    _wait_until(lambda: any(TWO_ACCOUNTS in letter["To"] for letter in workers.mails))
    letter = next(letter for letter in workers.mails if TWO_ACCOUNTS in letter["To"])
    plain = next(part for part in letter.walk() if part.get_content_type() == "text/plain")
    token = re.findall(rb"/reset\?token=([\w-]+)", bytes(plain.get_payload(decode=True)))[0].decode()  # pyright: ignore[reportArgumentType]
    cookies = [(worker, worker.ask(f"/en/reset?token={token}").cookies[0].split(";")[0]) for worker in workers.each]
    with ThreadPoolExecutor(2) as pool:
        tries = [pool.submit(worker.ask, "/en/reset", form={"password": NEW_PASSWORD}, cookie=cookie) for worker, cookie in cookies]
    assert sorted(tried.result().status for tried in tries) == [303, 410]
    assert [worker.ask("/en/reset", form={"password": PASSWORD}, cookie=cookie).status for worker, cookie in cookies] == [410, 410]


@pytest.mark.case("F-02", "F-23")
def test_a_form_done_at_one_is_not_done_again_at_the_other(workers: Workers) -> None:
    cookie = workers.front.sign_in(FLEET)
    form = {"form": "details", "once": "ab" * 16, "key": "", "version": "", "name": "Josée B.", "phone": "", "language": "fr"}
    form["version"] = _version(workers.front, cookie)
    form["region"] = "fr-CA"
    with ThreadPoolExecutor(8) as pool:
        tries = [
            pool.submit(worker.ask, "/fr/profile", form=form, cookie=cookie, accept="application/json", origin=workers.front.url)
            for worker in workers.each * 4
        ]
    answers = [tried.result() for tried in tries]
    assert [answer.status for answer in answers] == [200] * 8, answers[0].body[:500]
    assert {answer.body for answer in answers} == {answers[0].body}
    assert rows(workers, "SELECT count(*) FROM submission WHERE once = :once", once=form["once"]) == [(1,)]


def _version(portal: Portal, cookie: str) -> str:
    found = re.search(r'name="version"[^>]*value="(\w*)"', portal.ask("/fr/profile", cookie=cookie).body)
    assert found
    return found[1]


@pytest.mark.case("F-23")
def test_events_at_both_are_counted_together(workers: Workers) -> None:
    cookie = workers.front.sign_in(FLEET)
    session = token_hash(cookie.partition("=")[2])

    def counted() -> int:
        return sum(int(workers.redis.ask("GET", key)) for key in workers.redis.ask("KEYS", f"odoportal:pace:{session}:*"))

    async def run() -> list[int]:
        async with open_tab(workers, 0, cookie) as here, open_tab(workers, 1, cookie) as there:
            found = []
            for page in (here, there):
                await page.load("/en/orders")
                await page.fence()
                found.append(counted())
            return found

    first, both = asyncio.run(run())
    assert 0 < first < both


@pytest.mark.case("F-24", "F-23")
@pytest.mark.asvs("16.5.3")
@pytest.mark.parametrize("fault", ["away", "hanging"])
def test_while_redis_is_away_nobody_signs_in_and_who_is_signed_in_reads_on(workers: Workers, fault: str) -> None:
    cookie = workers.front.sign_in(FLEET)
    words = {"en": "The portal is not available right now", "fr": "Le portail n’est pas disponible pour l’instant"}

    async def reads_on(number: int) -> None:
        async with open_tab(workers, number, cookie) as page:
            assert (await page.load("/en/", HOME))["as_of"]
            assert (await page.navigate("/en/orders?page=2"))["rows"]
            await page.send(f"{SIGNED}.stay", {}, "/en/orders?page=2")
            await page.fence()

    before = [len(worker.said()) for worker in workers.each]
    with getattr(workers.redis, fault)():
        for worker in workers.each:
            for language, message in words.items():
                answers = [
                    worker.ask(f"/{language}/login", form={"email": FLEET, "password": PASSWORD}),
                    worker.ask(f"/{language}/forgot", form={"email": FLEET}),
                ]
                assert [(answer.status, message in answer.body, answer.cookies) for answer in answers] == [(503, True, [])] * 2
            assert worker.ask("/en/orders?page=2", cookie=cookie).status == 200
            assert worker.ask("/readyz").status == 200
        for number in range(2):
            asyncio.run(reads_on(number))
    for worker, known in zip(workers.each, before, strict=True):
        log_lines = worker.said()[known:]
        assert any(line.get("event") == "redis_away" for line in log_lines)
        assert [line for line in log_lines if "exception" in line] == []
        # Redis is used again once the pause after a failure is over.
        _wait_until(lambda worker=worker: worker.ask("/en/forgot", form={"email": "nobody@example.com"}).status == 303)
    assert workers.front.sign_in(FLEET)


def test_requests_lead_to_both(workers: Workers) -> None:
    before = len(workers.balancer.requests)
    assert {workers.front.ask("/").headers["location"] for _ in range(4)} == {"/fr/login"}
    assert sorted(number for _, number in workers.balancer.requests[before:]) == [0, 0, 1, 1]
