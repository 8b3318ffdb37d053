"""Forms of the devices room: renaming a vehicle, and assigning vehicles from a list."""

from typing import Annotated

from pydantic import BeforeValidator, Field
from sqlmodel import Session

from odoportal.accounts.rights import Right
from odoportal.core import clock
from odoportal.core.i18n import t
from odoportal.forms.fields import EmptyForm, FormModel, Line, clean_line
from odoportal.forms.handling import ErrorMessages, FormHandler, FormResult, SentForm, conflict, in_transaction
from odoportal.rooms.devices import assign, vehicles
from odoportal.rooms.devices.derived import VEHICLE_LENGTH

ASSIGN_PATH = "/devices/assign"


def _clean_list(value: object) -> object:
    """Clean each cell by itself: a serial and a number beside it must not be taken for the number of a card."""
    if not isinstance(value, str):
        return value
    lines = value.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join("\t".join(clean_line(cell) for cell in line.split("\t")) for line in lines)


PastedList = Annotated[str, BeforeValidator(_clean_list), Field(json_schema_extra={"format": "textarea"})]


class VehicleForm(FormModel):
    """The name of a vehicle; an empty one takes the device out of it."""

    vehicle: Line = Field(default="", max_length=VEHICLE_LENGTH)


class ListForm(FormModel):
    """A pasted list of serials and vehicles."""

    content: PastedList = Field(min_length=1, max_length=assign.MAX_CHARACTERS)


ERRORS: ErrorMessages = {
    vehicles.NoSuchDevice: lambda _: t("This device is no longer in the account."),
    assign.TooManyLines: lambda _: t("A list can have at most {n} lines. Split it into several.", n=assign.MAX_LINES),
    assign.NothingRead: lambda _: t("No line contains a serial number."),
    assign.NoSuchList: lambda _: t("This list is no longer available. Paste it again."),
}


def _rename(session: Session, sent: SentForm[VehicleForm]) -> FormResult:
    held = vehicles.held_device(session, sent.who.account.account_id, sent.key, clock.today())
    if clash := conflict(sent, {"vehicle": held.vehicle}):
        return clash
    vehicles.rename(session, sent.who, held, sent.values.vehicle, clock.now(), sent.client)
    return FormResult(t("Saved."))


def _check(session: Session, sent: SentForm[ListForm]) -> FormResult:
    kept = assign.keep(session, sent.who, sent.values.content, clock.now())
    return FormResult(go=sent.link_to(ASSIGN_PATH, list=kept.key))


def _apply(session: Session, sent: SentForm[EmptyForm]) -> FormResult:
    try:
        assign.apply(session, sent.who, sent.key, sent.version, clock.today(), clock.now(), sent.client)
    except assign.StalePreview:
        # Show the new check, which says so, instead of an error beside the old one.
        return FormResult(go=sent.link_to(ASSIGN_PATH, list=sent.key, changed="1"))
    return FormResult(go=sent.link_to(ASSIGN_PATH, list=sent.key))


def _undo(session: Session, sent: SentForm[EmptyForm]) -> FormResult:
    assign.undo(session, sent.who, sent.key, clock.today(), clock.now(), sent.client)
    return FormResult(go=sent.link_to(ASSIGN_PATH, list=sent.key))


_RENAME = FormHandler(VehicleForm, Right.VEHICLES, in_transaction(_rename), ERRORS)
LIST = {"rename": _RENAME, "undo": _RENAME}
ASSIGN = {
    "check": FormHandler(ListForm, Right.VEHICLES, in_transaction(_check), ERRORS),
    "apply": FormHandler(EmptyForm, Right.VEHICLES, in_transaction(_apply), ERRORS),
    "undo": FormHandler(EmptyForm, Right.VEHICLES, in_transaction(_undo), ERRORS),
}
