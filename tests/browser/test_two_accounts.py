"""One person in two accounts, with a tab for each: the account is in the address, so that the tabs do not mix."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine, text

from tests.browser.conftest import Open, live
from tests.browser.test_addresses import SAVE, fill
from tests.server import TWO_ACCOUNTS, Portal

DEPOT = "Dépôt de deux onglets"
_MINE = "person_id = (SELECT id FROM person WHERE email = :e)"


@pytest.fixture
def rows(portal: Portal) -> Iterator[Engine]:
    """Yield an engine for the portal's database, and restore the person's memberships and delete the test's addresses afterwards."""
    made = portal.engine()
    with made.connect() as connection:
        theirs = connection.execute(text(f"SELECT account_id, role FROM membership WHERE {_MINE}"), {"e": TWO_ACCOUNTS}).all()
    yield made
    with made.begin() as connection:
        connection.execute(text("DELETE FROM address WHERE name = :n"), {"n": DEPOT})
        for account_id, role in theirs:
            connection.execute(
                text(
                    "INSERT INTO membership (account_id, person_id, role) SELECT :a, id, :r FROM person WHERE email = :e "
                    "AND NOT EXISTS (SELECT 1 FROM membership m WHERE m.account_id = :a AND m.person_id = person.id)"
                ),
                {"a": account_id, "r": role, "e": TWO_ACCOUNTS},
            )
    made.dispose()


def account_of(page: Page) -> str:
    """Return the account's name from the header."""
    return page.locator(".header .header-who small").inner_text()


def accounts_with_address(rows: Engine) -> list[str]:
    """Return the names of the accounts that have the address typed in this test."""
    with rows.connect() as connection:
        found = "SELECT a.name FROM address d JOIN account a ON a.id = d.account_id WHERE d.name = :n"
        return [name for (name,) in connection.execute(text(found), {"n": DEPOT})]


def test_each_of_two_tabs_keeps_its_account(open_page: Open, rows: Engine) -> None:
    first = live(open_page("/fr/addresses/edit", TWO_ACCOUNTS))
    mine = account_of(first)
    fill(first, name=DEPOT, line1="1, rue Un", city="Laval", province="QC", postal_code="H7L 3J5")
    second = first.context.new_page()
    second.goto("/fr/invoices")
    numbers = live(second).locator("[data-row]").first.inner_text()
    second.locator("[popovertarget=user-menu]").click()
    second.locator("#user-menu a[data-out]").filter(has_not_text=mine).click()
    expect(second.locator(".header .header-who small")).not_to_have_text(mine)
    expect(second).to_have_url(re.compile(r"account="))
    other = account_of(live(second))
    second.locator(".shell > nav.shell-side").get_by_role("link", name="Factures").click()
    expect(second.get_by_role("heading", name="Factures")).to_be_visible()
    expect(second.get_by_text(numbers)).to_have_count(0)
    # Forms and clicks in the first tab still act on its own account, whichever account the second tab uses.
    first.get_by_role("button", name=SAVE).click()
    expect(first.locator("tr", has_text="1, rue Un")).to_be_visible()
    assert (accounts_with_address(rows), account_of(first)) == ([mine], mine)
    second.locator(".shell > nav.shell-side").get_by_role("link", name="Carnet d’adresses").click()
    expect(second.get_by_role("heading", name="Carnet d’adresses")).to_be_visible()
    expect(second.get_by_text("1, rue Un")).to_have_count(0)
    first.reload()
    assert account_of(live(first)) == mine
    assert account_of(second) == other


def test_a_click_in_a_tab_of_an_account_that_was_left_does_nothing_in_the_other(open_page: Open, rows: Engine) -> None:
    page = live(open_page("/fr/addresses/edit", TWO_ACCOUNTS))
    mine = account_of(page)
    fill(page, name=DEPOT, line1="1, rue Un", city="Laval", province="QC", postal_code="H7L 3J5")
    with rows.begin() as connection:
        gone = f"DELETE FROM membership WHERE {_MINE} AND account_id = (SELECT id FROM account WHERE name = :n)"
        assert connection.execute(text(gone), {"e": TWO_ACCOUNTS, "n": mine}).rowcount == 1
    with page.expect_response(lambda answer: answer.request.method == "POST") as answered:
        page.get_by_role("button", name=SAVE).click()
    assert answered.value.status in {403, 404, 409}, answered.value.status
    assert accounts_with_address(rows) == []
    page.locator(".shell > nav.shell-side").get_by_role("link", name="Factures").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Quitter sans enregistrer").click()
    # The address still names the account that was left, so it redirects to the other one's home page, sooner or later.
    expect(page).not_to_have_url(re.compile("/addresses/edit"))
    expect(page.get_by_text(mine)).to_have_count(0)
