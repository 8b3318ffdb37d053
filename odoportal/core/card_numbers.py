"""Detection and masking of payment card numbers in free text, before the text is stored (PCI DSS 3.4)."""

import re

_GROUP = re.compile(r"\d+")
_MAX_GAP = 3
_GAP = re.compile(rf"[ \t\u00a0\u202f.\-‐‑–]{{1,{_MAX_GAP}}}")
_MIN_DIGITS, _MAX_DIGITS = 13, 19
_MIN_GROUP = 4
_POSSIBLE_FIRST_DIGITS = "234568"
_DOUBLED_DIGITS = bytes.maketrans(bytes(range(10)), bytes(sum(divmod(2 * digit, 10)) for digit in range(10)))
# First digits and lengths as published by the networks (ISO/IEC 7812). An IMEI has the same check digit but matches none of these forms.
_NETWORKS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|(?:5[1-5]|2[2-7])\d{14}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-59]|[689]\d)\d{11,16}"  # Diners Club
    r"|35\d{14,17}"  # JCB
    r"|(?:5[06-9]|6\d|81)\d{11,17}"  # Discover, UnionPay, Maestro, Interac
)


def mask_card_numbers(text: str, replacement: str = "•••• {last4}") -> str:
    """Return the text with every card number in it replaced.

    A card number has 13 to 19 digits, a form used by a network and a valid check digit (Luhn). It is written without gaps, or in groups
    of at least four digits (the last of any size) with the same space, dash or point between them.

    Args:
        text: The text as typed.
        replacement: The replacement; `{last4}` is replaced by the last four digits.
    """
    groups = list(_GROUP.finditer(text))
    out: list[str] = []
    done = first = 0
    while first < len(groups):
        last = _last_group(text, groups, first)
        if last is None:
            first += 1
            continue
        start, end = groups[first].start(), groups[last].end()
        digits = "".join(group[0] for group in groups[first : last + 1])
        out += (text[done:start], replacement.format(last4=digits[-4:]))
        done, first = end, last + 1
    return "".join((*out, text[done:]))


def _last_group(text: str, groups: list[re.Match[str]], first: int) -> int | None:
    """Return the index of the last group of the longest card number that starts at group `first`; None when none starts there."""
    digits, gap, last = "", "", None
    if text[groups[first].start()] not in _POSSIBLE_FIRST_DIGITS:
        return None
    for index in range(first, len(groups)):
        start, end = groups[index].span()
        if index > first:
            before = groups[index - 1]
            between = text[before.end() : min(start, before.end() + _MAX_GAP + 1)]
            if before.end() - before.start() < _MIN_GROUP or (between != gap if gap else not _GAP.fullmatch(between)):
                break
            gap = between
        if len(digits) + end - start > _MAX_DIGITS:
            break
        digits += text[start:end]
        if len(digits) >= _MIN_DIGITS and _luhn_valid(digits) and _NETWORKS.fullmatch(digits):
            last = index
    return last


def _luhn_valid(digits: str) -> bool:
    """Return whether the Luhn check digit is valid (ISO/IEC 7812-1, annex B)."""
    values = bytes(map(int, digits))
    return (sum(values[::-2]) + sum(values[-2::-2].translate(_DOUBLED_DIGITS))) % 10 == 0
