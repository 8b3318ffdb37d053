"""Rules of devices."""

from collections.abc import Sequence

from sqlmodel import Session, col, func, select

from odoportal.rooms.devices.models import Device


def of_order(session: Session, account_id: int, order_id: int) -> Sequence[Device]:
    """The trackers that came with an order, by serial."""
    return session.exec(
        select(Device).where(Device.account_id == account_id, Device.order_id == order_id).order_by(col(Device.serial))
    ).all()


def count(session: Session, account_id: int) -> int:
    """How many trackers the account has."""
    return session.exec(select(func.count()).select_from(Device).where(Device.account_id == account_id)).one()
