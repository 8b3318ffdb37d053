"""The page of an account's people: members, invitations, and what each role may do."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import reflex as rx

from odoportal.accounts.models import Role
from odoportal.core import clock, database
from odoportal.core.i18n import t
from odoportal.core.identity import Identity, require_identity
from odoportal.forms.view import with_form_feedback
from odoportal.pages.layout import shown_page
from odoportal.pages.shell_view import role_labels
from odoportal.pages.state import SessionState
from odoportal.pages.view_state import PageState, unfilled
from odoportal.rooms.people.forms import ChangeRole, Invite
from odoportal.rooms.people.view import PeopleView, people_view
from odoportal.rooms.signin.confirmation import ConfirmationUnlessFresh
from odoportal.ui.client import OnScreen
from odoportal.ui.dialog import dialog, dialog_html, frame
from odoportal.ui.form import Confirm, Field, Form, password_again
from odoportal.ui.page import current_path, page_url
from odoportal.ui.server_slots import live
from odoportal.ui.shell import LANGUAGE_NAMES
from odoportal.ui.template import Bound, El, Node, ServerOnly, View, each, el, icon, link, when, wrapped
from odoportal.web.page import PageRequest


class People(PageState, SessionState):
    """The state of the page: the account's members, what can be changed, and the person in the dialog."""

    view: PeopleView = unfilled(PeopleView())

    async def _fetch(self, who: Identity) -> Any:
        return await database.read(people_view, who, dict(self.router.url.query_parameters), clock.now())


def _roles_field(hint: Node = None) -> Field:
    options = [(role.value, role_labels()[role]) for role in Role]
    return Field("role", t("Role"), required=True, options=options, hint=hint)


def _invite() -> Form:
    return Form(
        "invite",
        (
            Field("email", t("Email")),
            (
                _roles_field(t("See below what each role can do.")),
                Field("language", t("Language of the email"), options=list(LANGUAGE_NAMES.items())),
            ),
        ),
        t("Invite"),
        model=Invite,
        reset=True,
    )


def _copies(text: str) -> Callable[[Bound], Node]:
    """Draw a box for each invoice-copy address that the person added; ticking it keeps the address.

    No box is ticked by default: copies that continue unnoticed would leak every invoice, while copies that stop are missed and quickly
    restored.
    """

    def box(row: Bound) -> Node:
        tick = el("input", type="checkbox", id=row.id, name=row.key, value="1", checked=ServerOnly(row.value, equals="1"))
        return el("label", tick, el("span", t("Keep sending to"), " ", el("b", row.label, cls="breaks")), cls="field-keep")

    def fieldset(form: Bound) -> Node:
        return when(
            form.rows,
            el("fieldset", el("legend", t("Copies of invoices")), el("p", text, cls="field-hint"), each(form.rows, box), cls="field"),
        )

    return fieldset


def _role() -> Form:
    text = t("This person added these addresses. If the new role does not manage billing, those not ticked will receive no more copies.")
    role = _roles_field(t("Takes effect immediately; the person is notified by email."))
    return Form("role", (role, _copies(text)), t("Change the role"), model=ChangeRole)


def _remove() -> Form:
    confirm = Confirm(
        t("Remove this person?"),
        t(
            "This person immediately loses access to the account, and pending invitations from this person no "
            "longer work. What the person did is kept. The person is notified by email."
        ),
        t("Remove"),
    )
    text = t("This person added these addresses. Those not ticked will receive no more copies.")
    return Form("remove", (_copies(text),), t("Remove from the account"), variant="button-danger", confirm=confirm)


def _badges(row: Bound) -> Node:
    return (
        when(row.you, el("span", t("You"), cls="badge info")),
        when(row.blocked, el("span", icon("circle-alert", small=True), t("Blocked by Odotrack"), cls="badge warn")),
    )


def _two_step_badge(row: Bound) -> Node:
    return when(
        row.two_step,
        el("span", icon("circle-check", small=True), t("Two-step on"), cls="badge ok"),
        el("span", t("Password only"), cls="badge"),
    )


def _change(row: Bound, cls: str) -> El:
    return link(t("Change"), el("span", " ", row.name, cls="sr"), to=row.details, how="open", data_open=row.key, cls=cls)


def _wide_and_narrow(cls: str, label: str, table: Node, cards: Node) -> Node:
    """Show a table on wide screens and cards on phones."""
    region = {"role": "region", "tabIndex": 0, "aria-label": label}
    server_region = el("div", cls="table-scroll", role="region", tabIndex=0, aria_label=label)
    on_wide = wrapped(OnScreen, server_region, table, as_="div", on="wide", class_name="table-scroll", custom_attrs=region)
    on_narrow = wrapped(OnScreen, el("ul", cls=f"list-cards {cls}"), cards, as_="ul", on="narrow", class_name=f"list-cards {cls}")
    return on_wide, on_narrow


