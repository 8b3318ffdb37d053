"""The list: tabs, page sizes, filters, search, a table on wide screens and cards on phones, pager, empty states."""

from dataclasses import dataclass
from html import escape
from typing import Any

import reflex as rx

from odoportal.core.i18n import t
from odoportal.lists.list_table import ListTable, Selection
from odoportal.ui.client import (
    Busy,
    ListForm,
    OnScreen,
    PageCheckbox,
    PageTitle,
    PrintButton,
    RowCheckbox,
    SearchForm,
    SelectionBar,
    SelectionForm,
)
from odoportal.ui.common import empty
from odoportal.ui.load_error import content_or_error
from odoportal.ui.page import page_url
from odoportal.ui.server_slots import live
from odoportal.ui.template import Bound, El, LiveOnly, Node, View, Wrapped, choose, each, el, icon, link, when, wrapped


def tabs(rows: Bound) -> Node:
    """Return the tabs over rows of `lists.view.Tab`."""

    def tab(row: Bound) -> Node:
        return link(row.text, el("span", row.count, cls="tabs-count"), to=row.url, aria_current=row.current)

    return el("nav", each(rows, lambda row: el("span", tab(row))), cls="tabs", aria_label=t("Show"))


def _hidden_fields(view: Bound) -> Node:
    return each(view.frame.hidden, lambda row: el("input", type="hidden", name=row.key, value=row.value))


def _options(rows: Bound) -> Node:
    return each(
        rows, lambda row: when(row.selected, el("option", row.text, value=row.key, selected=True), el("option", row.text, value=row.key))
    )


def _list_form(auto: bool, cls: str, *children: Node) -> Wrapped:
    """Draw a GET form over the list's address: a native form in the document, one that navigates in the page once the script has loaded."""
    return wrapped(ListForm, el("form", method="get", cls=cls), *children, auto=auto, class_name=cls)


def _size_form(view: Bound) -> Wrapped:
    select = el("select", _options(view.frame.sizes), name="size", data_plain="10", aria_label=t("Records per page"))
    submit = el("noscript", el("button", t("Show"), type="submit", cls="button button-second"))
    return _list_form(
        True,
        "toolbar-sizes tab",
        _hidden_fields(view),
        el("span", select, cls="field-select"),
        el("span", t("records"), cls="soft"),
        submit,
    )


def _date(name: str, label: str, value: Bound) -> El:
    field = el(
        "input", id=f"filter-{name}", type="date", name=name, defaultValue=value, min="1990-01-01", max="2099-12-31", cls="field-input"
    )
    return el("div", el("label", label, for_=f"filter-{name}"), field, cls="field")


def _filters(view: Bound, table: ListTable) -> tuple[El, El]:
    def choice(name: str, label: str, options: Bound, plain: Bound | str, cls: str = "field phone") -> El:
        select = el("select", _options(options), id=f"filter-{name}", name=name, data_plain=plain)
        return el("div", el("label", label, for_=f"filter-{name}"), el("span", select, cls="field-select"), cls=cls)

    dates, chosen = table.dates(), table.choice
    only_dates = (icon("calendar", cls="tab"), el("span", dates, cls="tab"))
    several = (icon("sliders-horizontal", cls="tab"), el("span", t("Filter"), cls="tab"))
    button = el(
        "button",
        icon("sliders-horizontal", cls="phone"),
        el("span", t("Sort and filter"), cls="phone"),
        when(view.frame.choices, several, only_dates) if chosen else only_dates,
        type="button",
        cls="toolbar-chip layout-grow" if dates else "toolbar-chip layout-grow phone",
        popoverTarget="filters",
    )
    days = el(
        "fieldset",
        el("legend", dates),
        el("div", _date("from", t("From"), view.frame.since), _date("to", t("To"), view.frame.until), cls="layout-duo"),
    )
    inner = _list_form(
        False,
        "list-filter",
        el("h2", t("Sort and filter"), cls="phone"),
        choice("sort", t("Sort by"), view.frame.sorts, view.frame.plain_sort),
        choice("size", t("Records per page"), view.frame.sizes, "10"),
        when(view.frame.choices, choice(chosen.name, chosen.label(), view.frame.choices, "", "field")) if chosen else None,
        days if dates else None,
        el(
            "div",
            el("button", t("Show"), type="submit", cls="button button-primary"),
            link(t("Clear filters"), to=view.frame.clear, cls="button button-plain"),
            cls="layout-row",
        ),
    )
    return button, el("div", inner, id="filters", popover="auto", cls="menu menu-sheet", role="dialog", aria_label=t("Sort and filter"))


