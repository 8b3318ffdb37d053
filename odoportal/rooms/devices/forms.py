"""Forms of the devices room: renaming a vehicle, and assigning vehicles from a list."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from sqlmodel import Session

from odoportal.accounts.rights import Right
from odoportal.core import clock
from odoportal.core.i18n import t
from odoportal.forms.handling import EmptyForm, FormHandler, FormModel, FormResult, Line, SentForm, clean_line, conflict, do_once
from odoportal.rooms.devices import assign, vehicles
from odoportal.rooms.devices.derived import VEHICLE_LENGTH
from odoportal.web.links import link_to


def _clean_list(value: object) -> object:
    """Clean each cell by itself: a serial and a number beside it must not be taken for the number of a card."""
    if not isinstance(value, str):
        return value
    lines = value.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join("\t".join(clean_line(cell) for cell in line.split("\t")) for line in lines)


PastedList = Annotated[str, BeforeValidator(_clean_list)]


class VehicleForm(FormModel):
    """The name of a vehicle; an empty one takes the device out of it."""

    vehicle: Line = Field(default="", max_length=VEHICLE_LENGTH)


class ListForm(FormModel):
    """A pasted list of serials and vehicles."""

    content: PastedList = Field(min_length=1, max_length=assign.MAX_CHARACTERS)


def _gone() -> FormResult:
    return FormResult(error=t("This device is no longer in the account."))


def _rename(session: Session, sent: SentForm[VehicleForm]) -> FormResult:
    today = clock.today()
    try:
        if clash := conflict(sent, vehicles.stored(session, sent.who, sent.key, today)):
            return clash
        vehicles.rename(session, sent.who, sent.key, sent.values.vehicle, today, clock.now(), sent.client)
    except vehicles.NoSuchDevice:
        return _gone()
    return FormResult(t("Saved."))


def _address(sent: SentForm[Any], key: str, **more: str) -> str:
    return link_to(sent.who, sent.language, "/devices/assign", list=key, **more)


def _check(session: Session, sent: SentForm[ListForm]) -> FormResult:
    kept = assign.keep(session, sent.who, sent.values.content, clock.now())
    return FormResult(go=_address(sent, kept.key))


def _apply(session: Session, sent: SentForm[EmptyForm]) -> FormResult:
    try:
        assign.apply(session, sent.who, sent.key, sent.version, clock.today(), clock.now(), sent.client)
    except assign.StalePreview:
        # Show the new check, which says so, instead of an error beside the old one.
        return FormResult(go=_address(sent, sent.key, changed="1"))
    return FormResult(go=_address(sent, sent.key))


def _undo(session: Session, sent: SentForm[EmptyForm]) -> FormResult:
    assign.undo(session, sent.who, sent.key, clock.today(), clock.now(), sent.client)
    return FormResult(go=_address(sent, sent.key))


def _with_refusals(work: Callable[[Session, SentForm[Any]], FormResult]) -> Callable[[Session, SentForm[Any]], FormResult]:
    def guarded(session: Session, sent: SentForm[Any]) -> FormResult:
        try:
            return work(session, sent)
        except assign.TooManyLines:
            return FormResult(errors={"content": t("A list may have {n} lines. Split it into several.", n=assign.MAX_LINES)})
        except assign.NothingRead:
            return FormResult(errors={"content": t("There is no line with a serial in it.")})
        except assign.NoSuchList:
            return FormResult(error=t("This list is no longer kept. Paste it again."))

    return guarded


def _handler(model: type[FormModel], work: Callable[[Session, SentForm[Any]], FormResult]) -> FormHandler:
    def answer(sent: SentForm[Any]) -> Awaitable[FormResult]:
        return do_once(sent, _with_refusals(work), sent)

    return FormHandler(model, Right.VEHICLES, answer)


LIST: Mapping[str, FormHandler] = {"rename": _handler(VehicleForm, _rename), "undo": _handler(VehicleForm, _rename)}
ASSIGN: Mapping[str, FormHandler] = {
    "check": _handler(ListForm, _check),
    "apply": _handler(EmptyForm, _apply),
    "undo": _handler(EmptyForm, _undo),
}
