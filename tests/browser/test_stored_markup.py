"""Markup stored in every text of an account is shown as text in a real browser and does nothing."""

import secrets
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Dialog, expect

from odoportal.accounts.models import Account, Membership, Person
from odoportal.core.identity import token_hash
from odoportal.rooms.signin.models import BrowserSession
from tests.attack.corpus import XSS
from tests.browser.conftest import Open, live
from tests.making import add_every_row
from tests.server import Portal, write_session

ALIVE = "iframe, [onerror], [onload], [onmouseover], [onfocus], [srcdoc], img[src=x], math, template, [href^=javascript]"


@pytest.mark.asvs("1.2.3")
@pytest.mark.asvs("3.2.2")
@pytest.mark.case("A-82", "A-87")
def test_the_live_page_shows_markup_as_text(open_page: Open, portal: Portal) -> None:
    now, token, key, hostile = datetime.now(UTC), secrets.token_urlsafe(32), "70707", " ".join(XSS)[:300]
    with write_session(portal.engine()) as session:
        account = Account(number=key, name=hostile[:200], created_at=now)
        person = Person(email="markup@example.com", email_key="markup@example.com", name=hostile[:200], language="en", created_at=now)
        session.add_all([account, person])
        session.flush()
        assert account.id is not None
        assert person.id is not None
        session.add(Membership(account_id=account.id, person_id=person.id, role="owner"))
        session.add(BrowserSession(hash=token_hash(token), person_id=person.id, created_at=now, seen_at=now))
        named = add_every_row(session, account.id, hostile, key)
        session.commit()
    page = open_page("/en/login")
    dialogs: list[str] = []

    def opened(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", opened)
    page.context.add_cookies([{"name": "odo_session", "value": token, "url": portal.url, "httpOnly": True, "sameSite": "Lax"}])
    for address in (f"/en/orders?open={named['order_number']}", f"/en/invoices?open={named['invoice_number']}", "/en/statement"):
        page.goto(address)
        live(page)
        expect(page.get_by_text("<script>alert(1)</script>").first).to_be_attached()
        assert page.locator("body").locator(ALIVE).count() == 0
        # A direction mark in a name must not reverse the text around the name.
        turned = page.locator("a, b, span, td, th, dd, li").evaluate_all("all => all.map(e => getComputedStyle(e).unicodeBidi)")
        assert set(turned) == {"isolate"}
        assert not any("alert(1)" in script for script in page.locator("script").all_text_contents())
    assert dialogs == []
