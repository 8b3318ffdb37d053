"""The database is missing, damaged, locked, full or read-only: pages say so, nothing is lost, and work resumes once it is back."""

import asyncio
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import pytest

from tests.attack.wire import HOME, ORDERS, SIGNED, Tab, tab, value
from tests.faults.conftest import FaultyPortal
from tests.server import FLEET, GUIDE, PASSWORD

Fault = Callable[[FaultyPortal], AbstractContextManager[None]]
UNREADABLE: list[Fault] = [FaultyPortal.missing, FaultyPortal.damaged]
UNWRITABLE: list[Fault] = [FaultyPortal.full, FaultyPortal.read_only]
WORDS = {"en": "The portal is not available right now", "fr": "Le portail n’est pas disponible pour l’instant"}
AGAIN = {"en": "Try again", "fr": "Réessayer"}
INTERNAL = re.compile(r"Traceback|sqlalchemy|sqlite|OperationalError|DatabaseError|Internal Server Error", re.I)


@pytest.fixture(scope="module")
def cookie(faulty: FaultyPortal) -> str:
    return faulty.portal.sign_in(FLEET, keep="1")


@pytest.fixture(autouse=True)
def _whole(faulty: FaultyPortal) -> Iterator[None]:
    """Check that the fault left no damage and added or removed no rows."""
    # Count reset links only: a mail about a sign-in from a new browser may come at any time.
    counted = "SELECT (SELECT count(*) FROM invoice), (SELECT count(*) FROM one_use_link WHERE kind = 'reset')"
    before = faulty.query(counted)
    yield
    assert faulty.query("PRAGMA integrity_check") == [("ok",)]
    assert faulty.query("PRAGMA foreign_key_check") == []
    assert faulty.query(counted) == before


@pytest.mark.case("F-09")
@pytest.mark.asvs("16.5.2")
@pytest.mark.parametrize("fault", UNREADABLE)
@pytest.mark.parametrize("language", WORDS)
def test_every_request_is_answered_in_our_own_words(faulty: FaultyPortal, cookie: str, fault: Fault, language: str) -> None:
    portal = faulty.portal
    paths = [f"/{language}/", f"/{language}/orders?page=2", f"/{language}/invoices", f"/{language}/statement", f"/{language}/help"]
    paths += [f"/{language}/orders.csv", f"/{language}/orders.xlsx", f"/{language}/invoices/212048.pdf"]
    with fault(faulty):
        answers = [portal.ask(path, cookie=cookie) for path in paths]
        answers.append(portal.ask(f"/{language}/invoices.zip", form={"number": "1"}, cookie=cookie))
        answers.append(portal.ask(f"/{language}/login", form={"email": GUIDE, "password": PASSWORD}))
        answers.append(portal.ask(f"/{language}/forgot", form={"email": GUIDE}))
        answers.append(portal.ask("/auth/region", form={"region": "fr-CA"}, cookie=cookie, accept_language=language))
        # Pages that need no database still work.
        assert portal.ask("/healthz").status == 200
        assert portal.ask(f"/{language}/guide").status == 200
    for path, answer in zip([*paths, "zip", "login", "forgot", "region"], answers, strict=True):
        assert (path, answer.status) == (path, 503)
        assert WORDS[language] in answer.body, path
        assert f'href="">{AGAIN[language]}' in answer.body.replace("href=''", 'href=""'), path
        assert f'lang="{language}"' in answer.body
        assert not INTERNAL.search(answer.body), path
        assert (answer.headers["retry-after"], answer.headers["cache-control"]) == ("30", "no-store")
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    for path in paths[:5]:
        assert portal.ask(path, cookie=cookie).status == 200


async def _failing(page: Tab) -> None:
    await page.until(lambda frame: value(frame, SIGNED, "failed"))


