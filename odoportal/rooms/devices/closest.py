"""The serials of an account that are one typing error away from a serial that it does not have."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from string import ascii_lowercase, ascii_uppercase, digits

from sqlmodel import Session, col, select

from odoportal.rooms.devices.models import Device

SHORTEST = 4
LONGEST = 40
MAX_SHOWN = 3
MAX_CANDIDATES = 20_000
"""How many serials one statement asks for. SQLite accepts 32,766 parameters."""


def closest(session: Session, account_id: int, serials: Collection[str], held_on: date | None = None) -> dict[str, Sequence[str]]:
    """Return, for each serial, the account's serials that a single typing error makes of it, if they are at most `MAX_SHOWN`.

    Two characters in the wrong order are likelier than one too many or too few, and that is likelier than a wrong one, which also leads to
    the next tracker of a series. Only the likeliest kind is returned. Runs one statement; serials beyond `MAX_CANDIDATES` are passed over.

    Args:
        session: A reading session.
        account_id: The account, whose serials alone are looked at.
        serials: Serials that the account does not have.
        held_on: The day on which the account must hold the device; None for any.
    """
    asked: dict[str, list[Collection[str]]] = {}
    candidates: set[str] = set()
    for serial in dict.fromkeys(serials):
        kinds = _one_error_away(serial)
        if len(candidates) + sum(map(len, kinds)) > MAX_CANDIDATES:
            break
        asked[serial] = kinds
        candidates.update(*kinds)
    if not candidates:
        return {}
    statement = select(Device.serial).where(Device.account_id == account_id, col(Device.serial).in_(candidates))
    if held_on is not None:
        statement = statement.where(Device.held_until >= held_on)
    there = set(session.exec(statement))
    found = {serial: next((sorted(some) for kind in kinds if (some := there.intersection(kind))), []) for serial, kinds in asked.items()}
    return {serial: some for serial, some in found.items() if 0 < len(some) <= MAX_SHOWN}


def _one_error_away(serial: str) -> list[Collection[str]]:
    """Return what is one error away from a serial, by kind of error, the likeliest first; nothing for what is too short to be a serial."""
    if not (SHORTEST <= len(serial) <= LONGEST and serial.isascii() and serial.isalnum()):
        return []
    return [set(_swapped(serial)), {*_shorter(serial), *_longer(serial)}, set(_replaced(serial))]


def _alphabet(serial: str) -> str:
    return digits + "".join(letters for letters in (ascii_uppercase, ascii_lowercase) if not set(letters).isdisjoint(serial))


def _swapped(serial: str) -> Iterator[str]:
    yield from (serial.upper(), serial.lower())
    for i in range(len(serial) - 1):
        yield serial[:i] + serial[i + 1] + serial[i] + serial[i + 2 :]


def _shorter(serial: str) -> Iterator[str]:
    for i in range(len(serial)):
        yield serial[:i] + serial[i + 1 :]


def _longer(serial: str) -> Iterator[str]:
    for i in range(len(serial) + 1):
        for sign in _alphabet(serial):
            yield serial[:i] + sign + serial[i:]


def _replaced(serial: str) -> Iterator[str]:
    for i in range(len(serial)):
        for sign in _alphabet(serial):
            yield serial[:i] + sign + serial[i + 1 :]
