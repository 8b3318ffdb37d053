"""The unsubscribe link: anyone may post it, from any site, but only links that the portal signed work."""

import json
import secrets
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from sqlmodel import func, select

from odoportal.accounts.models import Account, Change, Membership, Role
from odoportal.core import clock, database, signing
from odoportal.core.identity import token_hash
from odoportal.limits import rate_limits
from odoportal.mail import outbox
from odoportal.mail.outbox import UNSUBSCRIBE
from odoportal.rooms.notifications import copies, service, unsubscribe
from odoportal.rooms.notifications.models import InvoiceCopy, NotificationKind
from tests.attack.test_origins import ELSEWHERE
from tests.inside import Customer, Inside

CLICK = {"List-Unsubscribe": "One-Click"}
SITES = [{"origin": origin} for origin in ("https://mail.example", "null", "")] + [{"sec-fetch-site": "cross-site"}]


def account_of(customer: Customer) -> int:
    with database.read_session() as session:
        return session.exec(select(Account.id).where(Account.number == customer.account)).one() or 0


def token_of(customer: Customer, kind: NotificationKind = NotificationKind.INVOICE, account_id: int = 0) -> str:
    """Return the token of the unsubscribe link in a person's mail."""
    return signing.sign(UNSUBSCRIBE, unsubscribe.of_person(kind, account_id or account_of(customer), customer.person_id))


def chosen_kinds(customer: Customer) -> set[str]:
    """Return the kinds of notification that a person receives."""
    with database.read_session() as session:
        found = service.choices(session, account_of(customer), customer.person_id, Role.OWNER)
    return {kind for kind, value in found.items() if value}


def mails_to(customer: Customer) -> int:
    """Count a person's mails in the outbox, sent ones included."""
    with database.read_session() as session:
        return session.exec(select(func.count()).select_from(outbox.Mail).where(outbox.Mail.to == customer.email)).one()


def click(inside: Inside, token: str, data: Mapping[str, str] = CLICK, language: str = "en", **headers: str) -> httpx.Response:
    """Send the one-click request of a mail program: without a cookie, and without opening the page first."""
    lines = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(f"{inside.portal.url}/{language}{UNSUBSCRIBE}", params={"token": token}, data=dict(data), headers=lines)


@pytest.fixture(autouse=True)
def _as_before(inside: Inside):
    yield
    rate_limits.forget_all()
    for customer in (inside.first, inside.second):
        with database.write_session() as session:
            for kind in NotificationKind:
                reader = service.Reader(account_of(customer), customer.person_id)
                service.switch(session, reader, kind, True, unsubscribe.Actor(customer.person_id), clock.now())


@pytest.mark.parametrize("how", [{}, *SITES, {"cookie": "odo_session=x"}], ids=str)
@pytest.mark.parametrize("many", [False, True], ids=["urlencoded", "multipart"])
@pytest.mark.case("A-101")
def test_one_click_from_anywhere_switches_one_kind_off(inside: Inside, how: dict[str, str], many: bool) -> None:
    url = f"{inside.portal.url}/en{UNSUBSCRIBE}?token={token_of(inside.first)}"
    body = {"files": {"List-Unsubscribe": (None, "One-Click")}} if many else {"data": CLICK}
    answer = httpx.post(url, headers=how, **body)  # type: ignore[arg-type]
    # RFC 8058, section 3.1: no redirect.
    assert answer.status_code == 200
    assert "no longer receive “New invoices” by email" in answer.text
    assert "set-cookie" not in answer.headers
    assert chosen_kinds(inside.first) == set(NotificationKind) - {"invoice"}
    assert chosen_kinds(inside.second) == set(NotificationKind)
    # A second click leaves it off and adds no activity row.
    assert httpx.post(url, headers=how, **body).status_code == 200  # type: ignore[arg-type]
    with database.read_session() as session:
        last = session.exec(select(Change).where(Change.what == "notices").order_by(Change.id.desc())).first()  # type: ignore[union-attr]
        assert last is not None
        assert (last.person_id, json.loads(last.before), json.loads(last.after)) == (
            inside.first.person_id,
            {"invoice": "1"},
            {"invoice": ""},
        )


@pytest.mark.asvs("3.5.3")
@pytest.mark.case("A-26", "A-101")
def test_opening_it_does_nothing_and_shows_what_a_button_would(inside: Inside) -> None:
    said = {"en": "You receive “New invoices” by email", "fr": "Vous recevez «\u00a0Nouvelles factures\u00a0» par courriel"}
    for language, words in said.items():
        for method in ("GET", "HEAD"):
            answer = httpx.request(method, f"{inside.portal.url}/{language}{UNSUBSCRIBE}", params={"token": token_of(inside.first)})
            assert answer.status_code == 200
            assert method == "HEAD" or words in answer.text
    assert chosen_kinds(inside.first) == set(NotificationKind)


