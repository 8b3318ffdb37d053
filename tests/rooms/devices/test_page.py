"""The devices page and the page that assigns vehicles: what they show, and what their forms do."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qsl

import pytest

from odoportal.core import clock, database, i18n
from odoportal.core.identity import Identity
from odoportal.forms.fields import FormModel, validate
from odoportal.forms.handling import FormResult, SentForm
from odoportal.lists.download import file_table
from odoportal.lists.query import ListQuery
from odoportal.lists.view import page_view
from odoportal.rooms.devices import forms
from odoportal.rooms.devices.assign_page import ASSIGN
from odoportal.rooms.devices.assign_view import AssignView, CheckRow, assign_view
from odoportal.rooms.devices.page import DEVICES, PAGE
from odoportal.rooms.devices.view import DevicesView
from tests.making import NOON, TODAY, device, order
from tests.rooms.people.conftest import people, store  # noqa: F401 - fixtures

People = dict[str, Identity]
HANDLERS = {"rename": forms.LIST["rename"], "undo rename": forms.LIST["undo"], **forms.ASSIGN}


@pytest.fixture
def fleet(people: People) -> People:  # noqa: F811
    clock.set_source(lambda: NOON)
    with database.write_session() as session:
        mine = people["owner"].account.account_id
        sale = order(session, mine, "100", date(2019, 10, 1), date(2020, 9, 30), [("Plan", "Forfait"), ("ODO50", "ODO50")])
        device(session, mine, "S1", vehicle="Unit 1", order=sale, line=1, signal=NOON)
        device(session, mine, "S2", order=sale, state="preparing")
        device(session, mine, "S3", vehicle="Unit 3", signal=datetime(2020, 9, 21, 20, 2, tzinfo=UTC))
        device(session, mine, "S4", vehicle="Unit 4", state="replaced", until=TODAY - timedelta(days=9))
        device(session, people["stranger"].account.account_id, "S9", vehicle="Theirs")
    return people


def shown(who: Identity, language: str = "en", **query: str) -> DevicesView:
    with i18n.use(language), database.read_session() as session:
        return page_view(DEVICES, session, who, ListQuery.parse(DEVICES.rules, {"sort": "serial", **query}), language, TODAY)


def assigning(who: Identity, language: str = "en", **query: str) -> AssignView:
    with i18n.use(language), database.read_session() as session:
        return assign_view(session, who, query, language, TODAY)


async def _answer(name: str, sent: SentForm[FormModel]) -> FormResult:
    return await HANDLERS[name].run(sent)


def send(
    who: Identity, form: str, fields: Mapping[str, str], key: str = "", version: str = "", mark: str = "a", language: str = "en"
) -> FormResult:
    with i18n.use(language):
        values = validate(HANDLERS[form].model, fields)
        assert isinstance(values, FormModel), values
        return asyncio.run(_answer(form, SentForm(form, who, language, values, key, version, mark * 32, "203.0.113.9", "")))


def key_of(result: FormResult) -> str:
    return result.go.partition("list=")[2].partition("&")[0]


def named(row: CheckRow, new: str = "") -> str:
    """Return the name that a line of a check gives, with a sign around each new piece."""
    return "".join(f"{new}{piece.text}{new}" if piece.new else piece.text for piece in row.vehicle)


def test_a_row_says_vehicle_agreement_end_state_and_signal(fleet: People) -> None:
    rows = shown(fleet["owner"]).rows
    assert [(row.number, row.vehicle, row.order, row.years, row.end, row.left) for row in rows] == [
        ("S1", "Unit 1", "100", "1 year", "2020-09-30", "6 days left"),
        ("S2", "", "100", "1 year", "2020-09-30", "6 days left"),
        ("S3", "Unit 3", "", "", "", ""),
        ("S4", "Unit 4", "", "", "2020-09-15", "Ended"),
    ]
    assert [(row.state_text, row.state_since, row.signal) for row in rows] == [
        ("Active", "", "today 12:00\u00a0p.m."),
        ("Being prepared", "", ""),
        ("No signal", "for 3 days", "2020-09-21"),
        ("Replaced", "since 2020-09-15", ""),
    ]
    assert [row.state_text for row in shown(fleet["owner"], "fr").rows] == ["Actif", "En préparation", "Sans signal", "Remplacé"]
    assert [tab.text for tab in shown(fleet["owner"], "fr").frame.tabs][1:3] == ["Actifs", "Échéance proche"]


@pytest.mark.parametrize(
    ("q", "numbers"), [("no signal", ["S3"]), ("being shipped", ["S2"]), ("service", ["S4"]), ("unit", ["S1", "S3", "S4"])]
)
def test_a_search_finds_the_words_of_states(fleet: People, q: str, numbers: list[str]) -> None:
    assert [row.number for row in shown(fleet["owner"], q=q).rows] == numbers


def test_the_list_is_sorted_by_the_state_that_it_shows(fleet: People) -> None:
    assert [row.number for row in shown(fleet["owner"], sort="state").rows] == ["S2", "S1", "S3", "S4"]


def test_details_say_what_belongs_together(fleet: People) -> None:
    details = shown(fleet["owner"], open="S1").details
    assert (details.name, details.order, details.line, details.plan) == ("ODO50 S1", "100", "Line 1 of 2, 2 vehicles", "ODO50")
    assert (details.has_invoice, details.previous, details.next) == ("", "", "?sort=serial&open=S2")
    assert shown(fleet["owner"], open="S3").details.notice == "No signal for 3 days."
    assert shown(fleet["owner"], open="S9").details == shown(fleet["owner"], open="S0").details.__class__(
        asked="S9", close=shown(fleet["owner"], open="S9").details.close
    )


@pytest.mark.parametrize(("role", "may"), [("owner", True), ("operations", True), ("billing", False), ("read_only", False)])
def test_only_those_who_may_see_how_to_rename(fleet: People, role: str, may: bool) -> None:
    view = shown(fleet[role], open="S1")
    assert [bool(row.may_rename) for row in view.rows] == [may, may, may, False]
    assert (bool(view.assign), bool(view.details.may_rename)) == (may, may)


def test_a_rename_is_saved_told_and_undone(fleet: People) -> None:
    who, row = fleet["owner"], shown(fleet["owner"]).rows[0]
    assert send(who, "rename", {"vehicle": "Unit 1, Ford"}, row.number, row.version).ok
    renamed = shown(who).renamed
    assert (renamed.text, renamed.before) == ("S1 is now Unit 1, Ford", "Unit 1")
    assert send(who, "undo rename", {"vehicle": renamed.before}, renamed.undo.key, renamed.undo.version, "b").ok
    assert shown(who).rows[0].vehicle == "Unit 1"
    clock.set_source(lambda: NOON + timedelta(seconds=16))
    assert shown(who).renamed.text == ""
    assert shown(fleet["operations"]).renamed.text == ""


def test_a_name_changed_meanwhile_is_told_and_may_be_replaced(fleet: People) -> None:
    row = shown(fleet["owner"]).rows[0]
    send(fleet["operations"], "rename", {"vehicle": "Van"}, row.number, row.version)
    told = send(fleet["owner"], "rename", {"vehicle": "Truck"}, row.number, row.version, "b")
    assert told.errors == {"vehicle": "Saved value: “Van”."}
    assert shown(fleet["owner"]).rows[0].vehicle == "Van"
    assert send(fleet["owner"], "rename", {"vehicle": "Truck"}, row.number, told.version, "c").ok
    assert shown(fleet["owner"]).rows[0].vehicle == "Truck"


@pytest.mark.parametrize("serial", ["S4", "S9", "S0"])
def test_a_device_that_is_not_held_is_told(fleet: People, serial: str) -> None:
    assert send(fleet["owner"], "rename", {"vehicle": "x"}, serial).error == "This device is no longer in the account."


def test_a_list_is_checked_applied_and_undone(fleet: People) -> None:
    who = fleet["owner"]
    key = key_of(send(who, "check", {"content": "S1\tUnit 7\nS2\tUnit 8\nS9\tMine\n5E+06\tUnit 9"}))
    view = assigning(who, list=key)
    assert (view.step, view.title, view.left_out) == ("check", "2 of 4 lines will change.", "2 will be skipped.")
    assert (view.submit, assigning(who, list=key, edit="1").check.initial["content"][:9]) == ("Assign 2 vehicles", "S1\tUnit 7")
    assert [(row.line, row.present, named(row), row.result_text) for row in view.rows] == [
        ("3", "–", "Mine", "Skipped"),
        ("4", "–", "Unit 9", "Skipped"),
        ("1", "Unit 1", "Unit 7", "Will change"),
        ("2", "No vehicle yet", "Unit 8", "Will change"),
    ]
    assert view.rows[0].why == "No device in this account has this serial number."
    assert view.rows[1].why == "Excel has shortened this serial number. Format the column as text and paste again."
    assert send(who, "apply", {}, key, view.apply.version, "b").ok
    done = assigning(who, list=key)
    assert (done.step, done.title) == ("done", "2 vehicles have been assigned")
    assert done.undo_until.startswith("You can undo this until 2020-09-25 at 12:00")
    assert [row.vehicle for row in shown(who).rows] == ["Unit 7", "Unit 8", "Unit 3", "Unit 4"]
    assert send(who, "undo", {}, key, mark="c").ok
    assert assigning(who, list=key).undo_until == ""
    assert [row.vehicle for row in shown(who).rows] == ["Unit 1", "", "Unit 3", "Unit 4"]


@pytest.mark.parametrize(
    ("name", "marked"),
    [
        ("Unit 1 2019", "Unit 1 *2019*"),
        ("Unit 2", "Unit *2*"),
        ("Van, Unit 1", "*Van,* Unit 1"),
        ("Unit 1,", "Unit 1*,*"),
        ("Big red van", "*Big* *red* *van*"),
        ("Unit", "Unit"),
    ],
)
def test_only_what_is_new_in_a_name_is_marked(fleet: People, name: str, marked: str) -> None:
    key = key_of(send(fleet["owner"], "check", {"content": f"S1\t{name}\nS2\t{name}"}))
    assert [named(row, "*") for row in assigning(fleet["owner"], list=key).rows] == [marked, name]


def test_the_lines_of_a_check_are_shown_by_result(fleet: People) -> None:
    who = fleet["owner"]
    key = key_of(send(who, "check", {"content": "S1\tUnit 1\nS2\tUnit 8\nS3\tUnit 9\nS9\tMine"}))
    view = assigning(who, list=key)
    assert [(tab.text, tab.count, tab.current) for tab in view.tabs] == [
        ("All lines", "4", "true"),
        ("Will change", "2", "false"),
        ("Unchanged", "1", "false"),
        ("Skipped", "1", "false"),
    ]
    assert [tab.text for tab in assigning(who, "fr", list=key).tabs][1:] == ["Changeront", "Inchangée", "Ignorée"]
    only = assigning(who, **dict(parse_qsl(view.tabs[1].url.removeprefix("?"))))
    assert [row.line for row in only.rows] == ["2", "3"]
    assert (only.title, only.submit, only.apply.version) == (view.title, view.submit, view.apply.version)
    all_change = key_of(send(who, "check", {"content": "S2\tUnit 8"}, mark="b"))
    assert [tab.text for tab in assigning(who, list=all_change, show="left_out").tabs] == ["All lines", "Will change"]
    assert len(assigning(who, list=all_change, show="left_out").rows) == 1


def test_a_change_since_the_check_leads_to_a_new_check(fleet: People) -> None:
    who = fleet["owner"]
    key = key_of(send(who, "check", {"content": "S1\tUnit 7"}))
    view = assigning(who, list=key)
    send(fleet["operations"], "rename", {"vehicle": "Van"}, "S1", shown(who).rows[0].version, "b")
    told = send(who, "apply", {}, key, view.apply.version, "c")
    assert told.go.endswith("&changed=1")
    again = assigning(who, list=key, changed="1")
    assert again.changed.startswith("A device has changed since your check")
    assert again.rows[0].present == "Van"
    assert shown(who).rows[0].vehicle == "Van"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("Serial\tVehicle", "No line contains a serial number."),
        ("1\tA\n" * 501, "A list can have at most 500 lines. Split it into several."),
    ],
)
def test_a_list_that_cannot_be_read_is_told_at_its_field(fleet: People, content: str, message: str) -> None:
    assert send(fleet["owner"], "check", {"content": content}).errors == {"content": message}


def test_cells_are_never_taken_for_the_number_of_a_card(fleet: People) -> None:
    with database.write_session() as session:
        device(session, fleet["owner"].account.account_id, "4000006")
    key = key_of(send(fleet["owner"], "check", {"content": "4000006\t000000"}))
    assert [(row.serial, named(row)) for row in assigning(fleet["owner"], list=key).rows] == [("4000006", "000000")]
    key = key_of(send(fleet["owner"], "check", {"content": "S1\t4242 4242 4242 4242"}, mark="b"))
    assert named(assigning(fleet["owner"], list=key).rows[0]) == "•••• 4242"


@pytest.mark.parametrize("role", ["operations", "stranger"])
def test_somebody_else_s_list_is_not_there(fleet: People, role: str) -> None:
    key = key_of(send(fleet["owner"], "check", {"content": "S1\tUnit 7"}))
    assert assigning(fleet[role], list=key).step == "gone"
    assert send(fleet[role], "apply", {}, key, mark="b").error == "This list is no longer available. Paste it again."


def test_files_have_every_column(fleet: People) -> None:
    with i18n.use("en"), database.read_session() as session:
        query = ListQuery.parse(DEVICES.rules, {"sort": "serial"})
        table = file_table(DEVICES, session, fleet["owner"], query, "en", TODAY)
        rows = list(table.rows)
    assert [column.key for column in table.columns] == ["serial", "model", "vehicle", "order", "end", "state", "last_signal"]
    assert [tuple(row) for row in rows][:2] == [
        ("S1", "ODO50", "Unit 1", "100", date(2020, 9, 30), "active", datetime(2020, 9, 24, 16, tzinfo=UTC)),
        ("S2", "ODO50", "", "100", date(2020, 9, 30), "preparing", None),
    ]


def test_the_document_holds_the_rows_and_the_step(fleet: People) -> None:
    who = fleet["owner"]
    with i18n.use("en"):
        html = PAGE.html(shown(who, open="S1"))
        assert "Unit 3" in html["rows"]
        assert 'name="vehicle"' in html["dialog"]
        assert 'name="content"' in ASSIGN.html(assigning(who))


def test_an_empty_account_says_what_to_expect(people: People) -> None:  # noqa: F811
    view = shown(people["stranger"])
    assert (view.frame.empty, view.frame.empty_title, view.assign) == ("nothing", "No devices yet", "")
    with i18n.use("en"):
        html = PAGE.html(view)
    assert (html["tabs"], html["tasks"]) == ("", '<div class="layout-row table-tasks devices-tasks"></div>')


def test_a_search_without_a_match_says_where_it_looked_and_what_is_closest(people: People) -> None:  # noqa: F811
    with database.write_session() as session:
        for serial in ("5011702", "5011888"):
            device(session, people["owner"].account.account_id, serial)
        device(session, people["stranger"].account.account_id, "5011788")
    frame = shown(people["owner"], q="5011720", state="silent").frame
    assert frame.empty_text == "We looked at the serial numbers, vehicles and orders of all 2 devices."
    assert [(chip.text, chip.url) for chip in frame.closest] == [("5011702", "?q=5011702&sort=serial")]
    assert shown(people["owner"], q="5011778").frame.closest == []
    assert shown(people["owner"], state="silent").frame.empty_text == "Clear a filter to see more."


def test_a_model_is_chosen_among_those_of_the_account(people: People) -> None:  # noqa: F811
    who = people["owner"]
    with database.write_session() as session:
        device(session, who.account.account_id, "S1")
        device(session, people["stranger"].account.account_id, "S9", model="ODO90")
    assert shown(who).frame.choices == []
    with database.write_session() as session:
        device(session, who.account.account_id, "S2", model="ODO70")
        device(session, who.account.account_id, "S3", model="ODO70")
    view = shown(who, model="ODO70")
    assert [row.number for row in view.rows] == ["S2", "S3"]
    assert [(option.text, option.selected) for option in view.frame.choices] == [
        ("All models", False),
        ("ODO50", False),
        ("ODO70", True),
    ]
    assert [(chip.text, chip.url) for chip in view.frame.chips] == [("Model ODO70", "?sort=serial")]
    assert shown(who, model="ODO90").frame.empty == "no-match"
