"""The PDF worker processes: killed at work or idle, signalled, or orphaned; and what they have access to."""

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import typst

from odoportal.core import clock, i18n
from odoportal.documents import pdf
from odoportal.documents.sheet import template_strings
from odoportal.settings import get_settings
from tests.documents.test_pdf import PLAIN, line
from tests.faults.test_database_away import AGAIN, WORDS
from tests.inside import Inside, serving_inside
from tests.reading import full_text

BEGINNING = b"%PDF-"
LONG = replace(PLAIN, title="Statement", lines=[line("x" * 20, "y" * 20)] * 1_500)
_LEFT_ALONE = """
import os, signal, sys
from odoportal.core import i18n
from odoportal.documents import pdf
from tests.documents.test_pdf import PLAIN
with i18n.use("en"):
    pdf.render(PLAIN)
pdf.start_worker()
print(*(worker.pid for worker in pdf._idle_workers), flush=True)
os.kill(os.getpid(), int(sys.argv[1]))
"""
_SET_HERE = """
import os, sys
sys.path.insert(0, sys.argv[1])
import pdf_worker
def mib():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
compiler, before = pdf_worker._compiler(), mib()
assert pdf_worker._answer(compiler, sys.stdin.read())[1]
print(before, mib())
"""


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ODOPORTAL_MODE", "demo")
    get_settings.cache_clear()
    with i18n.use("en"):
        yield


def worker_pid() -> int:
    """Render a document, and return the process id of the worker that will take the next one."""
    assert pdf.render(PLAIN).startswith(BEGINNING)
    return pdf._idle_workers[-1].pid


def kill_next_worker(patch: pytest.MonkeyPatch) -> None:
    """Kill the worker of the next document while it works."""
    whole_set = pdf._Worker.render

    def killed(worker: pdf._Worker, data: bytes) -> tuple[dict[str, Any], bytes]:
        patch.undo()
        os.kill(worker.pid, signal.SIGKILL)
        return whole_set(worker, data)

    patch.setattr(pdf._Worker, "render", killed)


def test_one_that_is_killed_fails_its_own_document_only(caplog: pytest.LogCaptureFixture) -> None:
    before = worker_pid()
    with pytest.MonkeyPatch.context() as patch:
        kill_next_worker(patch)
        with pytest.raises(ChildProcessError, match=r"ended by itself \(-9\)"):
            pdf.render(PLAIN)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert before not in {worker.pid for worker in pdf._idle_workers}
    assert worker_pid() != before


