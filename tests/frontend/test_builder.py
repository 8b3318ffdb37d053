"""When the frontend is built, and when it counts as up to date."""

import io
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from odoportal.frontend import builder as building

SOURCES = ("odoportal/rooms/orders/page.py", "odoportal/ui/client.js", "assets/fonts/a.woff2", "rxconfig.py", "constraints.txt")
LOCKED = {"node_modules/vite": {"version": "8.3.4", "integrity": "sha512-a"}}


class Builder:
    """Replaces Reflex: writes the files of a build, or fails halfway."""

    def __init__(self) -> None:
        self.runs = 0
        self.leaves_policy = True
        self.during: Callable[[], object] = lambda: None

    def __call__(self, project: Path, log: Path, report: Callable[[str], None], *, update: bool) -> None:
        self.runs += 1
        report("bundling")
        (project / ".web/build/client").mkdir(parents=True, exist_ok=True)
        install(project, LOCKED)
        self.during()
        if self.leaves_policy:
            (project / ".web/build/csp.json").write_text("{}")


@pytest.fixture
def builder(monkeypatch: pytest.MonkeyPatch) -> Builder:
    stand_in = Builder()
    monkeypatch.setattr(building, "_export", stand_in)
    monkeypatch.delenv("REFLEX_WEB_WORKDIR", raising=False)
    return stand_in


def lock(project: Path, packages: object) -> None:
    """Write a lock file with these packages."""
    folder = project / "reflex.lock"
    folder.mkdir(exist_ok=True)
    (folder / "package-lock.json").write_text(json.dumps({"packages": packages}))


