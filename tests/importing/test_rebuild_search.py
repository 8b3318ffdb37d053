"""Search texts of an older folding are rebuilt once, before anyone searches."""

import hashlib

import pytest
from sqlalchemy import text

from odoportal.accounts.models import Change
from odoportal.core import database
from odoportal.core import folding as texts
from odoportal.core.folding import FOLDING_VERSION, fold
from odoportal.importing import rebuild_search
from tests.importing.conftest import NOW, Take

# The hash of `fold(SAMPLE)` by the number of the folding. A release that folds differently takes the next number and adds a line.
# SAMPLE has letters that no later Unicode version changes.
SAMPLE = "".join(chr(code) for code in (*range(0x20, 0x250), *range(0x3A3, 0x500), *range(0x1E00, 0x2060), *range(0x2100, 0x2180)))
KNOWN = {"1": "cc1f08e0e27865c3", "2": "c75284eb044824dd"}


def found(like: str) -> list[int]:
    with database.read_session() as session:
        counts = [f"SELECT count(*) FROM {table} WHERE search LIKE '%{like}%'" for table in ("orders", "invoice")]
        return [int(session.connection().scalar(text(count)) or 0) for count in counts]


def test_a_new_way_of_folding_has_a_new_number() -> None:
    folded = hashlib.sha256("\n".join(fold(SAMPLE[at : at + 64]) for at in range(0, len(SAMPLE), 64)).encode()).hexdigest()[:16]
    assert folded == KNOWN[FOLDING_VERSION]


def test_an_older_folding_is_found_and_mended_once(take: Take, small: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    rebuild_search.upgrade_database(told.append)
    assert told == []
    take(small)
    with database.write_session() as session:
        for table in ("orders", "invoice"):
            session.connection().execute(text(f"UPDATE {table} SET search = replace(search, 'cable', 'CÂBLE')"))
        change = {"at": NOW, "what": "renamed", "about": "Đặng", "search": "đang"}
        session.add(Change(**change))
    rebuild_search.upgrade_database(told.append)
    assert (found("CÂBLE"), told) == ([1, 1], [])
    monkeypatch.setattr(texts, "FOLDING_VERSION", "next")
    monkeypatch.setattr(rebuild_search, "_BATCH_ROWS", 1)
    rebuild_search.upgrade_database(told.append)
    assert found("cable") == [1, 1]
    with database.read_session() as session:
        assert session.scalar(text("SELECT search FROM change")) == "dang"
    rebuild_search.upgrade_database(told.append)
    assert len(told) == 1
