"""Searching, sorting and paging the records of a list.

**How a search stays fast.** `matching` alone decides which rows match: every word occurs in the row's search text. It is fast in an account
with few rows, and for common words, because a page of matches is found soon. The remaining case is a rare word in a large account: `among`
asks the trigram index, which includes the account, for the few rows that can match at all, and the list is read from those. The rows found
are the same with and without it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    and_,
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

from odoportal.core.folding import fold, like_pattern
from odoportal.lists.query import PageWindow

Row = TypeVar("Row", bound=SQLModel)
Meaning = Callable[[str], Sequence[ColumnElement[bool]]]
"""Returns conditions that a search word may mean besides itself, such as the states with that name. Any of them is enough."""
Order = Sequence[tuple[Any, bool]]
"""Expressions to sort by, each with True for descending. The last one is unique, and none is ever NULL."""
ALWAYS: ColumnElement[bool] = true()
LARGE_ACCOUNT_ROWS = 5_000
"""Rows of an account from which the trigram index is used. Fewer rows are scanned in about 2 ms."""
MAX_CANDIDATES = 2_000
"""The most rows to select before sorting. With more matches, walking through the list in its order finds a page sooner."""
TEXTS_PER_ROW = 10
"""How many texts are checked one after the other, in SQLite's index of texts, in the time in which one row is looked up."""
KEY_BITS = 40
"""SQLite's trigram index identifies a row by its account, shifted by this many bits, plus its id, so an account's rows are one range."""


class days_between(GenericFunction[int]):  # noqa: N801
    """Whole days from the second date to the first."""

    type = Integer()
    inherit_cache = True


@compiles(days_between)
def _compile_date_difference(element: Any, compiler: Any, **kw: Any) -> str:
    later, earlier = (compiler.process(c, **kw) for c in element.clauses)
    return f"({later} - {earlier})"


@compiles(days_between, "sqlite")
def _compile_julianday_difference(element: Any, compiler: Any, **kw: Any) -> str:
    later, earlier = (compiler.process(c, **kw) for c in element.clauses)
    return f"CAST(julianday({later}) - julianday({earlier}) AS INTEGER)"


class unindexed(ColumnElement[Any]):  # noqa: N801
    """A column that SQLite must not look up in an index. SQLite keeps no statistics and would choose the wrong one."""

    inherit_cache = True
    _traverse_internals = [("column", InternalTraversal.dp_clauseelement)]  # noqa: RUF012

    def __init__(self, column: Any) -> None:
        self.column, self.type = column, column.type


@compiles(unindexed)
def _compile_plain(element: Any, compiler: Any, **kw: Any) -> str:
    return compiler.process(element.column, **kw)


@compiles(unindexed, "sqlite")
def _compile_with_unary_plus(element: Any, compiler: Any, **kw: Any) -> str:
    return f"+{compiler.process(element.column, **kw)}"


# An amount as either region writes it, in folded text: grouped, with cents or a sign of the currency, perhaps with a minus.
_AMOUNT = re.compile(
    r"(?<![\w.,$-])-?(?P<before>(?:ca|can|cad)?\$ ?)?(?P<whole>\d{1,3}(?:[ ,]\d{3})+|\d+)(?P<cents>[.,]\d{2})?"
    r"(?P<after> ?\$(?: ?(?:ca|can|cad)\b)?| (?:ca|can|cad)\b)?(?![\w$]|[.,]\d)"
)
# What stands before a number: `#`, `nº`, `no.`
_NUMBER_SIGN = re.compile(r"(?<!\S)(?:#|n[°o]\.?) ?(?=\S*\d)")
# What may stand around a word and counts for nothing: brackets, quotes, the dots of a hidden card number, the point of a sentence.
_AROUND = "()[]{}<>\"'«»“”‘’„•·*#$.,;:!?"


def words(q: str) -> list[str]:
    """Return the folded words of a search, which must all be found.

    What the portal prints around numbers counts for nothing: brackets, quotes, `#`, `nº`, the dots of `Visa •••• 4242`, a final point.
    Amounts become what is stored: `12 345,60 $` and `$12,345.60` are `12345,60` and `12345.60`. A whole number without a sign of the
    currency is no amount: it may be the number of a document.
    """
    text = _NUMBER_SIGN.sub("", _AMOUNT.sub(_as_stored, fold(q)))
    return [word for part in text.split() if (word := part.strip(_AROUND))]


