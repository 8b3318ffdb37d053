"""The user guide, followed step by step by a customer with a phone, in French."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.server import GUIDE, PASSWORD


def _sign_in(page: Page, email: str = GUIDE) -> None:
    page.get_by_label("Courriel").fill(email)
    page.get_by_label("Mot de passe", exact=False).first.fill(PASSWORD)
    page.get_by_role("button", name="Se connecter", exact=True).click()


@pytest.mark.parametrize(
    ("address", "words"),
    [("/fr/login?next=%2Ffr%2Forders", "Sign In"), ("/fr/forgot?x=1", "Forgot your password?"), ("/fr/privacy?x=1", "Odotrack inc.")],
)
def test_the_other_language_is_one_click_away_before_signing_in(open_page: Open, address: str, words: str) -> None:
    page = open_page(address)
    # Once the script runs, the link carries the rest of the address; even then it must load a whole page.
    other = page.get_by_role("link", name="English")
    expect(other).to_have_attribute("href", address.replace("/fr/", "/en/", 1))
    other.click()
    expect(page).to_have_url(re.compile(re.escape(address.replace("/fr/", "/en/", 1)) + "$"))
    expect(page.locator("main")).to_contain_text(words)


@pytest.mark.journey
def test_the_guide_on_a_phone_in_french(open_page: Open) -> None:
    page = open_page("/", size="phone")
    expect(page).to_have_url(re.compile(r"/fr/login$"))
    expect(page.get_by_role("heading", name="Bienvenue sur notre portail Web!")).to_be_visible()
    page.get_by_role("button", name="Se connecter", exact=True).click()
    expect(page.get_by_text("Ce champ est obligatoire.").first).to_be_visible()
    _sign_in(page)
    expect(page).to_have_url(re.compile(r"/fr/$"))

    page.locator(".dashboard-tile", has_text="Commandes").click()
    expect(page.get_by_role("heading", name="Commandes (1)")).to_be_visible()
    card = page.locator("li.table-card", has_text="26367")
    expect(card).to_contain_text("0 %")
    expect(card).to_contain_text("2020-09-24")
    expect(page.get_by_text("Affichage de 1 à 1 sur 1 entrée").first).to_be_visible()

    card.get_by_role("link", name="Détails 26367").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Commande 26367")).to_be_visible()
    expect(dialog).to_contain_text("576,07 $")
    expect(dialog).to_contain_text("ODO50 5011870")
    dialog.get_by_role("button", name="Fermer").click()
    expect(dialog).to_be_hidden()

    card.get_by_role("link", name="Factures 26367").click()
    expect(page).to_have_url(re.compile(r"/fr/invoices\?order=26367$"))
    expect(page.get_by_role("link", name=re.compile("commande 26367"))).to_be_visible()
    page.locator("li.table-card", has_text="212048").get_by_role("link", name="Détails 212048").click()
    expect(page.get_by_role("dialog").get_by_role("heading", name="Facture 212048")).to_be_visible()
    expect(page.get_by_role("dialog")).to_contain_text("TVQ 9,975 %")
    page.get_by_role("dialog").get_by_role("button", name="Fermer").click()

    page.get_by_role("button", name="FR, langue : Français").click()
    page.locator("#language-menu").get_by_role("link", name="English").click()
    expect(page).to_have_url(re.compile(r"/en/invoices\?order=26367$"))
    expect(page.get_by_role("heading", name="Invoices (1)")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "en")

    page.go_back()
    expect(page.get_by_role("heading", name="Factures (1)")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Commandes (1)")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Tableau de bord")).to_be_visible()


def test_the_guides_tables_on_a_pc(open_page: Open) -> None:
    page = open_page("/en/orders", GUIDE)
    heads = page.locator("table.list thead th")
    expect(heads).to_have_text(["#", "Start date", "End date", "Progress", "Agreement", "Actions"])
    row = page.locator("table.list tbody tr")
    expect(row).to_have_count(1)
    expect(row.locator(".orders-agreement li")).to_have_text(
        [
            "2\u00a0XODOtrace plan for businesses",
            "2\u00a0XODO50",
            "68\u00a0XODOtrace plan for businesses - 3 years",
            "2\u00a0XActivation Fee",
            "2\u00a0X3 pins OBD2 cable",
            "Discount 3 pins OBD2 cable",
            "1\u00a0XFedEx",
        ]
    )
    expect(page.get_by_text("Showing 1 to 1 of 1 entries").first).to_be_visible()
    page.goto("/en/invoices")
    expect(page.locator("table.list thead th")).to_have_text(["Date", "#", "Amount", "Paid", "Actions"])
    expect(page.locator("table.list tbody tr")).to_contain_text(["212048"])
    expect(page.locator("table.list tbody tr")).to_contain_text(["2020-09-24"])


def test_the_home_page_has_every_place_of_the_guide(open_page: Open) -> None:
    page = open_page("/en/", GUIDE)
    menu = ["Dashboard", "POS Assistant", "Renewal", "Profile", "Address book", "Credit cards", "Point of Sale", "Orders", "Invoices"]
    menu += ["Referral", "Devices", "Tickets", "Help"]
    links = page.locator(".shell > nav.shell-side a")
    expect(links).to_have_count(len(menu))
    for at, name in enumerate(menu):
        expect(links.nth(at)).to_contain_text(name)
    tiles = [
        "Wizard POS",
        "Sales",
        "Renewal",
        "User Account",
        "Address book",
        "Credit cards",
        "Orders",
        "Invoices",
        "Referral",
        "Devices",
        "Tickets",
        "Help",
    ]
    expect(page.locator(".dashboard-tile strong")).to_have_text(tiles)
    for name in menu[1:]:
        page.locator(".shell > nav.shell-side").get_by_role("link", name=name).click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(name)


def test_without_script_the_portal_reads_and_leads_on(open_page: Open) -> None:
    page = open_page("/fr/login?next=%2Ffr%2Forders%3Fopen%3D26367", script=False)
    _sign_in(page)
    expect(page.locator(".dialog")).to_contain_text("Commande 26367")
    page.locator(".dialog a[aria-label=Fermer]").click()
    expect(page.locator("table.list tbody tr")).to_have_count(1)
    page.locator("table.list thead a", has_text="Date de fin").click()
    expect(page.locator("th[aria-sort]")).to_contain_text("Date de fin")
