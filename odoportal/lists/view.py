"""The view shared by all lists: tabs, sizes, heads, pager, filter chips, and the texts of an empty list."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, TypedDict

from sqlmodel import Session

from odoportal.core import clock
from odoportal.core.i18n import Formats, t, tn
from odoportal.core.identity import Identity
from odoportal.lists.list_table import ListColumn, ListTable
from odoportal.lists.query import SIZES, ListQuery, PageWindow
from odoportal.lists.search import Neighbours
from odoportal.lists.source import FoundRows, ListRequest


@dataclass(frozen=True)
class Tab:
    """A state to filter by, with its number of entries."""

    key: str
    text: str
    count: str
    url: str
    current: str


@dataclass(frozen=True)
class Head:
    """A column's head.

    Attributes:
        sort: the value of `aria-sort`, None except on the sorted column.
        url: the address of a click; empty if the column cannot be sorted.
    """

    key: str
    text: str
    url: str
    sort: str | None
    shape: str
    cls: str


@dataclass(frozen=True)
class PageLink:
    """A page of the pager. A gap has no address."""

    key: str
    text: str
    url: str
    current: bool
    label: str


@dataclass(frozen=True)
class Option:
    """An option of a select."""

    key: str
    text: str
    selected: bool


@dataclass(frozen=True)
class Chip:
    """An active filter, and the address without it."""

    key: str
    text: str
    url: str


@dataclass(frozen=True)
class Hidden:
    """A value of the address that a form sends along in a hidden field."""

    key: str
    value: str


@dataclass(frozen=True)
class ListView:
    """The view of a list without its rows.

    `empty` is "" with rows, "nothing" for an account without entries, and "no-match" if search or filters hide all entries; then `closest`
    are searches that would match. `choices` are the values of the list's `FilterChoice`, without any if there is nothing to choose.
    """

    url: str = ""
    total: str = ""
    tabs: list[Tab] = field(default_factory=list)
    sizes: list[Option] = field(default_factory=list)
    sorts: list[Option] = field(default_factory=list)
    plain_sort: str = ""
    heads: list[Head] = field(default_factory=list)
    chips: list[Chip] = field(default_factory=list)
    hidden: list[Hidden] = field(default_factory=list)
    q: str = ""
    since: str = ""
    until: str = ""
    showing: str = ""
    pages: list[PageLink] = field(default_factory=list)
    previous: str = ""
    next: str = ""
    several: bool = False
    empty: str = ""
    empty_title: str = ""
    empty_text: str = ""
    closest: list[Chip] = field(default_factory=list)
    choices: list[Option] = field(default_factory=list)
    clear: str = ""
    as_of: str = ""
    title: str = ""
    count: int = 0
    region: str = "fr-CA"
    csv: str = ""
    xlsx: str = ""


@dataclass(frozen=True)
class DetailsView:
    """The record that is open in a dialog on top of its list.

    Attributes:
        asked: What the address asks for; empty if no record is open.
        number: The record's number; empty if the account has no such record.
        title: The title of the page while it is open.
        previous: The address of the record before it; empty at the start of the list.
        next: The address of the record after it; empty at the end of the list.
        close: The address of the list.
    """

    asked: str = ""
    title: str = ""
    number: str = ""
    previous: str = ""
    next: str = ""
    close: str = ""


class DetailsFrame(TypedDict):
    """The values of a `DetailsView`, typed, so that a room's own details can take them by `**`."""

    asked: str
    title: str
    number: str
    previous: str
    next: str
    close: str


