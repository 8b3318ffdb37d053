"""The format of a file: encoding, delimiter, header, decimal sign and order of dates, detected or declared.

Nothing ambiguous is guessed: `1,234` is an amount only if the decimal sign is declared, and `24/09/2020` a date only if the order of
dates is. Values are returned in the plain forms that `cells` parses.
"""

import csv
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from odoportal.importing.cells import quoted

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}
ENCODINGS = {
    "utf-8": "utf-8",
    "windows-1252": "cp1252",
    "cp850": "cp850",
    "cp863": "cp863",
    "mac-roman": "mac-roman",
    "utf-16": "utf-16",
}
"""Python's name of each encoding that can be declared."""
_BLOCK = 1 << 16
_PLAIN = re.compile(r"-?[0-9]+(\.[0-9]{1,2})?")
_SPACES = " \u00a0\u202f\u2009"
# A minus sign in front or behind, or brackets, around digits and perhaps a dollar sign.
_SIGNED = re.compile(
    rf"(?P<open>\()?[{_SPACES}]*(?P<front>-)?[{_SPACES}]*(?P<dollar>\$)?[{_SPACES}]*(?P<inner>-)?[{_SPACES}]*"
    rf"(?P<digits>[0-9.,](?:[0-9.,'’{_SPACES}]*[0-9])?)"
    rf"[{_SPACES}]*(?P<behind>-)?[{_SPACES}]*(?P<unit>\$)?[{_SPACES}]*(?P<last>-)?[{_SPACES}]*(?P<close>\))?"
)
# Digits without separators, or in groups of three with the same separator, and up to two decimals that are not only more zeros.
_DIGITS = re.compile(
    rf"(?P<whole>[0-9]{{1,3}}(?P<group>[{_SPACES},.'’])[0-9]{{3}}(?:(?P=group)[0-9]{{3}})*|[0-9]+|(?=[.,]))"
    r"(?:(?P<point>[.,])(?P<cents>[0-9]{1,2})0*)?"
)
_ONE_GROUP = re.compile(r"[0-9]{1,3}[.,][0-9]{3}")
_QUANTITY = re.compile(rf"[0-9.,{_SPACES}]+")
_RATE = re.compile(rf"([0-9]{{1,3}})(?:[.,]([0-9]{{1,4}})0*)?[{_SPACES}]*%?")
_YMD = re.compile(r"([0-9]{4})([-/]?)([0-9]{2})\2([0-9]{2})(.*)")
_DMY = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})(.*)")
_MIDNIGHT = re.compile(r"[T ]00:00(:00(\.0+)?)?")
_TIME = re.compile(r"[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(\.[0-9]+)? ?(?:(Z)|([+-][0-9]{2})(?::?([0-9]{2}))?)")
_SEP_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
_LINE_ENDS = re.compile(r"\r\n|\r|\n")
_MOST_BEFORE_HEADER = 20
_HIGH = re.compile(rb"[\x80-\xff]+")
_UNDEFINED = frozenset(b"\x81\x8d\x8f\x90\x9d")
# What the letters of DOS and the old Macs become when they are read as Windows-1252: signs inside words (`Montr‚al`, `C“t‚`, `C™tŽ`), a
# capital before a small letter (`MontrŽal`, `PiŠce`), and a low quote that nothing closes (`‚cole`). Windows-1252 has all of them, but
# not there: `Žižek`, `CŒUR`, `l’été` and `‚so‘` are left alone.
_LETTER = r"[^\W\d_]"
_SMALL = r"[^\W\d_A-ZÀ-ÖØ-ÞŠŽŒŸ]"
_MISREAD = re.compile(
    rf"ˆ|ƒ(?={_LETTER})|(?<={_LETTER})[‚„˜]|˜(?={_LETTER})|(?<={_LETTER})[†‡‰™“”‹›€¡¢£¤¥](?={_LETTER})"
    rf"|(?<={_SMALL})[ŠŽŒŸ]|(?<={_LETTER})[ŠŽŒ](?={_SMALL})|Ÿ(?={_SMALL})|(?<=['’])[‚„]|[‚„](?=[^‘’“”]*$)"
)


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

    @property
    def readers(self) -> dict[str, Callable[[str], str]]:
        """The functions that bring a value into its plain form, by the name of its format (`FileKind.value_formats`)."""
        return {"amount": self.amount, "quantity": self.quantity, "rate": self.rate, "day": self.day, "instant": self.instant}

    def amount(self, text: str) -> str:
        """Return an amount in the form `-1234.56`; a text that is not an amount is returned unchanged, for its parser to refuse.

        Raises:
            ValueError: if the amount is ambiguous, or not in the declared format.
        """
        if self.decimal is None and _PLAIN.fullmatch(text):
            return text
        signed = _SIGNED.fullmatch(text.replace("−", "-"))
        if signed is None or bool(signed["open"]) != bool(signed["close"]) or (signed["dollar"] and signed["unit"]):
            return text
        signs = [name for name in ("open", "front", "inner", "behind", "last") if signed[name]]
        plain = self._plain_digits(text, signed["digits"]) if len(signs) <= 1 else None
        return text if plain is None else f"{'-' if signs else ''}{plain}"

    def _plain_digits(self, text: str, digits: str) -> str | None:
        found = _DIGITS.fullmatch(digits)
        if found is None or (found["group"] and found["group"] == found["point"]):
            return None
        if self.decimal is None and _ONE_GROUP.fullmatch(digits):
            raise ValueError(f"{quoted(text)} is ambiguous; declare the decimal sign with --decimal")
        if self.decimal and (found["point"] or self.decimal) != self.decimal:
            raise ValueError(f"{quoted(text)} has decimals after {found['point']!r}; declared is {self.decimal!r}")
        whole, cents = found["whole"], found["cents"]
        if self.decimal and found["group"] == self.decimal:
            whole, _, cents = digits.partition(self.decimal)
            if not _ONE_GROUP.fullmatch(digits) or not cents.endswith("0"):
                raise ValueError(f"{quoted(text)} has more than two decimals; declared is {self.decimal!r}")
            return f"{whole}.{cents[:2]}"
        return (whole.replace(found["group"] or " ", "") or "0") + (f".{cents}" if cents else "")

    def quantity(self, text: str) -> str:
        """Return a quantity without decimals that are zeros and without separators: `2.00` is `2`.

        Raises:
            ValueError: if the quantity is ambiguous (`1,000`), or not in the declared format.
        """
        if text.isdigit() or not _QUANTITY.fullmatch(text):
            return text
        whole, _, decimals = self.amount(text).partition(".")
        return text if decimals.strip("0") else whole

    def rate(self, text: str) -> str:
        """Return a rate in the form `9.975`. Rates are below 100 and have no groups, so a comma can only be the decimal sign."""
        found = _RATE.fullmatch(text)
        return found[1] + (f".{found[2]}" if found[2] else "") if found else text

    def day(self, text: str) -> str:
        """Return a date in the form `2020-09-24`, without the midnight that some systems write after it."""
        day, rest = self._split_date(text)
        return day if day and (not rest or _MIDNIGHT.fullmatch(rest)) else text

    def instant(self, text: str) -> str:
        """Return an instant in the form `2020-09-24T10:04:00.000-04:00`."""
        day, rest = self._split_date(text)
        time = _TIME.fullmatch(rest)
        if not day or time is None:
            return text
        clock, fraction, utc, hours, minutes = time.groups(default="")
        return f"{day}T{clock}{fraction[:7]}" + (utc or f"{hours}:{minutes or '00'}")

    def _split_date(self, text: str) -> tuple[str, str]:
        """Return the date that a text begins with, in the form `2020-09-24`, and the rest; "" without a date."""
        if found := _YMD.fullmatch(text):
            return f"{found[1]}-{found[3]}-{found[4]}", found[5]
        if self.day_first and (found := _DMY.fullmatch(text)):
            return f"{found[4]}-{found[3]:0>2}-{found[1]:0>2}", found[5]
        return "", ""


