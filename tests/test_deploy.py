"""The files in `deploy/`: read as their programs read them, and compared with the portal's settings and commands."""

import configparser
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from odoportal import health
from odoportal.cli import commands
from odoportal.core import clock
from odoportal.frontend.builder import root
from odoportal.limits import open_files, rate_limits, redis_counters
from odoportal.observability import metrics
from odoportal.settings import Settings
from tests.redis_server import Server

DEPLOY = root() / "deploy"
OPERATIONS = root() / "docs" / "operations.md"
STRAYS = {"ODOPORTAL_TODAY", "ODOPORTAL_MODE"}
GIVEN = {"${POSTGRES_PASSWORD:?}": "secret", "${PORTAL:?}": "portal.example.com"}
FIGURES = Path(health.__file__).read_text("utf-8")
NAMES = {f"ODOPORTAL_{name.upper()}" for name in Settings.model_fields}


@pytest.fixture(scope="module")
def composed() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))


def example() -> dict[str, str]:
    lines = [line for line in (DEPLOY / "odoportal.env.example").read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return {name: value.strip('"') for name, _, value in (line.partition("=") for line in lines)}


def settings_of(names: dict[str, str]) -> Settings:
    assert set(names) <= NAMES - STRAYS
    known = {name.removeprefix("ODOPORTAL_").lower(): value for name, value in names.items()}
    return Settings(**known)  # pyright: ignore[reportArgumentType]


def _given(text: str) -> str:
    for placeholder, value in GIVEN.items():
        text = text.replace(placeholder, value)
    assert "${" not in text
    return text


def test_the_example_of_settings_is_complete_but_for_the_secret() -> None:
    with pytest.raises(Exception, match="ODOPORTAL_SECRET"):
        settings_of(example()).refuse_unsafe()
    settings_of({**example(), "ODOPORTAL_SECRET": "s" * 40}).refuse_unsafe()


def test_each_container_of_a_worker_is_set_up_alike_and_safely(composed: dict[str, Any]) -> None:
    workers = [service for service in composed["services"].values() if service.get("image") == "odoportal"]
    assert len(workers) == 2
    assert workers[0]["environment"] == workers[1]["environment"]
    own = {name: _given(value) for name, value in workers[0]["environment"].items()}
    settings = settings_of({**example(), "ODOPORTAL_SECRET": "s" * 40, **own})
    settings.refuse_unsafe()
    services = composed["services"]
    assert [re.findall(r"@(\w+)/", settings.database_url)[0], re.findall(r"//(\w+):", settings.redis_url)[0]] == ["postgresql", "redis"]
    assert {service for worker in workers for service in worker["depends_on"]} == {"postgresql", "redis"}
    assert all("healthcheck" in services[name] for name in ("postgresql", "redis", "worker1", "worker2"))
    assert settings.data_dir == Path("/data")
    assert all(worker["ulimits"]["nofile"] == open_files.MAX_FILES for worker in workers)
    assert all(worker["read_only"] and worker["cap_drop"] == ["ALL"] for worker in workers)


def test_only_the_proxy_is_reached_from_outside(composed: dict[str, Any]) -> None:
    assert [name for name, service in composed["services"].items() if "ports" in service] == ["proxy"]
    assert composed["networks"]["inside"]["internal"] is True
    for name in ("postgresql", "redis"):
        assert composed["services"][name]["networks"] == ["inside"]
    named = {network for service in composed["services"].values() for network in service["networks"]}
    assert named == set(composed["networks"])
    kept = {mount.partition(":")[0] for service in composed["services"].values() for mount in service.get("volumes", [])}
    assert {mount for mount in kept if not mount.startswith(".")} == set(composed["volumes"])
    assert all((DEPLOY / mount).is_file() for mount in kept if mount.startswith("."))


def test_every_image_has_its_release(composed: dict[str, Any]) -> None:
    images = {service["image"] for service in composed["services"].values()} - {"odoportal"}
    assert all(re.fullmatch(r"[a-z]+:\d+", image) for image in images)


def test_redis_that_is_full_keeps_whoever_has_reached_a_limit(composed: dict[str, Any], redis_server: Server) -> None:
    command = composed["services"]["redis"]["command"][1:]
    settings = {name.removeprefix("--"): value for name, value in zip(command[::2], command[1::2], strict=True)}
    in_operations = dict(re.findall(r"'(maxmemory|maxmemory-policy|lfu-[a-z-]+) (\S+)'", OPERATIONS.read_text("utf-8")))
    assert in_operations == {name: value for name, value in settings.items() if name.startswith(("maxmemory", "lfu"))}
    before = {name: redis_server.ask("CONFIG", "GET", name)[1] for name in in_operations}
    shared = redis_counters.RedisCounters(redis_server.url, rate_limits._BACKOFF_SETTINGS)

    def used_up() -> list[bool]:
        tried = shared.begin("account:victim", clock.now().timestamp())
        return [not tried, *(not shared.hit(limit, "victim") for limit in (rate_limits.SIGN_IN_PER_ADDRESS, rate_limits.RESET_PER_ACCOUNT))]

    def figure(section: str, name: str) -> int:
        return int(redis_server.ask("INFO", section)[name])

    redis_server.ask("FLUSHALL")
    try:
        for name, value in in_operations.items():
            redis_server.ask("CONFIG", "SET", name, value)
        while not all(used_up()):
            pass
        evicted = figure("stats", "evicted_keys")
        redis_server.ask("CONFIG", "SET", "maxmemory", figure("memory", "used_memory") + 200_000)
        for n in range(3_000):
            shared.hit(rate_limits.RESET_PER_ACCOUNT, f"stranger {n}")
        assert figure("stats", "evicted_keys") - evicted > 500
        assert all(used_up())
    finally:
        for name, value in before.items():
            redis_server.ask("CONFIG", "SET", name, value)
        redis_server.ask("FLUSHALL")


@pytest.mark.skipif(
    subprocess.run([shutil.which("docker") or "false", "compose", "version"], check=False, capture_output=True).returncode != 0,
    reason="docker compose is not installed",
)
def test_compose_itself_takes_the_file(tmp_path: Path) -> None:
    for name in ("compose.yaml", "Caddyfile", "odoportal.env.example"):
        shutil.copyfile(DEPLOY / name, tmp_path / name.removesuffix(".example"))
    command = ["docker", "compose", "--project-directory", str(tmp_path), "config", "--quiet"]
    given = {"PATH": os.environ["PATH"], "PORTAL": "portal.example.com", "POSTGRES_PASSWORD": "x"}
    subprocess.run(command, check=True, cwd=tmp_path, env=given)


def test_the_proxy_knows_both_workers_and_asks_them_what_they_answer(composed: dict[str, Any]) -> None:
    text = (DEPLOY / "Caddyfile").read_text("utf-8")
    upstreams = "worker1:8000 worker2:8000"
    assert f"{{$WORKERS:{upstreams}}}" in text
    assert composed["services"]["proxy"]["environment"]["WORKERS"] == upstreams
    assert {place.partition(":")[0] for place in upstreams.split()} <= set(composed["services"])
    assert "health_uri /readyz" in text
    assert text.count("{") == text.count("}")


def _arguments(line: str, env_file: bool = False) -> None:
    """Parse the arguments of a command without running it; fail when the command line does not accept them.

    Args:
        line: the arguments.
        env_file: whether the command must read the file of settings itself, as every command of docs/operations.md does.
    """
    name, *rest = line.split()
    if env_file:
        assert [name, rest.pop(0)] == ["--env-file", "/etc/odoportal/odoportal.env"]
        name = rest.pop(0)
    command = commands.commands[name]
    command.make_context(name, rest, parent=click.Context(commands, **commands.context_settings))


def test_the_unit_starts_a_worker_on_its_port() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # pyright: ignore[reportAttributeAccessIssue]
    unit.read(DEPLOY / "odoportal@.service", "utf-8")
    service = unit["Service"]
    program, _, arguments = service["ExecStart"].replace("%i", "8001").partition(" ")
    assert program.endswith("/.venv/bin/odoportal")
    _arguments(arguments, env_file=True)
    assert "EnvironmentFile" not in service
    name, _, address = service["Environment"].replace("%i", "8001").partition("=")
    assert settings_of({name: address}).metrics_address == "127.0.0.1:18001"
    assert service["ReadWritePaths"] == example()["ODOPORTAL_DATA_DIR"]
    assert int(service["LimitNOFILE"]) == open_files.MAX_FILES


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_itself_takes_the_unit(tmp_path: Path) -> None:
    # Replace the program by one that exists on this machine.
    text = (DEPLOY / "odoportal@.service").read_text("utf-8").replace("/srv/odoportal/app/.venv/bin/odoportal", "/bin/true")
    (tmp_path / "odoportal@.service").write_text(text, "utf-8")
    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / "odoportal@.service")]
    said = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (said.returncode, [line for line in said.stderr.splitlines() if "odoportal" in line]) == (0, [])


