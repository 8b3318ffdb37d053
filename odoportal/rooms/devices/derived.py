"""The columns of a device that are derived from Odotrack's file, its assignments and the present order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Protocol

from odoportal.core.folding import fold
from odoportal.rooms.devices.models import NEVER, DeviceState
from odoportal.rooms.orders.models import Step

VEHICLE_LENGTH = 100
STATE_ORDER: Mapping[str, int] = {state: place for place, state in enumerate(DeviceState)}


class DeviceFacts(Protocol):
    """The columns of a device that are not derived."""

    serial: str
    model: str
    file_state: str
    last_signal_at: datetime | None


class AssignmentFacts(Protocol):
    """The columns of an assignment that its device depends on."""

    order_id: int | None
    vehicle: str
    until: date | None


@dataclass(frozen=True)
class OrderFacts:
    """An order as its devices need it: its number as text and as a number, its last day, and whether each known step is done."""

    number: str
    number_order: int
    end_on: date
    steps: Mapping[str, bool]


def state_of_steps(steps: Mapping[str, bool]) -> DeviceState:
    """Return the state of a device from the fulfilment of its order: active if the order is activated, or has no steps."""
    if not steps or steps.get(Step.ACTIVATED, False):
        return DeviceState.ACTIVE
    return DeviceState.SHIPPING if steps.get(Step.SHIPPED, False) else DeviceState.PREPARING


def derived(device: DeviceFacts, assignments: Sequence[AssignmentFacts], orders: Mapping[int, OrderFacts]) -> dict[str, Any]:
    """Return the derived columns of a device by name.

    Args:
        device: the device.
        assignments: its assignments, the oldest first.
        orders: the orders of its assignments, by id.
    """
    present = assignments[-1] if assignments else None
    order = orders.get(present.order_id) if present and present.order_id else None
    vehicle = present.vehicle if present else ""
    held_until = (present.until if present else None) or NEVER
    end_on = min(held_until, order.end_on if order else NEVER)
    state = device.file_state or state_of_steps(order.steps if order else {})
    return {
        "state": state,
        "state_order": STATE_ORDER[state],
        "order_number": order.number_order if order else 0,
        "end_on": end_on,
        "held_until": held_until,
        "signal_order": signal_order(device.last_signal_at),
        **derived_from_name(device, vehicle, order.number if order else "", end_on),
    }


def derived_from_name(device: DeviceFacts, vehicle: str, order_number: str, end_on: date) -> dict[str, str]:
    """Return the derived columns that depend on the vehicle; `order_number` is empty without an order."""
    texts = [device.serial, device.model, vehicle, order_number, "" if end_on == NEVER else end_on.isoformat()]
    search = "\n".join(dict.fromkeys(folded for text in texts if (folded := fold(text))))
    return {"vehicle_order": fold(vehicle)[:VEHICLE_LENGTH], "search": search}


def signal_order(signal: datetime | None) -> str:
    """Return a signal's instant as text to sort by; "" if there is none."""
    return signal.astimezone(UTC).isoformat(timespec="seconds") if signal else ""
