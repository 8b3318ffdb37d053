"""Where the rows of a list come from: one account's rows of a model, searched, filtered, sorted and read by page.

A room writes the rules of its own SQL (filters, counts, meanings of search words, planner hints); what every list does with them is here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, and_
from sqlmodel import Session, col

from odoportal.core.folding import fold
from odoportal.lists import search
from odoportal.lists.query import ListQuery, PageWindow, page_to_show

SHORT_WORD = 2
"""The length of words such as `to` and `en`, which are in too many labels to mean one."""


@dataclass(frozen=True)
class ListRequest:
    """A list query in an account, a language and on a day.

    Attributes:
        account_id: The account whose rows are listed.
        query: The list query.
        language: The language of texts that rows are sorted by: "fr" or "en".
        today: The business day.
        labels: Folded labels that a search finds, too, by what they stand for: the states of invoices, for instance. The forms of a label
            stand on lines of their own.
        names: What the list's documents are called before their number, folded, in both languages; a search may begin with one.
        sort: What rows are sorted by, or a tuple of it; see `lists.list_table.ListColumn`.
        computed: Whether no index has that order.
    """

    account_id: int
    query: ListQuery
    language: str
    today: date
    labels: Mapping[str, str] = field(default_factory=dict)
    names: Sequence[str] = ()
    sort: Any = None
    computed: bool = False

    def named_by(self, word: str) -> list[str]:
        """Return what labels with a search word stand for. A short word counts only within a whole label in the search: `En vigueur`."""
        asked = fold(self.query.q)
        whole = len(word) > SHORT_WORD
        return [key for key, text in self.labels.items() if word in text and (whole or any(form in asked for form in text.splitlines()))]

    def hidden(self, column: Any) -> Any:
        """Return a column for a filter. SQLite does not look it up in an index, unless the rows are sorted by it.

        A page is found by walking the index of the sort order until the page is full. SQLite would prefer an index of the filter, and then
        sort all that it finds.
        """
        first = self.sort[0] if isinstance(self.sort, tuple) else self.sort
        return column if column is first else search.unindexed(column)


@dataclass(frozen=True)
class FoundRows:
    """One page of a list: its position, its rows, the entries by state (under "" those of all states), and the account's entries in all."""

    window: PageWindow
    rows: Sequence[Any]
    counts: Mapping[str, int]
    account_total: int


def _no_meaning(_request: ListRequest) -> search.Meaning:
    return lambda _word: ()


@dataclass(frozen=True)
class ListSource:
    """The rows of a list in the database, and the rules of the room's SQL.

    Attributes:
        model: A model with `id`, `account_id`, `search` and, if its rows open one by one, the column `number`.
        counts: Returns the entries by state, and under "" those of all states. Runs one statement.
        filters: Returns the conditions of the query's state, dates and other filters, with columns that are `ListRequest.hidden`.
        states: The states to filter by.
        texts: The names of other text filters.
        meaning: Returns what a search word may mean besides itself.
        words: Rewrites a search as it is typed to the words that are stored.
        index_hint: Returns a condition that is true of all that the filters find, and leads SQLite to an index with hardly more rows, or
            with all that the filters read; None if there is none.
        large: Whether an account may have so many rows that a search asks the trigram index; see `search.search_candidates`.
        number: The name of the column by which a row opens; unique in the account.
        counts_filtered: Whether `counts` counts what the search and the filters find, instead of all entries of the account.
    """

    model: Any
    counts: Callable[[Session, ListRequest], Mapping[str, int]]
    filters: Callable[[ListRequest], Sequence[ColumnElement[bool]]]
    states: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    meaning: Callable[[ListRequest], search.Meaning] = _no_meaning
    words: Callable[[str], str] = str
    index_hint: Callable[[ListRequest], ColumnElement[bool] | None] = lambda _request: None
    large: bool = True
    number: str = "number"
    counts_filtered: bool = False

    def find(self, session: Session, request: ListRequest) -> FoundRows:
        """Return the page that a query asks for.

        Runs three statements, one more for a search in a large account, and one more for filters that `counts` does not know.

        Args:
            session: A reading session.
            request: What is asked for.
        """
        query = request.query
        counts = self.counts(session, request)
        everything = search.of_account(self.model, request.account_id)
        total = search.count(session, self.model, everything) if self.counts_filtered and query.narrowed else counts[""]
        own = self._candidates(session, request, total)
        hint = self._useful_hint(request, counts, total)
        counted = self.counts_filtered or not replace(query, state="").narrowed
        window = page_to_show(query, counts[query.state] if counted else self._count(session, own, request, hint))
        # If every row matches, skip the check of each row: it makes pages far from both ends ten times slower.
        where = everything if window.total == total and not request.computed else self._where(own, request)
        rows = search.fetch_page(session, self.model, where, _order(self.model, request), window, hint, request.computed)
        return FoundRows(window, rows, counts, total)

    def _useful_hint(self, request: ListRequest, counts: Mapping[str, int], total: int) -> ColumnElement[bool] | None:
        """Return the index hint of a request. A search uses it only for a state with few rows: all texts in turn are sooner checked."""
        query = request.query
        if query.q and not (query.state and counts[query.state] * search.TEXTS_PER_ROW <= total):
            return None
        return self.index_hint(request)

    def _count(self, session: Session, own: ColumnElement[bool], request: ListRequest, hint: ColumnElement[bool] | None) -> int:
        """Return how many rows a request finds: from the index of the hint or, without one, from the index of texts, which has it all."""
        where = self._where(own, replace(request, sort=None))
        return search.count(session, self.model, where if hint is None else and_(where, hint))

    def neighbours(self, session: Session, request: ListRequest, total: int, row_id: int) -> search.Neighbours | None:
        """Return the position and the neighbours of a row in the list, or None if the list does not contain it.

        Args:
            session: A reading session.
            request: What is asked for.
            total: The number of entries of the account.
            row_id: The id of the row.
        """
        where = self._where(self._candidates(session, request, total), request)
        return search.neighbours(session, self.model, where, _order(self.model, request), row_id, self.number)

    def where_and_order(self, request: ListRequest) -> tuple[ColumnElement[bool], Sequence[ColumnElement[Any]]]:
        """Return the condition and the sort order of the rows on all pages."""
        where = self._where(search.of_account(self.model, request.account_id), request)
        return where, [e.desc() if down else e.asc() for e, down in _order(self.model, request)]

    def _where(self, own: ColumnElement[bool], request: ListRequest) -> ColumnElement[bool]:
        """Return the condition of a request; `own` is the condition that selects the account's rows."""
        # The filters come first, because texts take longer to check.
        parts = [own, *self.filters(request)]
        if request.query.q:
            parts.append(search.matches_words(self.model.search, self._typed(request), self.meaning(request)))
        return and_(*parts)

    def _typed(self, request: ListRequest) -> str:
        return self.words(search.without_name(request.query.q, request.names))

    def _candidates(self, session: Session, request: ListRequest, total: int) -> ColumnElement[bool]:
        if not self.large:
            return search.of_account(self.model, request.account_id)
        q = self._typed(request)
        return search.search_candidates(session, self.model, request.account_id, total, q, self.meaning(request))


def _order(model: Any, request: ListRequest) -> search.Order:
    sorts = request.sort if isinstance(request.sort, tuple) else (request.sort,)
    return [(expression, request.query.descending) for expression in (*sorts, col(model.id))]
