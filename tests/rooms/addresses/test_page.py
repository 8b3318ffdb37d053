"""The pages of the address book: what each role sees, and what the forms do."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from sqlmodel import col, select

from odoportal.accounts.models import Change
from odoportal.accounts.rights import may
from odoportal.core import database, i18n
from odoportal.core.identity import Identity
from odoportal.forms.fields import FormModel, validate
from odoportal.forms.handling import FormResult, SentForm
from odoportal.lists.query import ListQuery
from odoportal.lists.view import page_view
from odoportal.rooms.addresses import forms
from odoportal.rooms.addresses.models import Address
from odoportal.rooms.addresses.page import BOOK, EDIT
from odoportal.rooms.addresses.view import AddressesView, EditView, edit_view
from tests.making import TODAY
from tests.rooms.people.conftest import people, store  # noqa: F401 - fixtures

People = dict[str, Identity]
ONTARIO = {"name": "Depot", "line1": "12 Elm Street", "city": "Sudbury", "province": "ON", "postal_code": "p3e5j1", "country": "CA"}
FRANCE = {"name": "Lyon", "line1": "3 rue de la République", "city": "Lyon", "postal_code": "69 002", "country": "FR"}
RULES = {**forms.BOOK, **forms.EDIT}


def book(who: Identity, language: str = "en", **query: str) -> AddressesView:
    with i18n.use(language), database.read_session() as session:
        return page_view(BOOK, session, who, ListQuery.parse(BOOK.rules, query), language, TODAY)


def edit(who: Identity, language: str = "en", **query: str) -> EditView:
    with i18n.use(language), database.read_session() as session:
        return edit_view(session, who, query)


async def _answer(sent: SentForm[FormModel]) -> FormResult:
    return await RULES[sent.form].run(sent)


def send(who: Identity, form: str, fields: Mapping[str, str], key: str = "", version: str = "", mark: str = "a") -> FormResult:
    with i18n.use("en"):
        values = validate(RULES[form].model, fields)
        assert isinstance(values, FormModel), values
        return asyncio.run(_answer(SentForm(form, who, "en", values, key, version, mark * 32, "203.0.113.9", "")))


def code_of(who: Identity, name: str = "Depot") -> str:
    return next(row.key for row in book(who).rows if row.name == name)


@pytest.mark.parametrize(
    ("country", "language", "fields"),
    [
        ("CA", "en", ["Name or company*", "Address*", "Suite, unit, floor", "City*", "Province*", "Postal code*"]),
        ("CA", "fr", ["Nom ou entreprise*", "Adresse*", "Bureau, appartement, étage", "Ville*", "Province*", "Code postal*"]),
        ("FR", "fr", ["Nom ou entreprise*", "Adresse*", "Bureau, appartement, étage", "Code postal*", "Ville*"]),
        ("US", "en", ["Name or company*", "Address*", "Suite, unit, floor", "City*", "State*", "ZIP code*"]),
        ("zz", "en", ["Name or company*", "Address*", "Suite, unit, floor", "City*", "Province*", "Postal code*"]),
    ],
)
def test_the_country_of_the_address_chooses_the_fields(people: People, country: str, language: str, fields: list[str]) -> None:  # noqa: F811
    view = edit(people["owner"], language, country=country)
    assert [f"{row.label}{'*' if row.required else ''}" for row in view.address.rows] == fields
    assert view.address.initial["country"] == (country if country != "zz" else "CA")
    names = [option.text for row in view.address.rows if row.select for option in row.options]
    assert (("Québec" in names) or ("Quebec" in names)) is (country in {"CA", "zz"})


def test_an_address_in_ontario_and_one_in_france_are_written_as_their_post_wants(people: People) -> None:  # noqa: F811
    owner = people["owner"]
    assert send(owner, "address", ONTARIO).go == "/en/addresses"
    assert send(owner, "address", FRANCE, mark="b").ok
    shown = {row.name: ([line.text for line in row.lines], row.country, row.delivery) for row in book(owner).rows}
    assert shown == {
        "Depot": (["12 Elm Street", "Sudbury ON\u00a0 P3E 5J1"], "Canada", True),
        "Lyon": (["3 rue de la République", "69002 Lyon", "France"], "France", False),
    }
    wrong = send(owner, "address", {**ONTARIO, "province": "QC"}, mark="c")
    assert wrong.errors == {"postal_code": "This postal code does not match the province."}
    assert set(send(owner, "address", {"country": "FR"}, mark="d").errors) == {"name", "line1", "city", "postal_code"}
    assert [row.name for row in book(owner, q="p3e5j1").rows] == ["Depot"]
    assert [row.name for row in book(owner, sort="-name").rows] == ["Lyon", "Depot"]


@pytest.mark.asvs("2.3.1")
def test_of_two_who_change_the_same_address_the_second_is_told_and_loses_nothing(people: People) -> None:  # noqa: F811
    owner, colleague = people["owner"], people["operations"]
    # The first address becomes the default, which the colleague may not change.
    send(owner, "address", FRANCE, mark="f")
    send(owner, "address", ONTARIO)
    code = code_of(owner)
    version = edit(owner, code=code).address.version
    assert edit(owner, code=code, country="FR").address.version == version, "another country chosen is nothing stored"
    quebec = {**ONTARIO, "city": "Gatineau", "province": "QC", "postal_code": "J8X 2K1"}
    assert send(colleague, "address", quebec, code, version).ok
    clash = send(owner, "address", {**ONTARIO, "city": "Timmins"}, code, version, "b")
    assert clash.errors == {
        "city": "Saved value: “Gatineau”.",
        "province": "Saved value: “Quebec”.",
        "postal_code": "Saved value: “J8X 2K1”.",
    }
    assert [line.text for line in book(owner).rows[0].lines][1].startswith("Gatineau")
    assert send(owner, "address", {**ONTARIO, "city": "Timmins"}, code, clash.version, "c").ok
    assert [line.text for line in book(owner).rows[0].lines][1].startswith("Timmins")


def test_a_default_is_chosen_and_kept_from_being_removed(people: People) -> None:  # noqa: F811
    owner = people["owner"]
    send(owner, "address", ONTARIO)
    send(owner, "address", FRANCE, mark="b")
    first, second = code_of(owner), code_of(owner, "Lyon")
    assert send(owner, "remove", {}, first, mark="c").error == "This is a default address. Choose another default first."
    assert send(owner, "delivery", {}, second, mark="d").go == f"/en/addresses/edit?code={second}"
    assert send(owner, "billing", {}, second, mark="e").ok
    shown = edit(owner, code=second)
    assert (shown.delivery_is, shown.billing_is) == (True, True)
    assert send(owner, "remove", {}, first, mark="f").go == "/en/addresses?state=removed"
    assert edit(owner, code=first).missing
    assert [(row.name, row.removed) for row in book(owner, state="removed").rows] == [("Depot", True)]
    assert send(owner, "restore", {}, first, mark="0").ok
    assert [row.name for row in book(owner).rows] == ["Depot", "Lyon"]
    with database.read_session() as session:
        rows = session.exec(select(Change).order_by(col(Change.id))).all()
    assert {(r.account_id, r.person_id, r.address) for r in rows} == {(owner.account.account_id, owner.person_id, "203.0.113.9")}
    assert [r.what for r in rows] == [
        "address_added",
        "address_added",
        "address_default",
        "address_default",
        "address_removed",
        "address_restored",
    ]
    assert json.loads(rows[2].before) == {"delivery": "Depot, 12 Elm Street, Sudbury"}
    assert json.loads(rows[2].after) == {"delivery": "Lyon, 3 rue de la République, Lyon"}


def imported(who: Identity, **values: Any) -> str:
    """Store an address as a file or an earlier release brought it."""
    with database.write_session() as session:
        session.add(Address(account_id=who.account.account_id, code="HQ", name="Depot", line1="1 High St", city="Cowes", **values))
    return "HQ"


def test_what_the_country_has_no_place_for_is_shown_and_kept(people: People) -> None:  # noqa: F811
    owner = people["owner"]
    code = imported(owner, province="Isle of Wight", postal_code="PO31 7QT", country="GB")
    view = edit(owner, code=code)
    assert {row.label: row.value for row in view.address.rows if row.key in {"city", "province"}} == {
        "Post town": "Cowes",
        "Region": "Isle of Wight",
    }
    sent = {row.key: row.value for row in view.address.rows} | {"country": "GB", "line2": "Unit 3"}
    assert send(owner, "address", sent, code, view.address.version).ok
    assert "Isle of Wight" in [line.text for line in book(owner).rows[0].lines]
    # Emptied, or with another country chosen, it goes.
    again = edit(owner, code=code).address.version
    assert send(owner, "address", {**sent, "province": ""}, code, again, "b").ok
    assert "Isle of Wight" not in [line.text for line in book(owner).rows[0].lines]
    assert "province" not in [row.key for row in edit(owner, code=code).address.rows]


def test_with_another_country_chosen_only_its_own_fields_are_shown(people: People) -> None:  # noqa: F811
    code = imported(people["owner"], province="Isle of Wight", country="GB")
    assert "province" not in [row.key for row in edit(people["owner"], code=code, country="FR").address.rows]


@pytest.mark.parametrize("country", ["UK", "XX", "ZZ"])
@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_a_stored_country_that_is_not_known_is_drawn_plainly(people: People, country: str, language: str) -> None:  # noqa: F811
    owner = people["owner"]
    code = imported(owner, province="Essex", country=country)
    (row,) = book(owner, language, q="essex").rows
    assert ([line.text for line in row.lines], row.country) == (["1 High St", "Cowes", "Essex", country], country)
    view = edit(owner, language, code=code)
    assert [option.key for option in view.countries if option.selected] == [country]
    with i18n.use(language):
        assert f'value="{country}"' in EDIT.html(view)
    fields = {row.key: row.value for row in view.address.rows} | {"country": country}
    refused = send(owner, "address", fields, code, view.address.version)
    assert refused.errors == {"country": "Choose one of the values offered."}
    assert refused.error == "This country is not known. Choose it from the list."
    assert send(owner, "address", {**fields, "country": "GB", "postal_code": "CM1 1AA"}, code, view.address.version, "b").ok


def test_a_stored_province_that_is_not_in_the_list_is_shown_and_must_be_chosen(people: People) -> None:  # noqa: F811
    code = imported(people["owner"], province="Kebek", postal_code="H2X 1Y4", country="CA")
    view = edit(people["owner"], code=code)
    (province,) = (row for row in view.address.rows if row.key == "province")
    assert [option.text for option in province.options if option.selected] == ["Kebek"]
    fields = {row.key: row.value for row in view.address.rows} | {"country": "CA"}
    assert send(people["owner"], "address", fields, code, view.address.version).errors == {"province": "Choose one of the values offered."}


@pytest.mark.parametrize("role", ["billing", "operations", "read_only"])
@pytest.mark.asvs("8.2.3")
def test_a_page_has_the_controls_that_the_role_has(people: People, role: str) -> None:  # noqa: F811
    send(people["owner"], "address", ONTARIO)
    code, allowed = code_of(people["owner"]), may(role, "addresses")
    shown = book(people[role])
    assert (bool(shown.add), bool(shown.rows[0].edit), len(shown.rows)) == (allowed, allowed, 1)
    view = edit(people[role], code=code)
    assert (view.delivery_may, view.billing_may) == (may(role, "delivery"), may(role, "billing"))


@pytest.mark.asvs("8.2.2")
def test_an_address_of_another_account_is_none_of_the_book(people: People) -> None:  # noqa: F811
    send(people["stranger"], "address", ONTARIO)
    code = code_of(people["stranger"])
    assert (edit(people["owner"], code=code).missing, book(people["owner"]).rows) == (True, [])
    for mark, (form, fields) in enumerate({"address": ONTARIO, "remove": {}, "restore": {}, "delivery": {}, "billing": {}}.items()):
        refused = send(people["owner"], form, fields, code, mark=str(mark))
        assert refused.error.startswith("This address is no longer in the address book"), form


@pytest.mark.parametrize(
    ("role", "said"),
    [
        (
            "operations",
            ["This is the default address for billing. Your role does not let you change or remove it. "
             "Ask someone with one of these roles: Owner, Billing."],
        ),
        (
            "billing",
            ["This is the default address for delivery. Your role does not let you change or remove it. "
             "Ask someone with one of these roles: Owner, Operations."],
        ),
        ("owner", []),
    ],
)  # fmt: skip
def test_the_page_says_why_a_default_cannot_be_changed_and_whom_to_ask(people: People, role: str, said: list[str]) -> None:  # noqa: F811
    assert send(people["owner"], "address", ONTARIO).ok
    code = code_of(people["owner"])
    view = edit(people[role], code=code)
    assert [line.text for line in view.locked] == said
    with i18n.use("en"):
        page = EDIT.html(view)
    for line in said:
        assert line in page
    assert ('data-form="address"' in page, 'data-form="remove"' in page) == (not said, not said)
    assert "12 Elm Street" in page
