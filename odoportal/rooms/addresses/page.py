"""The page of the address book, and the page that adds or changes an address."""

from dataclasses import replace
from typing import Any, ClassVar

import reflex as rx

from odoportal.core import database
from odoportal.core.folding import name_order
from odoportal.core.i18n import t
from odoportal.core.identity import Identity, require_identity
from odoportal.forms.view import with_form_feedback
from odoportal.lists.list_table import ListColumn, ListTable
from odoportal.pages.layout import shown_page
from odoportal.pages.list_page import ListPage, ListState
from odoportal.pages.state import SessionState
from odoportal.pages.view_state import PageState, unfilled
from odoportal.rooms.addresses import postal, service
from odoportal.rooms.addresses.forms import AddressForm
from odoportal.rooms.addresses.models import AddressPurpose
from odoportal.rooms.addresses.view import AddressesView, EditView, addresses_view, edit_view, purpose_labels
from odoportal.ui.client import ListForm, PageTitle
from odoportal.ui.common import empty
from odoportal.ui.form import Confirm, Form, Rows, leave_guard
from odoportal.ui.page import page_url
from odoportal.ui.server_slots import live
from odoportal.ui.template import Bound, Node, View, each, el, icon, link, when, wrapped
from odoportal.web.page import PageRequest


def _lines(row: Bound) -> Node:
    return el("div", each(row.lines, lambda line: el("div", line.text)), cls="breaks")


def _defaults(row: Bound) -> Node:
    def badge(shape: str, purpose: AddressPurpose) -> Node:
        return el("span", icon(shape, small=True), purpose_labels()[purpose], cls="badge info")

    return when(row.delivery, badge("truck", AddressPurpose.DELIVERY)), when(row.billing, badge("receipt-text", AddressPurpose.BILLING))


def _actions(row: Bound, link_cls: str, button_look: str) -> Node:
    restore = Form("restore", (), t("Restore"), variant=button_look, cls="layout-inline").draw_from(row.restore, on_done=Addresses.retry)
    name = el("span", " ", row.name, cls="sr")
    return el("div", when(row.edit, link(t("Change"), name, to=row.edit, cls=link_cls)), when(row.removed, restore), cls="layout-actions")


def _add(view: Bound) -> Node:
    go = link(icon("book-user"), t("Add an address"), to=view.add, cls="button button-primary")
    return when(view.add, go, el("p", t("Your role lets you view addresses, but not change them."), cls="soft"))


def _wrong(view: Bound) -> Node:
    return el("div", when(view.wrong, el("p", icon("circle-alert"), el("span", view.wrong), cls="form-summary")), role="status")


WRONG = View(_wrong)


BOOK = ListTable(
    path="/addresses",
    title=lambda: t("Address book"),
    source=service.BookSource(),
    view=addresses_view,
    default_sort="name",
    columns=(
        ListColumn(
            "name",
            title=lambda: t("Name"),
            cell=lambda row: el("th", el("span", row.name, cls="breaks"), scope="row"),
            card=lambda row: el("div", el("h2", row.name, cls="breaks"), cls="table-top"),
            sort=lambda _: lambda address: name_order(address.name),
        ),
        ListColumn(
            "city",
            title=lambda: t("Address"),
            cell=lambda row: el("td", _lines(row)),
            card=_lines,
            sort=lambda _: lambda address: name_order(address.city),
        ),
        ListColumn(
            "country",
            title=lambda: t("Country"),
            cell=lambda row: el("td", row.country),
            sort=lambda request: lambda address: name_order(postal.country_name(address.country, request.language)),
        ),
        ListColumn(
            "default",
            title=lambda: t("Default for"),
            cell=lambda row: el("td", el("div", _defaults(row), cls="layout-row")),
            card=lambda row: el("div", _defaults(row), cls="layout-row"),
        ),
        ListColumn(
            "actions",
            title=lambda: t("Actions"),
            cell=lambda row: el("td", _actions(row, "button button-second button-small", "button-second button-small")),
            card=lambda row: _actions(row, "button button-plain", "button-plain"),
        ),
    ),
    all=lambda: t("In the book"),
    tabs=lambda _: {service.REMOVED: t("Removed")},
    no_match=lambda: t("No address"),
    nothing=lambda state: t("No removed addresses") if state else t("No addresses yet"),
    nothing_text=lambda: t("Your delivery and billing addresses appear here."),
    empty_icon="book-user",
    hint=lambda: t("Name, street, city, postal code"),
    cls="addresses-book",
)


class Addresses(ListState, SessionState):
    """A page of the address book."""

    view: AddressesView = unfilled(AddressesView())
    table: ClassVar[ListTable] = BOOK


PAGE = ListPage(
    BOOK,
    Addresses,
    tasks=_add,
    lead=lambda: [live("wrong", WRONG, Addresses.view, Addresses.filled), leave_guard()],
    slots={"wrong": WRONG},
    # Without JavaScript, the page also shows the error of a button.
    feedback=lambda view, feedback: replace(view, wrong=feedback.error),
)


# --- one address ---------------------------------------------------------------------------------------------------