def test_the_image_is_made_of_what_there_is() -> None:
    lines = (DEPLOY / "Dockerfile").read_text("utf-8").splitlines()
    copied = [part for line in lines if line.startswith("COPY ") for part in line.split()[1:-1]]
    assert copied
    assert all((root() / part).exists() for part in copied)
    started = next(line for line in lines if line.startswith("CMD "))
    _arguments(" ".join(re.findall(r'"([^"]+)"', started)[1:]))


def test_the_notes_name_what_there_is() -> None:
    notes = OPERATIONS.read_text("utf-8")
    of_commands = {parameter.envvar for command in commands.commands.values() for parameter in command.params}
    assert set(re.findall(r"ODOPORTAL_[A-Z_]+", notes)) <= NAMES | of_commands
    known = {family.name for family in metrics.REGISTRY.collect()}
    of_database = re.findall(r'"(odoportal_up|odoportal_job_late|mail_\w+)"', FIGURES)
    known |= {f"odoportal_{name.removeprefix('odoportal_')}" for name in of_database}
    told = {name.removesuffix("_total") for name in re.findall(r"\bodoportal_[a-z_]+(?=[{)])", notes)}
    assert told
    assert told <= known
    for line in re.findall(r"^    portal ((?:check|import|user|mail|backup|copy-to)\b.*)$", notes, re.M):
        assert line.split()[0] in commands.commands
