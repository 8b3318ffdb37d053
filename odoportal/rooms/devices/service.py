"""Queries for devices."""

from collections.abc import Sequence

from sqlmodel import Session, col, func, select

from odoportal.rooms.devices.models import Device


def of_order(session: Session, account_id: int, order_id: int) -> Sequence[Device]:
    """Return the trackers that came with an order, sorted by serial."""
    return session.exec(
        select(Device).where(Device.account_id == account_id, Device.order_id == order_id).order_by(col(Device.serial))
    ).all()


def count(session: Session, account_id: int) -> int:
    """Return the number of trackers of the account."""
    return session.exec(select(func.count()).select_from(Device).where(Device.account_id == account_id)).one()
