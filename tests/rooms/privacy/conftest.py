"""Fixtures for the privacy room."""

from pathlib import Path

import pytest

from odoportal.settings import get_settings


@pytest.fixture
def data_folder(stored: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the data folder of a portal with a database and a support email."""
    monkeypatch.setenv("ODOPORTAL_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ODOPORTAL_SUPPORT_EMAIL", "service@odotrack.example")
    get_settings.cache_clear()
    return tmp_path
