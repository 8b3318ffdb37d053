"""Tests of money: whole cents in the database, decimal dollars in Python, half a cent rounds up."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoportal.core.money import MAX_AMOUNT, Money, cents, dollars, tax

AMOUNTS = st.decimals(min_value=-MAX_AMOUNT, max_value=MAX_AMOUNT, places=2)


@given(st.integers(-(10**12) + 1, 10**12 - 1))
def test_cents_survive_the_way_out_and_back(whole: int) -> None:
    assert cents(dollars(whole)) == whole


@given(AMOUNTS)
def test_dollars_survive_the_way_in_and_out(amount: Decimal) -> None:
    column = Money()
    stored = column.process_bind_param(amount, None)  # type: ignore[arg-type]
    assert isinstance(stored, int)
    assert column.process_result_value(stored, None) == amount  # type: ignore[arg-type]


@pytest.mark.parametrize("amount", ["0.001", "1.005", "NaN", "Infinity", "-Infinity", "1e400", "10000000000.00"])
@pytest.mark.asvs("1.4.2")
def test_what_is_no_amount_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match=r"amount|decimals"):
        cents(Decimal(amount))


@given(st.decimals(0, 1_000_000, places=2), st.sampled_from(["5", "9.975", "13", "15"]))
def test_a_tax_is_rounded_half_up(base: Decimal, percent: str) -> None:
    exact = base * Decimal(percent) / 100
    found = tax(base, Decimal(percent))
    assert abs(found - exact) <= Decimal("0.005")
    assert found == exact.quantize(Decimal("0.01"), ROUND_HALF_UP)


def test_half_a_cent_goes_up_not_to_even() -> None:
    assert tax(Decimal("0.50"), Decimal(5)) == Decimal("0.03")
    assert tax(Decimal("0.10"), Decimal(5)) == Decimal("0.01")
    assert tax(Decimal("-0.50"), Decimal(5)) == Decimal("-0.03")
