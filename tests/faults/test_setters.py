"""The processes that set documents: killed at work or idle, worn, told to end, or left alone; and what they know."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typst

from odoportal.foundation import clock, i18n, typeset
from odoportal.settings import get_settings
from tests.faults.test_database_away import AGAIN, WORDS
from tests.foundation.test_typeset import PLAIN, line
from tests.inside import Inside, serving_inside
from tests.reading import whole

BEGINNING = b"%PDF-"
LONG = replace(PLAIN, title="Statement", lines=[line("x" * 20, "y" * 20)] * 1_500)
_LEFT_ALONE = """
import os, signal, sys
from odoportal.foundation import i18n, typeset
from tests.foundation.test_typeset import PLAIN
with i18n.use("en"):
    typeset.render(PLAIN)
typeset.warm()
print(*(setter.pid for setter in typeset._idle), flush=True)
os.kill(os.getpid(), int(sys.argv[1]))
"""


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ODOPORTAL_MODE", "demo")
    get_settings.cache_clear()
    with i18n.use("en"):
        yield


def kept() -> int:
    """The one that the next document is set by, once there is one."""
    assert typeset.render(PLAIN).startswith(BEGINNING)
    return typeset._idle[-1].pid


def kill_the_next(patch: pytest.MonkeyPatch) -> None:
    """Kill the process that sets the next document, at its work."""
    whole_set = typeset._Setter.set

    def killed(setter: typeset._Setter, data: bytes) -> tuple[dict[str, Any], bytes]:
        patch.undo()
        os.kill(setter.pid, signal.SIGKILL)
        return whole_set(setter, data)

    patch.setattr(typeset._Setter, "set", killed)


def test_one_that_is_killed_fails_its_own_document_only(caplog: pytest.LogCaptureFixture) -> None:
    before = kept()
    with pytest.MonkeyPatch.context() as patch:
        kill_the_next(patch)
        with pytest.raises(ChildProcessError, match=r"ended by itself \(-9\)"):
            typeset.render(PLAIN)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert before not in {setter.pid for setter in typeset._idle}
    assert kept() != before


def test_a_half_answer_is_no_document(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "half.py"
    program.write_text("import sys\nsys.stdin.readline()\nprint('{\"size\": 9}\\n%PDF-', end='')\n")
    monkeypatch.setattr(typeset, "_PROGRAM", program)
    monkeypatch.setattr(typeset, "_idle", [])
    with pytest.raises(ChildProcessError, match=r"\(0\)"):
        typeset.render(PLAIN)
    assert typeset._idle == []


def test_one_that_is_killed_while_idle_is_missed_by_nobody() -> None:
    before = kept()
    setter = typeset._idle[-1]
    os.kill(before, signal.SIGKILL)
    setter._process.wait()
    assert kept() != before


def test_a_customer_is_told_in_words_and_the_next_document_comes(tmp_path: Path) -> None:
    with serving_inside(tmp_path) as inside, pytest.MonkeyPatch.context() as patch:
        _told(inside, patch)


def _told(inside: Inside, patch: pytest.MonkeyPatch) -> None:
    clock.use(inside.clock)
    cookie, path = inside.session(inside.first), f"/fr/invoices/{inside.first.invoice}.pdf"
    kill_the_next(patch)
    answer = inside.portal.ask(path, cookie=cookie)
    assert (answer.status, answer.headers["retry-after"]) == (503, "30")
    assert WORDS["fr"] in answer.body
    assert AGAIN["fr"] in answer.body
    again = inside.portal.ask(path, cookie=cookie)
    assert (again.status, again.headers["content-type"]) == (200, "application/pdf")


def test_one_that_has_read_enough_is_replaced() -> None:
    first = kept()
    assert kept() == first
    typeset.render(LONG)
    assert first not in {setter.pid for setter in typeset._idle}
    assert not Path(f"/proc/{first}").exists()
    assert len(typeset._idle) <= typeset.SETTERS


def test_the_control_without_it_a_process_keeps_what_it_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def mib(pid: int) -> float:
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    monkeypatch.setattr(typeset, "WORN_BYTES", 10**9)
    first = kept()
    before = mib(first)
    for place in range(2):
        typeset.render(replace(LONG, title=f"Statement {place}"))
    assert kept() == first
    assert mib(first) > before + 60
    monkeypatch.undo()
    assert kept() != first


def test_a_sheet_that_cannot_be_set_is_the_same_error_as_in_the_own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    before = kept()
    monkeypatch.setattr(typeset, "drawable", lambda text: text)
    with pytest.raises(typst.TypstError, match="could not be displayed") as caught:
        typeset.render(replace(PLAIN, title="中"))
    assert caught.value.message in caught.value.diagnostic
    assert (type(caught.value.hints), type(caught.value.trace)) == (list, list)
    # It is not the process's fault.
    assert typeset._idle[-1].pid == before


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_whoever_tells_the_whole_group_to_end_ends_no_document(told: signal.Signals) -> None:
    before = kept()
    os.kill(before, told)
    assert kept() == before
    assert os.getpgid(before) != os.getpgid(0)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_none_is_left_where_the_portal_is_gone(how: signal.Signals) -> None:
    # Its output ends with the last process that holds it: where one were left, the test would wait in vain.
    command = [sys.executable, "-c", _LEFT_ALONE, str(int(how))]
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=60)
    assert ended.returncode in {-how, 1, 130}
    assert len(ended.stdout.split(b"\n")[0].split()) == 2


def test_it_knows_no_setting_and_goes_first_where_memory_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typeset, "_idle", [])
    monkeypatch.setenv("ODOPORTAL_SECRET", "s" * 40)
    pid = kept()
    known = Path(f"/proc/{pid}/environ").read_bytes()
    assert b"PATH=" in known
    assert b"ODOPORTAL_" not in known
    assert Path(f"/proc/{pid}/oom_score_adj").read_text("ascii").strip() == "500"
    typeset._idle.pop().end()
    assert whole(typeset.render(PLAIN))
    typeset._idle.pop().end()
