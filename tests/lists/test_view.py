"""The view of a list: tabs, heads, pager, chips, and the texts of an empty list."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from odoportal.core import clock, i18n
from odoportal.lists.list_table import ListColumn, ListTable
from odoportal.lists.query import ListQuery, page_to_show
from odoportal.lists.source import FoundRows, ListRequest
from odoportal.lists.view import ListView, list_view
from tests.making import TODAY, identity_of


class NoRows:
    states = ("active", "ended")
    texts = ("order",)

    def find(self, session: Any, request: ListRequest) -> FoundRows:
        raise NotImplementedError


TABLE = ListTable(
    path="/orders",
    title=lambda: "Orders",
    source=NoRows(),
    view=lambda *_: None,
    default_sort="-start",
    columns=(
        ListColumn("number", lambda: "#", cell=str, sort=lambda _: "number"),
        ListColumn("start", lambda: "Start date", cell=str, sort=lambda _: "start", right=True),
        ListColumn("actions", lambda: "Actions", cell=str),
    ),
    all=lambda: "All orders",
    tabs=lambda _: {"active": "Active"},
    no_match=lambda: "No order",
    nothing=lambda _: "No orders yet",
    nothing_text=str,
    empty_icon="package",
    hint=str,
    dates=lambda: "End date",
    chips=lambda _session, _request: {"order": "of order 26367"},
)


def frame(total: int = 120, account_total: int = 120, language: str = "en", **given: Any) -> ListView:
    clock.set_source(lambda: datetime(2020, 9, 24, 13, 58, tzinfo=UTC))
    query = ListQuery.parse(TABLE.rules, given)
    found = FoundRows(page_to_show(query, total), (), {"": account_total, "active": 1234, "ended": 0}, account_total)
    with i18n.use(language):
        session: Any = None
        return list_view(TABLE, session, identity_of(1), TABLE.request(1, query, language, TODAY), found)


def test_tabs_count_and_one_is_current() -> None:
    assert [(t.key, t.count, t.current) for t in frame(state="active").tabs] == [("all", "120", "false"), ("active", "1,234", "true")]


def test_one_head_says_how_the_list_is_sorted() -> None:
    heads = frame(sort="number").heads
    assert [(h.key, h.sort, h.shape) for h in heads] == [
        ("number", "ascending", "ascending"),
        ("start", None, "none"),
        ("actions", None, ""),
    ]
    assert heads[2].url == ""
    assert heads[1].cls == "table-col-start r"


def test_the_pager_knows_where_it_stands() -> None:
    view = frame(page="5")
    assert view.showing == "Showing 41 to 50 of 120 entries"
    assert [p.text for p in view.pages] == ["1", "…", "4", "5", "6", "…", "12"]
    assert [p.text for p in view.pages if p.current] == ["5"]
    assert (view.previous, view.next) == ("?page=4", "?page=6")
    assert (frame().previous, frame(page="12").next) == ("", "")
    assert len({p.key for p in view.pages}) == len(view.pages)
    assert view.title == "Orders, page 5 of 12"
    assert frame(total=3).title == "Orders"


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        ({"from": "2020-01-01"}, ["End date from 2020-01-01"]),
        ({"to": "2020-01-01"}, ["End date until 2020-01-01"]),
        ({"from": "2020-01-01", "to": "2020-02-01"}, ["End date 2020-01-01 to 2020-02-01"]),
        ({"order": "26367"}, ["of order 26367"]),
        ({"q": "x"}, []),
    ],
)
def test_chips_name_the_filters_and_take_them_off(given: dict[str, Any], texts: list[str]) -> None:
    chips = frame(**given, q="cable") if "q" not in given else frame(**given)
    assert [c.text for c in chips.chips] == texts
    for chip in chips.chips:
        assert chip.url == "?q=cable"


def test_what_is_said_when_nothing_is_there() -> None:
    assert (frame(total=0, account_total=0).empty, frame(total=0, account_total=0).empty_title) == ("nothing", "No orders yet")
    assert frame(total=0, q="zz").empty_title == "No order matches “zz”"
    assert frame(total=0, state="ended").empty_title == "No order matches these filters"
    assert frame(total=0, q="zz", sort="number", account="7").clear == "?account=7&sort=number"


def test_a_form_takes_the_rest_of_the_address_along() -> None:
    hidden = {h.key: h.value for h in frame(q="cable", state="active", page="3", size="25", open="5", account="7").hidden}
    assert hidden == {"q": "cable", "state": "active", "account": "7"}


def test_the_time_is_the_business_s() -> None:
    assert frame().as_of == "as of 9:58\u00a0a.m."


def test_dates_stand_in_their_fields() -> None:
    since: dict[str, Any] = {"from": "2020-01-01"}
    view = frame(**since)
    assert (view.since, view.until) == (date(2020, 1, 1).isoformat(), "")
