"""Every screen in `SCREENS` looks like its approved picture."""

import pytest

from tests.pictures import approved
from tests.pictures.camera import Camera
from tests.pictures.screens import SCREENS, Screen


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.id)
def test_a_screen_looks_as_approved(camera: Camera, screen: Screen) -> None:
    wrong = approved.leave(screen.id, camera.take(screen))
    assert not wrong, wrong


def test_each_picture_is_of_a_screen_and_small() -> None:
    kept = {path.stem: path.stat().st_size for path in approved.FOLDER.glob("*")}
    assert set(kept) == {screen.id for screen in SCREENS}
    assert [name for name, size in kept.items() if size > approved.MOST_BYTES] == []
