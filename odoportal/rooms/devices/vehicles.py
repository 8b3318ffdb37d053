"""Naming the vehicle that a device is in."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import and_
from sqlmodel import Session, col, select

from odoportal.accounts.activity_log import Actor, record
from odoportal.accounts.models import Change
from odoportal.accounts.rights import Right, require_right
from odoportal.core.identity import Identity
from odoportal.rooms.devices.activity import DeviceActivity
from odoportal.rooms.devices.derived import derived_from_name
from odoportal.rooms.devices.models import Device, DeviceAssignment
from odoportal.rooms.orders.models import Order

UNDO_SHOWN = timedelta(seconds=15)
"""How long the page offers to undo a rename. The offer disappears from the screen after 10 seconds."""


class NoSuchDevice(LookupError):
    """The account holds no such device, or does not hold it any more."""


@dataclass(frozen=True)
class HeldDevice:
    """A device that an account holds today: its row, its present assignment, and the number of its order, which may be empty."""

    device: Device
    assignment: DeviceAssignment
    order_number: str


def held_devices(session: Session, account_id: int, serials: Collection[str], today: date) -> dict[str, HeldDevice]:
    """Return the devices with these serials that the account holds today, by serial, as they are stored now. Runs one statement."""
    found = session.exec(
        select(Device, DeviceAssignment, Order.number)
        .join(DeviceAssignment, and_(col(DeviceAssignment.account_id) == Device.account_id, col(DeviceAssignment.device_id) == Device.id))
        .join(Order, and_(col(Order.account_id) == DeviceAssignment.account_id, col(Order.id) == DeviceAssignment.order_id), isouter=True)
        .where(Device.account_id == account_id, col(Device.serial).in_(serials), Device.held_until >= today)
        .order_by(col(DeviceAssignment.since))
        .execution_options(populate_existing=True)
    )
    # The newest assignment of each device comes last.
    return {device.serial: HeldDevice(device, assignment, number or "") for device, assignment, number in found}


def stored(session: Session, who: Identity, serial: str, today: date) -> dict[str, str]:
    """Return the stored value of the form that renames a vehicle.

    Raises:
        NoSuchDevice: the account does not hold it.
    """
    held = held_devices(session, who.account.account_id, [serial], today).get(serial)
    if held is None:
        raise NoSuchDevice(serial)
    return {"vehicle": held.assignment.vehicle}


def rename(session: Session, who: Identity, serial: str, vehicle: str, today: date, now: datetime, client: str = "") -> str:
    """Name the vehicle of a device, and return the name before. An empty name takes the device out of its vehicle.

    Args:
        session: a writing session; the caller commits.
        who: the person who renames.
        serial: the serial of the device.
        vehicle: the new name, at most 100 characters.
        today: the business day.
        now: the present instant.
        client: the network address of the request.

    Raises:
        NotAllowed: the person lacks the right.
        NoSuchDevice: the account does not hold it.
    """
    require_right(session, who, Right.VEHICLES)
    held = held_devices(session, who.account.account_id, [serial], today).get(serial)
    if held is None:
        raise NoSuchDevice(serial)
    return set_vehicle(session, held, vehicle, DeviceActivity.RENAMED, Actor.of(who, client), now)


def set_vehicle(session: Session, held: HeldDevice, vehicle: str, kind: DeviceActivity, by: Actor, now: datetime) -> str:
    """Store the vehicle of a device and record the change; return the name before. The caller has checked the right."""
    before, device = held.assignment.vehicle, held.device
    if before == vehicle:
        return before
    held.assignment.vehicle = vehicle
    for name, value in derived_from_name(device, vehicle, held.order_number, device.end_on).items():
        setattr(device, name, value)
    session.add_all([held.assignment, device])
    record(
        session,
        kind,
        by,
        now,
        account_id=device.account_id,
        about=device.serial,
        before={"vehicle": before},
        after={"vehicle": vehicle},
    )
    return before


@dataclass(frozen=True)
class LastRenamed:
    """The vehicle that a person renamed last: the device's serial, and the names before and since."""

    serial: str
    before: str
    after: str


def last_renamed(session: Session, who: Identity, today: date, now: datetime) -> LastRenamed | None:
    """Return what the person renamed last in the account, within `UNDO_SHOWN`, if it still has the name. Runs one or two statements."""
    mine = (Change.account_id == who.account.account_id, Change.person_id == who.person_id, Change.at > now - UNDO_SHOWN)
    newest = select(Change).where(*mine, Change.what == DeviceActivity.RENAMED.value).order_by(col(Change.at).desc(), col(Change.id).desc())
    change = session.exec(newest.limit(1)).first()
    if change is None:
        return None
    before, after = (json.loads(text).get("vehicle", "") for text in (change.before, change.after))
    held = held_devices(session, who.account.account_id, [change.about], today).get(change.about)
    return LastRenamed(change.about, before, after) if held is not None and held.assignment.vehicle == after else None