@dataclass(frozen=True)
class FileFormat:
    """The format of one file: its encoding by Python's name, whether it begins with a byte order mark, the delimiter, the header's line.

    `skipped` is the number of records before the header, such as a title.
    """

    encoding: str
    has_bom: bool
    delimiter: str
    header: int = 1
    skipped: int = 0

    @property
    def delimiter_name(self) -> str:
        """The delimiter in words."""
        return {sign: name for name, sign in DELIMITERS.items()}.get(self.delimiter, repr(self.delimiter))

    @property
    def summary(self) -> str:
        """The unusual things about the format, for the operator; "" for UTF-8 with commas."""
        names = {codec: name for name, codec in ENCODINGS.items()} | {"cp1252": "Windows-1252"}
        parts = [f"read as {names[self.encoding]}"] if self.encoding != "utf-8" else []
        parts += [f"cells separated by {self.delimiter_name}"] if self.delimiter != "," else []
        parts += [f"the header is on line {self.header}"] if self.skipped else []
        return ", ".join(parts)


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


def misread(text: str) -> str:
    """Return a word of a text that was read as Windows-1252 but is in an encoding of DOS or of old Macs; "" if there is none."""
    found = _MISREAD.search(text)
    if found is None:
        return ""
    start = max(text.rfind(" ", 0, found.start()) + 1, 0)
    return text[start:].partition(" ")[0]


def format_of(
    start: str, columns: Collection[str], has_required: Callable[[set[str]], bool], delimiter: str | None = None
) -> tuple[str, int, int]:
    """Detect the delimiter and the header of a file.

    The header is the first of the first records that has every required column; if there is none, the one with the most known columns.

    Args:
        start: the text that the file begins with.
        columns: the known columns.
        has_required: whether a set of names has every required column.
        delimiter: the declared delimiter. A first line `sep=;`, as written for Excel, declares one as well.

    Returns:
        The delimiter, the line of the header (1 if there is none), and the number of records before it.
    """
    lines = _LINE_ENDS.split(start)
    declared = _SEP_LINE.fullmatch(lines[0].strip())
    sign = delimiter or (declared[1] if declared else None)
    found: list[tuple[tuple[bool, int, int], tuple[str, int, int]]] = []
    for tried in [sign] if sign else DELIMITERS.values():
        for place, (at, names) in enumerate(_first_records(lines, 1 if declared else 0, tried)):
            if known := len(names & set(columns)):
                found.append(((has_required(names), known, -place), (tried, at, place)))
    return max(found, key=lambda scored: scored[0], default=(None, (sign or ",", 1, 0)))[1]


def _first_records(lines: Sequence[str], skipped: int, sign: str) -> Iterator[tuple[int, set[str]]]:
    """Yield the line and the names in each of the first records that are not blank, until one cannot be read."""
    reader = csv.reader((f"{line}\n" for line in lines[skipped:]), delimiter=sign)
    left = _MOST_BEFORE_HEADER
    while left:
        at = reader.line_num + 1 + skipped
        try:
            cells = next(reader)
        except (csv.Error, StopIteration):
            return
        if not is_blank(cells):
            left -= 1
            yield at, {header_name(cell) for cell in cells}


def is_blank(cells: Sequence[str]) -> bool:
    """Return whether a record has no text."""
    return all(cell.isspace() or not cell for cell in cells)


def header_name(cell: str) -> str:
    """Return the name of a column as a header writes it: in any case, perhaps with the `*` of a required one."""
    return cell.strip().rstrip("*").strip().casefold()
