"""The page that assigns vehicles from a pasted list or a CSV file, in three steps."""

from typing import Any

import reflex as rx

from odoportal.core import clock, database
from odoportal.core.i18n import current_language, t
from odoportal.core.identity import Identity, require_identity
from odoportal.forms.view import with_form_feedback
from odoportal.pages.layout import shown_page
from odoportal.pages.state import SessionState
from odoportal.pages.view_state import PageState, unfilled
from odoportal.rooms.devices import assign
from odoportal.rooms.devices.assign_view import AssignView, assign_view
from odoportal.rooms.devices.forms import ListForm
from odoportal.ui.common import badge, empty
from odoportal.ui.form import Field, Form, TextFile
from odoportal.ui.server_slots import live
from odoportal.ui.table import tabs
from odoportal.ui.template import Bound, LiveOnly, Node, View, choose, each, el, icon, link, when, wrapped
from odoportal.web.page import PageRequest

_BADGES = {"change": ("arrow-right", "ok"), "same": ("equal", ""), "left_out": ("circle-alert", "bad-t")}
_LARGEST_FILE = 1_000_000


class AssignVehicles(PageState, SessionState):
    """The state of the page that assigns vehicles."""

    view: AssignView = unfilled(AssignView())

    async def _fetch(self, who: Identity) -> Any:
        query = dict(self.router.url.query_parameters)
        return await database.read(assign_view, who, query, current_language(), clock.today())


def _steps(view: Bound) -> Node:
    names = ((1, t("Paste")), (2, t("Check")), (3, t("Done")))

    def stepper(now: int) -> Node:
        def step(n: int, name: str) -> Node:
            state = "done" if n < now or now == 3 else "now" if n == now else "next"
            mark = icon("check", small=True) if state == "done" else str(n)
            current = {"aria_current": "step"} if n == now else {}
            inner = (el("span", mark, cls="devices-step-mark"), el("span", name, cls="devices-step-name"))
            return el("li", *inner, cls="devices-step", data_state=state, **current)

        return el("ol", *(step(n, name) for n, name in names), cls="devices-steps")

    return choose(view.step, {"check": stepper(2), "done": stepper(3)}, stepper(1))


def _paste(view: Bound) -> Node:
    content = Field(
        "content",
        t("Serial numbers and vehicles, one device per line"),
        hint=t("Copy two columns from your spreadsheet: serial number, then vehicle. {n} lines at most.", n=assign.MAX_LINES),
        cls="devices-paste",
    )

    def file(_form: Bound) -> Node:
        texts = (icon("file-spreadsheet"), el("span", el("b", t("Choose a CSV file")), " ", t("or drop it here, up to 1 MB")))
        drop = wrapped(TextFile, el("div"), *texts, target="check-content", most=_LARGEST_FILE, too_large=t("This file is too large."))
        either = el("p", el("span", t("or")), cls="devices-or")
        # Without script, no file can be read into the field.
        return LiveOnly(lambda: rx.fragment(View(lambda _: (either, drop)).component(None)))

    beside = (
        link(t("Cancel"), to=view.devices, cls="button button-plain"),
        el("p", t("Nothing changes until you approve it."), cls="soft"),
    )
    form = Form("check", (content, file), t("Check the lines"), model=ListForm, aside=beside).draw(view, on_done=AssignVehicles.retry)
    facts = (
        (t("Column separator"), t("Tab, comma or semicolon")),
        (t("First line"), t("Headings are skipped")),
        (t("Empty vehicle"), t("The device is left as it is")),
        (t("Excel"), t("Format the serial numbers as text, or they turn into 5.01E+06")),
    )
    download = (
        el("a", icon("download"), t("Download my list"), href=view.mine, data_out=True, cls="button button-second"),
        el("p", view.mine_text, cls="field-hint"),
    )
    aside = el(
        "aside",
        el("h2", t("How your list is read")),
        el("dl", *(part for name, text in facts for part in (el("dt", name), el("dd", text))), cls="devices-facts"),
        when(view.mine, download),
        cls="devices-aside",
    )
    return el("div", el("section", form, cls="card devices-form"), aside, cls="devices-assign")


