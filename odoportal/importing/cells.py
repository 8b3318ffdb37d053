"""Parsers for the cells of an import: one for each kind of value, with one sentence that says why a cell is refused.

Each parser takes the text of a cell without surrounding spaces, and raises ValueError.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email

from odoportal.core.folding import printable, strip_invisible
from odoportal.rooms.addresses import postal

MAX_QUANTITY = 1_000_000
FIRST_YEAR, LAST_YEAR = 1970, 2199
_AMOUNT = re.compile(r"-?[0-9]{1,10}(\.[0-9]{1,2})?")
_RATE = re.compile(r"[0-9]{1,3}(\.[0-9]{1,4})?")
_INTEGER = re.compile(r"[0-9]{1,9}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})")
_LINE_BREAKS = re.compile(r"[\r\n\t]+")
_YES, _NO = {"yes", "y", "oui", "true", "t", "vrai", "1"}, {"no", "n", "non", "false", "f", "faux", "0", ""}
_ROUNDED = re.compile(r"[0-9]([.,][0-9]+)?E\+[0-9]{1,3}", re.IGNORECASE)


class RowError(ValueError):
    """An error in how the columns of a row fit together, with the column to report."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column


def quoted(value: str) -> str:
    """Return a value in quotes for a message: at most 40 characters, without control characters that a terminal would obey."""
    plain = printable(value[:41])
    return f'"{plain[:40]}…"' if len(value) > 40 else f'"{plain}"'


def clean(cell: str) -> str:
    """Return the text of a cell without surrounding spaces and invisible marks; line breaks inside become one space.

    Raises:
        ValueError: for bytes that are not UTF-8 (read as lone surrogates) and for control characters.
    """
    if cell.isascii() and cell.isprintable():
        return cell.strip()
    text = unicodedata.normalize("NFC", strip_invisible(_LINE_BREAKS.sub(" ", cell)).strip())
    for character in text:
        if "\udc80" <= character <= "\udcff":
            byte = ord(character) - 0xDC00
            raise ValueError(f"byte 0x{byte:02X} cannot be read; save the file as UTF-8, or declare its encoding with --encoding")
        if unicodedata.category(character) in {"Cc", "Cs"}:
            raise ValueError(f"control character U+{ord(character):04X}")
    return text


def key(text: str) -> str:
    """Return the text of a number, reference, serial or code that names a record: no invisible characters, only plain spaces.

    Raises:
        ValueError: for a number that a spreadsheet has rounded, and for characters that have no meaning in Unicode.
    """
    if "+" in text and _ROUNDED.fullmatch(text):
        raise ValueError(f"{quoted(text)} was rounded by a spreadsheet; give the column the format Text, and export it again")
    if text.isascii():
        return text
    kinds = ((character, unicodedata.category(character)) for character in text)
    plain = "".join(" " if kind == "Zs" else character for character, kind in kinds if kind != "Cf").strip()
    if not plain.isprintable():
        unknown = next(character for character in plain if not character.isprintable())
        raise ValueError(f"character U+{ord(unknown):04X} cannot be part of it")
    return plain


def document_number(text: str) -> str:
    """Parse the number of a document, which is part of its address: no backslash, and no empty or dotted parts between slashes."""
    if "\\" in text or ("/" in text and not {"", ".", ".."}.isdisjoint(text.split("/"))):
        raise ValueError(f"{quoted(text)} cannot be part of an address; use no \\, no // and no /../")
    return text


def amount(text: str) -> Decimal:
    """Parse dollars, written `1234.56`, with a leading minus sign for a negative amount."""
    if not _AMOUNT.fullmatch(text):
        raise ValueError(f"{quoted(text)} is not an amount such as 1234.56")
    return Decimal(text).quantize(Decimal("0.01"))


def positive_amount(text: str) -> Decimal:
    """Parse dollars, more than zero."""
    value = amount(text)
    if value <= 0:
        raise ValueError(f"{quoted(text)} must be more than 0")
    return value


