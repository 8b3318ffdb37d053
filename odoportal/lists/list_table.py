"""A list, declared once: its columns, where its rows come from, and its texts.

The declaration drives the table and its sort menu, the cards on a phone, CSV, Excel and print. Texts are functions, called in the language
in use. A cell is whatever `ui.template` draws; this module does not look into it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any, Protocol

from sqlmodel import Session

from odoportal.core import i18n
from odoportal.core.folding import fold
from odoportal.lists.query import ListQuery, ListRules
from odoportal.lists.source import FoundRows, ListRequest
from odoportal.lists.table import CellKind, Column

Text = Callable[[], str]
"""Returns a text in the current language."""


@dataclass(frozen=True)
class FileColumn:
    """A column in CSV and Excel.

    Attributes:
        value: Returns the cell of a record (see `ListTable.records`); of a column that is spread, a tuple of cells.
        key: Its name in CSV; empty for the column's key.
        title: Its head in Excel; None for the column's title.
        kind: The type of its cells.
        total: Whether Excel shows its sum.
        words: Returns, by code, the text that Excel shows for it; CSV keeps the code.
        width: Its width in Excel; 0 for the default of its kind.
        before: The key of the column before which it stands in files; empty for its place in the table.
    """

    value: Callable[[Any], Any]
    key: str = ""
    title: Text | None = None
    kind: CellKind = CellKind.TEXT
    total: bool = False
    words: Callable[[], Mapping[str, str]] = dict
    width: int = 0
    before: str = ""


@dataclass(frozen=True)
class ListColumn:
    """A column of a list: everything that shows it.

    Attributes:
        key: Its name in addresses (`sort=…`), CSS classes (`table-col-…`) and CSV.
        title: Its head, and its name in the sort menu.
        cell: Draws the cell of a row in the table; None if only files have the column.
        card: Draws the column's part of a row's card on a phone; None if it has none.
        card_before: The key of the column before whose part it stands on the card; empty for its place in the table.
        sort: Returns what rows are sorted by: of a `ListSource`, an expression that is never NULL, or a tuple of them; None if the column
            cannot be sorted.
        computed: Whether the sort is computed from more than an index has, such as the day.
        right: Whether the head is aligned right.
        file: The column in files; None if it is only on the screen.
    """

    key: str
    title: Text
    cell: Callable[[Any], Any] | None = None
    card: Callable[[Any], Any] | None = None
    card_before: str = ""
    sort: Callable[[ListRequest], Any] | None = None
    computed: bool = False
    right: bool = False
    file: FileColumn | None = None


class RowSource(Protocol):
    """Finds the rows of a list: a `ListSource`, or a room's own for rows that are not read by SQL."""

    @property
    def states(self) -> tuple[str, ...]:
        """The states to filter by."""
        ...

    @property
    def texts(self) -> tuple[str, ...]:
        """The names of other text filters."""
        ...

    def find(self, session: Session, request: ListRequest) -> FoundRows:
        """Return the page that a query asks for."""
        ...


@dataclass(frozen=True)
class Records:
    """The rows of all pages, for a file.

    Attributes:
        rows: One record for each row; read once, from a session that stays open until the end.
        spread: For the key of a column, the columns that stand in its place in the file.
    """

    rows: Iterable[Any]
    spread: Mapping[str, Sequence[Column]] = field(default_factory=dict)


@dataclass(frozen=True)
class Selection:
    """The actions on selected rows.

    Attributes:
        file: The path that answers with a file of them (see `web.selection`).
        label: The name of that action.
        icon: Its icon.
        sums: Whether the rows have `cents`, whose sum is shown.
        more: Draws further actions over the page's view.
    """

    file: str
    label: Text
    icon: str
    sums: bool = False
    more: Callable[[Any], Any] | None = None


@dataclass(frozen=True)
class FilterChoice:
    """A filter that is chosen from the values that the account's records have.

    Attributes:
        name: Its name in the query; one of `RowSource.texts`.
        label: What is chosen.
        all: The choice of every record.
        values: Returns the values, from the session and the request. With fewer than two, nothing is offered.
    """

    name: str
    label: Text
    all: Text
    values: Callable[[Session, ListRequest], Sequence[str]]