@pytest.mark.case("F-09")
@pytest.mark.asvs("16.5.2")
@pytest.mark.parametrize("fault", UNREADABLE)
@pytest.mark.parametrize(("state", "path"), [(ORDERS, "/en/orders"), (HOME, "/fr/")])
def test_an_open_page_says_so_and_its_button_works_once_it_is_back(
    faulty: FaultyPortal, cookie: str, fault: Fault, state: str, path: str
) -> None:
    async def run() -> Tab:
        async with tab(faulty.portal.url, cookie) as page:
            shown = await page.load(path, state)
            await page.fence()
            before = len(page.frames)
            with fault(faulty):
                await page.go_to(path + "?page=2")
                await _failing(page)
                await page.send(f"{state}.retry", {}, path)
                await _failing(page)
            failure_frames = page.frames[before:]
            await page.send(f"{state}.retry", {}, path)
            again = await page.until(lambda frame: value(frame, state, "view"))
            assert again.get("rows") == shown.get("rows")
            flags = [value(frame, SIGNED, "failed") for frame in page.frames[before + len(failure_frames) :]]
            assert [failed for failed in flags if failed is not None] == [False]
            # Meanwhile the page received nothing but the failure flag.
            assert {name for frame in failure_frames for kept in (frame["delta"] or {}).values() for name in kept} == {"failed_rx_state_"}
            return page

    assert not INTERNAL.search(asyncio.run(run()).text)


@pytest.mark.case("F-26")
@pytest.mark.parametrize("fault", UNREADABLE)
def test_a_failure_is_told_once_and_starts_nothing_by_itself(faulty: FaultyPortal, cookie: str, fault: Fault) -> None:
    async def run() -> None:
        async with tab(faulty.portal.url, cookie) as page:
            await page.load("/en/orders")
            await page.fence()
            with fault(faulty):
                before = len(faulty.portal.log.splitlines())
                for _ in range(5):
                    await page.go_to("/en/orders?page=2")
                    await _failing(page)
                log_lines = faulty.portal.log.splitlines()[before:]
            assert len([line for line in log_lines if "the session could not be read" in line]) == 5
            assert not [line for line in log_lines if "Traceback" in line]

    asyncio.run(run())


@pytest.mark.case("F-10")
@pytest.mark.case("F-09")
@pytest.mark.parametrize("fault", UNWRITABLE)
def test_what_only_reads_goes_on_and_what_writes_is_refused_as_a_whole(faulty: FaultyPortal, cookie: str, fault: Fault) -> None:
    portal = faulty.portal
    with fault(faulty):
        faulty.age_sessions()
        for path in ("/en/", "/fr/orders", "/en/invoices"):
            assert portal.ask(path, cookie=cookie).status == 200
        # An export is written to disk before it is sent.
        assert portal.ask("/en/invoices.csv", cookie=cookie).status == (503 if fault is FaultyPortal.full else 200)
        refused = [
            portal.ask("/fr/login", form={"email": GUIDE, "password": PASSWORD}),
            portal.ask("/fr/forgot", form={"email": GUIDE}),
        ]
        assert [WORDS["fr"] in answer.body for answer in refused] == [True, True]
        assert [answer.status for answer in refused] == [503, 503]
        assert not any(answer.cookies for answer in refused)
        # Five failed sign-ins would lock the account and three mails are the limit, but none of these tries counts.
        for _ in range(5):
            assert portal.ask("/fr/login", form={"email": GUIDE, "password": PASSWORD}).status == 503
            assert portal.ask("/fr/forgot", form={"email": GUIDE}).status == 503
    assert portal.sign_in(GUIDE)


@pytest.mark.case("F-07")
def test_readers_go_on_while_writers_wait_for_another_program(faulty: FaultyPortal, cookie: str) -> None:
    portal = faulty.portal
    faulty.age_sessions()
    with ThreadPoolExecutor(12) as crowd, faulty.locked():
        # Use more writers than the process has threads for reading.
        waiting = [crowd.submit(portal.ask, "/auth/region", form={"region": "en-CA"}, cookie=cookie) for _ in range(12)]
        for path in ("/en/", "/en/orders?page=2", "/fr/invoices"):
            assert portal.ask(path, cookie=cookie).status == 200
        assert not any(writer.done() and writer.result().status == 200 for writer in waiting)
    assert {writer.result().status for writer in waiting} <= {303, 503}
    assert portal.ask("/auth/region", form={"region": "fr-CA"}, cookie=cookie).status == 303
