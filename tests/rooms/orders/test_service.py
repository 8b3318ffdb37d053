"""Rules of orders: terms, states, the list, single orders, and the separation of accounts."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session

from odoportal.core import i18n
from odoportal.lists.query import ListQuery
from odoportal.lists.source import FoundRows
from odoportal.rooms.orders import service
from odoportal.rooms.orders.columns import ORDERS
from odoportal.rooms.orders.models import Fulfilment, Step
from odoportal.rooms.orders.service import OrderState
from tests.making import NOON, PLAN, TODAY, account, order, rolled_back

DAYS = st.dates(date(2000, 1, 1), date(2060, 1, 1))
LENGTHS = st.integers(0, 3000)


def page(session: Session, account_id: int, query: ListQuery, language: str = "en") -> FoundRows:
    return ORDERS.source.find(session, ORDERS.request(account_id, query, language, TODAY))


def found(session: Session, account_id: int, language: str = "en", **given_: str) -> list[str]:
    query = ListQuery.parse(ORDERS.rules, given_)
    return [o.number for o in page(session, account_id, query, language).rows]


@given(DAYS, LENGTHS, st.integers(-50, 3050))
def test_progress_stays_between_nothing_and_all_and_never_goes_back(start: date, length: int, after: int) -> None:
    end, today = start + timedelta(days=length), start + timedelta(days=after)
    now = service.progress(start, end, today)
    assert 0 <= now <= 100
    assert service.progress(start, end, today + timedelta(days=1)) >= now
    assert service.progress(start, end, start) == 0
    assert service.progress(start, end, end + timedelta(days=1)) == 100
    assert service.progress(start, end, end) < 100


def test_the_progress_of_the_guide() -> None:
    assert service.progress(date(2020, 3, 12), date(2021, 3, 11), date(2020, 9, 24)) == 53
    assert service.progress(TODAY, TODAY, TODAY) == 0


@pytest.mark.parametrize(
    ("start", "end", "state"),
    [
        (1, 100, OrderState.UPCOMING),
        (0, 100, OrderState.ACTIVE),
        (-10, 61, OrderState.ACTIVE),
        (-10, 60, OrderState.ENDING),
        (-10, 0, OrderState.ENDING),
        (-10, -1, OrderState.ENDED),
        (0, 0, OrderState.ENDING),
    ],
)
def test_both_days_of_a_term_belong_to_it(start: int, end: int, state: OrderState) -> None:
    assert service.state_of(TODAY + timedelta(days=start), TODAY + timedelta(days=end), TODAY) == state


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(-90, 90), st.integers(0, 120)), max_size=12))
def test_filters_and_counts_are_what_the_screen_says(engine: Engine, terms: list[tuple[int, int]]) -> None:
    with rolled_back(engine) as session:
        mine, other = account(session, "A"), account(session, "B")
        states: dict[str, OrderState] = {}
        for at, (start, length) in enumerate(terms):
            first = TODAY + timedelta(days=start)
            last = first + timedelta(days=length)
            order(session, mine, str(at + 1), first, last)
            order(session, other, f"{at + 1}X", first, last)
            states[str(at + 1)] = service.state_of(first, last, TODAY)
        counts = service.state_counts(session, mine, TODAY)
        assert counts[""] == len(terms)
        for state in OrderState:
            also = {OrderState.ENDING} if state == OrderState.ACTIVE else set()
            expected = {number for number, s in states.items() if s == state or s in also}
            assert set(found(session, mine, state=state, size="25")) == expected
            assert counts[state] == len(expected)
        assert [e.number for e in service.ending(session, mine, TODAY)] == sorted(
            (n for n, s in states.items() if s == OrderState.ENDING), key=lambda n: (TODAY + timedelta(days=sum(terms[int(n) - 1])), int(n))
        )


@pytest.fixture
def shop(engine: Engine) -> Any:
    with rolled_back(engine) as session:
        mine, other = account(session, "A"), account(session, "B")
        order(session, mine, "26367", date(2020, 3, 12), date(2021, 3, 11), [PLAN, ("Power cable", "Câble d’alimentation")])
        order(session, mine, "999", date(2019, 1, 1), date(2019, 12, 31), [("Sticker 50% off", "Autocollant à 50 %")])
        order(session, mine, "1000", date(2021, 1, 1), date(2021, 12, 31), [("Mount A_B", "Support A_B")])
        order(session, other, "555", date(2020, 3, 12), date(2021, 3, 11), [PLAN])
        yield session, mine, other


@pytest.mark.parametrize(
    ("q", "numbers"),
    [
        ("26367", {"26367"}),
        ("263", {"26367"}),
        ("CABLE", {"26367"}),
        ("câble", {"26367"}),
        ("power", {"26367"}),
        ("d'alimentation", {"26367"}),
        ("alimentation odo50", {"26367"}),
        ("alimentation autocollant", set()),
        ("574,88", {"26367", "999", "1000"}),
        ("574.88", {"26367", "999", "1000"}),
        ("$574.88", {"26367", "999", "1000"}),
        ("575.88", set()),
        ("2020-03-12", {"26367"}),
        ("%", {"999"}),
        ("_", {"1000"}),
        ("a_b", {"1000"}),
        ("53%", {"26367"}),
        ("53 %", {"26367"}),
        ("100%", {"999"}),
        ("0%", {"999", "1000"}),
        ("555", set()),
        ("' or 1=1 --", set()),
        ("\\", set()),
        ("2 x", {"26367", "999", "1000"}),
    ],
)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_search(shop: Any, q: str, numbers: set[str], language: str) -> None:
    session, mine, _ = shop
    assert set(found(session, mine, language, q=q)) == numbers


def test_numbers_sort_as_numbers_and_lines_in_the_page_s_language(shop: Any) -> None:
    session, mine, _ = shop
    assert found(session, mine, sort="number") == ["999", "1000", "26367"]
    assert found(session, mine, sort="-number") == ["26367", "1000", "999"]
    assert found(session, mine, "en", sort="agreement") == ["26367", "1000", "999"]
    assert found(session, mine, "fr", sort="agreement") == ["999", "26367", "1000"]
    assert found(session, mine, sort="progress") == ["1000", "26367", "999"]
    assert found(session, mine) == ["1000", "26367", "999"]


def test_dates_filter_by_the_end(shop: Any) -> None:
    session, mine, _ = shop
    assert set(found(session, mine, **{"from": "2021-03-11"})) == {"26367", "1000"}
    assert set(found(session, mine, **{"from": "2021-03-12"})) == {"1000"}
    assert set(found(session, mine, to="2021-03-11")) == {"26367", "999"}


def test_a_page_beyond_the_last_is_the_last(shop: Any) -> None:
    session, mine, _ = shop
    shown = page(session, mine, ListQuery.parse(ORDERS.rules, {"page": "50"}))
    assert shown.window.page == 1
    assert len(shown.rows) == 3


def test_the_account_s_total_counts_what_a_search_hides(shop: Any) -> None:
    session, mine, _ = shop
    shown = page(session, mine, ListQuery.parse(ORDERS.rules, {"q": "nothing like it"}))
    assert (shown.window.total, shown.counts[""]) == (0, 3)


@pytest.mark.asvs("8.2.2")
def test_another_account_s_number_is_as_unknown_as_any(shop: Any) -> None:
    session, mine, other = shop
    assert service.get(session, mine, "26367") is not None
    assert service.get(session, other, "26367") is None
    assert service.get(session, other, "no such") is None
    assert service.get(session, mine, "%") is None


def test_the_step_an_order_is_at() -> None:
    def steps(**done: bool) -> dict[str, Fulfilment]:
        return {name: Fulfilment(account_id=1, order_id=1, step=name, done_at=NOON if is_done else None) for name, is_done in done.items()}

    assert service.current_step({}) is None
    assert service.current_step(steps(received=True, prepared=False, shipped=False)) == Step.PREPARED
    assert service.current_step(steps(received=True, activated=False)) == Step.ACTIVATED
    assert service.current_step(steps(received=True, prepared=True)) is None


def test_what_ends_counts_its_plans(shop: Any) -> None:
    session, mine, _ = shop
    order(session, mine, "77", TODAY - timedelta(days=300), TODAY + timedelta(days=3), [PLAN, PLAN])
    order(session, mine, "78", TODAY - timedelta(days=300), TODAY + timedelta(days=2), [])
    assert [(e.number, e.plans) for e in service.ending(session, mine, TODAY)] == [("78", 0), ("77", 4)]


@pytest.mark.parametrize(
    "q",
    ["commande 26367", "Order 26367", "#26367", "Confirmation de commande 26367", "Order-26367.pdf", "nº 26367.", "574,88 $", "En vigueur"],
)
def test_what_the_portal_prints_beside_a_number_finds_it(engine: Engine, q: str) -> None:
    with rolled_back(engine) as session:
        mine = account(session, "A")
        order(session, mine, "26367")
        order(session, mine, "26999", date(2019, 1, 1), date(2019, 12, 31), total=Decimal(1), subtotal=Decimal(1))
        with i18n.use("fr"):
            assert found(session, mine, "fr", q=q) == ["26367"]
