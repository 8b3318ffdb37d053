"""Whole pages run the same number of statements in any account, and read only by an index."""

import re
from collections.abc import Mapping
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from tests.making import TODAY, account, device, identity_of, invoice, order, rolled_back
from tests.views import View, costly, draw, plan, recorded_statements, views

VIEWS = [
    *views("1", "1", "1"),
    View("shell", "shell"),
    View("invoices with a word", "invoices?q=odo50"),
    View("orders with a word", "orders?q=odo50"),
]
# Progress and the state of a device depend on today. The others sort rows that were selected first: at most `search.MAX_CANDIDATES` rows,
# one record's rows, or the orders that end soon.
SORTED = re.compile(
    r"home|shell|orders by -?progress|orders, (upcoming|active|ending|ended|Details)|(orders|invoices|devices) of a year"
    r"|(invoices|devices) of an order"
    r"|invoices, (to_pay|part_paid|pending|overdue|credited|upcoming|Details)"
    r"|devices by -?state"
    r"|devices, (active|ending|silent|shipping|out|Details)"
)


def _written(session: Session, number: str, count: int) -> int:
    """Create an account with `count` orders, invoices and devices, each invoice and device for an order."""
    mine = account(session, number)
    for at in range(1, count + 1):
        day = TODAY - timedelta(days=at)
        bought = order(session, mine, str(at), day, day + timedelta(days=364))
        invoice(session, mine, str(at), issued=day, order_id=bought.id)
        device(session, mine, str(at), order=bought, line=1)
    return mine


def _ran(engine: Engine, account_id: int, session: Session) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for view in VIEWS:
        with recorded_statements(engine) as ran:
            draw(session, identity_of(account_id), view.address, TODAY)
        counts[view.name] = len(ran)
    return counts


def test_a_page_asks_as_often_in_any_account(engine: Engine) -> None:
    with rolled_back(engine) as session:
        few = _ran(engine, _written(session, "A", 2), session)
    with rolled_back(engine) as session:
        assert _ran(engine, _written(session, "A", 40), session) == few
    assert max(few.values()) <= 16


@pytest.mark.sqlite("its query plans")
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_page_reads_by_an_index(engine: Engine, view: View) -> None:
    with rolled_back(engine) as session:
        mine = _written(session, "A", 3)
        with recorded_statements(engine) as ran:
            draw(session, identity_of(mine), view.address, TODAY)
        assert ran
        steps = [step for each in list(ran) for step in costly(plan(session.connection(), each))]
    assert [step for step in steps if step.startswith("SCAN")] == []
    assert steps == [] or SORTED.fullmatch(view.name)
