"""Money: `Decimal` dollars in Python, whole cents in the database, never floats."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Dialect, type_coerce
from sqlalchemy.types import TypeDecorator

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
MAX_AMOUNT = Decimal("9999999999.99")


def cents(amount: Decimal) -> int:
    """Convert an amount in dollars to whole cents.

    Raises:
        ValueError: If the amount has a fraction of a cent, is not finite or is out of range.
    """
    if not amount.is_finite() or abs(amount) > MAX_AMOUNT:
        raise ValueError(f"not an amount of money: {amount}")
    scaled = amount * 100
    if scaled != scaled.to_integral_value():
        raise ValueError(f"more than two decimals: {amount}")
    return int(scaled)


def dollars(whole: int) -> Decimal:
    """Convert whole cents to dollars with two decimals."""
    return (Decimal(whole) / 100).quantize(CENT)


def tax(base: Decimal, percent: Decimal) -> Decimal:
    """Return the tax on a total before tax; half a cent rounds up (away from zero), as Revenu Québec and the CRA compute it.

    Args:
        base: The total before tax, in dollars.
        percent: The rate in percent.
    """
    return (base * percent / 100).quantize(CENT, ROUND_HALF_UP)


class Money(TypeDecorator[Decimal]):
    """Column type for money: `Decimal` dollars in Python, whole cents in the database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Convert dollars to cents; raise ValueError on a fraction of a cent."""
        return None if value is None else cents(Decimal(value))

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:  # noqa: ARG002
        """Convert cents to dollars."""
        return None if value is None else dollars(int(value))


def in_cents(column: Any) -> ColumnElement[int]:
    """Return a money column as the stored whole cents, labelled with the column's name."""
    return type_coerce(column, BigInteger()).label(column.key)
