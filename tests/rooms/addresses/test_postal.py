"""Address formats of each country."""

import pytest

from odoportal.core import i18n
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