def _row(row: Bound) -> Node:
    def piece(part: Bound) -> Node:
        return el("span", when(part.new, el("mark", part.text, cls="devices-mark"), part.text))

    present = when(row.no_vehicle, el("span", row.present, cls="devices-none"), row.present)
    result = (badge(_BADGES, row.result, row.result_text, bare=True), when(row.why, el("span", row.why, cls="devices-why")))
    return el(
        "tr",
        el("td", el("span", row.line, cls="devices-wide"), el("span", row.line_text, cls="devices-narrow"), cls="devices-check-line"),
        el("th", row.serial, scope="row"),
        el("td", present, cls="devices-check-now"),
        el("td", icon("arrow-right", small=True, cls="devices-narrow"), el("span", each(row.vehicle, piece)), cls="devices-check-new"),
        el("td", el("span", *result, cls="devices-result"), cls="devices-check-result"),
        data_result=row.result,
    )


def _check(view: Bound) -> Node:
    heads = (t("Line"), t("Serial number"), t("Now"), t("After"), t("Result"))
    table = el(
        "table",
        el("caption", t("What will change"), cls="sr"),
        el("thead", el("tr", *(el("th", head, scope="col") for head in heads))),
        el("tbody", each(view.rows, _row)),
        cls="list devices-check",
    )
    apply = Form("apply", (), view.submit, cls="layout-inline").draw(view, on_done=AssignVehicles.retry)
    download = el("a", icon("download"), view.download_text, href=view.download, data_out=True, cls="button button-plain")
    foot = el(
        "div",
        el("p", el("b", view.title), " ", view.left_out),
        when(view.download_text, download),
        link(t("Change the list"), to=view.edit, cls="button button-second"),
        when(view.submit, apply),
        cls="devices-foot",
    )
    changed = when(view.changed, el("p", icon("triangle-alert"), el("span", view.changed), cls="devices-notice"))
    region = el("div", table, cls="devices-scroll", role="region", tabIndex=0, aria_label=t("What will change"))
    return changed, el("section", tabs(view.tabs), region, foot, cls="card card-list")


def _done(view: Bound) -> Node:
    undo = Form("undo", (), (icon("undo-2"), t("Undo")), variant="button-second", cls="layout-inline").draw(
        view, on_done=AssignVehicles.retry
    )
    see = link(t("See the devices"), to=view.devices, cls="button button-primary")
    actions = (see, when(view.undo_until, undo))
    return el("section", empty("circle-check", view.title, (view.undo_until, view.undone), actions), cls="card devices-done", role="status")


def _assign(view: Bound) -> Node:
    again = link(t("Paste a list"), to=view.start, cls="button button-primary")
    gone = empty("clock", t("This list is no longer available"), t("A list is kept for a day. Paste it again."), again)
    return (
        _steps(view),
        choose(view.step, {"check": _check(view), "done": _done(view), "gone": el("section", gone, cls="card")}, _paste(view)),
    )


ASSIGN = View(_assign)


def page() -> rx.Component:
    """Return the page in the current language."""
    body = live("assign", ASSIGN, AssignVehicles.view, AssignVehicles.filled)
    head = rx.el.div(rx.el.h1(t("Assign vehicles")), class_name="layout-head")
    trail = [("/devices", t("Devices")), ("/devices/assign", t("Assign vehicles"))]
    return shown_page(AssignVehicles, head, body, trail=trail)


async def slots(page_request: PageRequest) -> dict[str, str]:
    """Fill the slots of the document; without script, also show the result of a submitted form."""
    view = await database.read(assign_view, require_identity(), page_request.query, page_request.language, clock.today())
    return {"assign": ASSIGN.html(with_form_feedback(view, page_request))}
