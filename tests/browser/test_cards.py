"""Cards in a browser, on a phone and in French: added, declined, confirmed at the bank, made the default, removed."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from tests.browser.conftest import SCHEMES, Open, assert_accessible, axe_violations, live
from tests.chromium import SIZES
from tests.server import EMPTY, Portal

_OURS = "SELECT m.account_id FROM membership m JOIN person p ON p.id = m.person_id WHERE p.email = :e"


def _forget(portal: Portal) -> None:
    rows = portal.engine()
    with rows.begin() as connection:
        for table in ("card_setup", "card", "payment_customer"):
            connection.execute(text(f"DELETE FROM {table} WHERE account_id IN ({_OURS})"), {"e": EMPTY})
    rows.dispose()


@pytest.fixture
def no_cards(portal: Portal) -> Iterator[None]:
    """Delete all cards of the account before and after the test."""
    _forget(portal)
    yield
    _forget(portal)


def add(page: Page, scenario: str) -> None:
    """Go to the provider's page and press the button of a scenario there."""
    page.get_by_role("button", name="Ajouter une carte").click()
    page.wait_for_url("**/sandbox/**")
    page.get_by_role("button", name=scenario).first.click()


def test_the_life_of_a_card(no_cards: None, open_page: Open) -> None:
    page = live(open_page("/fr/cards", EMPTY, size="phone"))
    expect(page.get_by_text("Aucune carte pour l’instant")).to_be_visible()
    add(page, "Acceptée Visa •••• 4242")
    live(page)
    expect(page.get_by_text("La carte a été ajoutée.")).to_be_visible()
    expect(page.locator(".cards-card")).to_have_count(1)
    expect(page.locator(".cards-card")).to_contain_text("Par défaut")

    add(page, "Refusée")
    expect(page.get_by_role("alert")).to_contain_text("La banque a refusé cette carte.")
    assert axe_violations(page) == [], "sandbox"
    page.get_by_role("link", name="Retour à ODOportal").click()
    live(page)
    expect(page.get_by_role("alert").filter(has_text="La banque a refusé cette carte.")).to_be_visible()
    expect(page.locator(".cards-card")).to_have_count(1)

    # The bank asks for confirmation on its own page; the card exists only after that.
    add(page, "3-D Secure")
    page.get_by_role("button", name="Oui, c’est moi").click()
    live(page)
    expect(page.locator(".cards-card")).to_have_count(2)
    add(page, "Acceptée, expire ce mois-ci")
    live(page)
    soon = page.locator(".cards-card", has_text="Mastercard •••• 4444")
    expect(soon).to_contain_text("Expire bientôt")

    soon.get_by_role("button", name="Choisir par défaut").dblclick()
    expect(page.get_by_text("Cette carte est maintenant la carte par défaut.")).to_be_visible()
    expect(page.locator(".cards-card").first).to_contain_text("Mastercard •••• 4444")
    expect(page.get_by_text("Par défaut", exact=True)).to_have_count(1)

    soon.get_by_role("link", name="Retirer").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Visa •••• 4242 la remplacera.")
    assert axe_violations(page) == [], "dialog"
    dialog.get_by_role("link", name="La garder").click()
    expect(dialog).to_have_count(0)
    expect(soon).to_be_visible()
    soon.get_by_role("link", name="Retirer").click()
    dialog.get_by_role("button", name="Retirer cette carte").click()
    expect(page.get_by_text("La carte a été retirée.")).to_be_visible()
    expect(dialog).to_have_count(0)
    expect(page.locator(".cards-card")).to_have_count(2)
    expect(page.locator(".cards-card").first).to_contain_text("Par défaut")


def test_a_slow_provider_is_waited_for_and_the_page_fills_by_itself(no_cards: None, open_page: Open) -> None:
    page = live(open_page("/fr/cards", EMPTY))
    add(page, "Acceptée, après huit secondes")
    expect(page.get_by_text("n’a pas encore confirmé que la carte est acceptée")).to_be_visible()
    expect(page.locator(".cards-card")).to_have_count(1, timeout=40_000)
    expect(page.get_by_text("La carte a été ajoutée.")).to_be_visible()


@pytest.mark.parametrize("scenario", ["le retour à ODOportal échoue", "le message arrive deux fois", "le message arrive avant vous"])
def test_whatever_way_the_message_comes_there_is_one_card(no_cards: None, open_page: Open, scenario: str) -> None:
    page = live(open_page("/fr/cards", EMPTY))
    add(page, scenario)
    if scenario == "le retour à ODOportal échoue":
        page.get_by_role("link", name="Retour à ODOportal").click()
    for _ in range(50):
        live(page)
        if page.locator(".cards-card").count():
            break
        page.reload()
    expect(page.locator(".cards-card")).to_have_count(1)


@pytest.mark.parametrize("size", SIZES)
def test_the_page_with_cards_is_accessible_and_fits(no_cards: None, open_page: Open, size: str) -> None:
    page = live(open_page("/fr/cards", EMPTY, size=size))
    for scenario in ("Acceptée Visa •••• 4242", "Acceptée, expire ce mois-ci"):
        add(page, scenario)
        live(page)
        expect(page.get_by_text("La carte a été ajoutée.")).to_be_visible()
    for language, scheme in SCHEMES[size]:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": SIZES[size][0], "height": SIZES[size][1]})
        page.goto(f"/{language}/cards")
        expect(live(page).locator(".cards-card")).to_have_count(2)
        assert_accessible(page)
