"""Address formats of each country."""

from itertools import product

import pytest

from odoportal.core import i18n
from odoportal.core.folding import fold
from odoportal.rooms.addresses import postal
from odoportal.rooms.addresses.models import Address
from odoportal.rooms.addresses.service import lines

MONTREAL = {"name": "A", "line1": "1, rue Un", "city": "Montréal", "province": "QC", "postal_code": "h2x1y4", "country": "CA"}


@pytest.mark.parametrize(
    ("typed", "country", "province", "stored"),
    [
        ("H2X1Y4", "CA", "", "H2X 1Y4"),
        (" h2x  1y4 ", "CA", "QC", "H2X 1Y4"),
        ("h2x-1y4", "CA", "QC", "H2X 1Y4"),
        ("K1A0B1", "CA", "ON", "K1A 0B1"),
        ("H2X 1Y4", "CA", "ON", None),
        ("H2X 1Y", "CA", "", None),
        ("D2X 1Y4", "CA", "", None),
        ("H2X 1Y4 extra", "CA", "", None),
        ("75 001", "FR", "", "75001"),
        ("7500", "FR", "", None),
        ("sw1a1aa", "GB", "", "SW1A 1AA"),
        ("ec1y8sy", "GB", "", "EC1Y 8SY"),
        ("1234ab", "NL", "", "1234 AB"),
        ("902101234", "US", "CA", "90210-1234"),
        ("10001", "US", "CA", None),
        ("", "CA", "QC", ""),
        ("１２３", "CA", "", None),
        ("any thing", "AE", "", "ANY THING"),
    ],
)
def test_a_postal_code_is_written_as_its_country_does(typed: str, country: str, province: str, stored: str | None) -> None:
    assert postal.postal_code(typed, country, province) == stored


@pytest.mark.asvs("2.1.2")
@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_every_country_has_fields_names_and_codes_that_hold(language: str) -> None:
    with i18n.use(language):
        named = dict(postal.countries(language))
        assert set(named) <= set(postal.codes())
        assert {"CA", "US", "FR", "MX", "GB"} <= set(named)
        assert [code for code, _ in postal.countries(language)[:3]] == ["CA", "US", "FR"]
        for code in postal.codes():
            shown = postal.country(code)
            assert shown.rows[0][0].name == "name"
            assert "line1" in shown.parts
            assert all(part.label and all(name for _, name in part.choices) for part in shown.parts.values())
            if example := shown.parts["postal_code"].example if "postal_code" in shown.parts else "":
                assert postal.postal_code(example, code) == example
                assert postal.postal_code(example.replace(" ", "").lower(), code) == example


def test_the_provinces_are_named_in_the_page_s_language() -> None:
    assert dict(postal.provinces("CA", "fr"))["NS"] == "Nouvelle-Écosse"
    assert dict(postal.provinces("CA", "en"))["NS"] == "Nova Scotia"
    assert len(postal.provinces("CA", "fr")) == len(postal.provinces("CA", "en")) == 13
    assert dict(postal.provinces("JP", "fr"))["東京都"] == "Tokyo"
    assert postal.provinces("FR", "fr") == ()


def test_an_order_of_fields_by_country() -> None:
    with i18n.use("en"):
        assert [part.name for part in postal.country("CA").rows[-1]] == ["city", "province", "postal_code"]
        assert [part.name for part in postal.country("FR").rows[-1]] == ["postal_code", "city"]
        assert postal.country("US").parts["postal_code"].label == "ZIP code"
        assert not postal.country("IE").parts["postal_code"].required
        assert "province" not in postal.country("FR").parts


def test_what_is_stored_of_an_address() -> None:
    with i18n.use("en"):
        stored = postal.validate({**MONTREAL, "district": "dropped"})
        assert stored == {**MONTREAL, "line2": "", "district": "", "postal_code": "H2X 1Y4"}
        paris = postal.validate({**MONTREAL, "country": "FR", "postal_code": "75001", "city": "Paris"})
        # A French address has no province: the Canadian one is not kept.
        assert (paris["province"], paris["postal_code"]) == ("", "75001")


