"""Finding records for a list: words anywhere in the folded text, one page in a stable order, the neighbours of one."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Integer, and_, case, func, literal, or_, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction
from sqlmodel import Session, SQLModel, select

from odoportal.foundation.listing import Window
from odoportal.foundation.money import typed_amount
from odoportal.foundation.text import fold, like

Row = TypeVar("Row", bound=SQLModel)
Order = Sequence[tuple[Any, bool]]
"""Expressions to sort by, each with True for descending; the last one is unique, none is ever NULL."""


class days_between(GenericFunction[int]):  # noqa: N801
    """Whole days from the second date to the first."""

    type = Integer()
    inherit_cache = True


@compiles(days_between)
def _days_as_difference(element: Any, compiler: Any, **kw: Any) -> str:
    later, earlier = (compiler.process(c, **kw) for c in element.clauses)
    return f"({later} - {earlier})"


@compiles(days_between, "sqlite")
def _days_of_julian(element: Any, compiler: Any, **kw: Any) -> str:
    later, earlier = (compiler.process(c, **kw) for c in element.clauses)
    return f"CAST(julianday({later}) - julianday({earlier}) AS INTEGER)"


def progress(start: Any, end: Any, today: date) -> ColumnElement[int]:
    """The share of a term that has run, in whole percent, as SQL (the same rule as `orders.service.progress`)."""
    ran = days_between(literal(today), start) * 100
    return case((start > today, 0), (end < today, 100), else_=ran // (days_between(end, start) + 1))


def words(q: str) -> list[str]:
    """What must all be found: the folded words of a search, or one amount as it is stored (`12345.60`)."""
    amount = typed_amount(q)
    return [amount] if amount else fold(q).split()


def matching(column: Any, q: str, special: Callable[[str], ColumnElement[bool] | None] = lambda _word: None) -> ColumnElement[bool]:
    """The condition that every word is found in a folded text column.

    Args:
        column: the text column.
        q: the search as typed.
        special: what a word may mean besides, such as a state's name; None when nothing.
    """
    parts: list[ColumnElement[bool]] = []
    for word in words(q):
        found = column.like(like(word), escape="\\")
        meant = special(word)
        parts.append(found if meant is None else or_(found, meant))
    return and_(true(), *parts)


def of_account(model: Any, account_id: int) -> ColumnElement[bool]:
    """The condition that a row belongs to the account."""
    return model.account_id == account_id


def count(session: Session, model: type[SQLModel], where: ColumnElement[bool]) -> int:
    """How many rows match."""
    return session.exec(select(func.count()).select_from(model).where(where)).one()


def page(session: Session, model: type[Row], where: ColumnElement[bool], order: Order, window: Window) -> Sequence[Row]:
    """The rows of one page."""
    by = [expression.desc() if down else expression.asc() for expression, down in order]
    return session.exec(select(model).where(where).order_by(*by).offset(window.offset).limit(window.size)).all()


def batches(session: Session, statement: Any, size: int = 500) -> Iterator[Sequence[Any]]:
    """The rows of a statement in batches, read as they are taken: one statement, one order, one state of the database.

    Args:
        session: a reading session that stays open until the last batch; other statements may run on it meanwhile.
        statement: a select of columns.
        size: rows of a batch.
    """
    yield from session.connection().execution_options(yield_per=size).execute(statement).partitions()


@dataclass(frozen=True)
class Neighbours:
    """Where a row stands in its list, from 0, and the numbers before and after it; empty at the ends."""

    index: int
    previous: str
    next: str


def neighbours(session: Session, model: Any, where: ColumnElement[bool], order: Order, row_id: int) -> Neighbours | None:
    """The place of a row in a list; None when the list does not hold it."""
    held = session.exec(select(*[e for e, _ in order]).select_from(model).where(where, model.id == row_id)).first()
    if held is None:
        return None
    before, after = (_beyond(order, tuple(held), down) for down in (False, True))

    def nearest(condition: ColumnElement[bool], backwards: bool) -> str:
        by = [e.desc() if down != backwards else e.asc() for e, down in order]
        return session.exec(select(model.number).where(where, condition).order_by(*by).limit(1)).first() or ""

    return Neighbours(count(session, model, and_(where, before)), nearest(before, True), nearest(after, False))


def _beyond(order: Order, values: tuple[Any, ...], after: bool) -> ColumnElement[bool]:
    """Rows that sort after (or before) these values: the first differing expression decides."""
    ways: list[ColumnElement[bool]] = []
    for position, (expression, down) in enumerate(order):
        same = [e == v for (e, _), v in zip(order[:position], values, strict=False)]
        differs = expression < values[position] if down == after else expression > values[position]
        ways.append(and_(*same, differs))
    return or_(*ways)