class EditAddress(PageState, SessionState):
    """The state of the form of one address, with the fields of the country in the page's query."""

    view: EditView = unfilled(EditView())

    async def _fetch(self, who: Identity) -> Any:
        return await database.read(edit_view, who, dict(self.router.url.query_parameters))


def _country(view: Bound) -> Node:
    options = each(
        view.countries,
        lambda row: when(row.selected, el("option", row.text, value=row.key, selected=True), el("option", row.text, value=row.key)),
    )
    select = el("select", options, id="country", name="country", data_plain=view.country, autoComplete="country")
    return wrapped(
        ListForm,
        el("form", method="get", cls="form"),
        each(view.hidden, lambda row: el("input", type="hidden", name=row.key, value=row.value)),
        el(
            "div",
            el("label", t("Country"), for_="country"),
            el("span", select, cls="field-select"),
            el("p", t("The fields depend on the country. What you have typed is kept."), cls="field-hint"),
            cls="field",
        ),
        el("noscript", el("button", t("Show"), type="submit", cls="button button-second")),
        auto=True,
        class_name="form",
    )


def _form() -> Form:
    def country(form: Bound) -> Node:
        return el("input", type="hidden", name="country", value=form.initial.country)

    back = link(t("Cancel"), to=page_url("/addresses"), cls="button button-plain")
    return Form("address", (country, Rows()), t("Save"), model=AddressForm, aside=back)


def _purpose(purpose: AddressPurpose, is_: Bound, may: Bound, form: Bound) -> Node:
    texts = {
        AddressPurpose.DELIVERY: (t("This is the default address for delivery."), t("Use as the default for delivery")),
        AddressPurpose.BILLING: (t("This is the default address for billing."), t("Use as the default for billing")),
    }[purpose]
    button = Form(purpose.value, (), texts[1], variant="button-second").draw_from(form, on_done=EditAddress.retry)
    return when(is_, el("p", icon("circle-check", cls="ok"), " ", texts[0]), when(may, button))


def _defaults_and_removal(view: Bound) -> Node:
    confirm = Confirm(t("Remove this address?"), t("Existing orders and invoices keep the address. You can restore it later."), t("Remove"))
    return (
        el(
            "section",
            el("h2", t("Default for")),
            _purpose(AddressPurpose.DELIVERY, view.delivery_is, view.delivery_may, view.delivery),
            _purpose(AddressPurpose.BILLING, view.billing_is, view.billing_may, view.billing),
            cls="card card-pad form-card",
            aria_label=t("Default for"),
        ),
        when(
            view.locked,
            None,
            el(
                "section",
                el("h2", t("Remove")),
                el("p", t("Existing orders and invoices keep the address. You can restore it later."), cls="soft"),
                Form("remove", (), t("Remove from the address book"), variant="button-danger", confirm=confirm).draw(
                    view, on_done=EditAddress.retry
                ),
                cls="card card-pad form-card",
                aria_label=t("Remove"),
            ),
        ),
    )


def _locked(view: Bound) -> Node:
    """Show the address read-only, why this person cannot change it, and a link to the list of owners."""
    return el(
        "section",
        el("h2", t("The address")),
        el("div", each(view.lines, lambda line: el("div", line.text)), cls="breaks"),
        each(view.locked, lambda line: el("p", icon("circle-alert"), " ", line.text)),
        el("div", link(t("See who the owners are"), to=page_url("/profile/people"), cls="button button-second"), cls="layout-row"),
        cls="card card-pad form-card",
        aria_label=t("The address"),
    )


def _edit(view: Bound) -> Node:
    back = link(t("Address book"), to=page_url("/addresses"), cls="button button-second")
    missing = el("section", empty("book-user", t("Address not found"), t("Someone may have removed it."), back), cls="card")
    notice = el("p", t("Existing documents keep the address as it was."), cls="soft")
    editor = el(
        "section",
        el("h2", t("The address")),
        when(view.code, notice),
        _country(view),
        _form().draw(view, on_done=EditAddress.retry),
        cls="card card-pad form-card",
        aria_label=t("The address"),
    )
    return when(view.missing, missing, (when(view.locked, _locked(view), editor), when(view.code, _defaults_and_removal(view))))


EDIT_HEADING = View(lambda view: el("h1", view.title))
EDIT = View(_edit)


def edit_page() -> rx.Component:
    """Return the page that adds or changes an address, in the current language."""
    title = live("heading", EDIT_HEADING, EditAddress.view, EditAddress.filled, f"<h1>{t('Address')}</h1>")
    body = live("edit", EDIT, EditAddress.view, EditAddress.filled)
    trail = [("/addresses", t("Address book")), ("/addresses/edit", t("Address"))]
    head, named = rx.el.div(title, class_name="layout-head"), PageTitle.create(text=EditAddress.view.title)
    return shown_page(EditAddress, head, body, named, trail=trail)


async def edit_slots(page_request: PageRequest) -> dict[str, str]:
    """Fill the slots of the document of one address; without JavaScript, also show the result of a submitted form."""
    view: EditView = with_form_feedback(await database.read(edit_view, require_identity(), page_request.query), page_request)
    return {"heading": EDIT_HEADING.html(view), "edit": EDIT.html(view)}