@pytest.mark.asvs("2.2.3")
@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"name": " "}, {"name": "required"}),
        ({"line1": "", "city": ""}, {"line1": "required", "city": "required"}),
        ({"province": ""}, {"province": "required"}),
        ({"province": "Québec"}, {"province": "option"}),
        ({"postal_code": ""}, {"postal_code": "required"}),
        ({"postal_code": "75001"}, {"postal_code": "H3Z 2Y7"}),
        ({"province": "ON"}, {"postal_code": "province"}),
        ({"country": "XX"}, {"country": "option"}),
        ({"country": "../ca"}, {"country": "option"}),
        ({"country": "zz"}, {"country": "option"}),
    ],
)
def test_what_is_missing_or_cannot_be_is_said_by_field(change: dict[str, str], wrong: dict[str, str]) -> None:
    with i18n.use("en"), pytest.raises(postal.UnusableAddress) as why:
        postal.validate({**MONTREAL, **change})
    assert set(why.value.errors) == set(wrong)
    assert all(words in why.value.errors[name] for name, words in wrong.items())


def test_an_address_abroad_is_written_as_its_post_wants_it() -> None:
    paris = Address(account_id=1, code="P", name="Fournier SA", line1="1 rue X", city="Paris", postal_code="75001", country="FR")
    assert lines(paris, "fr") == ["Fournier SA", "1 rue X", "75001 Paris", "France"]
    boston = Address(account_id=1, code="B", name="B", line1="1 Main St", city="Boston", province="MA", postal_code="02110", country="US")
    assert lines(boston, "fr") == ["B", "1 Main St", "Boston, MA 02110", "États-Unis"]
    tokyo = Address(account_id=1, code="T", name="T", line1="1-1", city="", province="東京都", postal_code="100-0001", country="JP")
    assert "Tokyo" in lines(tokyo, "en")
    seville = Address(account_id=1, code="S", name="S", line1="C/ 1", city="Dos Hermanas", province="SE", postal_code="41701", country="ES")
    assert lines(seville, "en")[-2:] == ["41701 Dos Hermanas Sevilla", "Spain"]


@pytest.mark.parametrize(
    ("country", "values", "written"),
    [
        ("HU", {"city": "Budapest", "postal_code": "1037"}, ["Budapest", "1 Main St", "1037", "Hungary"]),
        ("KZ", {"city": "Almaty", "postal_code": "050012"}, ["050012", "Almaty", "1 Main St", "Kazakhstan"]),
        ("GN", {"city": "Conakry", "postal_code": "001"}, ["001 1 Main St", "Conakry", "Guinea"]),
        ("SE", {"city": "Umeå", "postal_code": "90326"}, ["1 Main St", "SE-90326 Umeå", "Sweden"]),
        ("SE", {"city": "Umeå"}, ["1 Main St", "Umeå", "Sweden"]),
        (
            "GB",
            {"city": "Cowes", "province": "Isle of Wight", "postal_code": "PO31 7QT"},
            ["1 Main St", "Cowes", "Isle of Wight", "PO31 7QT", "United Kingdom"],
        ),
        ("SG", {"city": "Singapore", "postal_code": "546080"}, ["1 Main St", "SINGAPORE 546080", "Singapore"]),
        ("CA", {"district": "Chomedey", "city": "Laval", "province": "QC"}, ["1 Main St", "Chomedey", "Laval QC"]),
        ("UK", {"city": "Leeds", "postal_code": "LS1 1AA"}, ["1 Main St", "Leeds", "LS1 1AA", "UK"]),
        ("zz", {"city": "Leeds"}, ["1 Main St", "Leeds", "zz"]),
        ("", {"city": "Leeds"}, ["1 Main St", "Leeds"]),
    ],
)
def test_what_stands_before_the_street_or_has_no_place_is_written_too(country: str, values: dict[str, str], written: list[str]) -> None:
    empty = dict.fromkeys(("line2", "district", "city", "province", "postal_code"), "")
    address = {"name": "X Ltd", "line1": "1 Main St", "country": country, **empty, **values}
    assert postal.lines(address, "en") == ["X Ltd", *written]


