"""Naming many vehicles at once from a pasted list or a CSV file: checked first, then applied exactly as checked or not at all."""

import csv
import hashlib
import json
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete as sql_delete
from sqlmodel import Session, col, func, select

from odoportal.accounts.activity_log import Actor
from odoportal.accounts.models import Change
from odoportal.accounts.rights import Right, require_right
from odoportal.core.folding import fold
from odoportal.core.identity import Identity
from odoportal.rooms.devices.activity import DeviceActivity
from odoportal.rooms.devices.closest import closest
from odoportal.rooms.devices.derived import VEHICLE_LENGTH
from odoportal.rooms.devices.models import VehicleList
from odoportal.rooms.devices.vehicles import HeldDevice, held_devices, set_vehicle

MAX_LINES = 500
MAX_CHARACTERS = 30_000
KEPT_FOR = timedelta(days=1)
"""How long a list is kept after it was checked, or can be undone after it was applied."""
_SHORTENED = re.compile(r"[0-9]+([.,][0-9]+)?E\+?[0-9]+", re.IGNORECASE)
_SERIAL_TITLES = frozenset({"serial", "serial number", "serials", "serie", "numero de serie", "no de serie", "device", "appareil", "imei"})
_VEHICLE_TITLES = frozenset({"vehicle", "vehicule"})


class Result(StrEnum):
    """The outcome of a line."""

    LEFT_OUT = "left_out"
    CHANGE = "change"
    SAME = "same"


class Reason(StrEnum):
    """Why a line is left out."""

    SHORTENED = "shortened"
    UNKNOWN = "unknown"
    REPEATED = "repeated"
    NO_VEHICLE = "no_vehicle"
    TOO_LONG = "too_long"


class TooManyLines(ValueError):
    """The list has more than `MAX_LINES` lines."""

    field = "content"


class NothingRead(ValueError):
    """The list has no line with a serial."""

    field = "content"


class NoSuchList(LookupError):
    """The person has no such list, or its day has passed."""


class StalePreview(RuntimeError):
    """A device has changed since the list was checked."""


@dataclass(frozen=True)
class PastedLine:
    """A line of a list: its number, from 1, and its two cells."""

    number: int
    serial: str
    vehicle: str


@dataclass(frozen=True)
class CheckedLine:
    """A line and what becomes of it.

    `present` is the vehicle now, None if the account holds no such device. `first` is the earlier line about the same serial, if the line
    is left out because of it. `closest` are serials of the account that an unknown one may have been meant for.
    """

    line: PastedLine
    present: str | None
    result: Result
    reason: Reason | None = None
    first: PastedLine | None = None
    closest: Sequence[str] = ()


@dataclass(frozen=True)
class Preview:
    """The checked lines, those left out first, and their version, which changes with any of them."""

    lines: Sequence[CheckedLine]
    version: str

    def count(self, result: Result) -> int:
        """Return the number of lines with a result."""
        return sum(line.result == result for line in self.lines)


def parse(content: str) -> list[PastedLine]:
    """Return the lines of a list, without empty lines and the head. Cells are separated by tabs, semicolons, commas or a space.

    Raises:
        TooManyLines: there are more than `MAX_LINES`.
        NothingRead: there are none.
    """
    rows = [(number, line.strip()) for number, line in enumerate(content.splitlines(), 1) if line.strip()]
    separator = _separator([line for _, line in rows])
    titles = _titles(rows[0][1], separator) if rows else []
    place = next((place for place, title in enumerate(titles) if title in _VEHICLE_TITLES), 1)
    lines = [PastedLine(number, *_cells(line, separator, place, len(titles) > place + 1)) for number, line in rows[bool(titles) :]]
    if len(lines) > MAX_LINES:
        raise TooManyLines(len(lines))
    if not lines:
        raise NothingRead
    return lines


def _separator(lines: Sequence[str]) -> str:
    """Return the sign between the cells. A comma after a space belongs to the name of a vehicle."""
    if sign := next((sign for sign in "\t;" if any(sign in line for line in lines)), ""):
        return sign
    return "," if all(" " not in line.partition(",")[0] for line in lines) else ""


def _titles(line: str, separator: str) -> list[str]:
    """Return the titles of the columns, folded, if the line is a line of titles such as that of the list's own file."""
    titles = [fold(cell).strip('"').rstrip(".:") for cell in line.split(separator or None)]
    return titles if titles[0] in _SERIAL_TITLES else []


def _cells(line: str, separator: str, place: int, more: bool) -> tuple[str, str]:
    """Return the serial and the vehicle of a line. Without `more` columns, commas of a vehicle that is not in quotes belong to its name."""
    if not separator:
        serial, _, vehicle = line.partition(" ")
        return serial, _clean(vehicle)
    first, *rest = [_clean(cell) for cell in next(csv.reader([line], delimiter=separator))]
    if separator == "," and rest and _SHORTENED.fullmatch(f"{first},{rest[0]}"):
        first, rest = f"{first},{rest[0]}", rest[1:]
    if separator == "," and place == 1 and not more:
        return first, ", ".join(cell for cell in rest if cell)
    return first, rest[place - 1] if len(rest) >= place else ""


def _clean(cell: str) -> str:
    # Files of the portal put an apostrophe before what a spreadsheet would take for a formula; see `lists.download.escape_formula`.
    return re.sub(r"^'(?=[-+=@])", "", re.sub(r"\s+", " ", cell).strip())


