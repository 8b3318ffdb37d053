"""The view of the page that assigns vehicles from a list: paste, check, done."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from difflib import SequenceMatcher
from itertools import groupby
from typing import Any

from sqlmodel import Session

from odoportal.core import clock
from odoportal.core.i18n import Formats, t, tn
from odoportal.core.identity import Identity
from odoportal.forms.view import FormView, form_view
from odoportal.lists.view import Tab
from odoportal.rooms.devices import assign, service
from odoportal.rooms.devices.assign import CheckedLine, NoSuchList, Preview, Reason, Result
from odoportal.rooms.devices.models import VehicleList
from odoportal.web.links import link_to


@dataclass(frozen=True)
class Piece:
    """A part of a vehicle's name. `new` is "1" if the name now does not have it."""

    key: str
    text: str
    new: str


@dataclass(frozen=True)
class CheckRow:
    """A line of the check: what is there now, what will be, and why not."""

    key: str
    line: str
    line_text: str
    serial: str
    present: str
    no_vehicle: str
    vehicle: list[Piece]
    result: str
    result_text: str
    why: str


@dataclass(frozen=True)
class AssignView:
    """The page. `step` is `paste`, `check`, `done` or `gone`."""

    step: str = "paste"
    tabs: list[Tab] = field(default_factory=list)
    rows: list[CheckRow] = field(default_factory=list)
    title: str = ""
    left_out: str = ""
    download: str = ""
    download_text: str = ""
    changed: str = ""
    submit: str = ""
    undo_until: str = ""
    undone: str = ""
    start: str = ""
    edit: str = ""
    devices: str = ""
    mine: str = ""
    mine_text: str = ""
    check: FormView = field(default_factory=FormView)
    apply: FormView = field(default_factory=FormView)
    undo: FormView = field(default_factory=FormView)


def _result_labels(count: int) -> dict[str, str]:
    """Return the labels of the results in the current language, for a number of lines."""
    return {
        Result.CHANGE: tn("Will change", "Will change", count),
        Result.SAME: tn("Unchanged", "Unchanged", count),
        Result.LEFT_OUT: tn("Skipped", "Skipped", count),
    }


def reason_text(checked: CheckedLine) -> str:
    """Return why a line is left out, in the current language; empty if it is not."""
    first, near = checked.first, ", ".join(checked.closest)
    if near:
        return tn(
            "No device in this account has this serial number. The closest is {serials}.",
            "No device in this account has this serial number. The closest are {serials}.",
            len(checked.closest),
            serials=near,
        )
    return {
        None: "",
        Reason.SHORTENED: t("Excel has shortened this serial number. Format the column as text and paste again."),
        Reason.UNKNOWN: t("No device in this account has this serial number."),
        Reason.REPEATED: t(
            "This serial number is also on line {n}, with {vehicle}. Keep only one of them.", n=first.number, vehicle=first.vehicle
        )
        if first
        else "",
        Reason.NO_VEHICLE: t("There is no vehicle on this line. The device is left as it is."),
        Reason.TOO_LONG: t("The name of the vehicle is too long: use at most {n} characters.", n=assign.VEHICLE_LENGTH),
    }[checked.reason]


def assign_view(session: Session, who: Identity, query: Mapping[str, str], language: str, today: date) -> AssignView:
    """Return the view of the step that the address names, in the current language.

    Args:
        session: A reading session.
        who: The person, whose lists these are.
        query: The values of the address: the key of the list, whether it is changed again, and whether a device changed since its check.
        language: The page's language.
        today: The business day.
    """
    links: dict[str, Any] = {"start": link_to(who, language, "/devices/assign"), "devices": link_to(who, language, "/devices")}
    key = query.get("list", "")
    try:
        kept = assign.get(session, who, key, clock.now()) if key else None
    except NoSuchList:
        return AssignView("gone", **links)
    if kept is None or ("edit" in query and kept.applied_at is None):
        count = service.count(session, who.account.account_id)
        text = tn("Your {n} device with its vehicle, ready to edit.", "Your {n} devices with their vehicles, ready to edit.", count)
        mine, content = link_to(who, language, "/devices.csv"), kept.content if kept else ""
        return AssignView(check=form_view(who, {"content": content}), mine=mine if count else "", mine_text=text, **links)
    links["edit"] = link_to(who, language, "/devices/assign", list=key, edit="1")
    if kept.applied_at:
        return _done(session, who, kept, links)
    links["download"] = link_to(who, language, "/devices/assign.csv", list=key)
    preview = assign.preview(session, who.account.account_id, kept.content, today)
    shown = next((result for result in Result if result == query.get("show") and preview.count(result)), "")
    tabs = _tabs(preview, shown, lambda result: link_to(who, language, "/devices/assign", list=key, **({"show": result} if result else {})))
    return _check(who, kept, preview, shown, tabs, "changed" in query, links)