def total_amount(text: str) -> Decimal:
    """Parse dollars, zero or more."""
    value = amount(text)
    if value < 0:
        raise ValueError(f"{quoted(text)} must not be negative; what is given back is a credit note")
    return value


def rate(text: str) -> Decimal:
    """Parse a percentage, written `9.975`."""
    if not _RATE.fullmatch(text) or Decimal(text) > 100:
        raise ValueError(f"{quoted(text)} is not a rate in percent such as 9.975")
    return Decimal(text)


def quantity(text: str) -> int:
    """Parse a whole number from 0 to 1,000,000."""
    if not _INTEGER.fullmatch(text) or int(text) > MAX_QUANTITY:
        raise ValueError(f"{quoted(text)} is not a whole number from 0 to {MAX_QUANTITY}")
    return int(text)


def position(text: str) -> int:
    """Parse the position of a line in its document, a whole number from 1."""
    if not _INTEGER.fullmatch(text) or not 1 <= int(text) <= MAX_QUANTITY:
        raise ValueError(f"{quoted(text)} is not the number of a line, from 1")
    return int(text)


def day(text: str) -> date:
    """Parse a date, written `2020-09-24`."""
    try:
        value = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        value = None
    if value is None or not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError(f"{quoted(text)} is not a date such as 2020-09-24")
    return value


def instant(text: str) -> datetime:
    """Parse an instant with its UTC offset, written `2020-09-24T10:04-04:00`, and return it in UTC."""
    try:
        value = datetime.fromisoformat(text) if _INSTANT.fullmatch(text) else None
    except ValueError:
        value = None
    if value is None or not FIRST_YEAR < value.year < LAST_YEAR:
        raise ValueError(f"{quoted(text)} is not a time with its UTC offset such as 2020-09-24T10:04-04:00")
    return value.astimezone(UTC)


def flag(text: str) -> bool:
    """Parse `yes` or `no`; an empty cell means no."""
    word = text.casefold()
    if word not in _YES | _NO:
        raise ValueError(f"{quoted(text)} is neither yes nor no")
    return word in _YES


def email(text: str) -> str:
    """Parse an email address and put its domain in lower case; DNS is not queried."""
    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError as problem:
        raise ValueError(f"{quoted(text)} is not an email address: {problem}") from None


def country(text: str) -> str:
    """Parse a country, written as its ISO 3166 code of two letters or as its name; an empty cell means CA."""
    try:
        return postal.country_code(text or postal.HOME)
    except postal.UnknownCountry as problem:
        raise ValueError(f"{quoted(text)} {problem}") from None


def web_address(text: str) -> str:
    """Parse a URL that starts with https:// or http://, because it becomes a link; an empty cell is allowed."""
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    if text and (parts.scheme not in {"https", "http"} or not parts.netloc or " " in text):
        raise ValueError(f"{quoted(text)} is not an address that starts with https:// or http://")
    return text


def code(text: str) -> str:
    """Parse Odotrack's code of an address; `~` is reserved for archived addresses."""
    if "~" in text:
        raise ValueError(f"{quoted(text)} must not contain ~")
    return text


def one_of(*kinds: type[StrEnum] | str) -> Callable[[str], str]:
    """Return a parser that accepts one of a few words in any case and returns it in lower case."""
    words = [str(word) for kind in kinds for word in ([kind] if isinstance(kind, str) else kind)]

    def read(text: str) -> str:
        if text.casefold() not in words:
            raise ValueError(f"{quoted(text)} is not one of {', '.join(words)}")
        return text.casefold()

    return read


def max_length(model: Any, column: str) -> Callable[[str], str]:
    """Return a parser that refuses a text longer than the model's column."""
    limit: int = model.__table__.c[column].type.length

    def read(text: str) -> str:
        if len(text) > limit:
            raise ValueError(f"is too long: {len(text)} characters, at most {limit}")
        return text

    return read
