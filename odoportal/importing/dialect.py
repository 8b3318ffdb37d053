"""How a file is written: encoding, separator of cells, decimal sign and order of dates, found out or declared.

Nothing is guessed that could be meant in two ways: `1,234` is an amount only where the decimal sign is declared, and
`24/09/2020` a day only where the order of dates is. Out come the plain forms that `values` reads.
"""

import csv
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import BinaryIO

from odoportal.importing.cells import shown

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}
ENCODINGS = ("utf-8", "windows-1252")
_BLOCK = 1 << 16
_PLAIN = re.compile(r"-?[0-9]+(\.[0-9]{1,2})?")
_SPACES = " \u00a0\u202f\u2009"
# Digits in one piece or in groups of three with one sign between them, and up to two decimals.
_AMOUNT = re.compile(
    rf"(?P<sign>-)?(?P<whole>[0-9]{{1,3}}(?P<group>[{_SPACES},.])[0-9]{{3}}(?:(?P=group)[0-9]{{3}})*|[0-9]+)(?:(?P<point>[.,])(?P<cents>[0-9]{{1,2}}))?"
)
_ONE_GROUP = re.compile(r"-?[0-9]{1,3}[.,][0-9]{3}")
_RATE = re.compile(r"([0-9]{1,3}),([0-9]{1,4})")
_DMY = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})(.*)")
_HIGH = re.compile(rb"[\x80-\xff]+")
_UNDEFINED = frozenset(b"\x81\x8d\x8f\x90\x9d")


@dataclass(frozen=True)
class Spelling:
    """What is declared about the files of a run; None is found out.

    `delimiter` is the sign between cells, `encoding` one of `ENCODINGS`, `decimal` "." or ",", and `day_first` says that
    dates are written `24/09/2020` (`2020-09-24` is always understood).
    """

    delimiter: str | None = None
    encoding: str | None = None
    decimal: str | None = None
    day_first: bool = False

    def amount(self, text: str) -> str:
        """An amount in the form `-1234.56`; what is no amount at all is left as it is, to be refused by its reader.

        Raises:
            ValueError: where it could be meant in two ways, or not as declared.
        """
        if self.decimal is None and _PLAIN.fullmatch(text):
            return text
        taken_off = text.startswith("(") and text.endswith(")")
        inside = text[1:-1] if taken_off else text
        found = _AMOUNT.fullmatch(inside)
        if found is None or (taken_off and found["sign"]) or (found["group"] and found["group"] == found["point"]):
            return text
        if self.decimal is None and _ONE_GROUP.fullmatch(inside):
            raise ValueError(f"{shown(text)} can be meant in two ways; declare the decimal sign with --decimal")
        if self.decimal and (found["point"] or self.decimal) != self.decimal:
            raise ValueError(f"{shown(text)} has decimals after {found['point']!r}; declared is {self.decimal!r}")
        if found["group"] and found["group"] == self.decimal:
            raise ValueError(f"{shown(text)} has more than two decimals; declared is {self.decimal!r}")
        whole = found["whole"].replace(found["group"] or " ", "")
        return f"{'-' if taken_off or found['sign'] else ''}{whole}" + (f".{found['cents']}" if found["cents"] else "")

    def rate(self, text: str) -> str:
        """A rate in the form `9.975`: below 100 nothing is grouped, so that a comma can only be its decimal sign."""
        found = _RATE.fullmatch(text)
        return f"{found[1]}.{found[2]}" if found else text

    def day(self, text: str) -> str:
        """A day, or an instant, with its day in the form `2020-09-24`."""
        if self.day_first and (found := _DMY.fullmatch(text)):
            return f"{found[3]}-{found[2]}-{found[1]}{found[4]}"
        return text


@dataclass(frozen=True)
class Form:
    """The form of one file: its encoding as Python calls it, whether a byte order mark leads, and the sign between cells."""

    encoding: str
    mark: bool
    delimiter: str

    @property
    def told(self) -> str:
        """What is worth telling about it; "" for UTF-8 with commas."""
        names = {sign: name for name, sign in DELIMITERS.items()}
        told = ["read as Windows-1252"] if self.encoding == "cp1252" else []
        return ", ".join(told + ([f"cells separated by {names[self.delimiter]}"] if self.delimiter != "," else []))


def encoding_of(file: BinaryIO) -> str:
    """The encoding of a file: UTF-8 when all of it is, or nothing else would make sense of it; otherwise Windows-1252.

    It is taken for Windows-1252 only where no part is a letter in UTF-8 (a broken UTF-8 file is told, not read as
    gibberish) and every byte is a character there.
    """
    broken, letters, undefined = False, False, False
    file.seek(0)
    rest = b""
    while block := file.read(_BLOCK):
        # Never apart in the middle of a letter, which is four bytes at most.
        whole = rest + block
        cut = len(whole)
        if not whole.isascii():
            # The bytes after a letter's first one are 0x80 to 0xBF, three at most: among more of them there is no letter to cut apart.
            cut = max(cut - 4, 0)
            cut = next((at for at in range(cut, max(cut - 4, -1), -1) if not 0x80 <= whole[at] <= 0xBF), cut)
        head, rest = whole[:cut], whole[cut:]
        for run in () if head.isascii() else _HIGH.findall(head):
            broken, letters, undefined = _look_at(run, broken, letters, undefined)
    for run in _HIGH.findall(rest):
        broken, letters, undefined = _look_at(run, broken, letters, undefined)
    return "cp1252" if broken and not letters and not undefined else "utf-8"


def _look_at(run: bytes, broken: bool, letters: bool, undefined: bool) -> tuple[bool, bool, bool]:
    try:
        run.decode("utf-8")
    except UnicodeDecodeError:
        return True, letters or bool(run.decode("utf-8", "ignore")), undefined or not _UNDEFINED.isdisjoint(run)
    return broken, True, undefined


def delimiter_of(head: str, columns: Collection[str]) -> str:
    """The sign that makes most of a head line's cells the names of columns; a comma where none is better."""

    def known(sign: str) -> int:
        try:
            cells = next(csv.reader([head], delimiter=sign), [])
        except csv.Error:
            return 0
        return len({cell.strip().casefold() for cell in cells} & set(columns))

    return max(DELIMITERS.values(), key=known)