def _tabs(preview: Preview, shown: str, url: Callable[[str], str]) -> list[Tab]:
    counts = {"": len(preview.lines), **{result: preview.count(result) for result in (Result.CHANGE, Result.SAME, Result.LEFT_OUT)}}
    return [
        Tab(
            result or "all",
            _result_labels(count)[result] if result else t("All lines"),
            str(count),
            f"?{url(result).partition('?')[2]}",
            "true" if result == shown else "false",
        )
        for result, count in counts.items()
        if count
    ]


def _check(
    who: Identity, kept: VehicleList, preview: Preview, shown: str, tabs: list[Tab], changed: bool, links: Mapping[str, Any]
) -> AssignView:
    changes, out, total = preview.count(Result.CHANGE), preview.count(Result.LEFT_OUT), len(preview.lines)
    form = form_view(who, key=kept.key)
    return AssignView(
        "check",
        tabs=tabs,
        rows=[_row(line) for line in preview.lines if shown in {"", line.result}],
        title=tn("{n} of {total} lines will change.", "{n} of {total} lines will change.", changes, total=total),
        left_out=tn("{n} will be skipped.", "{n} will be skipped.", out) if out else "",
        download_text=tn("Download the {n} skipped", "Download the {n} skipped", out) if out else "",
        changed=t("A device has changed since your check, so nothing was assigned. Here is the new check.") if changed else "",
        submit=tn("Assign {n} vehicle", "Assign {n} vehicles", changes) if changes else "",
        apply=FormView(kept.key, preview.version, form.owner, form.once),
        **links,
    )


def _row(checked: CheckedLine) -> CheckRow:
    return CheckRow(
        key=str(checked.line.number),
        line=str(checked.line.number),
        line_text=t("line {n}", n=checked.line.number),
        serial=checked.line.serial,
        present="–" if checked.present is None else checked.present or t("No vehicle yet"),
        no_vehicle="1" if checked.present == "" else "",
        vehicle=list(_pieces(checked)),
        result=checked.result,
        result_text=_result_labels(1)[checked.result],
        why=reason_text(checked),
    )


def _pieces(checked: CheckedLine) -> Iterator[Piece]:
    """Yield the name that a line gives in pieces, of which those that the present name does not have are new."""
    before, after = (re.findall(r"\s+|[^\s,;]+|.", name) for name in (checked.present or "", checked.line.vehicle))
    if checked.result != Result.CHANGE or not before:
        yield Piece("0", checked.line.vehicle, "")
        return
    new: set[int] = set()
    for kind, _, _, start, end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        new.update(place for place in range(start, end) if kind != "equal" and not after[place].isspace())
    for is_new, places in groupby(range(len(after)), new.__contains__):
        first, *rest = places
        yield Piece(str(first), "".join(after[place] for place in (first, *rest)), "1" if is_new else "")


def _done(session: Session, who: Identity, kept: VehicleList, links: Mapping[str, Any]) -> AssignView:
    count = assign.applied_count(session, kept)
    until = (kept.applied_at or kept.created_at) + assign.KEPT_FOR
    undone = kept.undone_at is not None
    return AssignView(
        "done",
        title=t("The vehicles have their previous names again")
        if undone
        else tn("{n} vehicle has been assigned", "{n} vehicles have been assigned", count),
        undone=t("Vehicles renamed since then were left as they are.") if undone else "",
        undo_until="" if undone else t("You can undo this until {moment}.", moment=Formats(who.region).moment_in_text(until)),
        undo=form_view(who, key=kept.key),
        **links,
    )
