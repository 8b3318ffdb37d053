"""The public privacy page: what it says is true, and all that the law asks for (P-39.1, sections 3.1 to 8.2)."""

import asyncio
import re
from datetime import date
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from odoportal.core import i18n
from odoportal.core.identity import SESSION_COOKIE
from odoportal.frontend.builder import root
from odoportal.rooms import registry
from odoportal.rooms.privacy import page
from odoportal.rooms.signin import cookies, known_browsers, passkeys, sessions, two_factor
from odoportal.rooms.signin.models import LinkKind
from odoportal.settings import get_settings
from odoportal.web.document_server import LANGUAGE_COOKIE
from odoportal.web.page import PageRequest


def text(monkeypatch: pytest.MonkeyPatch, language: str = "en", **settings: str) -> str:
    registry.install()
    for name, value in settings.items():
        monkeypatch.setenv(f"ODOPORTAL_{name.upper()}", value)
    get_settings.cache_clear()
    asked: Any = PageRequest(language, {}, Request({"type": "http"}), None)
    with i18n.use(language):
        html = asyncio.run(page.fill_privacy(asked)).slots["privacy"]
    return re.sub(r"<[^>]+>", " ", html).replace("\u00a0", " ")


def test_every_cookie_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = Response()
    cookies.set_session(answer, "x", keep=True)
    cookies.set_device(answer, "x")
    cookies.set_passkey(answer, "x")
    for kind in LinkKind:
        cookies.set_link(answer, kind, "x", 60)
    sent = {re.split(r"[=;]", value.decode())[0] for name, value in answer.raw_headers if name == b"set-cookie"}
    plain = {re.sub("^__(Host|Secure)-", "", name) for name in sent} | {SESSION_COOKIE, LANGUAGE_COOKIE}
    with i18n.use("en"):
        assert {name for names, _, _ in page.cookies_in_use() for name in names} == plain
    said = text(monkeypatch)
    assert all(name in said for name in plain)


def test_no_code_but_these_modules_sets_a_cookie() -> None:
    found = [
        file.relative_to(root()).as_posix()
        for file in [*(root() / "odoportal").rglob("*.py"), *(root() / "odoportal").rglob("*.js")]
        if re.search(r"\.set_cookie\(|document\.cookie =", file.read_text("utf-8"))
    ]
    assert sorted(found) == ["odoportal/rooms/signin/cookies.py", "odoportal/ui/client.js"]


def test_the_spans_are_those_of_the_code() -> None:
    assert (known_browsers.KNOWN_FOR.days, sessions.KEPT.days, two_factor.TRUST.days) == (365, 30, 30)
    assert passkeys.LIFE.total_seconds() == 5 * 60
    assert max(two_factor.LIFE.total_seconds(), 30 * 60) == 30 * 60


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_what_the_law_asks_for_is_there(monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    said = text(
        monkeypatch,
        language,
        privacy_officer="Maria Gagnon",
        support_email="privacy@example.com",
        support_phone="1-800-555-0199",
        company_address="2800, av. Francis-Hughes; Laval",
        log_days="45",
    )
    for part in ("Maria Gagnon", "privacy@example.com", "1-800-555-0199", "2800, av. Francis-Hughes", "Commission d’accès à l’information"):
        assert part in said
    law = {
        "fr": "Loi sur la protection des renseignements personnels dans le secteur privé",
        "en": "Act respecting the protection of personal information in the private sector",
    }
    own = {
        "fr": ("retirer votre consentement", "l’extérieur du Québec", "héberger", "dans les 30 jours", "45 jours", "plainte"),
        "en": ("withdraw your consent", "outside Québec", "host the portal", "within 30 days", "45 days", "complaint"),
    }
    assert law[language] in said
    for part in own[language]:
        assert part in said


def test_the_day_of_the_text_changes_with_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "This text was last changed on November 30, 2026." in text(monkeypatch)
    assert date(2026, 11, 30) == page.CHANGED_ON
