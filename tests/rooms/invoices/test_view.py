"""The view of the invoices page."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine

from odoportal.core import clock, i18n
from odoportal.lists.query import ListQuery
from odoportal.lists.view import page_view
from odoportal.rooms.invoices.columns import INVOICES
from odoportal.rooms.invoices.view import InvoiceDetails, InvoicesView
from tests.making import NOON, TODAY, account, identity_of, invoice, order, recorded_statements, rolled_back


def shown(session: Any, account_id: int, language: str = "en", region: str = "en-CA", **given: str) -> InvoicesView:
    clock.set_source(lambda: NOON)
    with i18n.use(language):
        others = [(9, "2077")] if "account" in given else []
        who = identity_of(account_id, region=region, others=others)
        return page_view(INVOICES, session, who, ListQuery.parse(INVOICES.rules, given), language, TODAY)


@pytest.fixture
def desk(engine: Engine) -> Any:
    with rolled_back(engine) as session:
        mine, other = account(session, "1042"), account(session, "B")
        bought = order(session, mine, "26367")
        invoice(
            session,
            mine,
            "212048",
            "12345.60",
            date(2020, 3, 12),
            order_id=bought.id,
            paid=Decimal("12345.60"),
            settled_on=date(2020, 3, 13),
        )
        for n in range(11):
            invoice(session, mine, f"{n + 1}", f"{n + 1}.00", date(2020, 4, 1 + n))
        invoice(session, other, "777")
        yield session, mine, other


def test_the_words_are_the_page_s_and_the_formats_the_person_s(desk: Any) -> None:
    session, mine, _ = desk
    row = shown(session, mine, "fr", "en-CA", q="212048").rows[0]
    assert (row.amount, row.date, row.paid.note) == ("$12,345.60", "2020-03-12", "2020-03-13")
    assert shown(session, mine, "fr", "fr-CA", q="212048").rows[0].amount == "12\u00a0345,60\u00a0$"
    english, french = shown(session, mine, "en").frame, shown(session, mine, "fr").frame
    assert english.tabs[0].text == "All invoices"
    assert french.tabs[0].text != "All invoices"
    assert [t.url for t in english.tabs] == [t.url for t in french.tabs]


@pytest.mark.asvs("8.2.2")
def test_a_foreign_number_shows_exactly_what_an_unknown_one_shows(desk: Any) -> None:
    session, mine, _ = desk
    foreign, unknown = shown(session, mine, open="777"), shown(session, mine, open="778")
    assert foreign.details == InvoiceDetails(asked="777", close="?")
    assert replace(foreign.details, asked="778") == unknown.details
    assert repr(foreign).replace("777", "778") == repr(unknown)


def test_previous_and_next_lead_to_the_page_that_holds_them(desk: Any) -> None:
    session, mine, _ = desk
    first = shown(session, mine, sort="number", open="10")
    assert first.details.previous == "?sort=number&open=9"
    assert first.details.next == "?sort=number&page=2&open=11"
    last = shown(session, mine, sort="number", page="2", open="212048")
    assert last.details.next == ""
    assert last.details.previous == "?sort=number&page=2&open=11"
    assert shown(session, mine, open="10", q="212048").details.previous == ""


def test_nothing_to_show_says_why(desk: Any) -> None:
    session, mine, _ = desk
    assert shown(session, mine, q="zzz").frame.empty == "no-match"
    assert "zzz" in shown(session, mine, q="zzz").frame.empty_title
    assert shown(session, account(session, "E")).frame.empty == "nothing"
    assert shown(session, mine).frame.empty == ""


def test_the_account_of_the_address_stays_in_every_link(desk: Any) -> None:
    session, mine, _ = desk
    view = shown(session, mine, account="1042", open="212048")
    links = (
        [t.url for t in view.frame.tabs]
        + [p.url for p in view.frame.pages]
        + [h.url for h in view.frame.heads if h.url]
        + [r.details for r in view.rows]
    )
    links += [view.details.order_url, view.details.close, view.frame.clear, view.frame.next]
    assert all("account=1042" in link for link in links)


@pytest.mark.parametrize("given", [{}, {"q": "1"}, {"open": "1"}], ids=["plain", "search", "open"])
def test_the_statements_do_not_grow_with_the_rows(stored: Engine, given: dict[str, str]) -> None:
    counts = []
    with rolled_back(stored) as session:
        mine = account(session)
        bought = order(session, mine, "5")
        for size, upto in (("10", 10), ("100", 100)):
            for n in range(1 if size == "10" else 11, upto + 1):
                invoice(session, mine, f"1{n}" if n > 1 else "1", order_id=bought.id)
            with recorded_statements(stored) as ran:
                view = shown(session, mine, size=size, **given)
            assert len(view.rows) == upto
            counts.append(len(ran))
    assert counts[0] == counts[1] <= 14
