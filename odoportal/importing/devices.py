"""Importing devices and their assignments to accounts.

A row says which account holds a tracker from which day. The assignments of a tracker follow each other: one that begins ends the one
before on the day before, in the same account or in another. Dates that overlap, or that leave open which assignment a row is about, are
refused.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from odoportal.importing.bulk import Key, Values, by_key, delete_rows, fetch
from odoportal.importing.documents import OrderLines, find_order_id
from odoportal.importing.reader import Line
from odoportal.importing.run import RowRef, Run, unique_rows
from odoportal.importing.schemas import DeviceRecord
from odoportal.rooms.devices.models import NEVER, Device, DeviceAssignment, DeviceState
from odoportal.rooms.orders.models import Order

NAME = "devices.csv"
_DERIVED = {
    "state": DeviceState.ACTIVE.value,
    "state_order": 0,
    "vehicle_order": "",
    "order_number": 0,
    "end_on": NEVER,
    "signal_order": "",
    "search": "",
}


@dataclass
class _Span:
    """An assignment while it is worked out. `row` is the stored one, `line` the row of the file about it; either may be None."""

    account_id: int
    since: date
    until: date | None = None
    order_id: int | None = None
    order_line: int | None = None
    vehicle: str = ""
    file_vehicle: str | None = None
    row: Any = None
    line: Line[DeviceRecord] | None = None


def import_devices(run: Run) -> None:
    """Import devices, matched by serial, and their assignments, matched by account and first day."""
    lines = list(unique_rows(run, NAME, run.lines(NAME, DeviceRecord), ("since", "serial")))
    run.look_up("account", {line.row.account for line in lines})
    run.look_up("order", {line.row.order for line in lines})
    by_serial: dict[str, list[Line[DeviceRecord]]] = defaultdict(list)
    for line in lines:
        by_serial[line.row.serial].append(line)
    held = fetch(run.session, Device, "serial", by_serial)
    stored: dict[int, list[_Span]] = defaultdict(list)
    for row in fetch(run.session, DeviceAssignment, "device_id", {device.id for device in held}):
        values = (row.account_id, row.since, row.until, row.order_id, row.order_line, row.vehicle, row.file_vehicle, row)
        stored[row.device_id].append(_Span(*values))
    devices: dict[str, list[Any]] = defaultdict(list)
    for device in held:
        devices[device.serial].append(device)
    work = _Assignments(run, lines)
    wanted = {
        serial: spans
        for serial, rows in by_serial.items()
        if (spans := work.spans(rows, [span for device in devices[serial] for span in stored[device.id]]))
    }
    _write(run, held, wanted)


class _Assignments:
    """Works out the assignments of each tracker from what is stored and what the file says."""

    def __init__(self, run: Run, lines: Iterable[Line[DeviceRecord]]) -> None:
        numbers = {line.row.order for line in lines if line.row.order}
        self._run, self._lines, self._today = run, OrderLines(run, numbers), run.today
        known = {ref.id for number in numbers if (ref := run.known["order"].get(number))}
        self._starts: dict[int, date] = {row.id: row.start_on for row in fetch(run.session, Order, "id", {i for i in known if i > 0})}
        self._starts |= {i: run.planned["order"][i]["start_on"] for i in known if i in run.planned["order"]}

    def spans(self, lines: Sequence[Line[DeviceRecord]], stored: list[_Span]) -> list[_Span]:
        """Return the assignments of a tracker, the oldest first; an empty list if a row is refused."""
        faults, spans = self._faults(), sorted(stored, key=lambda span: span.since)
        if len(lines) > 1 and any(line.row.since is None for line in lines):
            self._refuse(next(line for line in lines if line.row.since is None), "since", "several rows of a device need their first days")
        # Rows without a first day come alone.
        for line in sorted(lines, key=lambda line: line.row.since or date.min):
            self._add(line, spans)
        spans.sort(key=lambda span: span.since)
        for before, after in pairwise(spans):
            self._follow(before, after)
        return spans if self._faults() == faults else []

    def _faults(self) -> int:
        return len(self._run.report.bad) + len(self._run.dependent)

    def _refuse(self, line: Line[DeviceRecord], column: str, reason: str) -> None:
        self._run.refuse(NAME, line.at, column, reason)

    def _add(self, line: Line[DeviceRecord], spans: list[_Span]) -> None:
        row = line.row
        account = self._run.find("account", row.account, (NAME, line.at, "account"))
        if account is None:
            return
        order_id = find_order_id(self._run, (NAME, line.at, "order"), account, row.order)
        self._lines.check((NAME, line.at, "line"), row.order, row.line)
        span = self._match(line, account.id, order_id, spans)
        if span is None:
            present = spans[-1] if spans else None
            if row.since is None and present is not None:
                reason = f"device {row.serial} belongs to another account; a device that moves needs its first day in since"
                self._refuse(line, "account", reason)
                return
            span = _Span(account.id, row.since or self._starts.get(order_id or 0, self._today))
            if present is not None and present.account_id == account.id:
                span.vehicle, span.file_vehicle = present.vehicle, present.file_vehicle
            spans.append(span)
        span.line, span.since = line, row.since or span.since
        self._fill(span, row, order_id)
        if span.until is not None and span.until < span.since:
            self._refuse(line, "until", f"{span.until} is before the first day, {span.since}")

    def _match(self, line: Line[DeviceRecord], account_id: int, order_id: int | None, spans: list[_Span]) -> _Span | None:
        """Return the stored assignment that a row is about: the one of its first day, or the present one.

        The present one has another first day in the file only where that is a correction: for the same order and line.
        """
        row, present = line.row, spans[-1] if spans and spans[-1].account_id == account_id else None
        if row.since is None or present is None:
            return present
        exact = next((span for span in spans if (span.account_id, span.since) == (account_id, row.since)), None)
        if exact is not None or present.until is not None or present.line is not None:
            return exact
        same_order = "order" not in row.model_fields_set or present.order_id == order_id
        same_line = present.order_line is None or "line" not in row.model_fields_set or present.order_line == row.line
        return present if same_order and same_line else None

    def _fill(self, span: _Span, row: DeviceRecord, order_id: int | None) -> None:
        said = row.model_fields_set
        if "order" in said:
            span.order_line = span.order_line if span.order_id == order_id else None
            span.order_id = order_id
        if "line" in said:
            span.order_line = row.line
        if "until" in said:
            span.until = row.until
        if "vehicle" in said:
            # A name given in the portal stays while the file says what it said last time.
            named_here = span.vehicle if span.file_vehicle is None else ""
            if row.vehicle != span.file_vehicle and not named_here:
                span.vehicle = row.vehicle
            span.file_vehicle = row.vehicle

    def _follow(self, before: _Span, after: _Span) -> None:
        """End an open assignment on the day before the next one begins, or report that the two overlap."""
        line = after.line or before.line
        if before.until is None and before.since < after.since:
            before.until = after.since - timedelta(days=1)
        elif line and (before.until is None or before.until >= after.since):
            runs = f"{before.since} to {before.until}" if before.until else str(before.since)
            self._refuse(line, "since", f"device {line.row.serial} is assigned from {runs}; it cannot be from {after.since} as well")


def _write(run: Run, held: Sequence[Any], wanted: dict[str, list[_Span]]) -> None:
    """Write devices and assignments, and count the rows of the file."""
    stored = by_key(held, ("account_id", "serial"))
    devices: dict[Key, Values] = {}
    for serial, spans in wanted.items():
        for span in spans:
            at = (span.account_id, serial)
            before = devices.get(at) or (dict(stored[at]._mapping) if at in stored else {"file_state": "", "last_signal_at": None})
            said = span.line.row.stated() if span.line else {}
            devices[at] = {
                "account_id": span.account_id,
                "serial": serial,
                "model": said.get("model", before.get("model")),
                "file_state": said.get("state", before["file_state"]),
                "last_signal_at": said.get("last_signal_at", before["last_signal_at"]),
                "held_until": span.until or NEVER,
            }
    # End what ends first: only one account may hold a tracker without a last day.
    ordered = dict(sorted(devices.items(), key=lambda item: item[1]["held_until"]))
    made = run.upsert(Device, ("account_id", "serial"), stored, ordered, _DERIVED)
    assignments: dict[Key, Values] = {}
    spans_by_key: dict[Key, _Span] = {}
    moved: list[Key] = []
    for serial, spans in wanted.items():
        for span in spans:
            at = (made.ids[span.account_id, serial], span.since)
            names = ("account_id", "since", "until", "order_id", "order_line", "vehicle", "file_vehicle")
            assignments[at] = {"device_id": at[0], **{name: getattr(span, name) for name in names}}
            spans_by_key[at] = span
            if span.row is not None and span.row.since != span.since:
                moved.append((at[0], span.row.since))
    if not run.dry:
        delete_rows(run.session, DeviceAssignment, ("device_id", "since"), moved)
    rows = [span.row for span in spans_by_key.values() if span.row is not None and span.row.since == span.since]
    outcome = run.upsert(DeviceAssignment, ("device_id", "since"), by_key(rows, ("device_id", "since")), assignments, {}, ids=False)
    for at, span in spans_by_key.items():
        serial_key = (span.account_id, span.line.row.serial if span.line else "")
        if span.line:
            new = at in outcome.new and span.row is None
            changed = at in outcome.touched or serial_key in made.changed
            run.count(NAME, new, changed)
            if run.dry:
                run.counted[NAME, span.line.at] = "new" if new else "changed" if changed else "same"
        run.touch("device", [RowRef(at[0], span.account_id)])
        orders = {span.order_id, span.row.order_id if span.row else None} - {None}
        run.touch("order", [RowRef(order, span.account_id) for order in orders if order and at in outcome.touched])
