"""An owner requires two-step sign-in of everyone; a colleague without it sets it up first. On a phone, in French."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open, temporary_account
from tests.browser.test_account_tour import on_dashboard, open_live, sign_in, switch_two_step_on
from tests.server import Portal

OWNER, COLLEAGUE = "hugo@scierielavoie.example.com", "lea@scierielavoie.example.com"


@pytest.fixture
def sawmill(portal: Portal) -> Iterator[None]:
    """Yield while an account with an owner and a colleague exists, neither of whom has a second step."""
    with temporary_account(portal, "7302", "Scierie Lavoie", {OWNER: ("Hugo Lavoie", "owner"), COLLEAGUE: ("Léa Dubé", "operations")}):
        yield


@pytest.mark.usefixtures("sawmill")
def test_who_has_no_second_step_sets_it_up_before_anything_else(open_page: Open) -> None:
    owner, colleague = open_page("/fr/login", size="phone"), open_page("/fr/login", size="phone")
    sign_in(owner, OWNER)
    on_dashboard(owner)
    open_live(owner, "/fr/profile/people")
    expect(owner.get_by_role("button", name="L’exiger de tout le monde")).to_have_count(0)
    owner.get_by_role("link", name="La configurer d’abord pour vous").click()
    switch_two_step_on(owner)
    open_live(owner, "/fr/profile/people").get_by_role("button", name="L’exiger de tout le monde").click()
    question = owner.get_by_role("alertdialog")
    expect(question).to_contain_text("Exiger la connexion en deux étapes de tout le monde?")
    question.get_by_role("button", name="L’exiger", exact=True).click()
    expect(owner.get_by_text("La connexion en deux étapes est exigée pour voir ce compte.")).to_be_visible()

    sign_in(colleague, COLLEAGUE)
    expect(colleague).to_have_url(re.compile(r"/fr/profile/security"))
    expect(colleague.get_by_text("Scierie Lavoie exige la connexion en deux étapes de tout le monde.")).to_be_visible()
    colleague.goto("/fr/invoices")
    expect(colleague).to_have_url(re.compile(r"/fr/profile/security"))
    switch_two_step_on(colleague)
    expect(colleague.get_by_text("exige la connexion en deux étapes de tout le monde.")).to_have_count(0)
    colleague.goto("/fr/invoices")
    expect(colleague.get_by_role("heading", name="Factures")).to_be_visible()
    on_dashboard(open_live(colleague, "/fr/"))
    expect(open_live(owner, "/fr/profile/people").locator(".table-card", has_text=COLLEAGUE)).to_contain_text("En deux étapes")
