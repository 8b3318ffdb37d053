"""The home page and the header: their content, and the number of statements they run."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session

from odoportal.accounts.models import Role
from odoportal.accounts.rights import may
from odoportal.core import clock, i18n
from odoportal.odoportal import PAGES
from odoportal.pages.shell_view import shell_view
from odoportal.rooms.dashboard.view import HomeView, home_view
from odoportal.settings import get_settings
from odoportal.ui import menu
from tests.making import NOON, TODAY, account, device, identity_of, invoice, order, recorded_statements, rolled_back


def shown(session: Any, account_id: int, language: str = "en", **more: Any) -> HomeView:
    clock.set_source(lambda: NOON)
    with i18n.use(language):
        return home_view(session, identity_of(account_id, **more), language, TODAY)


def test_an_account_without_records_owes_nothing(stored: Engine) -> None:
    with rolled_back(stored) as session:
        view = shown(session, account(session))
    assert (view.owed, view.owed_note, view.overdue) == ("$0.00", "Nothing to pay", "")
    assert (view.todo, view.latest, view.chart) == ([], [], False)
    assert view.tile_orders == view.tile_devices == view.tile_devices_silent == ""


def test_the_devices_are_counted_and_the_silent_ones_named(stored: Engine) -> None:
    with rolled_back(stored) as session:
        mine, other = account(session), account(session, "B")
        for n in range(3):
            device(session, mine, f"S{n}", signal=NOON - timedelta(days=5 * (n == 2)))
        device(session, other, "S9", signal=NOON - timedelta(days=5))
        view, french = shown(session, mine), shown(session, mine, "fr")
    assert (view.tile_devices, view.tile_devices_silent) == ("3 devices", "1 silent")
    assert (french.tile_devices, french.tile_devices_silent) == ("3 appareils", "1 sans signal")


@pytest.mark.parametrize("place", [place for _, places in menu.groups() for place in places], ids=lambda place: place.path)
def test_whoever_sees_the_home_page_may_open_every_tile(place: menu.Place) -> None:
    rights = {page.path: page.right for page in PAGES}
    assert [role for role in Role if may(role, rights["/"]) and not may(role, rights[place.path])] == []


def test_what_is_owed_and_what_is_to_do(stored: Engine) -> None:
    with rolled_back(stored) as session:
        mine, other = account(session), account(session, "B")
        for n in range(5):
            invoice(session, mine, f"{n + 1}", "100.00", date(2020, 1, 1 + n))
            invoice(session, other, f"{n + 1}X", "5000.00", date(2020, 1, 1 + n))
        invoice(session, mine, "9", "50.00", date(2020, 9, 20), paid=Decimal("20.00"))
        order(session, mine, "70", date(2019, 9, 30), TODAY + timedelta(days=5))
        order(session, mine, "71", date(2020, 1, 1), date(2021, 12, 31))
        view = shown(session, mine)
    assert (view.owed, view.overdue) == ("$530.00", "$500.00 overdue")
    assert view.tile_orders == "2 active of 2"
    assert view.tile_invoices == "6 to pay"
    assert view.tile_invoices_bad == "5 overdue"
    assert [t.key for t in view.todo] == ["i1", "i2", "i3", "o70"]
    assert view.more_todo == "2 more overdue invoices"
    assert view.todo[3].title == "Agreement 70 ends in 5 days"
    assert view.active == "2 orders"
    assert view.bars[-1].now
    assert sum(b.now for b in view.bars) == 1


def test_each_figure_of_what_is_owed_leads_to_the_next(stored: Engine) -> None:
    with rolled_back(stored) as session:
        mine, plain = account(session), account(session, "B")
        invoice(session, mine, "1", "100.00", date(2020, 9, 1), pending=Decimal("30.00"))
        invoice(session, mine, "2", "50.00", date(2020, 5, 1), pending=Decimal("50.00"))
        invoice(session, mine, "3", "20.00", date(2020, 5, 1), paid=Decimal("20.00"), credited=Decimal("20.00"))
        invoice(session, mine, "4", "999.00", TODAY + timedelta(days=1))
        invoice(session, plain, "5", "100.00", date(2020, 9, 1))
        view, fr, other = shown(session, mine), shown(session, mine, "fr"), shown(session, plain)
    assert (view.unpaid_invoices, view.unpaid, view.being_paid, view.owed) == ("2 unpaid invoices", "$150.00", "−$80.00", "$70.00")
    assert (view.credit, view.left_text, view.left) == ("−$20.00", "Left to pay after that", "$50.00")
    assert (view.overdue, view.tile_invoices, fr.left_text) == ("", "1 to pay", "Reste à payer ensuite")
    assert (other.owed, other.being_paid, other.credit) == ("$100.00", "", "")


def test_more_credit_than_is_owed_is_told_as_credit(stored: Engine) -> None:
    with rolled_back(stored) as session:
        mine = account(session)
        invoice(session, mine, "1", "100.00", date(2020, 9, 1), credited=Decimal("100.00"), paid=Decimal("30.00"))
        invoice(session, mine, "2", "10.00", date(2020, 9, 1))
        view = shown(session, mine)
    assert (view.owed, view.credit, view.left_text, view.left) == ("$10.00", "−$30.00", "Credit left after that", "$20.00")


def test_links_name_the_account_where_there_are_several(stored: Engine) -> None:
    with rolled_back(stored) as session:
        mine, second = account(session), account(session, "2000")
        invoice(session, mine, "1", "100.00", date(2020, 1, 1))
        alone, several = shown(session, mine), shown(session, mine, others=[(second, "2000")])
    assert "account=" not in alone.owed_url
    assert all(
        "account=1042" in url
        for url in (several.owed_url, several.ending_url, several.active_url, several.todo[0].url, several.latest[0].url)
    )


@given(st.lists(st.integers(-500_000, 50_000_000), min_size=12, max_size=12))
def test_every_bar_stays_inside_the_chart(amounts: list[int]) -> None:
    from odoportal.rooms.dashboard.view import CHART_HEIGHT, CHART_WIDTH, _chart

    with i18n.use("en"):
        bars, grid = _chart([(date(2020, n + 1, 1), Decimal(a) / 100) for n, a in enumerate(amounts)], i18n.Formats("en-CA"))
    for bar in bars:
        assert 0 <= float(bar.y) <= CHART_HEIGHT
        assert float(bar.x) + float(bar.width) <= CHART_WIDTH
        assert float(bar.height) >= 0
        assert float(bar.y) + float(bar.height) == pytest.approx(float(grid[0].y), abs=0.11)


@pytest.mark.parametrize(
    ("region", "largest", "shown"),
    [
        ("en-CA", "212787.89", ["$0", "$100,000", "$200,000", "$300,000", "$400,000"]),
        ("fr-CA", "212787.89", ["0\u00a0$", "100\u00a0000\u00a0$", "200\u00a0000\u00a0$", "300\u00a0000\u00a0$", "400\u00a0000\u00a0$"]),
        ("en-CA", "90", ["$0", "$25", "$50", "$75", "$100"]),
    ],
)
def test_the_grid_says_whole_dollars_and_keeps_their_zeros(region: str, largest: str, shown: list[str]) -> None:
    from odoportal.rooms.dashboard.view import _chart

    with i18n.use("en"):
        _bars, grid = _chart([(date(2020, 9, 1), Decimal(largest))], i18n.Formats(region))
    assert [line.text for line in grid] == shown


def test_the_statements_do_not_grow_with_the_rows(stored: Engine) -> None:
    asked: list[tuple[int, int]] = []
    with rolled_back(stored) as session:
        mine = account(session)
        for first, upto in ((0, 10), (10, 100)):
            for n in range(first, upto):
                bought = order(session, mine, f"{n + 1}", TODAY - timedelta(days=300), TODAY + timedelta(days=n % 60))
                invoice(session, mine, f"{n + 1}", "10.00", TODAY - timedelta(days=n + 40), order_id=bought.id)
            with recorded_statements(stored) as home:
                shown(session, mine)
            with recorded_statements(stored) as shell:
                header(session, mine)
            asked.append((len(home), len(shell)))
    assert asked[0] == asked[1]
    assert asked[0][0] <= 14
    assert asked[0][1] <= 4


def header(session: Session, account_id: int, **more: Any) -> Any:
    return shell_view(session, identity_of(account_id, **more), "/en/orders?q=a", TODAY, get_settings())


def test_the_header_names_person_account_and_counts(stored: Engine) -> None:
    with rolled_back(stored) as session:
        mine, second = account(session), account(session, "2000")
        order(session, mine, "1")
        order(session, second, "2")
        order(session, second, "3")
        view = header(session, mine, others=[(second, "2000")])
        assert (view.name, view.initials, view.account) == ("Maria Gagnon", "MG", "Transport 1042")
        assert view.counts == {"/orders": "1", "/invoices": "", "/renewals": "", "/devices": ""}
        assert [(a.key, a.url, a.current) for a in view.accounts] == [("1042", "?account=1042", True), ("2000", "?account=2000", False)]
        assert view.several
        assert not header(session, mine).several
        assert header(session, mine, region="fr-CA").region_en is False