def _as_stored(amount: re.Match[str]) -> str:
    if not (amount["before"] or amount["cents"] or amount["after"]):
        return amount[0]
    return re.sub(r"\D", "", amount["whole"]) + (amount["cents"] or "")


def without_name(q: str, names: Iterable[str]) -> str:
    """Return a search without the name of a document in front of its number: `Invoice 212048`, `Facture-212048.pdf`.

    Args:
        q: the search as typed.
        names: the folded names of documents.
    """
    text = fold(q).removesuffix(".pdf")
    for name in sorted(names, key=len, reverse=True):
        rest = text.removeprefix(name) if text.startswith(name) else text.removeprefix(name.replace(" ", "-"))
        if rest != text and not rest[:1].isalnum():
            return rest.lstrip(" -:")
    return q


def _no_meaning(_word: str) -> Sequence[ColumnElement[bool]]:
    return ()


def _contains(text: Any, word: str) -> ColumnElement[bool]:
    return text.like(like_pattern(word), escape="\\")


def matches_words(text: Any, q: str, meaning: Meaning = _no_meaning) -> ColumnElement[bool]:
    """Return the condition that every word of a search is found in a folded text column.

    Args:
        text: the text column.
        q: the search as typed.
        meaning: returns what a word may also mean.
    """
    # What a word means is checked first, because texts take longer.
    return and_(ALWAYS, *(or_(*meaning(word), _contains(text, word)) for word in words(q)))


def of_account(model: Any, account_id: Any) -> ColumnElement[bool]:
    """Return the condition that a row belongs to the account."""
    return model.account_id == account_id


def search_candidates(
    session: Session, model: Any, account_id: int, rows: int, q: str, meaning: Meaning = _no_meaning
) -> ColumnElement[bool]:
    """Return the condition that a row belongs to the account and, where it helps, is one of the few that can match a search.

    Use it together with `matching`, which decides. It runs one statement in a large account and none in a small one.

    Args:
        session: a reading session.
        model: a model with `id`, `account_id`, `search` and the indexes of `documents.models.search_indexes`.
        account_id: the account.
        rows: how many rows the account has.
        q: the search as typed.
        meaning: returns what a word may also mean.
    """
    search_words = words(q)
    if rows <= LARGE_ACCOUNT_ROWS or not search_words:
        return of_account(model, account_id)
    # A row may match a word by its special meaning alone, without containing it. Such words are used only if there is no other word; then
    # the first of them is looked up both ways.
    plain = [word for word in search_words if not meaning(word)]
    candidates = _candidates(session, model, account_id, plain or search_words[:1])
    if not plain:
        candidates = union_all(
            candidates, *(select(model.id).where(of_account(model, account_id), meant) for meant in meaning(search_words[0]))
        )
    ids = session.connection().scalars(candidates.limit(MAX_CANDIDATES + 1)).all()
    if len(ids) > MAX_CANDIDATES:
        return of_account(model, account_id)
    # Hide the account from the planner: with an index on it, SQLite would walk through the whole list instead of the few ids.
    return and_(model.id.in_(ids), unindexed(model.account_id) == account_id)


def _candidates(session: Session, model: Any, account_id: int, plain: Sequence[str]) -> Select[Any]:
    """Return the ids of an account's rows that can match all of the words; some of them may not match."""
    grams = dict.fromkeys(word[i : i + 3] for word in plain for i in range(len(word) - 2))
    if session.get_bind().dialect.name != "sqlite" or not grams:
        return select(model.id).where(of_account(model, account_id), *(_contains(model.search, word) for word in plain))
    name, first = f"{model.__tablename__}_grams", account_id << KEY_BITS
    key = column("rowid", BigInteger)
    match_expression = " AND ".join('"' + gram.replace('"', '""') + '"' for gram in grams)
    in_account = key.between(first, first + (1 << KEY_BITS) - 1)
    return select(key - first).select_from(table(name, key)).where(literal_column(name).op("MATCH")(match_expression), in_account)


