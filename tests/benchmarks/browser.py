"""In the browser, compared with the same list as plain server pages (Django, django-tables2, django-filter).

Times are taken inside the page, from the last trusted key or click to the first frame with the new rows. A load is timed from its start.
"Phone" is 412×823, a CPU 4 times slower, a round trip of 150 ms and 1.6 Mbit/s through a TCP shaper. Each visit uses a fresh profile.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

from playwright.sync_api import Browser, Error, Page, Playwright, sync_playwright
from sqlalchemy import Engine, text

from tests.benchmarks import data, peer
from tests.benchmarks.bench import Bench
from tests.benchmarks.report import Row
from tests.benchmarks.shaper import shaping
from tests.chromium import QUIET

WATCH = (Path(__file__).parent / "watch.js").read_text("utf-8")
PATIENCE = 60.0
KEY_MS = 40


@dataclass(frozen=True)
class Profile:
    """A kind of browser: its window size, its CPU slowdown, and whether it uses the slow line."""

    name: str
    size: tuple[int, int]
    slower: int
    phone: bool


DESKTOP, PHONE = Profile("desktop", (1440, 900), 1, False), Profile("phone", (412, 823), 4, True)


@dataclass(frozen=True)
class App:
    """A list to measure: its address, the session cookie, and how to find things on its page, by profile where they differ.

    `submit_key` is the key pressed after a search, empty if the page searches while one types.
    """

    url: str
    cookie: str
    path: str
    rows: Callable[[Profile], str]
    details: str
    first_rows: str
    next_page: str
    sort: Callable[[Page, Profile], None]
    search: str
    submit_key: str
    open: Callable[[Profile], str]


def _sort_portal(page: Page, profile: Profile) -> None:
    if profile.phone:
        page.locator("button[popovertarget=filters]").click()
        page.locator("#filter-sort").select_option("number")
        page.locator("#filters [type=submit]").click()
    else:
        page.locator("th.table-col-number a").click()


def _portal_app(url: str, cookie: str) -> App:
    return App(
        url,
        cookie,
        "/en/orders",
        rows=lambda profile: ".list-cards [data-row]" if profile.phone else "tr[data-row]",
        details=".dialog:not([aria-busy]) h2",
        first_rows=".layout-first[data-slot=rows]",
        next_page=".pager li:last-child a",
        sort=_sort_portal,
        search="#search",
        submit_key="",
        open=lambda profile: f"{'.list-cards' if profile.phone else 'tbody'} [data-open]",
    )


def _peer_app(url: str, cookie: str) -> App:
    return App(
        url,
        cookie,
        "/orders",
        rows=lambda _: "tbody tr",
        details="h1",
        first_rows=".never",
        next_page=".pagination .next a",
        sort=lambda page, _: page.locator("th a").first.click(),
        search="[name=q]",
        submit_key="Enter",
        open=lambda _: "tbody a",
    )


@dataclass(frozen=True)
class Visit:
    """The times of one visit in milliseconds: of the load from its start, and of each step from its last key or click."""

    times: dict[str, float]


def _until(page: Page, met: Callable[[dict[str, Any]], float | None]) -> tuple[float, dict[str, Any]]:
    """Wait until `met` returns a value for the page's notes, and return that value and the notes.

    Raises:
        TimeoutError: If that takes longer than `PATIENCE` seconds.
    """
    end = monotonic() + PATIENCE
    paints: list[dict[str, Any]] = []
    origin = 0.0
    while monotonic() < end:
        try:
            seen = page.evaluate("([known, origin]) => window.watched.next(known, origin)", [len(paints), origin])
        except Error:
            # The document was replaced during the call; ask the next one.
            continue
        paints = [*(paints if seen["origin"] == origin else []), *seen["paints"]]
        origin, seen["paints"] = seen["origin"], paints
        found = met(seen)
        if found is not None:
            return found, seen
    raise TimeoutError(f"{page.url} did not show what was expected in {PATIENCE:.0f} seconds.")


def _painted(seen: dict[str, Any], wanted: Callable[[dict[str, Any]], bool], after: float = 0) -> float | None:
    return next((paint["at"] for paint in seen["paints"] if paint["at"] > after and wanted(paint)), None)


def _step(page: Page, act: Callable[[], None], wanted: Callable[[dict[str, Any]], bool]) -> float:
    """Return the milliseconds from the last trusted key or click of `act` to the frame that `wanted` accepts."""
    before = page.evaluate("() => window.watched.event()")
    act()

    def met(seen: dict[str, Any]) -> float | None:
        return _painted(seen, wanted, seen["event"]) if seen["event"] > before else None

    found, seen = _until(page, met)
    return found - seen["event"]


def _rows(page: Page) -> str:
    return page.evaluate("() => window.watched.paints.at(-1).text")


@contextmanager
def _visitor(browser: Browser, app: App, profile: Profile) -> Iterator[Page]:
    """Yield an observed page in a fresh profile, with the CPU slowdown of the profile."""
    width, height = profile.size
    context = browser.new_context(
        viewport={"width": width, "height": height}, is_mobile=profile.phone, has_touch=profile.phone, locale="en-CA"
    )
    name, value = app.cookie.split("=", 1)
    context.add_cookies([{"name": name, "value": value, "url": app.url, "httpOnly": True, "sameSite": "Lax"}])
    selectors = {"rows": app.rows(profile), "details": app.details, "still": app.first_rows}
    context.add_init_script(f"const SELECTORS = {selectors!r};\n{WATCH}")
    page = context.new_page()
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": profile.slower})
    try:
        yield page
    finally:
        context.close()


def _load(page: Page, app: App) -> dict[str, float]:
    """Load the page without a cache, wait until it is live, and return its times in milliseconds and its layout shift."""
    page.goto(app.url + app.path, wait_until="commit")
    live, _ = _until(page, lambda seen: seen["live"] or None)
    # Late effects still count: a layout shift, a long task, a larger paint.
    page.wait_for_timeout(500)
    seen = page.evaluate("() => window.watched.next(0, 0)")
    rows = _painted(seen, lambda paint: paint["rows"] >= 10)
    if rows is None:
        raise LookupError(f"{app.url}{app.path} shows fewer than ten rows.")
    start = seen["origin"]
    return {
        "first paint": seen["first"] - start,
        "largest paint": seen["largest"] - start,
        "rows on screen": rows - start,
        "live": live - start,
        "layout shift": seen["shift"],
        "blocking": sum(late for at, late in seen["blocking"] if seen["first"] <= at <= live),
    }


def _repeat_visit(page: Page, app: App) -> float:
    """Return the milliseconds until the rows of a second visit, from the same profile's cache."""
    page.goto("about:blank")
    page.goto(app.url + app.path, wait_until="commit")
    found, seen = _until(page, lambda seen: _painted(seen, lambda paint: paint["rows"] >= 10))
    return found - seen["origin"]


