"""Devices in a browser: a vehicle renamed where it stands, with a conflict and Undo, and vehicles assigned from a list."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from sqlalchemy import text

from tests.browser.conftest import Open, live
from tests.server import FLEET, Portal

SERIAL, NAME = "4201122", "66 – Kenworth T680"
OTHERS = {"4201224": "", "4201207": ""}


def store(portal: Portal, names: dict[str, str]) -> None:
    """Store the vehicles of some devices of the fleet, as another person would."""
    rows = portal.engine()
    mine = "device_id IN (SELECT d.id FROM device d JOIN account a ON a.id = d.account_id WHERE d.serial = :s AND a.number = '10732')"
    with rows.begin() as connection:
        for serial, name in names.items():
            connection.execute(text(f"UPDATE device_assignment SET vehicle = :v WHERE {mine}"), {"s": serial, "v": name})
    rows.dispose()


@pytest.fixture(autouse=True)
def _cleaned_up(portal: Portal) -> Iterator[None]:
    """Give the vehicles their names back, and delete what the test recorded."""
    yield
    store(portal, {SERIAL: NAME, **OTHERS})
    rows = portal.engine()
    with rows.begin() as connection:
        connection.execute(text("DELETE FROM vehicle_list"))
        connection.execute(text("DELETE FROM change WHERE what LIKE 'vehicle_%'"))
    rows.dispose()


def test_a_vehicle_is_renamed_where_it_stands_and_undone(open_page: Open, portal: Portal) -> None:
    page = live(open_page("/en/devices", FLEET))
    line = page.locator("tbody tr", has_text=SERIAL)
    line.hover()
    line.get_by_role("button", name="Rename").click()
    field = line.get_by_role("textbox", name="Vehicle")
    expect(field).to_be_focused()
    page.keyboard.press("Escape")
    expect(line.get_by_role("button", name="Rename")).to_be_focused()
    page.keyboard.press("Enter")
    field.fill("66, refrigerated")
    page.keyboard.press("Enter")
    expect(line).to_contain_text("66, refrigerated")
    expect(page.get_by_role("status").get_by_text(f"{SERIAL} is now 66, refrigerated")).to_be_visible()
    expect(line.get_by_role("button", name="Rename")).to_be_focused()
    page.get_by_role("button", name="Undo").click()
    expect(line).to_contain_text(NAME)

    line.get_by_role("button", name="Rename").click()
    store(portal, {SERIAL: "Van"})
    field.fill("Truck")
    line.get_by_role("button", name="Save").click()
    expect(line).to_contain_text("Saved value: “Van”.")
    expect(field).to_have_value("Truck")
    line.get_by_role("button", name="Save").click()
    expect(line).to_contain_text("Truck")
    expect(field).to_have_count(0)


def test_selected_devices_are_exported_and_assigned(open_page: Open) -> None:
    page = live(open_page("/en/devices", FLEET))
    for serial in ("4201224", SERIAL):
        page.get_by_role("checkbox", name=f"Select {serial}").check()
    bar = page.locator("tr").locator("xpath=ancestor::section").get_by_text("2 rows selected").locator("xpath=..")
    with page.expect_download() as saved:
        bar.get_by_role("button", name="Export").click()
    assert saved.value.suggested_filename.endswith(".xlsx")
    expect(page.get_by_role("button", name="Assign vehicles")).to_have_count(1)
    expect(page.get_by_role("link", name="Assign vehicles")).to_have_count(0)
    bar.get_by_role("button", name="Assign vehicles").click()
    expect(page.get_by_role("textbox", name="Serial numbers and vehicles")).to_have_value(f"4201224\t\n{SERIAL}\t{NAME}")


def test_the_lines_of_a_check_are_shown_by_result_and_saved(open_page: Open) -> None:
    page = live(open_page("/en/devices/assign", FLEET))
    page.get_by_role("textbox", name="Serial numbers and vehicles").fill(
        f"{SERIAL}\t66 – Kenworth T880\n4201142\tUnit 73\n4,2E+06\tUnit 74\n"
    )
    page.get_by_role("button", name="Check the lines").click()
    expect(page.locator("mark")).to_have_text(["T880"])
    page.get_by_role("link", name="Skipped 2").click()
    expect(page.get_by_role("row", name="4201142")).to_contain_text("The closest is 4201122.")
    expect(page.get_by_role("row", name="66 – Kenworth")).to_have_count(0)
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download the 2 skipped").click()
    page.get_by_role("link", name="Change the list").click()
    page.locator("input[type=file]").set_input_files(saved.value.path())
    page.get_by_role("button", name="Check the lines").click()
    expect(page.get_by_text("0 of 2 lines will change. 2 will be skipped.")).to_be_visible()
    page.go_back()


@pytest.mark.journey
def test_a_list_is_pasted_checked_assigned_and_undone(open_page: Open, portal: Portal) -> None:
    page = live(open_page("/fr/devices", FLEET, size="phone"))
    page.get_by_role("link", name="Attribuer les véhicules").click()
    content = page.get_by_role("textbox", name="Numéros de série et véhicules")
    content.fill("4201224\t71 – Ford Transit\n4201207\t72 – Hino 338\n4,2E+06\tX\n")
    page.get_by_role("button", name="Vérifier les lignes").click()
    expect(page.get_by_text("Excel a abrégé ce numéro de série.")).to_be_visible()
    expect(page.get_by_text("2 lignes sur 3 changeront.")).to_be_visible()
    store(portal, {"4201207": "Autre"})
    page.get_by_role("button", name="Attribuer 2 véhicules").click()
    expect(page.get_by_text("Un appareil a changé depuis votre vérification")).to_be_visible()
    page.get_by_role("button", name="Attribuer 2 véhicules").click()
    expect(page.get_by_role("heading", name="2 véhicules ont été attribués")).to_be_visible()
    page.get_by_role("link", name="Voir les appareils").click()
    expect(page.locator(".table-card").first).to_contain_text("71 – Ford Transit")
    page.go_back()
    page.get_by_role("button", name="Annuler").click()
    expect(page.get_by_role("heading", name="Les véhicules ont retrouvé leur nom précédent")).to_be_visible()


def test_a_file_of_excel_fills_the_list(open_page: Open) -> None:
    page = live(open_page("/en/devices/assign", FLEET))
    file = {"name": "list.csv", "mimeType": "text/csv", "buffer": "4201224;Échelle 7\n".encode("cp1252")}
    page.locator("input[type=file]").set_input_files([file])  # type: ignore[list-item]
    expect(page.get_by_role("textbox", name="Serial numbers and vehicles")).to_have_value("4201224;Échelle 7\n")
    page.get_by_role("button", name="Check the lines").click()
    expect(page.get_by_role("row", name="4201224")).to_contain_text("Échelle 7")


def test_without_script_a_vehicle_is_renamed_in_its_details(open_page: Open) -> None:
    page = open_page(f"/en/devices?open={SERIAL}", FLEET, script=False)
    page.get_by_role("textbox", name="Vehicle").fill("66, refrigerated")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog").get_by_text("66, refrigerated").first).to_be_visible()