def details_frame(query: ListQuery, title: str = "", number: str = "", found: Neighbours | None = None) -> DetailsFrame:
    """Return the values of a `DetailsView`, for the details of a room to be built with.

    Args:
        query: The list query, which names the open record.
        title: The title of the page while the record is open.
        number: The record's number; empty if the account has no such record.
        found: The neighbours of the record in the list, or None if the list does not contain it.
    """

    def url(neighbour: str, index: int) -> str:
        return query.url(open=neighbour, page=index // query.size + 1) if neighbour else ""

    return DetailsFrame(
        asked=query.open,
        title=title,
        number=number,
        previous=url(found.previous, found.index - 1) if found else "",
        next=url(found.next, found.index + 1) if found else "",
        close=query.url(open=""),
    )


def list_view(table: ListTable, session: Session, who: Identity, request: ListRequest, found: FoundRows) -> ListView:
    """Return the view of a list without its rows, in the current language.

    Args:
        table: The list.
        session: A reading session.
        who: The signed-in person, whose formats are used.
        request: What is asked for.
        found: The rows found.
    """
    query, shown, formats = request.query, found.window, Formats(who.region)
    number, title = formats.number, table.title()
    path, files = f"/{request.language}{table.path}", query.url(open="")
    tabs = {"": table.all(), **table.tabs(found.counts)}
    everything = replace(query, q="", state="", since=None, until=None, texts={}, page=1, open="")
    return ListView(
        url=query.url(),
        total=number(shown.total),
        tabs=[
            Tab(k or "all", text, number(found.counts[k]), query.url(state=k), "true" if query.state == k else "false")
            for k, text in tabs.items()
        ],
        sizes=[Option(str(s), str(s), s == query.size) for s in SIZES],
        sorts=_sorts(query, table),
        plain_sort=table.default_sort,
        heads=[_head(query, column) for column in table.columns if column.cell],
        chips=_chips(query, formats, table, table.chips(session, request)),
        hidden=[Hidden(k, v) for k, v in query.values().items() if k not in {"page", "open", "size"}],
        q=query.q,
        since=query.since.isoformat() if query.since else "",
        until=query.until.isoformat() if query.until else "",
        showing=tn(
            "Showing {first} to {last} of {total} entries",
            "Showing {first} to {last} of {total} entries",
            shown.total,
            first=number(shown.first),
            last=number(shown.last),
            total=number(shown.total),
        ),
        pages=_pages(query, shown, formats),
        previous=query.url(page=shown.page - 1, open="") if shown.page > 1 else "",
        next=query.url(page=shown.page + 1, open="") if shown.page < shown.pages else "",
        several=shown.pages > 1,
        empty="" if shown.total else "no-match" if found.account_total else "nothing",
        empty_title=_empty_title(query, found.account_total, table) if not shown.total else "",
        empty_text=_empty_text(query, found.account_total, table) if not shown.total else "",
        closest=[Chip(q, q, everything.url(q=q)) for q in table.closest(session, request)] if not shown.total and query.q else [],
        choices=_choices(session, request, table) if found.account_total else [],
        clear=everything.url(),
        count=shown.total,
        region=formats.region,
        csv=f"{path}.csv{files}",
        xlsx=f"{path}.xlsx{files}",
        as_of=t("as of {time}", time=formats.time(clock.now())),
        title=t("{list}, page {page} of {pages}", list=title, page=number(shown.page), pages=number(shown.pages))
        if shown.pages > 1
        else title,
    )


def page_view(table: ListTable, session: Session, who: Identity, query: ListQuery, language: str, today: date) -> Any:
    """Return the view of a list's page for a query: what the room's `ListTable.view` makes of the rows found.

    Args:
        table: The list.
        session: A reading session.
        who: The signed-in person, whose account and formats are used.
        query: The list query.
        language: The page's language; it must be the current one.
        today: The business day.
    """
    request = table.request(who.account.account_id, query, language, today)
    found = table.source.find(session, request)
    return table.view(session, who, request, found, list_view(table, session, who, request, found))


def _head(query: ListQuery, column: ListColumn) -> Head:
    key, text = column.key, column.title()
    cls = f"table-col-{key} r" if column.right else f"table-col-{key}"
    if not column.sort:
        return Head(key, text, "", None, "", cls)
    direction = "descending" if query.descending else "ascending"
    return Head(key, text, query.sorted_by(key), direction if query.key == key else None, direction if query.key == key else "none", cls)


def _sorts(query: ListQuery, table: ListTable) -> list[Option]:
    return [
        Option(
            sort,
            (t("{column}, descending") if sort[0] == "-" else t("{column}, ascending")).format(column=column.title()),
            query.sort == sort,
        )
        for column in table.columns
        if column.sort
        for sort in (f"-{column.key}", column.key)
    ]


def _pages(query: ListQuery, shown: PageWindow, formats: Formats) -> list[PageLink]:
    links: list[PageLink] = []
    for position, number in enumerate(shown.numbers()):
        if number == 0:
            links.append(PageLink(f"gap{position}", "…", "", False, ""))
            continue
        number_text = formats.number(number)
        links.append(
            PageLink(
                str(number), number_text, query.url(page=number, open=""), number == shown.page, t("Page {number}", number=number_text)
            )
        )
    return links


def _chips(query: ListQuery, formats: Formats, table: ListTable, texts: Mapping[str, str]) -> list[Chip]:
    chips = [Chip(name, texts[name], query.url(texts={k: v for k, v in query.texts.items() if k != name})) for name in query.texts]
    if query.since or query.until:
        if query.since and query.until:
            span = t("{first} to {last}", first=formats.day(query.since), last=formats.day(query.until))
        elif query.since:
            span = t("from {day}", day=formats.day(query.since))
        else:
            span = t("until {day}", day=formats.day(query.until or clock.today()))
        chips.append(Chip("dates", f"{table.dates()} {span}", query.url(since=None, until=None)))
    return chips


def _choices(session: Session, request: ListRequest, table: ListTable) -> list[Option]:
    if table.choice is None:
        return []
    values, chosen = table.choice.values(session, request), request.query.texts.get(table.choice.name, "")
    return [Option(value, value or table.choice.all(), value == chosen) for value in ("", *values)] if len(values) > 1 else []


def _empty_text(query: ListQuery, account_total: int, table: ListTable) -> str:
    if not account_total:
        return table.nothing_text()
    if not query.q:
        return t("Clear a filter to see more.")
    return table.searched(account_total) if table.searched else t("Check the spelling, or search with fewer words.")


def _empty_title(query: ListQuery, account_total: int, table: ListTable) -> str:
    if not account_total:
        return table.nothing(query.state)
    return (
        t("{nothing} matches “{query}”", nothing=table.no_match(), query=query.q)
        if query.q
        else t("{nothing} matches these filters", nothing=table.no_match())
    )
