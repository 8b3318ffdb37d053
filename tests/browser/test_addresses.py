"""The address book on a phone: addresses in Ontario and France, two people editing the same one, and no script."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from tests.browser.conftest import Open, live
from tests.server import EMPTY, Portal

SAVE = "Enregistrer"


@pytest.fixture(autouse=True)
def _cleaned_up(portal: Portal) -> Iterator[None]:
    """Delete the addresses that the test added."""
    yield
    rows = portal.engine()
    mine = "account_id = (SELECT m.account_id FROM membership m JOIN person p ON p.id = m.person_id WHERE p.email = :e)"
    with rows.begin() as connection:
        connection.execute(text(f"DELETE FROM address_default WHERE {mine}"), {"e": EMPTY})
        connection.execute(text(f"DELETE FROM address WHERE code LIKE '~%' AND {mine}"), {"e": EMPTY})
    rows.dispose()


def fill(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        field = page.locator(f"#address-{name}")
        field.select_option(value) if name == "province" else field.fill(value)


def test_one_in_ontario_and_one_in_france_are_added_found_changed_and_removed(open_page: Open) -> None:
    page = live(open_page("/fr/addresses", EMPTY, size="phone"))
    page.get_by_role("link", name="Ajouter une adresse").click()
    expect(page.locator("#address-province")).to_be_visible()
    fill(page, name="Dépôt de Sudbury", line1="12, rue Elm", city="Sudbury", province="QC", postal_code="p3e5j1")
    page.get_by_role("button", name=SAVE).click()
    expect(page.locator("#address-postal_code-note")).to_have_text("Ce code postal ne correspond pas à la province.")
    page.locator(".form-summary a").click()
    expect(page.locator("#address-postal_code")).to_be_focused()
    fill(page, province="ON")
    page.get_by_role("button", name=SAVE).click()
    expect(page.locator(".table-card", has_text="Sudbury (Ontario)\u00a0 P3E 5J1")).to_be_visible()

    page.get_by_role("link", name="Ajouter une adresse").click()
    fill(page, name="Dépôt de Lyon")
    page.select_option("#country", "FR")
    expect(page.locator("#address-province")).to_have_count(0)
    expect(page.locator("#address-name")).to_have_value("Dépôt de Lyon")
    fill(page, line1="3, rue de la République", postal_code="69 002", city="Lyon")
    page.get_by_role("button", name=SAVE).click()
    expect(page.locator(".table-card", has_text="69002 Lyon")).to_be_visible()

    page.fill("#search", "sudbury")
    expect(page.locator(".table-card")).to_have_count(1)
    page.fill("#search", "")
    expect(page.locator(".table-card")).not_to_have_count(1)
    page.locator(".table-card", has_text="Lyon").get_by_role("link", name="Modifier").click()
    expect(page.locator("#country")).to_have_value("FR")
    page.get_by_role("button", name="Retirer du carnet d’adresses").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Retirer").click()
    lost = page.locator(".table-card", has_text="69002 Lyon")
    expect(lost.get_by_role("button", name="Rétablir")).to_be_visible()
    lost.get_by_role("button", name="Rétablir").click()
    expect(page.locator(".table-card", has_text="69002 Lyon").get_by_role("link", name="Modifier")).to_be_visible()


def test_two_who_change_the_same_one_are_told_of_each_other(open_page: Open) -> None:
    first = live(open_page("/fr/addresses/edit", EMPTY))
    fill(first, name="Dépôt", line1="1, rue Un", city="Laval", province="QC", postal_code="H7L 3J5")
    first.get_by_role("button", name=SAVE).click()
    row = first.locator("tr", has_text="1, rue Un")
    row.get_by_role("link", name="Modifier").click()
    expect(first.locator("#address-line1")).to_have_value("1, rue Un")
    second = first.context.new_page()
    second.goto(first.url)
    fill(live(second), line1="2, rue Deux")
    fill(first, line1="3, rue Trois")
    first.get_by_role("button", name=SAVE).click()
    expect(first.locator("tr", has_text="3, rue Trois")).to_be_visible()
    second.get_by_role("button", name=SAVE).click()
    expect(second.locator("#address-line1-note")).to_contain_text("3, rue Trois")
    expect(second.locator("#address-line1")).to_have_value("2, rue Deux")
    second.get_by_role("button", name=SAVE).click()
    expect(second.locator("tr", has_text="2, rue Deux")).to_be_visible()


def test_without_script_the_country_chooses_the_fields_and_errors_come_back(open_page: Open) -> None:
    page = open_page("/fr/addresses/edit", EMPTY, script=False)
    page.select_option("#country", "FR")
    page.get_by_role("button", name="Afficher").click()
    fill(page, name="Dépôt de Lyon", line1="3, rue de la République", city="Lyon", postal_code="69")
    page.get_by_role("button", name=SAVE).click()
    expect(page.locator("form[data-form=address] .form-summary")).to_contain_text("Code postal")
    expect(page.locator("#address-city")).to_have_value("Lyon")
    fill(page, postal_code="69002")
    page.get_by_role("button", name=SAVE).click()
    expect(page.locator("tr", has_text="69002 Lyon")).to_be_visible()
