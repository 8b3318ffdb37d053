"""The public address: every spelling becomes the form that browsers use."""

import importlib.util
from collections.abc import Iterator
from types import ModuleType
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from odoportal.frontend.builder import root
from odoportal.public_origin import origin_of
from odoportal.rooms.signin import passkeys
from odoportal.settings import Settings, get_settings
from odoportal.web.links import absolute_link

SPELLINGS = [
    ("https://portal.example.com", "https://portal.example.com"),
    ("https://portal.example.com:443", "https://portal.example.com"),
    ("https://portal.example.com:0443/", "https://portal.example.com"),
    ("http://localhost:80", "http://localhost"),
    ("https://portal.example.com:80", "https://portal.example.com:80"),
    ("https://portal.example.com:8443/", "https://portal.example.com:8443"),
    ("https://portal.example.com:", "https://portal.example.com"),
    (" HTTPS://Portal.Example.COM/ ", "https://portal.example.com"),
    ("https://portal.example.com./", "https://portal.example.com"),
    ("https://bücher.example", "https://xn--bcher-kva.example"),
    ("https://BU\u0308CHER.example", "https://xn--bcher-kva.example"),
    ("https://XN--BCHER-KVA.example", "https://xn--bcher-kva.example"),
    ("https://faß.example", "https://xn--fa-hia.example"),
    ("https://portail。exemple", "https://portail.exemple"),
    ("https://my_host.example", "https://my_host.example"),
    ("https://192.0.2.1:443", "https://192.0.2.1"),
    ("https://[2001:0DB8:0::1]:443", "https://[2001:db8::1]"),
]
NONE = [
    *(
        "portal.example.com",
        "ftp://portal.example.com",
        "https://",
        "https:///portal",
        "https:\\\\portal.example.com",
        "//portal.example.com",
    ),
    *(
        "https://portal.example.com/portal",
        "https://portal.example.com/?a=1",
        "https://portal.example.com?",
        "https://portal.example.com/#a",
    ),
    *("https://user@portal.example.com", "https://user:canary@portal.example.com"),
    *("https://portal.example.com:0", "https://portal.example.com:65536", "https://portal.example.com:https"),
    *("https://portal example.com", "https://-portal.example.com", "https://portal..example.com", "https://.", "https://a%2eb"),
    *(
        "https://[::1",
        "https://[nowhere]",
        "https://[fe80::1%25eth0]",
        "https://[::ffff:192.0.2.1]",
        "https://192.0.2",
        "https://0x7f000001",
    ),
    *("https://" + "a" * 64 + ".example", "https://" + "a." * 127 + "example", "https://\u2488example.com", "https://\udcff.example"),
]


@pytest.mark.parametrize(("written", "origin"), SPELLINGS)
def test_a_spelling_is_what_browsers_make_of_it(written: str, origin: str) -> None:
    assert origin_of(written) == origin
    assert origin_of(origin) == origin


@pytest.mark.parametrize("written", NONE)
def test_what_cannot_be_is_refused_in_words(written: str) -> None:
    with pytest.raises(ValueError, match=r"^must be an address such as") as refused:
        origin_of(written)
    assert "canary" not in str(refused.value)
    with pytest.raises(ValidationError):
        Settings(public_url=written)


@given(st.text(max_size=60) | st.text(max_size=40).map("https://{}".format))
def test_whatever_is_written_is_refused_or_stays_as_it_has_become(written: str) -> None:
    try:
        origin = origin_of(written)
    except ValueError as refused:
        assert str(refused).startswith("must be an address")
    else:
        assert origin_of(origin) == origin
        assert origin.isascii()
        assert urlsplit(origin).path == ""


@pytest.fixture(autouse=True)
def _fresh_settings() -> Iterator[None]:
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def rxconfig() -> ModuleType:
    """Load `rxconfig.py` as Reflex does."""
    spec = importlib.util.spec_from_file_location("rxconfig_read_again", root() / "rxconfig.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.mark.parametrize(("written", "origin"), SPELLINGS)
def test_every_reader_has_the_same(monkeypatch: pytest.MonkeyPatch, written: str, origin: str) -> None:
    monkeypatch.setenv("ODOPORTAL_PUBLIC_URL", written)
    settings = get_settings()
    assert settings.public_url == settings.origin == origin
    assert settings.secure is origin.startswith("https://")
    assert absolute_link("en", "/login") == f"{origin}/en/login"
    assert passkeys._rp_id() == urlsplit(origin).hostname
    with patch("reflex.Config", lambda **given: given["cors_allowed_origins"]):
        assert rxconfig().config == [origin]


@pytest.mark.parametrize("written", ["", *NONE])
def test_without_an_address_no_origin_is_let_in(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setattr("os.environ", {"ODOPORTAL_PUBLIC_URL": written})
    assert rxconfig()._origins() == ["https://portal.invalid"]
