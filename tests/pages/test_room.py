"""Rooms: every process must know them, and the menu counts what they count."""

import pytest

from odoportal.core import i18n
from odoportal.pages import room
from odoportal.rooms.registry import ROOMS
from odoportal.ui import menu


def test_a_process_that_did_not_install_the_rooms_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_installed", ())
    with pytest.raises(RuntimeError, match=r"registry\.install"):
        room.installed()


def test_the_menu_shows_a_count_for_every_counter_and_for_nothing_else() -> None:
    with i18n.use("en"):
        counted = {place.path for _, places in menu.groups() for place in places if place.counted}
    assert counted == {path for declared in ROOMS for path in declared.counters}
