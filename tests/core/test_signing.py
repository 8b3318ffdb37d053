"""Tests of signed tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoportal.core import signing
from odoportal.settings import get_settings


@pytest.fixture(autouse=True, scope="module")
def secret():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ODOPORTAL_SECRET", "s" * 40)
        get_settings.cache_clear()
        yield
    get_settings.cache_clear()


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_what_was_signed_is_read_again_for_the_same_purpose_only(text: str) -> None:
    token = signing.sign("stop", text)
    assert signing.verify("stop", token) == text
    assert signing.verify("start", token) is None
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


@given(st.integers(0, 60), st.sampled_from("Aab0-_.=é \n"))
def test_any_other_sign_makes_it_nothing(at: int, sign: str) -> None:
    token = signing.sign("stop", "invoice.3.17")
    changed = token[: at % len(token)] + sign + token[at % len(token) + 1 :]
    assert changed == token or signing.verify("stop", changed) is None


@given(st.text(max_size=80))
def test_what_nobody_signed_is_nothing(token: str) -> None:
    assert signing.verify("stop", token) is None


def test_another_secret_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    token = signing.sign("stop", "invoice.3.17")
    monkeypatch.setenv("ODOPORTAL_SECRET", "t" * 40)
    get_settings.cache_clear()
    assert signing.verify("stop", token) is None
    monkeypatch.undo()
    get_settings.cache_clear()
