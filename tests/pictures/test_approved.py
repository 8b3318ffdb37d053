"""How approved pictures are stored, and the files written for a screen that differs."""

import random
import re
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from tests.pictures import __main__ as command
from tests.pictures import approved
from tests.pictures.compare import differing
from tests.pictures.screens import SCREENS

SCREEN = SCREENS[0]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use temporary folders for the pictures, and return their parent."""
    monkeypatch.setattr(approved, "FOLDER", tmp_path / "approved")
    monkeypatch.setattr(approved, "LEFT", tmp_path / ".pictures")
    return tmp_path


def drawn(text: str = "26367", size: tuple[int, int] = (200, 300)) -> Image.Image:
    picture = Image.new("RGB", size, "#f2f5f5")
    ImageDraw.Draw(picture).text((20, 20), text, "#0c2126", font_size=20)
    return picture


def noise(size: tuple[int, int]) -> Image.Image:
    chance = random.Random(1)
    return Image.frombytes("RGB", size, chance.randbytes(size[0] * size[1] * 3)).quantize(16).convert("RGB")


def test_a_screen_that_looks_as_approved_leaves_nothing(elsewhere: Path) -> None:
    approved.approve(SCREEN.id, drawn())
    assert approved.leave(SCREEN.id, drawn()) == ""
    assert list(elsewhere.glob(".pictures/*/*")) == []


def test_a_screen_that_differs_leaves_three_pictures_and_says_where(elsewhere: Path) -> None:
    approved.approve(SCREEN.id, drawn())
    said = approved.leave(SCREEN.id, drawn("26368 26369"))
    left = re.findall(r"\.pictures/\S+\.png", said)
    assert [Path(path).stem for path in left] == ["expected", "actual", "difference"]
    assert all(Image.open(elsewhere / path).size == (200, 300) for path in left)
    assert f"--approve {SCREEN.id}" in said
    assert approved.leave(SCREEN.id, drawn()) == ""
    assert list(elsewhere.glob(".pictures/*/*")) == []


def test_a_screen_without_an_approved_picture_is_no_pass() -> None:
    assert "has no approved picture" in approved.leave(SCREEN.id, drawn())


@pytest.mark.parametrize("size", [(200, 299), (201, 300)])
def test_an_area_of_another_size_differs(size: tuple[int, int]) -> None:
    approved.approve(SCREEN.id, drawn())
    assert f"was (200, 300) pixels and is {size}" in approved.leave(SCREEN.id, drawn(size=size))


def test_a_large_picture_is_cut_and_its_whole_size_is_kept() -> None:
    large = drawn(size=(200, 400))
    large.paste(noise((200, 160)), (0, 240))
    path = approved.approve(SCREEN.id, large)
    assert path.stat().st_size <= approved.MOST_BYTES
    kept = approved.read(SCREEN.id)
    assert kept.area == (200, 400)
    assert approved.LEAST_HEIGHT <= kept.picture.height < 400
    assert approved.leave(SCREEN.id, large) == ""


def test_a_picture_of_which_too_little_can_be_kept_is_refused() -> None:
    with pytest.raises(ValueError, match="take a smaller area"):
        approved.approve(SCREEN.id, noise((400, 300)))
    assert not approved.path_of(SCREEN.id).exists()


def test_few_colours_are_not_taken_for_a_difference() -> None:
    picture = drawn()
    approved.approve(SCREEN.id, picture)
    kept = approved.read(SCREEN.id).picture
    assert kept.getpixel((0, 0)) == (0xF2, 0xF5, 0xF5)
    assert differing(picture, kept, approved.FAITHFUL) is None


def test_the_command_lists_every_screen(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["pictures", "--list"])
    assert command.main() == 0
    assert capsys.readouterr().out.split() == [screen.id for screen in SCREENS]


def test_the_command_knows_no_other_screen(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["pictures", "--approve", "nowhere"])
    with pytest.raises(SystemExit):
        command.main()
    assert "nowhere" in capsys.readouterr().err