def _members(view: Bound) -> Node:
    def row(person: Bound) -> Node:
        return el(
            "tr",
            el(
                "th", el("span", person.name, " ", _badges(person), cls="layout-row"), el("p", person.email, cls="soft breaks"), scope="row"
            ),
            el("td", person.role, cls="nw"),
            el("td", person.seen, cls="nw"),
            el("td", _two_step_badge(person), cls="nw"),
            el("td", _change(person, "button button-second button-small")),
        )

    def card(person: Bound) -> Node:
        name = el("h2", link(person.name, to=person.details, how="open", data_open=person.key))
        return el(
            "li",
            el("div", name, el("span", cls="push"), _badges(person), cls="table-top"),
            el("p", person.email, cls="soft breaks"),
            el("p", el("b", person.role), el("span", " · ", t("Last sign-in"), " ", person.seen, cls="soft")),
            el("p", _two_step_badge(person)),
            cls="table-card",
        )

    heads = (t("Name"), t("Role"), t("Last sign-in"), t("Sign-in method"), t("Actions"))
    table = el(
        "table",
        el("caption", t("People"), cls="sr"),
        el("thead", el("tr", *(el("th", name, scope="col") for name in heads))),
        el("tbody", each(view.people, row)),
        cls="list people",
    )
    return el("section", _wide_and_narrow("", t("People"), table, each(view.people, card)), cls="card card-list")


def _invitations(view: Bound) -> Node:
    def item(row: Bound) -> Node:
        until = when(row.over, el("span", icon("clock", small=True), row.until, cls="badge warn"), el("span", row.until, cls="soft"))
        resend = Form("resend", (), t("Send again"), variant="button-second button-small", cls="layout-inline").button(
            row.key, view.invite, on_done=People.retry
        )
        withdraw = Form("withdraw", (), t("Withdraw"), variant="button-plain button-small", cls="layout-inline").button(
            row.key, view.invite, on_done=People.retry
        )
        summary = el("div", el("b", row.key, cls="breaks"), el("p", row.role, " · ", until))
        return el("li", summary, el("div", resend, withdraw, cls="layout-actions", role="group", aria_label=row.key))

    open_invitations = when(
        view.invitations,
        el("ul", each(view.invitations, item), cls="record-asked"),
        el("p", t("No pending invitations."), cls="soft"),
    )
    return el(
        "section",
        el("h2", t("Invite someone")),
        el("p", t("An email with a link is sent to this address. The link works once, for 7 days."), cls="soft"),
        _invite().draw(view, on_done=People.retry),
        el("h3", t("Pending invitations")),
        open_invitations,
        cls="card card-pad form-card",
        aria_label=t("Invitations"),
    )


def _two_step(view: Bound) -> Node:
    def form(name: str, verb: str, variant: str, confirm: Confirm) -> Node:
        plain = Form(name, (), verb, variant=variant, confirm=confirm)
        checked = Form(name, (password_again(),), verb, model=ConfirmationUnlessFresh, reset=True, variant=variant, confirm=confirm)
        return when(view.fresh, plain.draw(view, on_done=People.retry), checked.draw(view, on_done=People.retry))

    confirm_on = Confirm(
        t("Require two-step sign-in for everyone?"),
        t("Anyone who has not set it up is notified by email, and sees nothing of this account until then."),
        t("Require it"),
    )
    confirm_off = Confirm(
        t("Stop requiring it?"), t("From then on, a password alone is enough to see this account."), t("Stop requiring it")
    )
    set_up_first = link(
        t("Set it up for yourself first"), icon("chevron-right", small=True), to=page_url("/profile/security"), cls="button button-second"
    )
    optional_note = el("p", t("Each person decides whether to use it."), cls="soft")
    required_note = el("p", icon("circle-check"), el("span", t("Two-step sign-in is required to see this account.")), cls="notice")
    may_require = form("require", t("Require it for everyone"), "button-second", confirm_on)
    return el(
        "section",
        el("h2", t("Two-step sign-in")),
        when(
            view.required,
            (required_note, form("release", t("Stop requiring it"), "button-danger", confirm_off)),
            (optional_note, when(view.mine, may_require, el("div", set_up_first, cls="layout-row"))),
        ),
        cls="card card-pad form-card",
        aria_label=t("Two-step sign-in"),
    )


