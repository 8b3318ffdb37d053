"""The frontend and the portal are built from exactly the locked packages."""

import base64
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from reflex_base.constants import PackageJson

from odoportal.frontend import builder, packages

PROJECT = builder.root()
ONE, TWO = {"version": "1.0.0", "integrity": "sha512-1"}, {"version": "1.1.0", "integrity": "sha512-2"}
# Reflex's own steps from the lock to the installed packages and back, with two packages instead of Reflex's.
INSTALL = """
from types import SimpleNamespace
from reflex.utils import frontend_skeleton, js_runtimes
from reflex_base.constants import PackageJson
PackageJson.DEPENDENCIES, PackageJson.DEV_DEPENDENCIES = {"odo-wheel": "1.0.0"}, {}
frontend_skeleton.sync_root_lockfiles_to_web()
frontend_skeleton.initialize_package_json()
frontend_skeleton.sync_web_lockfiles_to_root()
js_runtimes.install_frontend_packages(set(), SimpleNamespace(plugins=[], react_compiler=False, frozen_lockfile=False))
"""


class Registry:
    """A local npm registry: `odo-wheel` 1.0.0 needs `odo-spoke` ^1.0.0, which has the version 1.0.0 and later another one."""

    def __init__(self) -> None:
        self.spokes = ["1.0.0"]
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name, _, file = self.path.strip("/").partition("/")
                body = registry.tarball(name, file.removesuffix(".tgz")) if file else json.dumps(registry.document(name)).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @cached_property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/"

    def manifest(self, name: str, version: str) -> dict[str, Any]:
        return {"name": name, "version": version} | ({"dependencies": {"odo-spoke": "^1.0.0"}} if name == "odo-wheel" else {})

    def tarball(self, name: str, version: str) -> bytes:
        content, file = json.dumps(self.manifest(name, version)).encode(), io.BytesIO()
        with tarfile.open(fileobj=file, mode="w") as archive:
            about = tarfile.TarInfo("package/package.json")
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
        return file.getvalue()

    def document(self, name: str) -> dict[str, Any]:
        versions = self.spokes if name == "odo-spoke" else ["1.0.0"]
        listed = {}
        for version in versions:
            digest = base64.b64encode(hashlib.sha512(self.tarball(name, version)).digest()).decode()
            dist = {"tarball": f"{self.url}{name}/{version}.tgz", "integrity": f"sha512-{digest}"}
            listed[version] = self.manifest(name, version) | {"dist": dist}
        return {"name": name, "dist-tags": {"latest": versions[-1]}, "versions": listed}


@pytest.fixture
def registry() -> Iterator[Registry]:
    registry = Registry()
    thread = threading.Thread(target=registry.server.serve_forever)
    thread.start()
    yield registry
    registry.server.shutdown()
    thread.join()
    registry.server.server_close()


@pytest.fixture
def clone(tmp_path: Path, registry: Registry) -> "Clone":
    return Clone(tmp_path, registry)


class Clone:
    """A new project folder, in which Reflex installs packages with the environment of our build."""

    def __init__(self, folder: Path, registry: Registry) -> None:
        self.folder, self.registry = folder, registry
        self.web = folder / ".web"
        (folder / "rxconfig.py").write_text(
            "import reflex as rx\n\nconfig = rx.Config(app_name='clone', disable_plugins=[rx.plugins.SitemapPlugin])\n"
        )

    def install(self, *, update: bool = False) -> None:
        environment = builder.build_environment(update=update)
        environment |= {"NPM_CONFIG_REGISTRY": self.registry.url, "NPM_CONFIG_CACHE": str(self.folder / "cache")}
        self.web.mkdir(exist_ok=True)
        (self.folder / packages.FOLDER).mkdir(exist_ok=True)
        subprocess.run([sys.executable, "-c", INSTALL], cwd=self.folder, env=environment, check=True, stdin=subprocess.DEVNULL, timeout=300)

    def files(self) -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in sorted((self.folder / packages.FOLDER).iterdir())}

    def version(self, name: str) -> str:
        return json.loads((self.web / "node_modules" / name / "package.json").read_text())["version"]


