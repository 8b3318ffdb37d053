"""The query of a list, read from its address: search, sort, page, size, filters and the open record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from urllib.parse import urlencode

SIZES = (10, 25, 50, 100)
LONGEST_SEARCH = 100
LONGEST_VALUE = 40
LAST_PAGE = 1_000_000


@dataclass(frozen=True)
class ListRules:
    """The values that a list's query may contain.

    Attributes:
        sorts: the sort keys, which are never column names.
        default_sort: a sort key, with a leading `-` for descending.
        states: the states to filter by.
        texts: the names of other text filters.
    """

    sorts: tuple[str, ...]
    default_sort: str
    states: tuple[str, ...]
    texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class ListQuery:
    """The validated query of a list. Invalid values are ignored, so a wrong address shows the default list."""

    rules: ListRules
    q: str = ""
    sort: str = ""
    page: int = 1
    size: int = 10
    state: str = ""
    since: date | None = None
    until: date | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    open: str = ""
    account: str = ""

    @classmethod
    def parse(cls, rules: ListRules, values: Mapping[str, str]) -> "ListQuery":
        """Read the query of an address.

        Args:
            rules: the rules of this list.
            values: the decoded query values; the last one counts where a name is repeated.
        """
        sort = values.get("sort", "")
        state = values.get("state", "")
        size = values.get("size", "")
        return cls(
            rules,
            q=_clean(values.get("q", ""), LONGEST_SEARCH),
            sort=sort if sort.removeprefix("-") in rules.sorts else rules.default_sort,
            page=_number(values.get("page", ""), LAST_PAGE),
            size=int(size) if size in {str(s) for s in SIZES} else SIZES[0],
            state=state if state in rules.states else "",
            since=_day(values.get("from", "")),
            until=_day(values.get("to", "")),
            texts={k: v for k in rules.texts if (v := _clean(values.get(k, ""), LONGEST_VALUE))},
            open=_clean(values.get("open", ""), LONGEST_VALUE),
            account=_clean(values.get("account", ""), LONGEST_VALUE),
        )

    @property
    def key(self) -> str:
        """The sort key without its direction."""
        return self.sort.removeprefix("-")

    @property
    def descending(self) -> bool:
        """Whether the largest or newest entries come first."""
        return self.sort.startswith("-")

    @property
    def narrowed(self) -> bool:
        """Whether a search or filter hides rows."""
        return bool(self.q or self.state or self.since or self.until or self.texts)

    def values(self) -> dict[str, str]:
        """Return the query's values as written in an address: only those that differ from the default list."""
        all_values = {
            "account": self.account,
            "q": self.q,
            "sort": self.sort if self.sort != self.rules.default_sort else "",
            "page": str(self.page) if self.page > 1 else "",
            "size": str(self.size) if self.size != SIZES[0] else "",
            "state": self.state,
            "from": self.since.isoformat() if self.since else "",
            "to": self.until.isoformat() if self.until else "",
            **self.texts,
            "open": self.open,
        }
        return {k: v for k, v in all_values.items() if v}

    def url(self, **changes: object) -> str:
        """Return the address after a change, relative to the list's path. Changes other than of `page` and `open` go to page 1."""
        if not changes.keys() <= {"page", "open"}:
            changes = {"page": 1, "open": "", **changes}
        written = urlencode(replace(self, **changes).values())  # type: ignore[arg-type]
        return f"?{written}"

    def sorted_by(self, key: str) -> str:
        """Return the address for a click on a column's head: the column's default direction first, then the other."""
        first, second = (
            (f"-{key}", key) if key == self.rules.default_sort.removeprefix("-") and self.rules.default_sort[0] == "-" else (key, f"-{key}")
        )
        return self.url(sort=second if self.sort == first else first)


@dataclass(frozen=True)
class PageWindow:
    """One page of a list of `total` entries."""

    page: int
    size: int
    total: int

    @property
    def pages(self) -> int:
        """The number of pages, at least one."""
        return max(1, -(-self.total // self.size))

    @property
    def first(self) -> int:
        """The number of the first entry shown, 0 in an empty list."""
        return (self.page - 1) * self.size + 1 if self.total else 0

    @property
    def last(self) -> int:
        """The number of the last entry shown."""
        return min(self.page * self.size, self.total)

    @property
    def offset(self) -> int:
        """The number of entries before this page."""
        return (self.page - 1) * self.size

    def numbers(self) -> Sequence[int]:
        """Return the page numbers to show, with 0 for a gap."""
        if self.pages <= 5:
            return range(1, self.pages + 1)
        wanted = {1, self.pages, self.page - 1, self.page, self.page + 1} & set(range(1, self.pages + 1))
        wanted |= {2, 3} if self.page <= 2 else {self.pages - 1, self.pages - 2} if self.page >= self.pages - 1 else set()
        numbers: list[int] = []
        for number in sorted(wanted):
            if numbers and number - numbers[-1] > 1:
                numbers.append(0 if number - numbers[-1] > 2 else number - 1)
            numbers.append(number)
        return numbers


def page_to_show(query: ListQuery, total: int) -> PageWindow:
    """Return the page to show: the last one if the query asks for a page beyond it."""
    pages = PageWindow(1, query.size, total).pages
    return PageWindow(min(query.page, pages), query.size, total)


def _clean(text: str, longest: int) -> str:
    return "".join(c for c in text if c.isprintable() or c in "\u00a0\u202f").strip()[:longest].strip()


def _number(text: str, largest: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 7 and 1 <= int(text) <= largest else 1


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None
