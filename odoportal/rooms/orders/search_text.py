"""The search text of orders, and the text by which the Agreement column sorts."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Protocol

from odoportal.core.folding import fold

FIRST_LINE_LENGTH = 300


class ItemText(Protocol):
    """The text of a document's line, in both languages."""

    quantity: int | None
    description_en: str
    description_fr: str
    note_en: str
    note_fr: str


class OrderText(Protocol):
    """The fields of an order that are part of its search text."""

    number: str
    start_on: date
    end_on: date
    subtotal: Decimal
    total: Decimal


# Cached because a fleet's documents repeat the same few texts thousands of times.
_folded = lru_cache(maxsize=4096)(fold)


def shown_line(quantity: int | None, description: str) -> str:
    """Return a line as in the user guide, `2 X ODO50`, or the description alone if there is no quantity."""
    return description if quantity is None else f"{quantity} X {description}"


def line_texts(lines: Iterable[ItemText]) -> list[str]:
    """Return the folded texts of a document's lines in both languages, including notes, without duplicates."""
    texts: list[str] = []
    for line in lines:
        texts += [_folded(shown_line(line.quantity, text)) for text in (line.description_en, line.description_fr)]
        texts += [_folded(text) for text in (line.note_en, line.note_fr)]
    return [text for text in dict.fromkeys(texts) if text]


def amount_texts(amounts: Iterable[Decimal]) -> list[str]:
    """Return the amounts other than zero as both regions write decimals (`576.07`, `576,07`), without grouping."""
    plain = dict.fromkeys(f"{amount:.2f}" for amount in amounts if amount)
    return [text for amount in plain for text in (amount, amount.replace(".", ","))]


def search_text(order: OrderText, lines: Sequence[ItemText], serials: Iterable[str] = ()) -> str:
    """Return the folded text in which a search looks for an order.

    Args:
        order: the number, dates and amounts of the order.
        lines: all lines of the order, including monthly ones.
        serials: the serials of the devices that came with the order.
    """
    own = [_folded(order.number), order.start_on.isoformat(), order.end_on.isoformat()]
    return "\n".join([*own, *line_texts(lines), *amount_texts((order.total, order.subtotal)), *(_folded(serial) for serial in serials)])


def first_line(lines: Sequence[ItemText], language: str) -> str:
    """Return the folded text of the first line, "" if there is none. It has no quantity, so that 12 trackers do not sort before 2."""
    if not lines:
        return ""
    text = lines[0].description_fr if language == "fr" else lines[0].description_en
    return _folded(text)[:FIRST_LINE_LENGTH]