def _owners(view: Bound) -> Node:
    def item(row: Bound) -> Node:
        return el(
            "li",
            icon("circle-user-round"),
            el("span", el("b", row.name), " ", _badges(row)),
            el("span"),
            el("span", row.email),
            cls="record",
        )

    return el(
        "section",
        el("h2", t("Owners of this account")),
        el("p", view.role),
        el("p", t("Only owners can invite people, change roles and remove people. Ask one of them:"), cls="soft"),
        el("ul", each(view.owners, item)),
        cls="card card-pad form-card",
        aria_label=t("Owners of this account"),
    )


def _cell(cell: Bound) -> Node:
    yes = (icon("circle-check", cls="ok"), el("span", t("Yes"), cls="sr"))
    no = (el("span", "–", aria_hidden="true", cls="muted"), el("span", t("No"), cls="sr"))
    return el("td", when(cell.yes, yes, no))


def _table(view: Bound) -> Node:
    you = el("span", t("You"), cls="badge info")
    heads = each(view.roles, lambda role: el("th", role.name, " ", when(role.mine, you), scope="col"))
    rows = each(view.rights, lambda row: el("tr", el("th", row.text, scope="row"), each(row.cells, _cell)))
    table = el(
        "table",
        el("caption", t("What each role can do"), cls="sr"),
        el("thead", el("tr", el("th", t("What"), scope="col"), heads)),
        el("tbody", rows),
        cls="list people-rights",
    )

    def card(role: Bound) -> Node:
        can = each(role.can, lambda line: el("li", icon("circle-check", small=True, cls="ok"), el("span", line.text)))
        return el(
            "li",
            el("div", el("h3", role.name), el("span", cls="push"), when(role.mine, you), cls="table-top"),
            el("ul", can, cls="record-can"),
            cls="table-card",
        )

    return el(
        "section",
        el("h2", t("What each role can do"), cls="layout-title"),
        _wide_and_narrow("", t("What each role can do"), table, each(view.roles, card)),
        cls="card card-list spaced",
    )


def _body(view: Bound) -> Node:
    done = el("p", icon("circle-check"), el("span", view.said), cls="notice")
    error = el("p", icon("circle-alert"), el("span", view.wrong), cls="form-summary")
    top = el("div", when(view.said, done), when(view.wrong, error), role="status")
    return top, when(view.may, (_members(view), _invitations(view), _two_step(view)), _owners(view)), _table(view)


def _dialog(details: Bound) -> Node:
    facts = el(
        "aside",
        el(
            "dl",
            el("dt", t("Email")),
            el("dd", details.email, cls="breaks"),
            el("dt", t("Last sign-in")),
            el("dd", details.seen),
            el("dt", t("Sign-in method")),
            el("dd", _two_step_badge(details)),
            cls="details-facts",
        ),
    )
    change = el("section", _role().draw(details, on_done=People.retry), cls="section", aria_label=t("Role"))
    remove = el(
        "section",
        el("h3", t("Remove")),
        el("p", t("Ends access to this account only. The person can be invited again later."), cls="soft"),
        when(details.leaving, el("p", details.leaving, cls="soft breaks")),
        _remove().draw(details, on_done=People.retry),
        cls="section",
    )
    return frame(
        details,
        title=details.title,
        badge=_badges(details),
        body=el("div", el("div", change, remove), facts, cls="dialog-body"),
        footer=None,
        missing=t("Person not found"),
    )


HEADING = View(lambda view: el("h1", t("People"), " ", when(view.count, el("span", "(", view.count, ")"))))
BODY = View(_body)
DETAILS = View(_dialog)


def page() -> rx.Component:
    """Return the page in the current language."""
    heading = rx.el.div(live("heading", HEADING, People.view, People.filled, f"<h1>{t('People')}</h1>"), class_name="layout-head")
    body = live("people", BODY, People.view, People.filled)
    trail = [("/profile", t("Profile")), (current_path(), t("People"))]
    return shown_page(People, heading, body, dialog(DETAILS, People), trail=trail)


async def slots(page_request: PageRequest) -> dict[str, str]:
    """Fill the slots of the document; without JavaScript, also show the result of a submitted form."""
    view: PeopleView = await database.read(people_view, require_identity(), page_request.query, clock.now())
    feedback = page_request.feedback
    if feedback and feedback.form in {"resend", "withdraw"}:
        view = replace(view, wrong=feedback.error)
    view = with_form_feedback(replace(view, details=with_form_feedback(view.details, page_request)), page_request)
    return {"heading": HEADING.html(view), "people": BODY.html(view), "dialog": dialog_html(DETAILS, view.details)}