def _chips(view: Bound) -> Node:
    def chip(row: Bound) -> El:
        return el(
            "li",
            link(row.text, icon("x", small=True), el("span", t("Remove this filter"), cls="sr"), to=row.url, cls="toolbar-chip toolbar-on"),
        )

    return when(view.frame.chips, el("ul", each(view.frame.chips, chip), cls="toolbar-chips", aria_label=t("Active filters")))


def _header_cell(row: Bound) -> El:
    shapes = {"ascending": "arrow-up", "descending": "arrow-down", "none": "chevrons-up-down"}
    arrow = choose(row.shape, {name: icon(shape, small=True) for name, shape in shapes.items()})
    return el("th", when(row.url, link(row.text, arrow, to=row.url), row.text), scope="col", cls=row.cls, aria_sort=row.sort)


def row_checkbox(row: Bound, sums: bool = True) -> Wrapped:
    """Return the checkbox that selects a row; `sums` as in `Selection`."""
    return wrapped(RowCheckbox, el("span"), number=row.number, cents=row.cents if sums else 0, label=t("Select"))


def _select_cell(row: Bound, selection: Selection) -> El:
    return el("td", row_checkbox(row, selection.sums), cls="table-col-pick")


def _select_page_cell(view: Bound) -> El:
    return el("td", wrapped(PageCheckbox, el("span"), rows=view.pairs, label=t("Select this page")), cls="table-col-pick")


def _selection(view: Bound, selection: Selection) -> Wrapped:
    texts = {
        "one": t("{n} row selected", n="{n}"),
        "many": t("{n} rows selected", n="{n}"),
        "all": t("Select all {n} that match", n="{n}"),
        "clear": t("Clear"),
        "file": selection.label(),
        "progress": t("{n} of {total}", n="{n}", total="{total}"),
        "stop": t("Stop"),
        "stopped": t("Stopped. Nothing was saved."),
        "saved": t("{name} has been saved.", name="{name}"),
        "failed": t("The file could not be downloaded. Try again in a moment."),
    }
    return wrapped(
        SelectionBar,
        el("span"),
        selection.more(view) if selection.more else None,
        total=view.frame.count,
        action=page_url(selection.file),
        region=view.frame.region,
        sums=selection.sums,
        texts=texts,
        icon=View(lambda _: icon(selection.icon)).component(None),
    )


def selection_form(name: str, *children: Node) -> Wrapped:
    """Return a button of the selection bar that sends the selected rows to a form of the page.

    Its fields are `numbers`, one a line; or `every` and `query`, for all rows that the list's query finds.
    """
    failed = t("Something went wrong on our side. Nothing was lost. Try again in a moment.")
    return wrapped(SelectionForm, el("span", hidden=True), *children, name=name, failed=failed)


def export_menu(view: Bound) -> Node:
    """Return the button and the menu that export the list as it is filtered and sorted, unless the account has no entries."""
    button = el(
        "button",
        icon("download"),
        t("Export"),
        icon("chevron-down", small=True),
        type="button",
        cls="button button-second",
        popoverTarget="export-menu",
    )
    menu = el(
        "div",
        el("p", t("As filtered and sorted")),
        el("a", icon("file-text"), t("CSV, for programs"), href=view.frame.csv, data_out=True),
        el("a", icon("file-spreadsheet"), "Excel (.xlsx)", href=view.frame.xlsx, data_out=True),
        LiveOnly(lambda: PrintButton.create(View(lambda _: icon("printer")).component(None), t("Print the list"))),
        id="export-menu",
        popover="auto",
        cls="menu menu-export",
    )
    return choose(view.frame.empty, {"nothing": None}, (button, menu))


def _pager(view: Bound) -> Node:
    def step(to: Bound, shape: str, name: str) -> Node:
        return when(to, link(icon(shape), to=to, aria_label=name), el("span", icon(shape), aria_disabled="true", cls="pager-off"))

    def page(row: Bound) -> Node:
        here = link(row.text, to=row.url, aria_current="page", aria_label=row.label)
        return el(
            "li",
            when(row.url, when(row.current, here, link(row.text, to=row.url, aria_label=row.label)), el("span", row.text, cls="pager-gap")),
        )

    pages = el(
        "ul",
        el("li", step(view.frame.previous, "chevron-left", t("Previous page"))),
        each(view.frame.pages, page),
        el("li", step(view.frame.next, "chevron-right", t("Next page"))),
        cls="pager",
    )
    return el("nav", pages, aria_label=t("Pages"))