def test_a_half_answer_is_no_document(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "half.py"
    program.write_text("import sys\nsys.stdin.readline()\nprint('{\"size\": 9}\\n%PDF-', end='')\n")
    monkeypatch.setattr(pdf, "_PROGRAM", program)
    monkeypatch.setattr(pdf, "_idle_workers", [])
    with pytest.raises(ChildProcessError, match=r"\(0\)"):
        pdf.render(PLAIN)
    assert pdf._idle_workers == []


def test_one_that_is_killed_while_idle_is_missed_by_nobody() -> None:
    before = worker_pid()
    worker = pdf._idle_workers[-1]
    os.kill(before, signal.SIGKILL)
    worker._process.wait()
    assert worker_pid() != before


def test_a_customer_is_told_in_words_and_the_next_document_comes(tmp_path: Path) -> None:
    with serving_inside(tmp_path) as inside, pytest.MonkeyPatch.context() as patch:
        _told(inside, patch)


def _told(inside: Inside, patch: pytest.MonkeyPatch) -> None:
    clock.set_source(inside.clock)
    cookie, path = inside.session(inside.first), f"/fr/invoices/{inside.first.invoice}.pdf"
    kill_next_worker(patch)
    answer = inside.portal.ask(path, cookie=cookie)
    assert (answer.status, answer.headers["retry-after"]) == (503, "30")
    assert WORDS["fr"] in answer.body
    assert AGAIN["fr"] in answer.body
    again = inside.portal.ask(path, cookie=cookie)
    assert (again.status, again.headers["content-type"]) == (200, "application/pdf")


def mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def test_a_long_document_leaves_nothing_behind() -> None:
    # The fork that rendered the last document has been waited for once the next document is rendered.
    first = worker_pid()
    before = mib(first)
    for place in range(2):
        pdf.render(replace(LONG, title=f"Statement {place}"))
    assert worker_pid() == first
    assert mib(first) < before + 5


def test_the_control_the_process_that_set_it_keeps_what_it_made() -> None:
    command = [sys.executable, "-c", _SET_HERE, str(Path(pdf.__file__).parent)]
    sheet = json.dumps({**pdf._drawable({**template_strings(), **asdict(LONG)}), "paper": "us-letter"})
    ran = subprocess.run(command, input=sheet, stdout=subprocess.PIPE, check=True, text=True)
    before, after = map(float, ran.stdout.split())
    assert after > before + 60


def forks(pid: int) -> list[int]:
    """Return the forks of a worker that are running or not yet waited for."""
    return [int(copy) for copy in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]


def fork_of(pid: int) -> int:
    """Wait for a fork of a worker, and return its process id."""
    while not (found := forks(pid)):
        pass
    return found[0]


def test_a_copy_that_is_killed_takes_its_process_with_it(caplog: pytest.LogCaptureFixture) -> None:
    before = worker_pid()
    while forks(before):
        pass
    # The fork runs as long as the document takes, half a second.
    killing = threading.Thread(target=lambda: os.kill(fork_of(before), signal.SIGKILL), daemon=True)
    killing.start()
    with pytest.raises(ChildProcessError, match=r"ended by itself \(1\)"):
        pdf.render(LONG)
    killing.join()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert worker_pid() != before


def test_ending_one_at_work_ends_its_copy_too() -> None:
    worker = pdf._Worker()
    sheet = {**pdf._drawable({**template_strings(), **asdict(LONG)}), "paper": "us-letter"}

    def ask() -> None:
        # The worker's output may be closed before all of it is read.
        with suppress(ChildProcessError, ValueError):
            worker.render(json.dumps(sheet).encode())

    asking = threading.Thread(target=ask)
    asking.start()
    copy = fork_of(worker.pid)
    # Stop the fork, so that it cannot end by itself.
    os.kill(copy, signal.SIGSTOP)
    watched = os.pidfd_open(copy)
    ending = threading.Thread(target=worker.kill)
    ending.start()
    try:
        assert select.select([watched], [], [], 20)[0]
    finally:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(watched, signal.SIGKILL)
        os.close(watched)
        ending.join()
        asking.join()


def test_long_ones_come_one_after_the_other_and_keep_no_thread_of_the_short_ones() -> None:
    at_once, most, order, go = 0, 0, list[str](), threading.Event()

    def work(name: str) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        order.append(name)
        assert go.wait(30)
        at_once -= 1

    async def run() -> None:
        loop = asyncio.get_running_loop()
        long = [loop.create_task(pdf.run_alone(7, work, f"first {place}")) for place in range(3)]
        long.append(loop.create_task(pdf.run_alone(8, work, "second")))
        # Short documents still get all of their threads while the long ones wait for each other.
        assert [await pdf.run_in_pdf_thread(str, place) for place in range(4)] == ["0", "1", "2", "3"]
        go.set()
        await asyncio.gather(*long)

    asyncio.run(run())
    assert most == 1
    # A person who asks for three documents gets only one before the next person's first.
    assert order == ["first 0", "second", "first 1", "first 2"]


def test_a_sheet_that_cannot_be_set_is_the_same_error_as_in_the_own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    before = worker_pid()
    monkeypatch.setattr(pdf, "drawable", lambda text: text)
    with pytest.raises(typst.TypstError, match="could not be displayed") as caught:
        pdf.render(replace(PLAIN, title="中"))
    assert caught.value.message in caught.value.diagnostic
    assert (type(caught.value.hints), type(caught.value.trace)) == (list, list)
    # The worker is not at fault, so it is kept.
    assert pdf._idle_workers[-1].pid == before


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_whoever_tells_the_whole_group_to_end_ends_no_document(signal_number: signal.Signals) -> None:
    before = worker_pid()
    os.kill(before, signal_number)
    assert worker_pid() == before
    assert os.getpgid(before) != os.getpgid(0)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_none_is_left_where_the_portal_is_gone(how: signal.Signals) -> None:
    # The output ends with the last process that holds it: a worker left behind would make this call time out.
    command = [sys.executable, "-c", _LEFT_ALONE, str(int(how))]
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=60)
    assert ended.returncode in {-how, 1, 130}
    assert len(ended.stdout.split(b"\n")[0].split()) == 2


def test_it_knows_no_setting_and_goes_first_where_memory_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "_idle_workers", [])
    monkeypatch.setenv("ODOPORTAL_SECRET", "s" * 40)
    pid = worker_pid()
    known = Path(f"/proc/{pid}/environ").read_bytes()
    assert b"PATH=" in known
    assert b"ODOPORTAL_" not in known
    assert Path(f"/proc/{pid}/oom_score_adj").read_text("ascii").strip() == "500"
    pdf._idle_workers.pop().kill()
    assert full_text(pdf.render(PLAIN))
    pdf._idle_workers.pop().kill()
