"""The view shared by all lists: tabs, sizes, heads, pager, filter chips, and the texts of an empty list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from odoportal.core import clock
from odoportal.core.i18n import Formats, t
from odoportal.lists.query import SIZES, ListQuery, PageWindow


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

    `empty` is "" with rows, "nothing" for an account without entries, and "no-match" if search or filters hide all entries.
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
    clear: str = ""
    as_of: str = ""
    title: str = ""
    count: int = 0
    region: str = "fr-CA"
    csv: str = ""
    xlsx: str = ""


@dataclass(frozen=True)
class ListTexts:
    """The texts of one list, and its path with the language.

    `columns` are its heads in order: key, text, and whether it is right-aligned. A column can be sorted if its key is in the list's rules.
    """

    name: str
    path: str
    columns: Sequence[tuple[str, str, bool]]
    tabs: Sequence[tuple[str, str]]
    no_match: str
    nothing: str
    dates: str
    chips: Mapping[str, str] = field(default_factory=dict)
    """The label of each text filter when active, by its name."""


def list_view(
    query: ListQuery, shown: PageWindow, account_total: int, formats: Formats, texts: ListTexts, counts: Mapping[str, int]
) -> ListView:
    """Return the view of a list, in the current language.

    Args:
        query: the list's query.
        shown: the page to show, of the entries found.
        account_total: entries of the account without search and filters.
        formats: the person's formats.
        texts: the texts of this list.
        counts: entries in each state; under the empty name, all of them.
    """
    number = formats.number
    found = query.url(open="")
    return ListView(
        url=query.url(),
        total=number(shown.total),
        tabs=[
            Tab(k or "all", text, number(counts[k]), query.url(state=k), "true" if query.state == k else "false") for k, text in texts.tabs
        ],
        sizes=[Option(str(s), str(s), s == query.size) for s in SIZES],
        sorts=_sorts(query, texts),
        plain_sort=query.rules.default_sort,
        heads=[_head(query, *column) for column in texts.columns],
        chips=_chips(query, formats, texts),
        hidden=[Hidden(k, v) for k, v in query.values().items() if k not in {"page", "open", "size"}],
        q=query.q,
        since=query.since.isoformat() if query.since else "",
        until=query.until.isoformat() if query.until else "",
        showing=t(
            "Showing {first} to {last} of {total} entries", first=number(shown.first), last=number(shown.last), total=number(shown.total)
        ),
        pages=_pages(query, shown, formats),
        previous=query.url(page=shown.page - 1, open="") if shown.page > 1 else "",
        next=query.url(page=shown.page + 1, open="") if shown.page < shown.pages else "",
        several=shown.pages > 1,
        empty="" if shown.total else "no-match" if account_total else "nothing",
        empty_title=_empty_title(query, account_total, texts) if not shown.total else "",
        clear=query.url(q="", state="", since=None, until=None, texts={}),
        count=shown.total,
        region=formats.region,
        csv=f"{texts.path}.csv{found}",
        xlsx=f"{texts.path}.xlsx{found}",
        as_of=t("as of {time}", time=formats.time(clock.now())),
        title=t("{list}, page {page} of {pages}", list=texts.name, page=number(shown.page), pages=number(shown.pages))
        if shown.pages > 1
        else texts.name,
    )


def _head(query: ListQuery, key: str, text: str, right: bool) -> Head:
    cls = f"c-{key} r" if right else f"c-{key}"
    if key not in query.rules.sorts:
        return Head(key, text, "", None, "", cls)
    direction = "descending" if query.descending else "ascending"
    return Head(key, text, query.sorted_by(key), direction if query.key == key else None, direction if query.key == key else "none", cls)


def _sorts(query: ListQuery, texts: ListTexts) -> list[Option]:
    names = {key: text for key, text, _ in texts.columns}
    return [
        Option(
            sort,
            (t("{column}, descending") if sort[0] == "-" else t("{column}, ascending")).format(column=names[sort.removeprefix("-")]),
            query.sort == sort,
        )
        for key in query.rules.sorts
        for sort in (f"-{key}", key)
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


def _chips(query: ListQuery, formats: Formats, texts: ListTexts) -> list[Chip]:
    chips = [Chip(name, texts.chips[name], query.url(texts={k: v for k, v in query.texts.items() if k != name})) for name in query.texts]
    if query.since or query.until:
        if query.since and query.until:
            span = t("{first} to {last}", first=formats.day(query.since), last=formats.day(query.until))
        elif query.since:
            span = t("from {day}", day=formats.day(query.since))
        else:
            span = t("until {day}", day=formats.day(query.until or clock.today()))
        chips.append(Chip("dates", f"{texts.dates} {span}", query.url(since=None, until=None)))
    return chips


def _empty_title(query: ListQuery, account_total: int, texts: ListTexts) -> str:
    if not account_total:
        return texts.nothing
    return (
        t("{nothing} matches “{query}”", nothing=texts.no_match, query=query.q)
        if query.q
        else t("{nothing} matches these filters", nothing=texts.no_match)
    )
