"""Naming the vehicle that a device is in."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, select

from odoportal.accounts.activity_log import Actor, record
from odoportal.accounts.models import Change
from odoportal.accounts.rights import Right, require_right
from odoportal.core.identity import Identity
from odoportal.rooms.devices.activity import DeviceActivity
from odoportal.rooms.devices.derived import derived_from_name
from odoportal.rooms.devices.models import Device
from odoportal.rooms.devices.service import Plan, plans

UNDO_SHOWN = timedelta(seconds=15)
"""How long the page offers to undo a rename. The offer disappears from the screen after 10 seconds."""


class NoSuchDevice(LookupError):
    """The account holds no such device, or does not hold it any more."""


@dataclass(frozen=True)
class HeldDevice:
    """A device that an account holds today, with its present plan."""

    device: Device
    plan: Plan

    @property
    def vehicle(self) -> str:
        """The name of the vehicle that the device is in, empty if it is in none."""
        return self.plan.assignment.vehicle


def held_devices(session: Session, account_id: int, serials: Collection[str], today: date) -> dict[str, HeldDevice]:
    """Return the devices with these serials that the account holds today, by serial, as they are stored now. Runs two statements."""
    held = session.exec(
        select(Device)
        .where(Device.account_id == account_id, col(Device.serial).in_(serials), Device.held_until >= today)
        .execution_options(populate_existing=True)
    ).all()
    found = plans(session, account_id, [device.id or 0 for device in held])
    return {device.serial: HeldDevice(device, found[device.id or 0]) for device in held}


def held_device(session: Session, account_id: int, serial: str, today: date) -> HeldDevice:
    """Return the device with this serial that the account holds today.

    Raises:
        NoSuchDevice: the account does not hold it.
    """
    held = held_devices(session, account_id, [serial], today).get(serial)
    if held is None:
        raise NoSuchDevice(serial)
    return held


def rename(session: Session, who: Identity, held: HeldDevice, vehicle: str, now: datetime, client: str = "") -> str:
    """Name the vehicle of a device, and return the name before. An empty name takes the device out of its vehicle.

    Args:
        session: a writing session; the caller commits.
        who: the person who renames.
        held: the device, which the person's account holds, as read in this session.
        vehicle: the new name, at most 100 characters.
        now: the present instant.
        client: the network address of the request.

    Raises:
        NotAllowed: the person lacks the right.
    """
    require_right(session, who, Right.VEHICLES)
    return set_vehicle(session, held, vehicle, DeviceActivity.RENAMED, Actor.of(who, client), now)


def set_vehicle(session: Session, held: HeldDevice, vehicle: str, kind: DeviceActivity, by: Actor, now: datetime) -> str:
    """Store the vehicle of a device and record the change; return the name before. The caller has checked the right."""
    before, device, order = held.vehicle, held.device, held.plan.order
    if before == vehicle:
        return before
    held.plan.assignment.vehicle = vehicle
    for name, value in derived_from_name(device, vehicle, order.number if order else "", device.end_on).items():
        setattr(device, name, value)
    session.add_all([held.plan.assignment, device])
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
    """Return what the person renamed last in the account, within `UNDO_SHOWN`, if it still has the name. Runs up to three statements."""
    mine = (Change.account_id == who.account.account_id, Change.person_id == who.person_id, Change.at > now - UNDO_SHOWN)
    newest = select(Change).where(*mine, Change.what == DeviceActivity.RENAMED.value).order_by(col(Change.at).desc(), col(Change.id).desc())
    change = session.exec(newest.limit(1)).first()
    if change is None:
        return None
    before, after = (json.loads(text).get("vehicle", "") for text in (change.before, change.after))
    held = held_devices(session, who.account.account_id, [change.about], today).get(change.about)
    return LastRenamed(change.about, before, after) if held is not None and held.vehicle == after else None
