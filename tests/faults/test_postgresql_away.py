"""PostgreSQL is stopped, or its connections are cut, under a running portal: pages say so, and work resumes without a restart."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attack.wire import ORDERS, SIGNED, tab, value
from tests.faults.test_database_away import AGAIN, INTERNAL, WORDS
from tests.postgresql import Server, binaries, serving
from tests.server import FLEET, GUIDE, PASSWORD, Portal, free_port, load_demo_data, production_settings, running_production

PAGES = ("/en/", "/fr/orders", "/en/invoices", "/fr/statement", "/en/orders.csv", "/fr/statement.pdf")


@pytest.fixture(scope="module")
def on_postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Portal, Server]]:
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    folder: Path = tmp_path_factory.mktemp("away")
    with serving(folder) as server:
        (folder / "data").mkdir()
        port = free_port()
        settings = production_settings(folder / "data", f"http://localhost:{port}", server.url)
        load_demo_data(settings, small=True)
        with running_production(settings, port) as portal:
            yield portal, server


def sessions(portal: Portal) -> int:
    engine = portal.engine()
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT count(*) FROM browser_session").scalar_one()
    engine.dispose()
    return int(found)


@pytest.mark.case("F-09")
def test_the_server_is_stopped_and_comes_back(on_postgresql: tuple[Portal, Server]) -> None:
    portal, server = on_postgresql
    cookie = portal.sign_in(FLEET, keep="1")
    begun = sessions(portal)

    async def run() -> None:
        async with tab(portal.url, cookie) as page:
            shown = await page.load("/en/orders")
            await page.fence()
            with server.stopped():
                for path in PAGES:
                    answer = await asyncio.to_thread(portal.ask, path, cookie=cookie)
                    language = path[1:3]
                    assert (path, answer.status, answer.headers["retry-after"]) == (path, 503, "30")
                    assert WORDS[language] in answer.body
                    assert AGAIN[language] in answer.body
                    assert not INTERNAL.search(answer.body)
                form = {"email": GUIDE, "password": PASSWORD}
                assert portal.ask("/fr/login", form=form).status == 503
                assert portal.ask("/healthz").status == 200
                await page.go_to("/en/orders?page=2")
                await page.until(lambda frame: value(frame, SIGNED, "failed"))
            # The first request after the restart succeeds, and the open page works as well.
            for path in PAGES:
                assert (path, (await asyncio.to_thread(portal.ask, path, cookie=cookie)).status) == (path, 200)
            await page.send(f"{ORDERS}.retry", {}, "/en/orders")
            again = await page.until(lambda frame: value(frame, ORDERS, "view"))
            assert again["rows"] == shown["rows"]
            assert not INTERNAL.search(page.text)

    asyncio.run(run())
    assert sessions(portal) == begun
    assert portal.sign_in(GUIDE)


@pytest.mark.case("F-09")
def test_connections_that_were_cut_are_made_anew_without_a_failure(on_postgresql: tuple[Portal, Server]) -> None:
    portal, _ = on_postgresql
    cookie = portal.sign_in(FLEET, keep="1")
    assert portal.ask("/en/orders", cookie=cookie).status == 200
    engine = portal.engine()
    with engine.begin() as connection:
        others = "pid <> pg_backend_pid() AND datname = current_database()"
        cut = connection.exec_driver_sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
        assert cut.fetchall()
    engine.dispose()
    assert [portal.ask(path, cookie=cookie).status for path in PAGES] == [200] * len(PAGES)