def _work_times(page: Page, app: App, profile: Profile, query: str) -> dict[str, float]:
    """Return the milliseconds of each step of a person working with the list."""
    times: dict[str, float] = {}

    def change(name: str, act: Callable[[], None]) -> None:
        old = _rows(page)
        times[name] = _step(page, act, lambda paint: paint["rows"] > 0 and paint["text"] != old)

    def type_query() -> None:
        field = page.locator(app.search)
        field.click()
        field.press_sequentially(query, delay=KEY_MS)
        if app.submit_key:
            field.press(app.submit_key)

    change("next page", page.locator(app.next_page).first.click)
    change("sort", lambda: app.sort(page, profile))
    times["last key → rows"] = _step(page, type_query, lambda paint: paint["rows"] == 1 and query in paint["text"])
    times["open Details"] = _step(page, page.locator(app.open(profile)).first.click, lambda paint: bool(paint["details"]))
    return times


def _early_click(page: Page, app: App) -> float:
    """Click on the next page as soon as the rows are visible, and return the milliseconds until the new rows."""
    page.goto(app.url + app.path, wait_until="commit")
    _until(page, lambda seen: _painted(seen, lambda paint: paint["rows"] >= 10))
    old = _rows(page)
    return _step(page, page.locator(app.next_page).first.click, lambda paint: paint["rows"] > 0 and paint["text"] != old)


