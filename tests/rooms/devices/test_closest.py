"""The serials that an unknown one may have been meant for: one typing error away, and the account's own."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from odoportal.core import database, i18n
from odoportal.core.identity import Identity
from odoportal.rooms.devices import assign
from odoportal.rooms.devices.assign_view import reason_text
from odoportal.rooms.devices.closest import MAX_CANDIDATES, closest
from tests.making import TODAY, account, device, recorded_statements, rolled_back
from tests.rooms.people.conftest import people, store  # noqa: F401 - fixtures


@pytest.mark.parametrize(
    ("serial", "found"),
    [
        ("5011720", ["5011702"]),
        ("501170", ["5011702"]),
        ("50117022", ["5011702"]),
        ("5011707", ["5011702"]),
        ("ab12", ["AB12"]),
        ("AC12", ["AB12"]),
        # The wrong order of two characters is likelier than a wrong character.
        ("6011898", ["6011889"]),
        ("5011727", None),
        ("7777777", None),
        ("501", None),
        ("5011 702", None),
    ],
)
def test_one_typing_error_is_understood(engine: Engine, serial: str, found: list[str] | None) -> None:
    with rolled_back(engine) as session:
        mine, other = account(session, "A"), account(session, "B")
        for stored in ("5011702", "6011889", "6011890", "AB12"):
            device(session, mine, stored)
        device(session, other, "7777778")
        with recorded_statements(engine) as ran:
            assert closest(session, mine, [serial]).get(serial) == found
        assert len(ran) <= 1


def test_too_many_close_ones_are_no_help(engine: Engine) -> None:
    with rolled_back(engine) as session:
        mine = account(session)
        for last in "1234":
            device(session, mine, f"501170{last}")
        assert closest(session, mine, ["5011709"]) == {}


def test_only_devices_that_are_held_are_close(engine: Engine) -> None:
    with rolled_back(engine) as session:
        mine = account(session)
        device(session, mine, "5011702", until=TODAY - timedelta(days=1))
        assert closest(session, mine, ["5011720"], TODAY) == {}
        assert closest(session, mine, ["5011720"]) == {"5011720": ["5011702"]}


def test_one_statement_asks_for_no_more_than_a_database_takes(engine: Engine) -> None:
    with rolled_back(engine) as session:
        mine = account(session)
        device(session, mine, "5011702")
        unknown = [f"9{n:039}" for n in range(100)]
        with recorded_statements(engine) as ran:
            assert closest(session, mine, ["5011720", *unknown]) == {"5011720": ["5011702"]}
        assert len(ran) == 1
        assert MAX_CANDIDATES < 32_766


def test_the_check_of_a_list_names_them(people: dict[str, Identity]) -> None:  # noqa: F811
    with database.write_session() as session:
        mine = people["owner"].account.account_id
        device(session, mine, "5011702")
        device(session, people["stranger"].account.account_id, "5011999")
        preview = assign.preview(session, mine, "5011720\tUnit 1\n5011998\tUnit 2\n5011702\tUnit 3", TODAY)
    with i18n.use("en"):
        reasons = [reason_text(line) for line in preview.lines]
    assert reasons == [
        "No device in this account has this serial number. The closest is 5011702.",
        "No device in this account has this serial number.",
        "",
    ]
