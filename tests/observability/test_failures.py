"""A loop goes on after an item that failed, says which, and ends when it is not the items that fail."""

import asyncio
import logging

import pytest
from prometheus_client import REGISTRY

from odoportal.observability.failures import MOST_IN_A_ROW, Failures


def counted(job: str) -> float:
    return REGISTRY.get_sample_value("odoportal_failures_total", {"job": job}) or 0


def test_the_items_after_one_that_fails_are_done_and_the_one_is_named(caplog: pytest.LogCaptureFixture) -> None:
    found, done, before = Failures("tests"), list[int](), counted("tests")
    for item in range(5):
        with found.skip(f"account {item}"):
            done.append(10 // (item - 2))
    assert len(done) == 4
    assert found.items == ["account 2"]
    assert counted("tests") == before + 1
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "tests: account 2 failed")
    assert record.exc_info is not None


def test_a_loop_in_which_everything_fails_ends() -> None:
    found, tried = Failures("tests"), 0
    with pytest.raises(ZeroDivisionError):
        for item in range(MOST_IN_A_ROW * 2):
            tried += 1
            with found.skip(item):
                _ = 1 / 0
    assert tried == len(found.items) == MOST_IN_A_ROW


def test_failures_with_successes_between_them_never_end_it() -> None:
    found = Failures("tests")
    for item in range(MOST_IN_A_ROW * 3):
        with found.skip(item):
            _ = 1 / (item % 2)
    assert len(found.items) == MOST_IN_A_ROW * 3 / 2


@pytest.mark.parametrize("ending", [ConnectionError, KeyboardInterrupt, asyncio.CancelledError])
def test_what_is_no_fault_of_an_item_ends_it_at_once(ending: type[BaseException]) -> None:
    found = Failures("tests", ends=(ConnectionError,))
    with pytest.raises(ending), found.skip(1):
        raise ending
    assert found.items == []