@pytest.mark.case("A-101")
def test_the_token_says_nobody_s_email(inside: Inside) -> None:
    token = token_of(inside.first)
    assert "@" not in (signing.verify(UNSUBSCRIBE, token) or "")
    assert inside.first.email not in token


@pytest.mark.case("A-24", "A-101")
def test_what_the_portal_did_not_sign_switches_nothing(inside: Inside) -> None:
    mine, theirs = token_of(inside.first), token_of(inside.second)
    (text, mac), (other, _) = mine.split("."), theirs.split(".")
    of_another_kind = signing.sign(
        UNSUBSCRIBE, unsubscribe.of_person(NotificationKind.CARD, account_of(inside.first), inside.first.person_id)
    ).split(".")[0]
    forged = [
        f"{other}.{mac}",
        f"{of_another_kind}.{mac}",
        f"{text}.",
        text,
        mac,
        "",
        ".",
        mine[:-1],
        f"{mine}A",
        f"{mine}.{mac}",
        mine.swapcase(),
        "a" * 5000,
        signing.sign("another purpose", "invoice.1.1"),
    ]
    for token in forged:
        answer = click(inside, token)
        assert answer.status_code == 410, token
        assert httpx.get(f"{inside.portal.url}/en{UNSUBSCRIBE}", params={"token": token}).status_code == 410
    assert click(inside, "\x00").status_code == 400
    assert chosen_kinds(inside.first) == chosen_kinds(inside.second) == set(NotificationKind)
    assert inside.errors == []


@pytest.mark.case("A-24")
def test_tokens_that_a_stranger_makes_up_are_neither_counted_nor_written(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits._memory, "_most", 16)
    writes: list[object] = []
    monkeypatch.setattr(unsubscribe, "unsubscribe", lambda *args: writes.append(args))
    with httpx.Client(base_url=inside.portal.url) as stranger:
        sent = [stranger.post("/en/forgot", data={"email": inside.first.email}, headers=inside.elsewhere()) for _ in range(3)]
        assert {answer.status_code for answer in sent} == {303}
        known = {name: len(store) for name, store in rate_limits._memory._hits.items()}
        for _ in range(40):
            assert stranger.post(f"/en{UNSUBSCRIBE}?token={secrets.token_urlsafe(32)}", data={"again": "1"}).status_code == 410
        assert {name: len(store) for name, store in rate_limits._memory._hits.items()} == known
        assert writes == []
        count = mails_to(inside.first)
        for _ in range(3):
            assert stranger.post("/en/forgot", data={"email": inside.first.email}, headers=inside.elsewhere()).status_code == 303
    assert mails_to(inside.first) == count, "three an hour, whatever came between"


@pytest.mark.asvs("8.2.2")
@pytest.mark.case("A-101")
def test_of_an_account_that_one_does_not_belong_to_it_is_nothing(inside: Inside) -> None:
    assert click(inside, token_of(inside.first, account_id=account_of(inside.second))).status_code == 410
    with database.write_session() as session:
        held = session.get_one(Membership, (account_of(inside.first), inside.first.person_id))
        role = held.role
        session.delete(held)
    try:
        assert click(inside, token_of(inside.first)).status_code == 410
    finally:
        with database.write_session() as session:
            session.add(Membership(account_id=account_of(inside.first), person_id=inside.first.person_id, role=role))


@pytest.mark.asvs("3.5.1")
@pytest.mark.case("A-101")
def test_only_the_page_itself_switches_it_on_again(inside: Inside) -> None:
    token = token_of(inside.first)
    click(inside, token)
    for how in SITES:
        answer = click(inside, token, {"again": "1"}, **how)
        assert (answer.status_code, answer.text) == (403, "cross-site request refused")
    assert "invoice" not in chosen_kinds(inside.first)
    answer = click(inside, token, {"again": "1"}, origin=inside.portal.url)
    assert answer.status_code == 200
    assert chosen_kinds(inside.first) == set(NotificationKind)


@pytest.mark.asvs("2.4.1")
def test_back_and_forth_has_an_end(inside: Inside) -> None:
    token = token_of(inside.first)
    answers = [click(inside, token, {"again": "1"}).status_code for _ in range(12)]
    assert answers == [200] * 10 + [429] * 2
    assert click(inside, token).status_code == 200