@dataclass(frozen=True)
class ListTable:
    """A list of records.

    Attributes:
        path: The path of its page, without the language.
        title: Its name: the heading, the caption of the table, the name of its files.
        columns: Its columns, in the order of the table.
        default_sort: The key of a column, with a leading `-` for descending.
        source: Where its rows come from.
        view: Returns the page's view. Arguments: a reading session, the person, the request, the rows found, and the `ListView`.
        records: Returns the rows of all pages, from a reading session and the request; None if the list has no files.
        no_match: "No order", which goes before "matches …".
        searched: Says what a search without a match looked at, from the number of the account's entries; None for general advice.
        closest: Returns searches that would match, for one that does not; from the session and the request.
        nothing: The title of the list of a state, "" for all states, when the account has no entries in it.
        nothing_text: What to expect in the empty list.
        empty_icon: The icon of the empty list.
        hint: The placeholder of the search field.
        all: The name of the tab with every state.
        tabs: The names of the other tabs by state, in their order. Arguments: the entries by state.
        labels: The labels that a search finds, too, by what they stand for; see `ListRequest`.
        names: Returns what its documents are called in the current language, before their number: `Invoice`.
        dates: The name of the date filter; empty without one.
        choice: A filter that is chosen from a list of values.
        chips: The text of each other filter in force, from the session and the request; see `source.texts`.
        cls: CSS classes of the table.
        selection: What can be done with selected rows; None if rows cannot be selected.
    """

    path: str
    title: Text
    columns: Sequence[ListColumn]
    default_sort: str
    source: RowSource
    view: Callable[..., Any]
    no_match: Text
    nothing: Callable[[str], str]
    nothing_text: Text
    empty_icon: str
    hint: Text
    all: Text
    tabs: Callable[[Mapping[str, int]], Mapping[str, str]]
    records: Callable[[Session, ListRequest], Records] | None = None
    labels: Callable[[], Mapping[str, str]] = dict
    names: Callable[[], Sequence[str]] = tuple
    dates: Text = str
    choice: FilterChoice | None = None
    searched: Callable[[int], str] | None = None
    closest: Callable[[Session, ListRequest], Sequence[str]] = lambda _session, _request: ()
    chips: Callable[[Session, ListRequest], Mapping[str, str]] = lambda _session, _request: {}
    cls: str = ""
    selection: Selection | None = None

    @cached_property
    def rules(self) -> ListRules:
        """The values that the list query may contain."""
        sorts = tuple(column.key for column in self.columns if column.sort)
        return ListRules(sorts, self.default_sort, self.source.states, self.source.texts)

    @cached_property
    def _folded_names(self) -> Sequence[str]:
        found: list[str] = []
        for language in i18n.LANGUAGES:
            with i18n.use(language):
                found += map(fold, self.names())
        return found

    def request(self, account_id: int, query: ListQuery, language: str, today: date) -> ListRequest:
        """Return what a query asks for, in the current language, which is `language`."""
        labels = {key: "\n".join(map(fold, text.splitlines())) for key, text in self.labels().items()}
        request = ListRequest(account_id, query, language, today, labels, self._folded_names)
        sort, computed = next((column.sort, column.computed) for column in self.columns if column.sort and column.key == query.key)
        return replace(request, sort=sort(request), computed=computed)

    def card(self) -> list[Callable[[Any], Any]]:
        """Return what draws the parts of a row's card, in their order."""
        keys = _in_order({column.key: column.card_before for column in self.columns if column.card})
        return [column.card for key in keys for column in self.columns if column.key == key and column.card]

    def files(self) -> list[tuple[ListColumn, FileColumn]]:
        """Return the columns that files have, in their order."""
        keys = _in_order({column.key: column.file.before for column in self.columns if column.file})
        return [(column, column.file) for key in keys for column in self.columns if column.key == key and column.file]


def in_both_numbers(labels: Callable[[int], Mapping[str, str]]) -> Callable[[], Mapping[str, str]]:
    """Return the `labels` of a list from a function of labels for one or several records: a search finds either form."""

    def both() -> Mapping[str, str]:
        several = labels(2)
        return {key: f"{label}\n{several[key]}" for key, label in labels(1).items()}

    return both


def _in_order(before: Mapping[str, str]) -> list[str]:
    """Return keys in order, each that names another one right before it."""
    keys = [key for key, other in before.items() if not other]
    for key, other in before.items():
        if other:
            keys.insert(keys.index(other), key)
    return keys