def preview(session: Session, account_id: int, content: str, today: date) -> Preview:
    """Return what each line of a list will do to the account's devices. Runs two statements, and another if a serial is unknown.

    Raises:
        TooManyLines, NothingRead: as `parse`.
    """
    lines = parse(content)
    checked = list(_check(lines, held_devices(session, account_id, {line.serial for line in lines}, today)))
    checked.sort(key=lambda line: (list(Result).index(line.result), line.line.number))
    near = closest(session, account_id, [line.line.serial for line in checked if line.reason == Reason.UNKNOWN], today)
    checked = [replace(line, closest=near.get(line.line.serial, ())) for line in checked]
    told = [(line.line.number, line.line.serial, line.line.vehicle, line.present, line.result, line.reason) for line in checked]
    return Preview(checked, hashlib.sha256(json.dumps(told).encode()).hexdigest())


def _check(lines: Sequence[PastedLine], held: Mapping[str, HeldDevice]) -> Iterator[CheckedLine]:
    seen: dict[str, PastedLine] = {}
    for line in lines:
        device = held.get(line.serial)
        present = device.vehicle if device else None
        first = seen.setdefault(line.serial, line)
        reason = (
            Reason.SHORTENED
            if _SHORTENED.fullmatch(line.serial)
            else Reason.UNKNOWN
            if device is None
            else Reason.REPEATED
            if first is not line
            else Reason.NO_VEHICLE
            if not line.vehicle
            else Reason.TOO_LONG
            if len(line.vehicle) > VEHICLE_LENGTH
            else None
        )
        if reason:
            yield CheckedLine(line, present, Result.LEFT_OUT, reason, first if reason == Reason.REPEATED else None)
        else:
            yield CheckedLine(line, present, Result.SAME if present == line.vehicle else Result.CHANGE)


def keep(session: Session, who: Identity, content: str, now: datetime) -> VehicleList:
    """Keep a list for its check.

    Raises:
        NotAllowed: the person lacks the right.
        TooManyLines, NothingRead: as `parse`.
    """
    require_right(session, who, Right.VEHICLES)
    parse(content)
    kept = VehicleList(
        account_id=who.account.account_id, person_id=who.person_id, key=secrets.token_hex(16), content=content, created_at=now
    )
    session.add(kept)
    session.flush()
    return kept


def get(session: Session, who: Identity, key: str, now: datetime) -> VehicleList:
    """Return a list that the person keeps in the account.

    Raises:
        NoSuchList: there is none, or its day has passed.
    """
    found = session.exec(
        select(VehicleList).where(
            VehicleList.account_id == who.account.account_id, VehicleList.person_id == who.person_id, VehicleList.key == key
        )
    ).first()
    if found is None or (found.applied_at or found.created_at) <= now - KEPT_FOR:
        raise NoSuchList(key)
    return found


def apply(session: Session, who: Identity, key: str, version: str, today: date, now: datetime, client: str = "") -> int:
    """Name the vehicles of a list as its preview said, and return how many changed. A list that was applied already changes nothing.

    Args:
        session: a writing session; the caller commits.
        who: the person.
        key: the key of the list.
        version: the version of the preview that the person saw.
        today: the business day.
        now: the present instant.
        client: the network address of the request.

    Raises:
        NotAllowed: the person lacks the right.
        NoSuchList: there is no such list.
        StalePreview: something is not as it was shown; nothing is changed.
    """
    require_right(session, who, Right.VEHICLES)
    kept = get(session, who, key, now)
    if kept.applied_at is not None:
        return applied_count(session, kept)
    checked = preview(session, who.account.account_id, kept.content, today)
    if checked.version != version:
        raise StalePreview
    wanted = {line.line.serial: line.line.vehicle for line in checked.lines if line.result == Result.CHANGE}
    for serial, held in held_devices(session, who.account.account_id, wanted, today).items():
        set_vehicle(session, held, wanted[serial], DeviceActivity.ASSIGNED, Actor.of(who, client), now)
    kept.applied_at = now
    session.add(kept)
    return len(wanted)


def applied_count(session: Session, kept: VehicleList) -> int:
    """Return how many vehicles a list has changed."""
    return len(_changes(session, kept))


def _changes(session: Session, kept: VehicleList) -> Sequence[Change]:
    """Return the changes that applying a list made: those of its person at its instant."""
    mine = (Change.account_id == kept.account_id, Change.person_id == kept.person_id, Change.what == DeviceActivity.ASSIGNED.value)
    return session.exec(select(Change).where(*mine, Change.at == kept.applied_at).order_by(col(Change.id))).all()


def undo(session: Session, who: Identity, key: str, today: date, now: datetime, client: str = "") -> tuple[int, int]:
    """Give the vehicles of an applied list their names back, within a day. Arguments as for `apply`.

    Returns:
        How many got their name back, and how many were left because they were named again since.

    Raises:
        NotAllowed: the person lacks the right.
        NoSuchList: there is no such list, its day has passed, or it was not applied.
    """
    require_right(session, who, Right.VEHICLES)
    kept = get(session, who, key, now)
    if kept.applied_at is None or kept.undone_at is not None:
        raise NoSuchList(key)
    changes = {change.about: change for change in _changes(session, kept)}
    names = {serial: [json.loads(text).get("vehicle", "") for text in (c.before, c.after)] for serial, c in changes.items()}
    held = held_devices(session, kept.account_id, names, today)
    back = [device for serial, device in held.items() if device.vehicle == names[serial][1]]
    for device in back:
        set_vehicle(session, device, names[device.device.serial][0], DeviceActivity.UNDONE, Actor.of(who, client), now)
    kept.undone_at = now
    session.add(kept)
    return len(back), len(names) - len(back)


def purge(session: Session, now: datetime) -> int:
    """Delete the lists whose day has passed, and return how many."""
    last = func.coalesce(col(VehicleList.applied_at), col(VehicleList.created_at))
    return session.exec(sql_delete(VehicleList).where(last <= now - KEPT_FOR)).rowcount
