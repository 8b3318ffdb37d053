"""Numbers of payment cards that somebody typed where none belongs: found, and masked before anything keeps them (PCI DSS 3.4)."""

import re

_GROUP = re.compile(r"\d+")
_GAP = re.compile(r"[ \t\u00a0\u202f.\-‐‑–]{1,3}")
_SHORTEST, _LONGEST = 13, 19
_SMALLEST_GROUP = 4
# First digits and lengths as the networks publish them (ISO/IEC 7812). A device's IMEI has the same check digit, but none of these forms.
_NETWORKS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|(?:5[1-5]|2[2-7])\d{14}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-59]|[689]\d)\d{11,16}"  # Diners Club
    r"|35\d{14,17}"  # JCB
    r"|(?:5[06-9]|6\d|81)\d{11,17}"  # Discover, UnionPay, Maestro, Interac
)


def masked(text: str, instead: str = "•••• {last4}") -> str:
    """The text with every card number in it replaced.

    A number is 13 to 19 digits of a network's form whose check digit fits (Luhn), written at a stretch or in groups of four and more,
    the last of any size, with the same space, dash or point between them.

    Args:
        text: whatever was typed.
        instead: what stands in its place; `{last4}` are its last four digits.
    """
    groups = list(_GROUP.finditer(text))
    out, done, first = [], 0, 0
    while first < len(groups):
        last = _end(text, groups, first)
        if last is None:
            first += 1
            continue
        start, end = groups[first].start(), groups[last].end()
        digits = "".join(group[0] for group in groups[first : last + 1])
        out += (text[done:start], instead.format(last4=digits[-4:]))
        done, first = end, last + 1
    return "".join((*out, text[done:]))


def _end(text: str, groups: list[re.Match[str]], first: int) -> int | None:
    """The last group of the longest card number that begins with this group."""
    digits, gap, found = "", "", None
    for here in range(first, len(groups)):
        if here > first:
            between = text[groups[here - 1].end() : groups[here].start()]
            if len(groups[here - 1][0]) < _SMALLEST_GROUP or not _GAP.fullmatch(between) or between != (gap or between):
                break
            gap = between
        digits += groups[here][0]
        if len(digits) > _LONGEST:
            break
        if len(digits) >= _SHORTEST and _NETWORKS.fullmatch(digits) and _checks(digits):
            found = here
    return found


def _checks(digits: str) -> bool:
    """Whether the check digit fits (ISO/IEC 7812-1, annex B)."""
    numbers = [int(digit) for digit in reversed(digits)]
    return sum(numbers[0::2] + [sum(divmod(2 * number, 10)) for number in numbers[1::2]]) % 10 == 0
