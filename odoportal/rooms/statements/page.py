"""The statement page: a period, its movements between two balances, and the open amounts by age."""

from collections.abc import Mapping

import reflex as rx

from odoportal.core import clock, database, i18n
from odoportal.core.i18n import t
from odoportal.core.identity import Identity, require_identity
from odoportal.lists.query import ListQuery
from odoportal.pages.layout import private_page
from odoportal.pages.list_page import ListState
from odoportal.pages.state import SessionState
from odoportal.pages.view_state import unfilled
from odoportal.rooms.statements.view import RULES, StatementView, statement_view
from odoportal.ui.client import Busy, ListForm, PageTitle
from odoportal.ui.load_error import content_or_error
from odoportal.ui.server_slots import live
from odoportal.ui.template import Bound, El, Node, View, each, el, icon, link, when, wrapped
from odoportal.web.page import PageRequest


def _presets(view: Bound) -> Node:
    tabs = each(view.presets, lambda row: el("span", link(row.text, to=row.url, aria_current=row.current)))
    return el("nav", tabs, cls="tabs", aria_label=t("Period"))


def _date(name: str, label: str, value: Bound, plain: Bound) -> El:
    field = el(
        "input",
        id=f"statement-{name}",
        type="date",
        name=name,
        defaultValue=value,
        data_plain=plain,
        min="1990-01-01",
        max="2099-12-31",
        cls="field-input",
    )
    return el("div", el("label", label, for_=f"statement-{name}"), field, cls="field")


def _period(view: Bound) -> Node:
    return wrapped(
        ListForm,
        el("form", method="get", cls="statements-period"),
        each(view.hidden, lambda row: el("input", type="hidden", name=row.key, value=row.value)),
        _date("from", t("From"), view.since, view.plain_since),
        _date("to", t("To"), view.until, view.plain_until),
        el("button", t("Show"), type="submit", cls="button button-second"),
        auto=False,
        class_name="statements-period",
    )


def _files(view: Bound) -> Node:
    def file(picture: str, name: str, href: Bound) -> El:
        hidden = el("span", " ", t("Statement"), cls="sr")
        return el("a", icon(picture), name, hidden, href=href, cls="button button-second", data_out=True)

    return el(
        "div",
        file("file-spreadsheet", "Excel", view.xlsx),
        file("file-down", "PDF", view.pdf),
        file("file-text", t("CSV, for programs"), view.csv),
        cls="layout-row",
    )


def _sums(view: Bound) -> Node:
    def fact(name: str, value: Bound, cls: str = "") -> El:
        return el("div", el("dt", name), el("dd", value), cls=cls)

    return el(
        "dl",
        fact(t("Opening balance"), view.opening),
        fact(t("Invoiced"), view.charged),
        fact(t("Paid and credited"), view.credited),
        fact(t("Closing balance"), view.closing, "b"),
        cls="statements-balances",
    )


def _movements(view: Bound) -> Node:
    # A phone shows two columns: the day is under the name, the balance under the amount.
    def row(move: Bound) -> El:
        name = when(move.url, link(move.name, to=move.url), el("span", move.name))
        return el(
            "tr",
            el("td", move.date, cls="nw tab"),
            el(
                "td", name, el("span", move.date, cls="phone document-note nw"), when(move.note, el("span", move.note, cls="document-note"))
            ),
            el("td", move.amount, el("span", move.balance, cls="phone document-note"), cls="r nw"),
            el("td", move.balance, cls="r nw tab"),
        )

    def balance(name: str, day: Bound, amount: Bound) -> El:
        return el(
            "tr",
            el("td", day, cls="nw tab"),
            el("th", name, el("span", day, cls="phone document-note nw"), scope="row"),
            el("td", el("span", amount, cls="phone"), cls="r nw b"),
            el("td", amount, cls="r nw b tab"),
        )

    head = el(
        "tr",
        el("th", t("Date"), scope="col", cls="tab"),
        el("th", t("Transaction"), scope="col"),
        el("th", t("Amount"), el("span", t("Balance"), cls="phone document-note"), scope="col", cls="r"),
        el("th", t("Balance"), scope="col", cls="r tab"),
    )
    older = el(
        "tr",
        el("td", cls="tab"),
        el("td", view.older, cls="soft"),
        el("td", view.older_amount, el("span", view.carried, cls="phone document-note"), cls="r nw soft"),
        el("td", view.carried, cls="r nw tab soft"),
    )
    none = el("tr", el("td", cls="tab"), el("td", t("No transactions in this period."), colSpan=3, cls="soft"))
    body = el(
        "tbody",
        balance(t("Opening balance"), view.since, view.opening),
        when(view.older, older),
        when(view.rows, each(view.rows, row), none),
        balance(t("Closing balance"), view.until, view.closing),
    )
    caption = el("caption", el("h2", t("Transactions")), " ", el("span", view.period, cls="muted statements-over"))
    return el("table", caption, el("thead", head), body, cls="document-table statements-movements")


