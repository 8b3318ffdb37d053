"""The format of a file: encoding, delimiter, decimal sign and order of dates, detected or declared.

Nothing ambiguous is guessed: `1,234` is an amount only if the decimal sign is declared, and `24/09/2020` a date only if the order of
dates is. Values are returned in the plain forms that `cells` parses.
"""

import csv
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import BinaryIO

from odoportal.importing.cells import quoted

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}
ENCODINGS = ("utf-8", "windows-1252")
_BLOCK = 1 << 16
_PLAIN = re.compile(r"-?[0-9]+(\.[0-9]{1,2})?")
_SPACES = " \u00a0\u202f\u2009"
# Digits without separators, or in groups of three with the same separator, and up to two decimals.
_AMOUNT = re.compile(
    rf"(?P<sign>-)?(?P<whole>[0-9]{{1,3}}(?P<group>[{_SPACES},.])[0-9]{{3}}(?:(?P=group)[0-9]{{3}})*|[0-9]+)(?:(?P<point>[.,])(?P<cents>[0-9]{{1,2}}))?"
)
_ONE_GROUP = re.compile(r"-?[0-9]{1,3}[.,][0-9]{3}")
_RATE = re.compile(r"([0-9]{1,3}),([0-9]{1,4})")
_DMY = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})(.*)")
_HIGH = re.compile(rb"[\x80-\xff]+")
_UNDEFINED = frozenset(b"\x81\x8d\x8f\x90\x9d")


@dataclass(frozen=True)
class Dialect:
    """The declared format of a run's files; None means that it is detected.

    `delimiter` is the character between cells, `encoding` one of `ENCODINGS`, `decimal` "." or ",". `day_first` means that dates are
    written `24/09/2020` (`2020-09-24` is always understood).
    """

    delimiter: str | None = None
    encoding: str | None = None
    decimal: str | None = None
    day_first: bool = False

    def amount(self, text: str) -> str:
        """Return an amount in the form `-1234.56`; a text that is not an amount is returned unchanged, for its parser to refuse.

        Raises:
            ValueError: if the amount is ambiguous, or not in the declared format.
        """
        if self.decimal is None and _PLAIN.fullmatch(text):
            return text
        negative = text.startswith("(") and text.endswith(")")
        inside = text[1:-1] if negative else text
        found = _AMOUNT.fullmatch(inside)
        if found is None or (negative and found["sign"]) or (found["group"] and found["group"] == found["point"]):
            return text
        if self.decimal is None and _ONE_GROUP.fullmatch(inside):
            raise ValueError(f"{quoted(text)} is ambiguous; declare the decimal sign with --decimal")
        if self.decimal and (found["point"] or self.decimal) != self.decimal:
            raise ValueError(f"{quoted(text)} has decimals after {found['point']!r}; declared is {self.decimal!r}")
        if found["group"] and found["group"] == self.decimal:
            raise ValueError(f"{quoted(text)} has more than two decimals; declared is {self.decimal!r}")
        whole = found["whole"].replace(found["group"] or " ", "")
        return f"{'-' if negative or found['sign'] else ''}{whole}" + (f".{found['cents']}" if found["cents"] else "")

    def rate(self, text: str) -> str:
        """Return a rate in the form `9.975`. Rates are below 100 and have no groups, so a comma can only be the decimal sign."""
        found = _RATE.fullmatch(text)
        return f"{found[1]}.{found[2]}" if found else text

    def day(self, text: str) -> str:
        """Return a date, or an instant, with its date in the form `2020-09-24`."""
        if self.day_first and (found := _DMY.fullmatch(text)):
            return f"{found[3]}-{found[2]}-{found[1]}{found[4]}"
        return text


@dataclass(frozen=True)
class FileFormat:
    """The format of one file: its encoding by Python's name, whether it begins with a byte order mark, and the delimiter."""

    encoding: str
    has_bom: bool
    delimiter: str

    @property
    def summary(self) -> str:
        """The unusual things about the format, for the operator; "" for UTF-8 with commas."""
        names = {sign: name for name, sign in DELIMITERS.items()}
        parts = ["read as Windows-1252"] if self.encoding == "cp1252" else []
        return ", ".join(parts + ([f"cells separated by {names[self.delimiter]}"] if self.delimiter != "," else []))


def encoding_of(file: BinaryIO) -> str:
    """Detect the encoding of a file: "cp1252" or "utf-8".

    It is Windows-1252 only if some bytes are not valid UTF-8, no part is a valid non-ASCII character in UTF-8 (a broken UTF-8 file is
    reported instead of being read as gibberish), and every byte is defined in Windows-1252.
    """
    broken, letters, undefined = False, False, False
    file.seek(0)
    rest = b""
    while block := file.read(_BLOCK):
        # Never cut a block inside a character: it has at most four bytes in UTF-8.
        whole = rest + block
        cut = len(whole)
        if not whole.isascii():
            # Continuation bytes are 0x80 to 0xBF, at most three in a row. A longer run of them is no character, and may be cut anywhere.
            cut = max(cut - 4, 0)
            cut = next((at for at in range(cut, max(cut - 4, -1), -1) if not 0x80 <= whole[at] <= 0xBF), cut)
        head, rest = whole[:cut], whole[cut:]
        for run in () if head.isascii() else _HIGH.findall(head):
            broken, letters, undefined = _inspect_bytes(run, broken, letters, undefined)
    for run in _HIGH.findall(rest):
        broken, letters, undefined = _inspect_bytes(run, broken, letters, undefined)
    return "cp1252" if broken and not letters and not undefined else "utf-8"


def _inspect_bytes(run: bytes, broken: bool, letters: bool, undefined: bool) -> tuple[bool, bool, bool]:
    try:
        run.decode("utf-8")
    except UnicodeDecodeError:
        return True, letters or bool(run.decode("utf-8", "ignore")), undefined or not _UNDEFINED.isdisjoint(run)
    return broken, True, undefined


def delimiter_of(head: str, columns: Collection[str]) -> str:
    """Return the delimiter with which most cells of a header line are known column names; a comma if none is better."""

    def count_known_columns(sign: str) -> int:
        try:
            cells = next(csv.reader([head], delimiter=sign), [])
        except csv.Error:
            return 0
        return len({cell.strip().casefold() for cell in cells} & set(columns))

    return max(DELIMITERS.values(), key=count_known_columns)
