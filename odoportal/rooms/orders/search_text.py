"""What a search over orders reads, and what the Agreement column sorts by."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Protocol

from odoportal.core.folding import fold

FIRST_LINE_LENGTH = 300


class ItemText(Protocol):
    """The words of a document's line, in both languages."""

    quantity: int | None
    description_en: str
    description_fr: str
    note_en: str
    note_fr: str


class OrderText(Protocol):
    """What an order itself gives to its search text."""

    number: str
    start_on: date
    end_on: date
    subtotal: Decimal
    total: Decimal


# A fleet's documents repeat the same few texts thousands of times.
_folded = lru_cache(maxsize=4096)(fold)


def shown_line(quantity: int | None, description: str) -> str:
    """A line as the guide shows it: `2 X ODO50`; without a quantity, the text alone."""
    return description if quantity is None else f"{quantity} X {description}"


def line_texts(lines: Iterable[ItemText]) -> list[str]:
    """The folded texts of a document's lines, each once, in both languages, notes included."""
    texts: list[str] = []
    for line in lines:
        texts += [_folded(shown_line(line.quantity, text)) for text in (line.description_en, line.description_fr)]
        texts += [_folded(text) for text in (line.note_en, line.note_fr)]
    return [text for text in dict.fromkeys(texts) if text]


def amount_texts(amounts: Iterable[Decimal]) -> list[str]:
    """Amounts other than zero as both regions write their decimals: `576.07`, `576,07`; without grouping."""
    plain = dict.fromkeys(f"{amount:.2f}" for amount in amounts if amount)
    return [text for amount in plain for text in (amount, amount.replace(".", ","))]


def search_text(order: OrderText, lines: Sequence[ItemText], serials: Iterable[str] = ()) -> str:
    """The folded text that a search over orders reads.

    Args:
        order: its number, dates and amounts.
        lines: all its lines, the monthly ones included.
        serials: the serials of the devices that came with it.
    """
    own = [_folded(order.number), order.start_on.isoformat(), order.end_on.isoformat()]
    return "\n".join([*own, *line_texts(lines), *amount_texts((order.total, order.subtotal)), *(_folded(serial) for serial in serials)])


def first_line(lines: Sequence[ItemText], language: str) -> str:
    """The folded text of the first line without its quantity, so that 12 trackers do not sort before 2; "" without lines."""
    if not lines:
        return ""
    text = lines[0].description_fr if language == "fr" else lines[0].description_en
    return _folded(text)[:FIRST_LINE_LENGTH]