def test_everything_that_is_stored_is_written_whatever_the_country() -> None:
    whole = {"name": "Naame", "line1": "1 Main", "line2": "2nd floor", "district": "Distr", "city": "Citty", "province": "Provv"}
    for country, district, city, province, code in product((*postal.codes(), "UK", "ZZ", "XX", ""), *[("", "-")] * 3, ("", "12345")):
        values = {
            **whole,
            "district": district and whole["district"],
            "city": city and whole["city"],
            "province": province and whole["province"],
            "postal_code": code,
            "country": country,
        }
        for language in i18n.LANGUAGES:
            written = postal.lines(values, language)
            name = postal.country_name(country, language)
            lacking = [value for value in values.values() if value != country and not any(value in line for line in written)]
            assert not lacking, (values, written)
            assert country == "CA" or not name or written[-1] == name
            assert all(line == line.strip() for line in written)


@pytest.mark.parametrize("country", ["UK", "XX", "zz", "../ca", ""])
def test_a_country_that_is_not_known_has_plain_fields_and_no_provinces(country: str) -> None:
    with i18n.use("fr"):
        assert [part.name for part in postal.country(country).parts.values()] == [
            "name", "line1", "line2", "city", "province", "postal_code",
        ]  # fmt: skip
        assert postal.provinces(country, "fr") == ()
        assert postal.country_name(country, "fr") == country


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ca", "CA"), (" US ", "US"), ("Canada", "CA"), ("CANADA", "CA"), ("États-Unis", "US"), ("Etats Unis", "US"),
        ("united states", "US"), ("USA", "US"), ("U.S.A.", "US"), ("Czech Republic", "CZ"), ("xk", "XK"),
        ("Royaume-Uni", "GB"), ("Great Britain", "GB"), ("Côte d’Ivoire", "CI"), ("Trinidad & Tobago", "TT"), ("Allemagne", "DE"),
    ],
)  # fmt: skip
def test_a_country_is_known_by_its_code_and_by_its_name_in_both_languages(text: str, code: str) -> None:
    assert postal.country_code(text) == code


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("UK", "is not a country code; United Kingdom is GB"),
        ("el", "is not a country code; Greece is GR"),
        ("CAN", "is not a country code; Canada is CA"),
        ("AN", "is not a country code; Curaçao is CW, Sint Maarten is SX, Caribbean Netherlands is BQ"),
        ("ZZ", "is neither a country code of two letters such as CA nor its name"),
        ("EU", "is neither a country code of two letters such as CA nor its name"),
        ("Congo", "is neither a country code of two letters such as CA nor its name"),
    ],
)
def test_another_code_is_refused_and_the_right_one_named(text: str, said: str) -> None:
    with pytest.raises(postal.UnknownCountry) as why:
        postal.country_code(text)
    assert str(why.value) == said


def test_every_country_is_found_by_each_of_its_names() -> None:
    for language in i18n.LANGUAGES:
        for code, name in postal.countries(language):
            assert postal.country_code(name) == postal.country_code(fold(name)) == code


@pytest.mark.parametrize(
    ("country", "province", "code", "understood"),
    [
        ("CA", "Québec", "h2x1y4", ("QC", "H2X 1Y4")),
        ("CA", "QUEBEC", "", ("QC", "")),
        ("CA", "Colombie-Britannique", "V8X 3X4", ("BC", "V8X 3X4")),
        ("CA", "B.C.", "T0L1K0", ("BC", "T0L 1K0")),
        ("AU", "Victoria", "3000", ("VIC", "3000")),
        ("SE", "", "S-958 22", ("", "95822")),
        ("NO", "", "N 5804", ("", "5804")),
        ("FI", "", "FIN-00100", ("", "00100")),
        ("DE", "", "S-10115", ("", "S-10115")),
        ("CA", "Kebek", "12345", ("Kebek", "12345")),
        ("AE", "", "any thing", ("", "any thing")),
        ("UK", "Essex", "CM1 1AA", ("Essex", "CM1 1AA")),
    ],
)
def test_a_file_s_province_and_postal_code_are_understood(country: str, province: str, code: str, understood: tuple[str, str]) -> None:
    values = {"country": country, "province": province, "postal_code": code}
    found = postal.understood(values)
    assert (found["province"], found["postal_code"]) == understood
    assert postal.understood(found) == found