def test_a_fresh_clone_installs_what_is_locked_though_newer_is_allowed(clone: Clone, registry: Registry, tmp_path: Path) -> None:
    with packages.locked(clone.folder, update=True):
        clone.install(update=True)
    before = clone.files()
    assert set(before) == {"package.json", "package-lock.json"}
    assert registry.url.encode() not in b"".join(before.values())
    registry.spokes.append("1.1.0")

    fresh = tmp_path / "fresh"
    fresh.mkdir()
    again = Clone(fresh, registry)
    (fresh / packages.FOLDER).mkdir()
    for name, content in before.items():
        (fresh / packages.FOLDER / name).write_bytes(content)
    again.install()
    assert again.version("odo-spoke") == "1.0.0"
    assert again.files() == before, "a file of the tree was changed"
    assert packages.differences(fresh, again.web) == []

    with packages.locked(fresh, update=True):
        shutil.rmtree(again.web)
        again.install(update=True)
    assert again.version("odo-spoke") == "1.1.0"
    assert json.loads(again.files()["package-lock.json"])["packages"]["node_modules/odo-spoke"]["version"] == "1.1.0"


@pytest.mark.parametrize(
    ("installed", "said"),
    [
        ({"node_modules/a": ONE}, []),
        ({"node_modules/a": TWO}, ["a is 1.1.0, not 1.0.0"]),
        ({"node_modules/a": ONE | {"integrity": "sha512-2"}}, ["a is 1.0.0, not 1.0.0"]),
        ({"node_modules/a": ONE, "node_modules/b/node_modules/c": ONE}, ["c 1.0.0 is not locked"]),
        ({}, ["a 1.0.0 is missing"]),
        (None, ["nothing is installed"]),
    ],
)
def test_what_differs_from_the_lock(tmp_path: Path, installed: dict[str, object] | None, said: list[str]) -> None:
    """Packages for other systems are in the lock but not installed."""
    (tmp_path / packages.FOLDER).mkdir()
    locked = {"": {"name": "reflex"}, "node_modules/a": ONE, "node_modules/other-system": ONE | {"optional": True}}
    (tmp_path / packages.FOLDER / packages.LOCK).write_text(json.dumps({"packages": locked}))
    if installed is not None:
        (tmp_path / packages.INSTALLED).parent.mkdir()
        (tmp_path / packages.INSTALLED).write_text(json.dumps({"packages": installed}))
    assert packages.differences(tmp_path, tmp_path) == said


def test_the_lock_is_of_the_packages_that_this_reflex_asks_for() -> None:
    """Without its manifest npm would discard the lock; a package that Reflex requires in another version would be installed beside it."""
    manifest = json.loads((PROJECT / packages.FOLDER / packages.MANIFEST).read_text("utf-8"))
    lock = json.loads((PROJECT / packages.FOLDER / packages.LOCK).read_text("utf-8"))
    for section, asked in (("dependencies", PackageJson.DEPENDENCIES), ("devDependencies", PackageJson.DEV_DEPENDENCIES)):
        assert manifest[section] == lock["packages"][""][section]
        assert all(lock["packages"][f"node_modules/{name}"]["version"] == version for name, version in manifest[section].items())
        assert {name: manifest[section].get(name) for name in asked} == {name: version.removeprefix("v") for name, version in asked.items()}
    assert not [where for where, about in lock["packages"].items() if "resolved" in about], "where it came from is nobody's business"


def _needed(names: list[str]) -> dict[NormalizedName, str]:
    """Return the version of every installed distribution that `names` need, including themselves and requested extras."""
    found: dict[NormalizedName, str] = {}
    waiting, seen = [Requirement(name) for name in names], set[tuple[str, str]]()
    while waiting:
        wanted = waiting.pop()
        for extra in ("", *wanted.extras):
            if (wanted.name, extra) in seen:
                continue
            seen.add((wanted.name, extra))
            installed = distribution(wanted.name)
            found[canonicalize_name(wanted.name)] = installed.version
            needs = (Requirement(line) for line in installed.requires or ())
            waiting += [need for need in needs if need.marker is None or need.marker.evaluate({"extra": extra})]
    return found


def test_every_python_package_is_pinned() -> None:
    lines = (PROJECT / "constraints.txt").read_text("utf-8").split()
    pinned = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}
    needed = _needed(["odoportal[test,postgresql]"])
    del needed[canonicalize_name("odoportal")]
    assert {name: pinned.get(name) for name in needed} == needed
