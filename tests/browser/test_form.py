"""The standard form in a browser: errors, double clicks, a lost connection, drafts, leaving, and no script."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import Engine, text

from tests.browser.conftest import Open, live
from tests.server import EMPTY, Portal

SAVE = "Enregistrer"


@pytest.fixture
def form(open_page: Open, portal: Portal) -> Iterator[Page]:
    """Yield the profile page of a person whom no other test uses, and restore the stored details afterwards."""
    rows = portal.engine()
    before = _stored(rows)
    yield live(open_page("/fr/profile", EMPTY))
    with rows.begin() as connection:
        connection.execute(text("UPDATE person SET name = :name, phone = :phone WHERE email = :email"), {**before, "email": EMPTY})
    rows.dispose()


def _stored(rows: Engine) -> dict[str, str]:
    with rows.connect() as connection:
        return dict(connection.execute(text("SELECT name, phone FROM person WHERE email = :e"), {"e": EMPTY}).one()._mapping)


def save(page: Page) -> None:
    page.locator("form.form", has=page.locator("#details-name")).get_by_role("button", name=SAVE).click()


def test_errors_are_told_by_field_and_in_a_summary_that_takes_the_focus(form: Page) -> None:
    form.fill("#details-name", " ")
    form.fill("#details-phone", "12")
    save(form)
    expect(form.locator(".form-summary")).to_be_focused()
    expect(form.locator("#details-name")).to_have_attribute("aria-invalid", "true")
    expect(form.locator("#details-name-note")).to_have_text("Ce champ est obligatoire.")
    form.locator(".form-summary a").nth(1).click()
    expect(form.locator("#details-phone")).to_be_focused()
    form.fill("#details-name", "Étienne B.")
    form.fill("#details-phone", "418 555-0142 poste 3")
    save(form)
    expect(form.get_by_text("C’est enregistré.")).to_be_visible()
    expect(form.locator("#details-phone")).to_have_value("+1 418-555-0142 ext. 3")
    expect(form.locator(".form-summary")).to_have_count(0)
    # Screen readers announce this region, so an old error may not stay in it even unseen.
    expect(form.locator("[data-summary]")).to_have_text("")
    expect(form.locator(".header .header-who")).to_contain_text("Étienne B.")


def test_a_double_click_sends_once_and_a_lost_answer_is_not_done_twice(form: Page, console_errors: list[str]) -> None:
    sent: list[str] = []

    def lose(route: Route) -> None:
        sent.append(route.request.post_data or "")
        if len(sent) == 1:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    form.route("**/fr/profile", lambda route: lose(route) if route.request.method == "POST" else route.continue_())
    form.fill("#details-name", "Une fois")
    form.locator("form.form", has=form.locator("#details-name")).get_by_role("button", name=SAVE).dblclick()
    expect(form.locator(".form-summary")).to_contain_text("La connexion a été perdue")
    assert len(sent) == 1
    expect(form.locator("#details-name")).to_have_value("Une fois")
    save(form)
    expect(form.get_by_text("C’est enregistré.")).to_be_visible()
    keys = {part for body in sent for part in body.split("&") if part.startswith("once=")}
    assert (len(sent), len(keys)) == (2, 1)
    # The browser reports the lost answer, as this test intends.
    assert console_errors == ["error: Failed to load resource: net::ERR_FAILED"]
    console_errors.clear()


def test_what_was_typed_is_there_after_a_reload_and_goes_when_asked(form: Page) -> None:
    stored = form.input_value("#details-name")
    form.fill("#details-name", "Pas encore")
    form.on("dialog", lambda dialog: dialog.accept())
    form.reload()
    live(form)
    expect(form.locator("#details-name")).to_have_value("Pas encore")
    form.get_by_role("button", name="Les effacer").click()
    expect(form.locator("#details-name")).to_have_value(stored)


def test_leaving_with_something_unsaved_is_asked_first(form: Page) -> None:
    form.fill("#details-name", "Pas encore")
    form.locator(".shell-crumb a").click()
    question = form.get_by_role("alertdialog")
    expect(question.get_by_role("button", name="Rester ici")).to_be_focused()
    form.keyboard.press("Enter")
    expect(question).to_have_count(0)
    expect(form.locator("#details-name")).to_have_value("Pas encore")
    form.locator(".shell-crumb a").click()
    question.get_by_role("button", name="Quitter sans enregistrer").click()
    expect(form.get_by_role("heading", name="Tableau de bord")).to_be_visible()


def test_two_tabs_are_told_of_each_other(form: Page) -> None:
    other = form.context.new_page()
    other.goto("/fr/profile")
    live(other)
    form.fill("#details-name", "Premier")
    save(form)
    expect(form.get_by_text("C’est enregistré.")).to_be_visible()
    other.fill("#details-name", "Second")
    save(other)
    expect(other.locator("#details-name-note")).to_contain_text("Premier")
    expect(other.locator("#details-name")).to_have_value("Second")
    save(other)
    expect(other.get_by_text("C’est enregistré.")).to_be_visible()


def test_without_script_the_form_works_and_comes_back_with_its_errors(form: Page, open_page: Open) -> None:
    page = open_page("/fr/profile", EMPTY, script=False)
    page.fill("#details-name", "")
    page.fill("#details-phone", "418 555-0143")
    save(page)
    expect(page.locator(".form-summary")).to_contain_text("Nom\u00a0: Ce champ est obligatoire.")
    expect(page.locator("#details-phone")).to_have_value("418 555-0143")
    page.fill("#details-name", "Sans script")
    save(page)
    expect(page.get_by_text("C’est enregistré.")).to_be_visible()
    expect(page.locator("#details-phone")).to_have_value("+1 418-555-0143")
