"""The query of a list: reading, writing and changing its address."""

from datetime import date
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoportal.lists.query import LAST_PAGE, SIZES, ListQuery, ListRules, PageWindow, page_to_show

RULES = ListRules(sorts=("number", "start"), default_sort="-start", states=("active", "ended"), texts=("order",))
NAMES = ("q", "sort", "page", "size", "state", "from", "to", "order", "open", "account")
LIKELY = st.sampled_from(
    [
        "",
        "number",
        "-number",
        "-start",
        "start",
        "active",
        "ended",
        "10",
        "25",
        "100",
        "2",
        "999999",
        "2020-09-24",
        "Zoé",
        "50 %",
        " x ",
        "a&b=c",
        "é" * 120,
    ]
)
GIVEN = st.dictionaries(st.sampled_from(NAMES), st.one_of(LIKELY, st.text(max_size=120)))


def read(address: str) -> ListQuery:
    return ListQuery.parse(RULES, dict(parse_qsl(address.removeprefix("?"), keep_blank_values=True)))


@given(GIVEN)
@pytest.mark.asvs("2.2.1")
def test_an_address_that_is_written_reads_as_the_same(given_: dict[str, str]) -> None:
    query = ListQuery.parse(RULES, given_)
    assert read(query.url(page=query.page, open=query.open)) == query


@given(GIVEN)
@pytest.mark.asvs("2.2.1")
def test_no_address_breaks_it_and_none_says_more_than_the_rules(given_: dict[str, str]) -> None:
    query = ListQuery.parse(RULES, given_)
    assert query.key in RULES.sorts
    assert query.size in SIZES
    assert query.state in {"", *RULES.states}
    assert 1 <= query.page <= LAST_PAGE
    assert len(query.q) <= 100
    assert all(c.isprintable() or c in "\u00a0\u202f" for c in query.q + query.open + query.account)
    query.url().encode("ascii")


def test_a_search_cut_at_a_space_reads_as_the_same() -> None:
    query = ListQuery.parse(RULES, {"q": "a" * 99 + " b", "open": "é" * 39 + " 7"})
    assert query.q == "a" * 99
    assert read(query.url(page=1, open=query.open)) == query


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sort", "password"),
        ("sort", "--start"),
        ("sort", "start;drop table orders"),
        ("sort", "search"),
        ("size", "10000"),
        ("size", "-1"),
        ("size", "11"),
        ("size", "１０"),
        ("state", "deleted"),
        ("page", "0"),
        ("page", "-3"),
        ("page", "1e9"),
        ("page", "9" * 40),
        ("page", "٣"),
        ("from", "2020-13-01"),
        ("to", "yesterday"),
        ("limit", "5"),
        ("account_id", "2"),
    ],
)
@pytest.mark.asvs("15.3.3")
def test_what_a_list_does_not_know_shows_the_plain_list(name: str, value: str) -> None:
    assert ListQuery.parse(RULES, {name: value}) == ListQuery.parse(RULES, {})


@pytest.mark.parametrize(
    "change",
    [
        {"q": "x"},
        {"state": "active"},
        {"sort": "number"},
        {"size": 25},
        {"since": date(2020, 1, 1)},
        {"texts": {"order": "5"}},
        {"q": "x", "page": 3},
    ],
)
def test_a_change_of_what_is_found_goes_to_page_one_and_closes_the_dialog(change: dict[str, object]) -> None:
    there = read(ListQuery(RULES, sort="-start", page=7, open="26367", account="1042").url(page=7, open="26367"))
    assert (there.page, there.open) == (7, "26367")
    after = read(there.url(**change))
    if "page" not in change:
        assert after.page == 1
    assert after.open == ""
    assert after.account == "1042"


@given(GIVEN, st.integers(1, 50), st.sampled_from(["", "26367"]))
def test_page_and_dialog_keep_every_filter(given_: dict[str, str], page: int, opened: str) -> None:
    query = ListQuery.parse(RULES, given_)
    after = read(query.url(page=page, open=opened))
    assert (after.page, after.open) == (page, opened)
    assert (after.q, after.sort, after.size, after.state, after.since, after.until, after.texts, after.account) == (
        query.q,
        query.sort,
        query.size,
        query.state,
        query.since,
        query.until,
        query.texts,
        query.account,
    )


def test_a_head_sorts_its_own_way_first_then_the_other() -> None:
    plain = ListQuery.parse(RULES, {})
    assert read(plain.sorted_by("number")).sort == "number"
    assert read(read("?sort=number").sorted_by("number")).sort == "-number"
    assert read(read("?sort=-number").sorted_by("number")).sort == "number"
    assert read(plain.sorted_by("start")).sort == "start"
    assert read(read("?sort=start").sorted_by("start")).sort == "-start"
    assert read(read("?sort=number").sorted_by("start")).sort == "-start"


@given(st.integers(0, 5000), st.sampled_from(SIZES), st.integers(1, LAST_PAGE))
def test_every_entry_stands_on_one_page(total: int, size: int, asked: int) -> None:
    shown = page_to_show(ListQuery(RULES, page=asked, size=size), total)
    assert 1 <= shown.page <= shown.pages
    assert sum(min(PageWindow(p, size, total).last, total) - PageWindow(p, size, total).offset for p in range(1, shown.pages + 1)) == total
    assert shown.last - shown.offset <= size
    assert shown.first == (shown.offset + 1 if total else 0)


@given(st.integers(1, 3000), st.data())
def test_the_pager_has_ends_and_neighbours_and_gaps_that_hide_something(pages: int, data: st.DataObject) -> None:
    page = data.draw(st.integers(1, pages))
    numbers = list(PageWindow(page, 10, pages * 10).numbers())
    shown = [n for n in numbers if n]
    assert {1, page, pages} <= set(shown)
    assert {n for n in (page - 1, page + 1) if 1 <= n <= pages} <= set(shown)
    assert shown == sorted(set(shown))
    assert len(numbers) <= 7
    assert numbers[0] != 0
    assert numbers[-1] != 0
    for at, number in enumerate(numbers):
        if number == 0:
            assert numbers[at + 1] - numbers[at - 1] > 2
        elif at and numbers[at - 1]:
            assert number - numbers[at - 1] == 1


@pytest.mark.parametrize(
    ("page", "pages", "numbers"),
    [
        (1, 1, [1]),
        (2, 5, [1, 2, 3, 4, 5]),
        (1, 6, [1, 2, 3, 0, 6]),
        (3, 6, [1, 2, 3, 4, 5, 6]),
        (5, 10, [1, 0, 4, 5, 6, 0, 10]),
        (10, 10, [1, 0, 8, 9, 10]),
    ],
)
def test_the_pager_of_the_guide(page: int, pages: int, numbers: list[int]) -> None:
    assert list(PageWindow(page, 10, pages * 10).numbers()) == numbers
