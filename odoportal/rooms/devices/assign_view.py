"""The view of the page that assigns vehicles from a list: paste, check, done."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlmodel import Session

from odoportal.core import clock
from odoportal.core.i18n import Formats, t, tn
from odoportal.core.identity import Identity
from odoportal.forms.view import FormView, form_view
from odoportal.rooms.devices import assign, service
from odoportal.rooms.devices.assign import CheckedLine, NoSuchList, Reason, Result
from odoportal.rooms.devices.models import VehicleList
from odoportal.web.links import link_to


@dataclass(frozen=True)
class CheckRow:
    """A line of the check: what is there now, what will be, and why not."""

    key: str
    line: str
    serial: str
    present: str
    vehicle: str
    result: str
    result_text: str
    why: str


@dataclass(frozen=True)
class AssignView:
    """The page. `step` is `paste`, `check`, `done` or `gone`."""

    step: str = "paste"
    rows: list[CheckRow] = field(default_factory=list)
    title: str = ""
    left_out: str = ""
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


def _result_labels() -> dict[str, str]:
    return {Result.CHANGE: t("Will change"), Result.SAME: t("Unchanged"), Result.LEFT_OUT: t("Skipped")}


def _why(checked: CheckedLine) -> str:
    first = checked.first
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
    return _done(session, who, kept, links) if kept.applied_at else _check(session, who, kept, "changed" in query, today, links)


def _check(session: Session, who: Identity, kept: VehicleList, changed: bool, today: date, links: Mapping[str, Any]) -> AssignView:
    preview = assign.preview(session, who.account.account_id, kept.content, today)
    changes, out, total = preview.count(Result.CHANGE), preview.count(Result.LEFT_OUT), len(preview.lines)
    form = form_view(who, key=kept.key)
    return AssignView(
        "check",
        rows=[_row(line) for line in preview.lines],
        title=t("{n} of {total} lines will change.", n=changes, total=total),
        left_out=tn("{n} will be skipped.", "{n} will be skipped.", out) if out else "",
        changed=t("A device has changed since your check, so nothing was assigned. Here is the new check.") if changed else "",
        submit=tn("Assign {n} vehicle", "Assign {n} vehicles", changes) if changes else "",
        apply=FormView(kept.key, preview.version, form.owner, form.once),
        **links,
    )


def _row(checked: CheckedLine) -> CheckRow:
    return CheckRow(
        key=str(checked.line.number),
        line=str(checked.line.number),
        serial=checked.line.serial,
        present="–" if checked.present is None else checked.present or t("No vehicle yet"),
        vehicle=checked.line.vehicle,
        result=checked.result,
        result_text=_result_labels()[checked.result],
        why=_why(checked),
    )


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