def count(session: Session, model: type[SQLModel], where: ColumnElement[bool]) -> int:
    """Return how many rows match."""
    return session.exec(select(func.count()).select_from(model).where(where)).one()


def fetch_page(
    session: Session,
    model: Any,
    where: ColumnElement[bool],
    order: Order,
    window: PageWindow,
    few: ColumnElement[bool] | None = None,
    computed: bool = False,
) -> Sequence[Any]:
    """Return the rows of one page.

    A page in the second half is read from the end: rows that are skipped cost as much as rows that are returned.

    Args:
        session: a reading session.
        model: the model of the rows.
        where: the condition for the rows.
        order: their order.
        window: the page, and the total number of rows.
        few: a condition that is true of all matches and leads SQLite to an index with hardly more rows; None if there is none. If there are
            at most `MAX_CANDIDATES` matches, they are read from that index and sorted, instead of walking through the list until a page is
            full.
        computed: whether no index has the order, so that all matches are sorted. Their ids are sorted then, not their rows: of 100,000
            devices in 40 ms instead of 500.
    """
    found = select(model).where(where)
    if few is not None and window.total <= MAX_CANDIDATES:
        found, order = found.where(few), [(unindexed(expression), down) for expression, down in order]
    after = window.total - window.last
    backwards = after < window.offset
    sort_columns = [expression.desc() if down != backwards else expression.asc() for expression, down in order]
    skipped, taken = (after, window.last - window.offset) if backwards else (window.offset, window.size)
    if computed:
        ids = found.with_only_columns(model.id).order_by(*sort_columns).offset(skipped).limit(taken)
        found = select(model).where(model.id.in_(ids))
        rows = session.exec(found.order_by(*sort_columns)).all()
    else:
        rows = session.exec(found.order_by(*sort_columns).offset(skipped).limit(taken)).all()
    return rows[::-1] if backwards else rows


def batches(session: Session, statement: Any, size: int = 500) -> Iterator[Sequence[Any]]:
    """Yield the rows of a statement in batches: one statement, one order, one state of the database.

    Args:
        session: a reading session that stays open until the last batch; other statements may run on it in between.
        statement: a select of columns.
        size: rows per batch.
    """
    yield from session.connection().execute(statement.execution_options(yield_per=size)).partitions()


@dataclass(frozen=True)
class Neighbours:
    """The position of a row in its list, from 0, and the numbers of the rows before and after it; empty at the ends."""

    index: int
    previous: str
    next: str


def neighbours(
    session: Session, model: Any, where: ColumnElement[bool], order: Order, row_id: int, number: str = "number"
) -> Neighbours | None:
    """Return the position of a row in a list, or None if the list does not contain it. `number` is the column by which a row opens."""
    sort_values = session.exec(select(*[e for e, _ in order]).select_from(model).where(where, model.id == row_id)).first()
    if sort_values is None:
        return None
    before, after = (_sorts_beyond(order, tuple(sort_values), down) for down in (False, True))

    def nearest(condition: ColumnElement[bool], backwards: bool) -> str:
        sort_columns = [e.desc() if down != backwards else e.asc() for e, down in order]
        # Look for the id first: where no index has the order, every row beyond is looked at, and an index may have all but the number.
        found = select(model.id).where(where, condition).order_by(*sort_columns).limit(1).scalar_subquery()
        return session.exec(select(getattr(model, number)).where(model.id == found)).first() or ""

    return Neighbours(count(session, model, and_(where, before)), nearest(before, True), nearest(after, False))


def _sorts_beyond(order: Order, values: tuple[Any, ...], after: bool) -> ColumnElement[bool]:
    """Return the condition that a row sorts after (or before) these values. All expressions sort in one direction, so an index is used."""
    (down,) = {down for _, down in order}
    expressions = tuple_(*(expression for expression, _ in order))
    values_tuple = tuple_(*(literal(value, expression.type) for (expression, _), value in zip(order, values, strict=True)))
    return expressions < values_tuple if down == after else expressions > values_tuple