def install(project: Path, packages: object) -> None:
    """Write npm's list of installed packages."""
    folder = project / ".web/node_modules"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".package-lock.json").write_text(json.dumps({"packages": packages}))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in (*SOURCES, "README.md"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    lock(tmp_path, LOCKED)
    return tmp_path


def build(project: Path) -> bool:
    return building.build(project, Console(file=io.StringIO()))


def test_built_once_per_change(project: Path, builder: Builder) -> None:
    assert building.is_stale(project)
    assert build(project)
    assert not building.is_stale(project)
    assert not build(project)
    assert builder.runs == 1


@pytest.mark.parametrize("name", SOURCES)
def test_a_changed_source_makes_it_stale(project: Path, builder: Builder, name: str) -> None:
    build(project)
    (project / name).write_text("changed")
    assert building.is_stale(project)


@pytest.mark.parametrize("change", [lambda p: (p / "odoportal/new.py").write_text(""), lambda p: (p / "odoportal/ui/client.js").unlink()])
def test_a_new_or_removed_source_makes_it_stale(project: Path, builder: Builder, change: Callable[[Path], object]) -> None:
    build(project)
    change(project)
    assert building.is_stale(project)


def test_a_moved_source_makes_it_stale(project: Path, builder: Builder) -> None:
    build(project)
    (project / "odoportal/rooms/orders/page.py").rename(project / "odoportal/rooms/orders/state.py")
    assert building.is_stale(project)


def test_what_is_no_source_does_not(project: Path, builder: Builder) -> None:
    build(project)
    (project / "README.md").write_text("changed")
    (project / "assets/external").mkdir()
    (project / "assets/external/client.js").write_text("linked by Reflex")
    assert not building.is_stale(project)


def test_another_release_of_reflex_makes_it_stale(project: Path, builder: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    build(project)
    monkeypatch.setattr(building, "version", lambda _name: "0.10.2")
    assert building.is_stale(project)


def test_another_lock_file_makes_it_stale(project: Path, builder: Builder) -> None:
    build(project)
    lock(project, LOCKED | {"node_modules/more": {"version": "1.0.0", "optional": True}})
    assert building.is_stale(project)


def test_a_build_changes_no_file_of_the_lock(project: Path, builder: Builder) -> None:
    file = project / "reflex.lock/package-lock.json"
    before = file.read_bytes()
    builder.during = lambda: file.write_text("written by Reflex")
    build(project)
    assert file.read_bytes() == before
    assert not building.is_stale(project)


def test_a_build_with_other_packages_than_the_locked_ones_never_counts(project: Path, builder: Builder) -> None:
    builder.during = lambda: install(project, {"node_modules/vite": {"version": "8.3.5", "integrity": "sha512-b"}})
    with pytest.raises(building.BuildFailed, match=r"vite is 8\.3\.5, not 8\.3\.4.*odoportal build --update-packages"):
        build(project)
    assert building.is_stale(project)


def test_what_was_installed_from_another_lock_is_installed_anew(project: Path, builder: Builder) -> None:
    build(project)
    left = project / ".web/reflex.install_frontend_packages.cached"
    left.write_text("nothing to install")
    lock(project, {"node_modules/vite": {"version": "8.3.5", "integrity": "sha512-b"}})
    builder.during = lambda: install(project, {"node_modules/vite": {"version": "8.3.5", "integrity": "sha512-b"}})
    assert build(project)
    assert not left.exists()


def test_an_update_locks_what_was_found_and_counts_as_built(project: Path, builder: Builder) -> None:
    newer = {"node_modules/vite": {"version": "8.3.5", "integrity": "sha512-b"}}
    build(project)

    def find() -> None:
        assert not (project / "reflex.lock/package-lock.json").exists(), "npm would keep what the lock names"
        lock(project, newer)
        manifest = {
            "scripts": {},
            "devDependencies": {"vite": "8.3.5"},
            "dependencies": {},
            "overrides": {},
            "type": "module",
            "name": "reflex",
        }
        (project / "reflex.lock/package.json").write_text(json.dumps(manifest))
        install(project, newer)

    builder.during = find
    assert building.build(project, Console(file=io.StringIO()), update=True)
    assert json.loads((project / "reflex.lock/package-lock.json").read_text())["packages"] == newer
    assert (project / "reflex.lock/package.json").read_text().startswith('{"name": "reflex", "type": "module", "scripts"')
    assert not building.is_stale(project)


def test_an_update_that_fails_leaves_the_lock(project: Path, builder: Builder) -> None:
    builder.leaves_policy = False
    before = (project / "reflex.lock/package-lock.json").read_bytes()
    with pytest.raises(building.BuildFailed):
        building.build(project, Console(file=io.StringIO()), update=True)
    assert (project / "reflex.lock/package-lock.json").read_bytes() == before


def test_a_failed_build_never_counts(project: Path, builder: Builder) -> None:
    build(project)
    (project / "rxconfig.py").write_text("changed")

    def fail() -> None:
        raise building.BuildFailed("no")

    builder.during = fail
    with pytest.raises(building.BuildFailed):
        build(project)
    (project / "rxconfig.py").write_text("rxconfig.py")
    assert building.is_stale(project), "the files of before are half replaced"


def test_a_build_that_did_not_reach_its_end_never_counts(project: Path, builder: Builder) -> None:
    builder.leaves_policy = False
    with pytest.raises(building.BuildFailed, match=r"\.web\.log"):
        build(project)
    assert building.is_stale(project)


def test_what_was_edited_during_the_build_is_built_next_time(project: Path, builder: Builder) -> None:
    builder.during = lambda: (project / "rxconfig.py").write_text("edited meanwhile")
    build(project)
    assert building.is_stale(project)


def test_two_starts_build_once(project: Path, builder: Builder) -> None:
    second: list[bool] = []
    other = threading.Thread(target=lambda: second.append(build(project)))
    builder.during = other.start
    assert build(project)
    other.join()
    assert second == [False]
    assert builder.runs == 1


def test_a_failing_command_is_one_sentence_with_the_log(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REFLEX_WEB_WORKDIR", raising=False)
    monkeypatch.setattr(building, "sys", type("Sys", (), {"executable": "/bin/false"}))
    monkeypatch.setattr(building, "build_environment", lambda **_: {"PATH": "/bin:/usr/bin"})
    with pytest.raises(building.BuildFailed) as failure:
        build(project)
    assert str(failure.value) == f"The frontend could not be built; see {project / '.web.log'}."


def test_the_build_sees_no_setting_of_the_portal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODOPORTAL_SECRET", "x" * 40)
    monkeypatch.setattr(building, "_registry", lambda _environment: "registry of this machine")
    environment = building.build_environment()
    assert not [name for name in environment if name.startswith("ODOPORTAL_")]
    assert environment["REFLEX_USE_NPM"] == "1"
    assert environment["NPM_CONFIG_REGISTRY"] == "registry of this machine"