def _visit(browser: Browser, app: App, profile: Profile, query: str) -> Visit:
    with _visitor(browser, app, profile) as page:
        times = {**_load(page, app), **_work_times(page, app, profile, query)}
        times["rows of a repeat visit"] = _repeat_visit(page, app)
    with _visitor(browser, app, profile) as page:
        times["click at once → rows"] = _early_click(page, app)
    return Visit(times)


def rare_query(engine: Engine, account: int) -> str:
    """Return digits that match one order of the account and, without the last digit, several: the last key changes the rows.

    Raises:
        LookupError: If no order number of the account has such a beginning.
    """
    with engine.connect() as connection:
        newest = "select number from orders where account_id = :account order by start_on desc, id desc limit 50 offset 200"
        for (number,) in connection.execute(text(newest), {"account": account}).all():
            count = "select count(*) from orders where account_id = :account and search like :part"
            for length in range(3, len(number) + 1):
                if connection.execute(text(count), {"account": account, "part": f"%{number[:length]}%"}).scalar_one() == 1:
                    return number[:length]
    raise LookupError("No order's number can be told from the others'.")


def _mapped(port: int, to: int) -> str:
    return f"MAP localhost:{port} 127.0.0.1:{to}"


@contextmanager
def _browser(playwright: Playwright, profile: Profile, ports: list[int]) -> Iterator[Browser]:
    """Launch a browser for a profile; on a phone all ports go through the slow line, under the same addresses."""
    with shaping(ports if profile.phone else []) as shaped:
        rules = ", ".join(_mapped(port, shaped.get(port, port)) for port in ports)
        args = [*QUIET, "--disable-dev-shm-usage", f"--host-rules={rules}"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=args)
        try:
            yield browser
        finally:
            browser.close()


BARS: dict[tuple[str, str], dict[str, float]] = {
    ("phone", "largest paint"): {"most": 950, "ratio": 1.05},
    ("phone", "rows on screen"): {"most": 1000, "ratio": 0.8},
    ("phone", "live"): {"most": 2600},
    ("phone", "last key → rows"): {"most": 350, "ratio": 0.6},
    ("phone", "next page"): {"most": 240, "ratio": 0.35},
    ("phone", "sort"): {"most": 240},
    ("phone", "open Details"): {"most": 350},
    ("phone", "blocking"): {"most": 200},
    ("phone", "layout shift"): {"most": 0.02},
    ("desktop", "last key → rows"): {"most": 150},
    ("desktop", "next page"): {"most": 45, "ratio": 0.35},
    ("desktop", "sort"): {"most": 45},
    ("desktop", "layout shift"): {"most": 0.02},
}


def measure(bench: Bench) -> Iterator[Row]:
    """Yield rows for both profiles and both pages. Visits alternate between the pages, so that a busy machine slows both."""
    engine = bench.server.portal.engine()
    query = rare_query(engine, 1)
    engine.dispose()
    with peer.serving(bench, data.LARGE) as other, sync_playwright() as playwright:
        apps = (_portal_app(bench.server.portal.url, bench.cookie()), _peer_app(other.portal.url, other.cookie))
        ports = [int(app.url.rsplit(":", 1)[1]) for app in apps]
        for profile in (DESKTOP, PHONE):
            with _browser(playwright, profile, ports) as browser:
                for app in apps:
                    _visit(browser, app, profile, query)
                visits = [[_visit(browser, app, profile, query) for app in apps] for _ in range(bench.runs)]
            yield from _medians(profile, visits)


def _medians(profile: Profile, visits: list[list[Visit]]) -> Iterator[Row]:
    for name in visits[0][0].times:
        ours, peers = (median(visit[i].times[name] for visit in visits) for i in range(2))
        unit = "" if name == "layout shift" else "ms"
        # A plain HTML page is live as soon as its rows are there, so there is nothing to compare.
        beside = None if name == "live" else peers
        yield Row(f"{profile.name}: {name}", unit, ours, beside, **BARS.get((profile.name, name), {}))
