"""Clock jumps and unusual days: open sessions stay valid, and expired ones stay expired."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from odoportal.core import clock
from odoportal.settings import get_settings
from tests.inside import PASSWORD, Inside, serving_inside
from tests.server import Answer

PAGES = ("/en/", "/fr/orders", "/en/invoices", "/fr/statement", "/en/invoices?open=21001", "/fr/orders.csv", "/en/statement.pdf")
LOCAL = ZoneInfo("America/Toronto")
NIGHTS = {
    # The moment of each change, in UTC.
    "summer time begins": datetime(2027, 3, 14, 7, 0, tzinfo=UTC),
    "summer time ends": datetime(2027, 11, 7, 6, 0, tzinfo=UTC),
    "a leap day begins": datetime(2028, 2, 29, 5, 0, tzinfo=UTC),
    "a leap day ends": datetime(2028, 3, 1, 5, 0, tzinfo=UTC),
    "a year ends": datetime(2028, 1, 1, 5, 0, tzinfo=UTC),
}


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    with serving_inside(tmp_path_factory.mktemp("clock")) as served:
        yield served


@pytest.fixture(autouse=True)
def _its_clock(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    # A fixture resets the clock after every test. Here the business day follows the test's clock.
    monkeypatch.delenv("ODOPORTAL_TODAY")
    get_settings.cache_clear()
    clock.set_source(inside.clock)
    inside.errors.clear()


def fetch(inside: Inside, path: str, cookie: str) -> Answer:
    """Fetch a page from a client address that was not used before."""
    return inside.portal.ask(path, cookie=cookie, x_forwarded_for=inside.elsewhere()["X-Forwarded-For"])


def statuses(inside: Inside, cookie: str) -> list[int]:
    return [fetch(inside, path, cookie).status for path in PAGES]


@pytest.mark.case("F-22")
@pytest.mark.parametrize("night", NIGHTS)
def test_a_night_like_no_other_changes_no_session_and_breaks_no_page(inside: Inside, night: str) -> None:
    moment = NIGHTS[night]
    inside.clock.at = moment - timedelta(minutes=10)
    cookie = inside.session(inside.first)
    before, after = [], []
    for minutes in (0, 9, 11, 20):
        inside.clock.at = moment - timedelta(minutes=10) + timedelta(minutes=minutes)
        assert statuses(inside, cookie) == [200] * len(PAGES)
        (before if minutes < 10 else after).append(clock.today())
        assert clock.today() == inside.clock.at.astimezone(LOCAL).date()
    assert {*before} != {*after} or "time" in night
    # 30 minutes without a click are 30 minutes, even if local time changed meanwhile.
    inside.clock.move(minutes=29, seconds=30)
    assert fetch(inside, "/en/", cookie).status == 200
    inside.clock.move(minutes=30, seconds=1)
    assert fetch(inside, "/en/", cookie).status == 303
    assert inside.errors == []


@pytest.mark.case("F-22")
@pytest.mark.parametrize("jump", [timedelta(seconds=-1), timedelta(hours=-1), timedelta(days=-400)])
def test_a_clock_that_goes_back_ends_nothing_that_is_open_and_revives_nothing_that_is_over(inside: Inside, jump: timedelta) -> None:
    inside.clock.at = datetime(2027, 6, 1, 12, 0, tzinfo=UTC)
    over = inside.session(inside.first)
    inside.clock.move(minutes=31)
    redirect = fetch(inside, "/en/", over)
    assert redirect.status == 303
    assert fetch(inside, redirect.headers["location"], over).status == 200
    still = inside.session(inside.second)
    inside.clock.at += jump
    assert statuses(inside, still)[:4] == [200] * 4
    assert fetch(inside, "/en/", over).status == 303
    assert inside.errors == []


@pytest.mark.case("F-22")
def test_a_clock_that_leaps_ahead_ends_sessions_and_makes_nobody_wait(inside: Inside) -> None:
    inside.clock.at = datetime(2027, 6, 1, 12, 0, tzinfo=UTC)
    cookie = inside.session(inside.first)
    inside.clock.move(days=3)
    assert fetch(inside, "/en/", cookie).status == 303
    again = inside.portal.ask("/en/login", form={"email": inside.first.email, "password": PASSWORD})
    assert again.status == 303
    assert again.cookies
    assert inside.errors == []


@pytest.mark.case("F-22")
def test_days_follow_one_another_through_years_and_changes_of_the_hour() -> None:
    at = datetime(2027, 3, 1, 12, tzinfo=UTC)
    moments = [at + timedelta(days=n) for n in range(400)]
    days = []
    for moment in moments:
        clock.set_source(lambda moment=moment: moment)
        days.append(clock.today())
    assert {later - earlier for earlier, later in pairwise(days)} == {timedelta(days=1)}
