"""The order confirmation as PDF, read back."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from odoportal.core import i18n
from odoportal.core.identity import ActiveMembership
from odoportal.documents import pdf
from odoportal.rooms.addresses.models import Address
from odoportal.rooms.orders.models import Order, OrderLine, OrderTax
from odoportal.rooms.orders.pdf import order_sheet
from tests.making import TODAY, account, order, rolled_back
from tests.reading import amount, full_text


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with rolled_back(engine) as opened:
        yield opened


def member(account_id: int) -> ActiveMembership:
    return ActiveMembership(account_id, "1042", "Transport 1042", "owner")


def bought(session: Session, account_id: int) -> Order:
    ship = Address(account_id=account_id, code="yard", name="La cour", line1="1250, boul. Dagenais", city="Laval", province="QC")
    session.add(ship)
    session.flush()
    # Late in the evening of the 24th in Québec, already the 25th in UTC.
    placed = datetime(2020, 9, 25, 2, 0, tzinfo=UTC)
    made = order(session, account_id, "26367", date(2020, 9, 24), date(2023, 9, 23), placed_at=placed, ship_to_id=ship.id)
    made.subtotal, made.total = Decimal("250.00"), Decimal("262.50")
    assert made.id is not None
    of: dict[str, Any] = {"account_id": account_id, "order_id": made.id}
    session.add(OrderLine(**of, position=1, quantity=68, description_en="Plan", description_fr="Forfait", monthly=True))
    session.add(
        OrderTax(
            **of,
            position=0,
            name_en="GST",
            name_fr="TPS",
            registration="123456789 RT0001",
            rate=Decimal(5),
            base=made.subtotal,
            amount=Decimal("12.50"),
        )
    )
    session.flush()
    return made


def text_of(session: Session, account_id: int, language: str) -> str:
    with i18n.use(language):
        found = order_sheet(session, member(account_id), "26367", language, TODAY)
        assert found
        return full_text(pdf.render(found))


def test_it_says_what_was_ordered_for_how_long_and_for_how_much(session: Session) -> None:
    mine = account(session)
    made = bought(session, mine)
    text = text_of(session, mine, "en")
    wanted = (
        "Order confirmation 26367",
        "Order date 2020-09-24",
        "Start date 2020-09-24",
        "End date 2023-09-23",
        "Issued by",
        "Bill to",
        "Transport 1042",
        "Ship to",
        "La cour",
        "Annual plan ODO50 2 $250.00",
        "Plan 68 monthly",
        "GST 5% No. 123456789 RT0001 $12.50",
    )
    found = [text.index(part) for part in wanted]
    assert found == sorted(found)
    assert amount(text, "Subtotal") == made.subtotal
    assert amount(text, "Billed with this order") == made.total
    assert "PAID" not in text


def test_both_languages_are_complete(session: Session) -> None:
    mine = account(session)
    bought(session, mine)
    english, french = text_of(session, mine, "en").split("\n"), text_of(session, mine, "fr").split("\n")
    assert len(english) == len(french)
    names = {"Odotrack inc.", "Transport 1042", "La cour", "1250, boul. Dagenais"}
    assert {line for line in english if line in french} <= names


@pytest.mark.asvs("8.2.2")
def test_another_account_s_order_is_as_unknown_as_any(session: Session) -> None:
    mine, other = account(session), account(session, "B")
    bought(session, other)
    assert order_sheet(session, member(other), "26367", "en", TODAY)
    assert order_sheet(session, member(mine), "26367", "en", TODAY) is None
    assert order_sheet(session, member(mine), "0", "en", TODAY) is None