@pytest.mark.parametrize(
    "data", [{}, {"List-Unsubscribe": "one-click"}, {"List-Unsubscribe": "x"}, {"x": "1"}, {**CLICK, "pad": "x" * 5000}], ids=repr
)
@pytest.mark.case("A-101")
def test_another_form_is_none(inside: Inside, data: dict[str, str]) -> None:
    assert click(inside, token_of(inside.first), data).status_code == 400
    assert chosen_kinds(inside.first) == set(NotificationKind)


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "multipart/form-data", "multipart/form-data; boundary=x"])
def test_another_kind_of_body_is_none(inside: Inside, kind: str) -> None:
    url = f"{inside.portal.url}/en{UNSUBSCRIBE}?token={token_of(inside.first)}"
    assert httpx.post(url, content=b"List-Unsubscribe=One-Click", headers={"content-type": kind}).status_code == 400
    assert chosen_kinds(inside.first) == set(NotificationKind)
    assert inside.errors == []


@pytest.mark.asvs("3.5.1")
@pytest.mark.case("A-81", "A-101")
def test_no_other_address_takes_a_form_from_anywhere(inside: Inside) -> None:
    token = token_of(inside.first)
    near = [
        "/en/login",
        "/en/profile/notices",
        "/en/unsubscribe/x",
        "/en//unsubscribe",
        "/en/unsubscribe/../login",
        "/unsubscribe",
        "/de/unsubscribe",
        "/en/Unsubscribe",
        "/auth/sign-out",
    ]
    for path in near:
        for origin in ELSEWHERE[:2]:
            answer = httpx.post(f"{inside.portal.url}{path}?token={token}", data=CLICK, headers={"origin": origin})
            assert (answer.status_code, answer.text) == (403, "cross-site request refused"), path
    for method in ("PUT", "DELETE", "PATCH"):
        answer = httpx.request(method, f"{inside.portal.url}/en{UNSUBSCRIBE}?token={token}", headers={"origin": "null"})
        assert answer.status_code == 403
    assert chosen_kinds(inside.first) == set(NotificationKind)


@pytest.fixture
def copy_token(inside: Inside):
    """Yield the token of a mail that asks a mailbox to confirm copies of invoices."""
    seed = outbox.new_seed()
    made: dict[str, Any] = {
        "email": "books@example.org",
        "email_key": "books@example.org",
        "language": "en",
        "hash": token_hash(outbox.token_of(seed)),
    }
    with database.write_session() as session:
        copy = InvoiceCopy(
            account_id=account_of(inside.first), asked_by=inside.first.person_id, expires_at=clock.now() + copies.LINK_LIFETIME, **made
        )
        session.add(copy)
    yield outbox.token_of(seed)
    with database.write_session() as session:
        session.delete(session.get_one(InvoiceCopy, copy.id))


def is_confirmed() -> bool:
    with database.read_session() as session:
        return session.exec(select(InvoiceCopy.confirmed_at).where(InvoiceCopy.email == "books@example.org")).one() is not None


@pytest.mark.asvs("3.5.3")
@pytest.mark.case("A-26", "A-27", "A-102")
def test_copies_are_confirmed_by_the_button_and_not_by_opening_the_link(inside: Inside, copy_token: str) -> None:
    with httpx.Client(base_url=inside.portal.url) as browser:
        opened = browser.get(f"/en/copy?token={copy_token}")
        assert (opened.status_code, opened.headers["location"], opened.headers["referrer-policy"]) == (303, "/en/copy", "no-referrer")
        assert "books@example.org will receive a copy" in browser.get("/en/copy").text
        assert not is_confirmed()
        for how in SITES:
            assert browser.post("/en/copy", data={"ok": "1"}, headers=how).status_code == 403
        assert not is_confirmed()
        assert browser.post("/en/copy", data={"ok": "1"}).headers["location"] == "/en/copy?done=1"
        assert is_confirmed()
        assert browser.post("/en/copy", data={"ok": "1"}).status_code == 410


@pytest.mark.case("A-24", "A-102")
@pytest.mark.parametrize("token", ["", "x", "a" * 43, "../../etc", "a" * 5000])
def test_what_was_not_mailed_confirms_nothing(inside: Inside, copy_token: str, token: str) -> None:
    with httpx.Client(base_url=inside.portal.url) as browser:
        browser.get("/en/copy", params={"token": token})
        assert browser.get("/en/copy").status_code == 410
        assert browser.post("/en/copy", data={"ok": "1"}).status_code == 410
    assert not is_confirmed()
