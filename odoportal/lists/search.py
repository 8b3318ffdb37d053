"""Finding records for a list: words anywhere in the folded text, one page in a stable order, the neighbours of one.

**How a search stays quick.** What matches is always decided by `matching`: every word is somewhere in the row's text. That alone is quick
where the account has few rows, and where a word is common, since a page of matches is found soon then. What is left is the rare
word in a large account: `among` asks the trigram index, which has the account in it, for the few rows that can match at all, and the
list is then looked for among those. Whether it does or not, the rows found are the same.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    and_,
    case,
    column,
    func,
    literal,
    literal_column,
    or_,
    table,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.sql.visitors import InternalTraversal
from sqlmodel import Session, SQLModel, select

from odoportal.core.folding import fold, like
from odoportal.core.money import typed_amount
from odoportal.lists.query import Window

Row = TypeVar("Row", bound=SQLModel)
Meaning = Callable[[str], Sequence[ColumnElement[bool]]]
"""What a word of a search may mean besides itself, such as the states that are called so: any of these conditions."""
Order = Sequence[tuple[Any, bool]]
"""Expressions to sort by, each with True for descending; the last one is unique, none is ever NULL."""
ALWAYS: ColumnElement[bool] = true()
LARGE = 5_000
"""Rows of an account. Fewer are looked through in about 2 ms."""
FEW = 2_000
"""Rows that can match. More are found sooner by walking through the list."""
KEY_BITS = 40
"""SQLite's trigrams know a row by its account, shifted by this much, and its id: an account's rows are one range."""


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


class unindexed(ColumnElement[Any]):  # noqa: N801
    """A column to be looked at in each row: SQLite, which keeps no statistics, is not to look it up in an index."""

    inherit_cache = True
    _traverse_internals = [("column", InternalTraversal.dp_clauseelement)]  # noqa: RUF012

    def __init__(self, column: Any) -> None:
        self.column, self.type = column, column.type


@compiles(unindexed)
def _as_it_is(element: Any, compiler: Any, **kw: Any) -> str:
    return compiler.process(element.column, **kw)


@compiles(unindexed, "sqlite")
def _behind_a_sign(element: Any, compiler: Any, **kw: Any) -> str:
    return f"+{compiler.process(element.column, **kw)}"


def progress(start: Any, end: Any, today: date) -> ColumnElement[int]:
    """The share of a term that has run, in whole percent, as SQL (the same rule as `orders.service.progress`)."""
    ran = days_between(literal(today), start) * 100
    return case((start > today, 0), (end < today, 100), else_=ran // (days_between(end, start) + 1))


def words(q: str) -> list[str]:
    """What must all be found: the folded words of a search, or one amount as it is stored (`12345.60`)."""
    amount = typed_amount(q)
    return [amount] if amount else fold(q).split()


def _nothing(_word: str) -> Sequence[ColumnElement[bool]]:
    return ()


def _has(text: Any, word: str) -> ColumnElement[bool]:
    return text.like(like(word), escape="\\")


def matching(text: Any, q: str, special: Meaning = _nothing) -> ColumnElement[bool]:
    """The condition that every word is found in a folded text column.

    Args:
        text: the text column.
        q: the search as typed.
        special: what a word may mean besides.
    """
    return and_(ALWAYS, *(or_(_has(text, word), *special(word)) for word in words(q)))


def of_account(model: Any, account_id: Any) -> ColumnElement[bool]:
    """The condition that a row belongs to the account."""
    return model.account_id == account_id


def among(session: Session, model: Any, account_id: int, rows: int, q: str, special: Meaning = _nothing) -> ColumnElement[bool]:
    """The condition that a row belongs to the account and, where that helps, is one of the few that can match a search.

    To be used together with `matching`, which decides. One statement in a large account, none in a small one.

    Args:
        session: a reading session.
        model: whose rows: a model with `id`, `account_id`, `search` and the indexes of `foundation.rows.search_indexes`.
        account_id: the account.
        rows: how many rows it has.
        q: the search as typed.
        special: what a word may mean besides.
    """
    asked = words(q)
    if rows <= LARGE or not asked:
        return of_account(model, account_id)
    # A row may match without a word that means something, so only where there is no other word, the first of them is looked up both ways.
    plain = [word for word in asked if not special(word)]
    few = _candidates(session, model, account_id, plain or asked[:1])
    if not plain:
        few = union_all(few, *(select(model.id).where(of_account(model, account_id), meant) for meant in special(asked[0])))
    ids = session.connection().scalars(few.limit(FEW + 1)).all()
    if len(ids) > FEW:
        return of_account(model, account_id)
    # The account is checked, and not looked up: by an index on it, SQLite would walk through the whole list instead of the few ids.
    return and_(model.id.in_(ids), unindexed(model.account_id) == account_id)


def _candidates(session: Session, model: Any, account_id: int, plain: Sequence[str]) -> Select[Any]:
    """Ids of all rows of an account that can match all of the words, perhaps of some more."""
    grams = dict.fromkeys(word[i : i + 3] for word in plain for i in range(len(word) - 2))
    if session.get_bind().dialect.name != "sqlite" or not grams:
        return select(model.id).where(of_account(model, account_id), *(_has(model.search, word) for word in plain))
    name, first = f"{model.__tablename__}_grams", account_id << KEY_BITS
    key = column("rowid", BigInteger)
    asked = " AND ".join('"' + gram.replace('"', '""') + '"' for gram in grams)
    within = key.between(first, first + (1 << KEY_BITS) - 1)
    return select(key - first).select_from(table(name, key)).where(literal_column(name).op("MATCH")(asked), within)


def count(session: Session, model: type[SQLModel], where: ColumnElement[bool]) -> int:
    """How many rows match."""
    return session.exec(select(func.count()).select_from(model).where(where)).one()


def page(
    session: Session, model: type[Row], where: ColumnElement[bool], order: Order, window: Window, few: ColumnElement[bool] | None = None
) -> Sequence[Row]:
    """The rows of one page. A page of the second half is found from the end: rows that are passed over cost as much as those shown.

    Args:
        session: a reading session.
        model: whose rows.
        where: which ones.
        order: their order.
        window: the page, and how many there are.
        few: what is true of all matches, and leads SQLite to an index that has hardly more than them; None where nothing does. Where
            they are few, they are taken from it and sorted, instead of walking through the list until a page is full.
    """
    found = select(model).where(where)
    if few is not None and window.total <= FEW:
        found, order = found.where(few), [(unindexed(expression), down) for expression, down in order]
    after = window.total - window.last
    backwards = after < window.offset
    by = [expression.desc() if down != backwards else expression.asc() for expression, down in order]
    passed, shown = (after, window.last - window.offset) if backwards else (window.offset, window.size)
    rows = session.exec(found.order_by(*by).offset(passed).limit(shown)).all()
    return rows[::-1] if backwards else rows


def batches(session: Session, statement: Any, size: int = 500) -> Iterator[Sequence[Any]]:
    """The rows of a statement in batches, read as they are taken: one statement, one order, one state of the database.

    Args:
        session: a reading session that stays open until the last batch; other statements may run on it meanwhile.
        statement: a select of columns.
        size: rows of a batch.
    """
    yield from session.connection().execute(statement.execution_options(yield_per=size)).partitions()


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
    """Rows that sort after (or before) these values; the whole order goes one way, so that an index leads to them."""
    (down,) = {down for _, down in order}
    expressions = tuple_(*(expression for expression, _ in order))
    held = tuple_(*(literal(value, expression.type) for (expression, _), value in zip(order, values, strict=True)))
    return expressions < held if down == after else expressions > held