def _rows(view: Bound, table: ListTable) -> Node:
    title, cells, card = table.title(), [column.cell for column in table.columns if column.cell], table.card()
    selection = table.selection
    drawn = el(
        "table",
        el("caption", title, cls="sr"),
        el("thead", el("tr", _select_page_cell(view) if selection else None, each(view.frame.heads, _header_cell))),
        el(
            "tbody",
            each(
                view.rows,
                lambda row: el("tr", _select_cell(row, selection) if selection else None, *(cell(row) for cell in cells), data_row=row.key),
            ),
        ),
        cls=f"list {table.cls}",
    )
    region = {"role": "region", "tabIndex": 0, "aria-label": title}
    served = el("div", cls="table-scroll", role="region", tabIndex=0, aria_label=title)
    scroll = wrapped(OnScreen, served, drawn, as_="div", on="wide", class_name="table-scroll", custom_attrs=region)
    rows = each(view.rows, lambda row: el("li", *(part(row) for part in card), cls="table-card", data_row=row.key))
    cards = wrapped(OnScreen, el("ul", cls="list-cards"), rows, as_="ul", on="narrow", class_name="list-cards")
    shown = el("p", view.frame.showing, el("span", " ", view.frame.as_of, cls="list-asof"))
    foot = el("div", shown, el("span", cls="push"), _pager(view), cls="list-foot")
    return el("div", _selection(view, selection) if selection else None, scroll, cards, foot)


def _table(view: Bound, table: ListTable) -> Node:
    clear = link(t("Clear search and filters"), to=view.frame.clear, cls="button button-second")
    near = each(view.frame.closest, lambda row: el("span", link(row.text, to=row.url), " "))
    text = (view.frame.empty_text, when(view.frame.closest, (" ", t("Closest:"), " ", near)))
    return choose(
        view.frame.empty,
        {
            "nothing": el("div", empty(table.empty_icon, view.frame.empty_title, view.frame.empty_text), data_empty="nothing"),
            "no-match": empty("filter-x", view.frame.empty_title, text, clear),
        },
        _rows(view, table),
    )


def skeleton(table: ListTable) -> str:
    """Return the HTML of placeholder rows, as high as real ones, and of placeholder cards, for a list that is not loaded yet."""
    columns = [column for column in table.columns if column.cell]
    heads = "".join(f'<th scope="col" class="table-col-{column.key}">{escape(column.title())}</th>' for column in columns)
    bar = '<span class="skeleton-bar"></span>'
    row, card = f"<tr>{f'<td>{bar}</td>' * len(columns)}</tr>", f'<li class="table-card">{bar * 3}</li>'
    rows = f'<table class="list skeleton-table"><thead><tr>{heads}</tr></thead><tbody>{row * 10}</tbody></table>'
    return f'<div aria-busy="true"><div class="table-scroll">{rows}</div><ul class="list-cards">{card * 5}</ul></div>'


TABS = View(lambda view: choose(view.frame.empty, {"nothing": None}, tabs(view.frame.tabs)))
CHIPS = View(_chips)


@dataclass(frozen=True)
class ListCard:
    """The card of a list, drawn from its columns in the same way live and in the document."""

    table: ListTable
    tools: View
    rows: View

    @classmethod
    def of(cls, table: ListTable) -> "ListCard":
        """Create the card of a list in the current language."""
        tools = View(lambda view: (_size_form(view), el("span", cls="push tab"), *_filters(view, table)))
        return cls(table, tools, View(lambda view: _table(view, table)))

    def html(self, view: object) -> dict[str, str]:
        """Return the HTML that the server writes into a document, by slot."""
        return {"tabs": TABS.html(view), "tools": self.tools.html(view), "chips": CHIPS.html(view), "rows": self.rows.html(view)}

    def component(self, state: Any) -> rx.Component:
        """Return the live card over a list's state (see `pages.list_page`)."""
        search = SearchForm.create(
            label=t("Search:"),
            hint=self.table.hint(),
            clear=t("Clear the search"),
            icon=View(lambda _: icon("search")).component(None),
            cross=View(lambda _: icon("x", small=True)).component(None),
        )
        frame = state.view.frame
        rows = live("rows", self.rows, state.view, state.filled, skeleton(self.table))
        return rx.el.section(
            live("tabs", TABS, state.view, state.filled),
            rx.el.div(live("tools", self.tools, state.view, state.filled), search, class_name="toolbar"),
            live("chips", CHIPS, state.view, state.filled),
            content_or_error(state.failed, t("The list could not be loaded."), state.retry, Busy.create(rows, version=state.version)),
            rx.el.p(rx.cond(frame.empty != "", frame.empty_title, frame.showing), role="status", class_name="sr"),
            PageTitle.create(text=rx.cond(state.view.details.title != "", state.view.details.title, frame.title)),
            class_name="card card-list",
        )