def _aging(view: Bound) -> Node:
    def row(name: Node, amount: Bound, cls: str = "") -> El:
        return el("tr", el("th", name, scope="row"), el("td", amount, cls="r nw"), cls=cls)

    head = el("tr", el("th", t("Due"), scope="col"), el("th", t("Outstanding"), scope="col", cls="r"))
    being_paid = (row(t("You owe"), view.owed, "b"), row(t("Payments being processed"), view.being_paid))
    body = el(
        "tbody",
        each(view.aging, lambda age: row(age.text, age.amount)),
        when(view.owed, being_paid),
        row(t("Total outstanding"), view.unpaid, "b"),
        when(view.credit, row(t("Credit on account"), view.credit)),
        row(t("Closing balance"), view.closing, "b"),
    )
    caption = el("caption", el("h2", t("Aging")), el("span", view.aged, cls="muted statements-over"))
    return el("table", caption, el("thead", head), body, cls="document-table statements-aging")


def _statement(view: Bound) -> Node:
    return el(
        "div", _sums(view), el("div", _movements(view), cls="card-pad"), el("div", _aging(view), cls="card-pad"), cls="statements-account"
    )


HEADING = View(lambda view: el("h1", t("Statement"), " ", el("span", view.period, cls="statements-over")))
FILES = View(_files)
PRESETS = View(_presets)
PERIOD = View(_period)
STATEMENT = View(_statement)


def _skeleton() -> str:
    bars = '<span class="skeleton-bar"></span>' * 3
    return (
        f'<div class="statements-account" aria-busy="true"><div class="card-pad">{bars * 4}</div><div class="card-pad">{bars}</div></div>'
    )


async def fetch_statement(who: Identity, given: Mapping[str, str], language: str) -> StatementView:
    """Return the view of the statement for the query values of the address, in the page's language."""
    with i18n.use(language):
        return await database.read(statement_view, who, ListQuery.parse(RULES, given), language, clock.today())


class Statements(ListState, SessionState):
    """The statement of one period."""

    view: StatementView = unfilled(StatementView())

    async def _fetch(self, who: Identity) -> StatementView:
        return await fetch_statement(who, self.router.url.query_parameters, i18n.current_language())


def page() -> rx.Component:
    """Return the page in the current language."""
    view, filled = Statements.view, Statements.filled
    heading = rx.el.div(
        live("heading", HEADING, view, filled, f"<h1>{t('Statement')}</h1>"),
        rx.el.span(class_name="push"),
        live("files", FILES, view, filled),
        class_name="layout-head",
    )
    movements = Busy.create(live("statement", STATEMENT, view, filled, _skeleton()), version=Statements.version)
    card = rx.el.section(
        live("presets", PRESETS, view, filled),
        rx.el.div(live("period", PERIOD, view, filled), class_name="toolbar"),
        content_or_error(Statements.failed, t("The statement could not be loaded."), Statements.retry, movements),
        rx.el.p(view.said, role="status", class_name="sr"),
        PageTitle.create(text=t("Statement")),
        class_name="card statement",
    )
    return private_page(heading, card, trail=[("/invoices", t("Invoices")), ("/statement", t("Statement"))])


async def slots(page_request: PageRequest) -> dict[str, str]:
    """Return the HTML that the server writes into each slot of the document, in the current language."""
    return slots_html(await fetch_statement(require_identity(), page_request.query, page_request.language))


def slots_html(view: StatementView) -> dict[str, str]:
    """Return the HTML of a statement, by slot, in the current language."""
    drawn = {"heading": HEADING, "files": FILES, "presets": PRESETS, "period": PERIOD, "statement": STATEMENT}
    return {name: part_of.html(view) for name, part_of in drawn.items()}
