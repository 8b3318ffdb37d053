"""README.md and docs/ agree with the code: links, paths, settings, commands, and the columns of an import."""

import itertools
import re
import shlex
from pathlib import Path

import click
import pytest

from odoportal.cli import commands
from odoportal.frontend.builder import root
from odoportal.importing.file_order import FILES, FileKind
from odoportal.importing.schemas import TwoLanguages
from odoportal.settings import Settings, UnsafeSettings

ROOT = root()
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
IMPORT, OPERATIONS = ROOT / "docs" / "import.md", ROOT / "docs" / "operations.md"
MOST_LINES = 150
LARGEST_PICTURE = 60 * 1024
DEMO_ONLY = {"ODOPORTAL_TODAY", "ODOPORTAL_MODE"}
COMPLETE = {
    "database_url": "sqlite:////tmp/x.db",
    "public_url": "https://portal.example.com",
    "smtp_url": "smtp://mail.example.com",
    "mail_from": "Odotrack <no-reply@example.com>",
    "secret": "s" * 40,
}
MADE_WHILE_RUNNING = {"data", ".pictures", ".web", ".venv", ".benchmarks"}
"""Folders that are named in the pages and are not in the repository."""

named_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def table(page: Path, head: str) -> dict[str, str]:
    """Return the rows of the table with this first heading: the second cell by the first."""
    _, _, after = page.read_text("utf-8").partition(f"\n| {head} |")
    rows = after.partition("\n\n")[0].splitlines()[2:]
    return {first.strip(): rest.strip(" |") for first, _, rest in (row.strip("| ").partition(" | ") for row in rows)}


def exists(name: str) -> bool:
    """Return whether a path names a file of the project, of the package, or of a room."""
    relative = name.rstrip("/").replace("…", "*")
    return any(list(folder.glob(relative)) for folder in (ROOT, ROOT / "odoportal", ROOT / "docs"))


def test_the_readme_is_short() -> None:
    assert len(README.read_text("utf-8").splitlines()) <= MOST_LINES


@named_page
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    targets = re.findall(r"\]\((?!https?:)([^)]*)\)", text) + re.findall(r'src="([^"]+)"', text)
    for target in targets:
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        headings = (
            [re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in file.read_text("utf-8").splitlines()]
            if anchor
            else []
        )
        assert not anchor or anchor in headings, target


def test_the_readme_links_every_other_page() -> None:
    text = README.read_text("utf-8")
    assert not [page.name for page in PAGES[1:] if f"](docs/{page.name})" not in text]


def test_the_pictures_are_small() -> None:
    pictures = [ROOT / name for name in re.findall(r'src="([^"]+)"', README.read_text("utf-8"))]
    assert len(pictures) == 2
    assert all(picture.stat().st_size <= LARGEST_PICTURE for picture in pictures)


@named_page
def test_every_path_is_there(page: Path) -> None:
    quoted = re.findall(r"`([\w.*@/…-]+)`", page.read_text("utf-8"))
    paths = [name for name in quoted if re.search(r"\w/$|/[\w*-]+\.(py|md|css|po|txt|toml|typ|yaml)$", name) and not name.startswith("/")]
    assert not [name for name in paths if name.split("/")[0] not in MADE_WHILE_RUNNING and not exists(name)]


@named_page
def test_every_command_is_there(page: Path) -> None:
    """`portal …` is how an operator's shell calls `odoportal …`."""
    for line in re.findall(r"(?:`|^ {4})(?:\.venv/bin/)?(?:odo)?portal ([a-z][^`\n#]*)", page.read_text("utf-8"), re.MULTILINE):
        words = shlex.split(line.partition("&&")[0])
        called: list[click.Command] = [commands.commands[words[0]]]
        if isinstance(called[0], click.Group):
            names = itertools.takewhile(lambda word: re.fullmatch(r"[a-z][a-z-]*|\|", word), words[1:])
            called += [called[0].commands[name] for name in names if name != "|"]
        known = {option for command in called for parameter in command.params for option in parameter.opts} | {"--help"}
        assert {word for word in words if word.startswith("--")} <= known, line


def test_the_readme_has_every_command() -> None:
    told = set(re.findall(r"`(?:odoportal )?([a-z-]+)", " ".join(table(README, "command"))))
    assert told == set(commands.commands)


def test_every_setting_is_described() -> None:
    settings = table(OPERATIONS, "setting")
    named = [name for cell in settings for name in re.findall(r"ODOPORTAL_\w+", cell)]
    assert sorted(named) == sorted({f"ODOPORTAL_{name.upper()}" for name in Settings.model_fields} - DEMO_ONLY)


@pytest.mark.parametrize("name", sorted(set(Settings.model_fields) - {"mode", "today"}))
def test_the_required_settings_are_marked(name: str) -> None:
    def starts(settings: dict[str, str]) -> bool:
        try:
            Settings(**settings).refuse_unsafe()  # pyright: ignore[reportArgumentType]
        except UnsafeSettings:
            return False
        return True

    required = not starts({key: value for key, value in COMPLETE.items() if key != name})
    cell = next(cell for cell in table(OPERATIONS, "setting") if f"`ODOPORTAL_{name.upper()}`" in cell)
    assert starts(COMPLETE)
    assert cell.endswith(" *") is required


def test_every_option_of_an_import_is_described() -> None:
    described = set(re.findall(r"--[a-z-]+", " ".join(table(IMPORT, "option"))))
    assert described == {option for parameter in commands.commands["import"].params for option in parameter.opts if option.startswith("--")}


def test_every_file_of_an_import_is_described() -> None:
    assert [name.strip("`") for name in table(IMPORT, "CSV file")] == [kind.name for kind in FILES]


@pytest.mark.parametrize("kind", FILES, ids=lambda kind: kind.name)
def test_every_column_of_an_import_is_described(kind: FileKind) -> None:
    row = re.sub(r"\([^)]*\)", "", table(IMPORT, "CSV file")[f"`{kind.name}`"])
    described = {
        column: bool(required)
        for columns, required in re.findall(r"((?:`\w+`/?)+)(?:\*\*)?(\\\*)?", row)
        for column in re.findall(r"\w+", columns)
    }
    texts = kind.row.texts() if issubclass(kind.row, TwoLanguages) else {}
    assert described == {name: field.is_required() or texts.get(name[:-3], False) for name, field in kind.row.model_fields.items()}
