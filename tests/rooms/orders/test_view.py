"""The view of the orders page."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from odoportal.core import clock, i18n
from odoportal.lists.query import ListQuery
from odoportal.lists.view import page_view
from odoportal.rooms.orders.columns import ORDERS
from odoportal.rooms.orders.view import OrderDetails, OrdersView
from tests.making import NOON, PLAN, TODAY, account, identity_of, invoice, order, recorded_statements, rolled_back


def shown(session: Any, account_id: int, language: str = "en", region: str = "en-CA", **given: str) -> OrdersView:
    clock.set_source(lambda: NOON)
    with i18n.use(language):
        others = [(9, "2077")] if "account" in given else []
        who = identity_of(account_id, region=region, others=others)
        return page_view(ORDERS, session, who, ListQuery.parse(ORDERS.rules, given), language, TODAY)


@pytest.fixture
def shop(engine: Engine) -> Any:
    with rolled_back(engine) as session:
        mine, other = account(session, "1042"), account(session, "B")
        order(
            session,
            mine,
            "26367",
            date(2020, 3, 12),
            date(2021, 3, 11),
            [PLAN, ("Cable", "Câble"), ("Mount", "Support"), ("Sticker", "Autocollant"), ("Screw", "Vis")],
        )
        for n in range(11):
            order(session, mine, f"{n + 1}", date(2019, 1, 1 + n), TODAY + timedelta(days=n - 5))
        order(session, other, "555")
        yield session, mine, other


def test_lines_are_in_the_page_s_language_and_percents_in_the_person_s_format(shop: Any) -> None:
    session, mine, _ = shop
    row = shown(session, mine, "fr", "en-CA", q="26367").rows[0]
    assert [line.item for line in row.lines][:2] == ["Forfait annuel ODO50", "Câble"]
    assert row.term.percent == "53%"
    assert shown(session, mine, "fr", "fr-CA", q="26367").rows[0].term.percent == "53\u00a0%"
    english = shown(session, mine, "en", q="26367").rows[0]
    assert [line.quantity for line in english.lines][:1] == ["2\u00a0X"]
    assert len(english.card_lines) == 3
    assert english.more == "2 more lines"


def test_the_days_left_are_those_after_today(shop: Any) -> None:
    session, mine, _ = shop
    by_number = {r.number: r.term for r in shown(session, mine, size="25").rows}
    assert by_number["6"].left == "Last day"
    assert by_number["7"].left == "1 day left"
    assert (by_number["5"].left, by_number["5"].width) == ("Ended", "100%")
    assert by_number["26367"].left == ""


@pytest.mark.asvs("8.2.2")
def test_a_foreign_number_shows_exactly_what_an_unknown_one_shows(shop: Any) -> None:
    session, mine, _ = shop
    foreign, unknown = shown(session, mine, open="555"), shown(session, mine, open="556")
    assert foreign.details == OrderDetails(asked="555", close="?")
    assert replace(foreign.details, asked="556") == unknown.details
    assert repr(foreign).replace("555", "556") == repr(unknown)


def test_previous_and_next_lead_to_the_page_that_holds_them(shop: Any) -> None:
    session, mine, _ = shop
    details = shown(session, mine, sort="number", open="10").details
    assert (details.previous, details.next) == ("?sort=number&open=9", "?sort=number&page=2&open=11")
    assert shown(session, mine, sort="-number", open="26367").details.previous == ""


def test_the_account_of_the_address_stays_in_every_link(shop: Any) -> None:
    session, mine, _ = shop
    view = shown(session, mine, account="1042", open="26367")
    links = [t.url for t in view.frame.tabs] + [p.url for p in view.frame.pages] + [h.url for h in view.frame.heads if h.url]
    links += [link for r in view.rows for link in (r.details, r.invoices)] + [
        view.details.all_invoices,
        view.details.close,
        view.frame.clear,
    ]
    assert all("account=1042" in link for link in links)


@pytest.mark.parametrize("given", [{}, {"q": "odo50"}, {"open": "1"}], ids=["plain", "search", "open"])
def test_the_statements_do_not_grow_with_the_rows(stored: Engine, given: dict[str, str]) -> None:
    counts = []
    with rolled_back(stored) as session:
        mine = account(session)
        for size, upto in (("10", 10), ("100", 100)):
            for n in range(1 if size == "10" else 11, upto + 1):
                bought = order(session, mine, f"1{n}" if n > 1 else "1")
                invoice(session, mine, f"9{n}", order_id=bought.id)
            with recorded_statements(stored) as ran:
                view = shown(session, mine, size=size, **given)
            assert len(view.rows) == upto
            counts.append(len(ran))
    assert counts[0] == counts[1] <= 18
