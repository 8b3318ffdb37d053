"""The page of cards over plain HTTP, as used by a browser without JavaScript; and that no secret leaves the server."""

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Engine, text, update
from sqlmodel import col
from starlette.applications import Starlette
from starlette.testclient import TestClient

from odoportal.accounts.models import Role
from odoportal.core.identity import token_hash
from odoportal.rooms.cards import routes, sandbox_page
from odoportal.rooms.cards.sandbox import Sandbox, Scenario
from odoportal.rooms.signin.models import BrowserSession
from odoportal.settings import get_settings
from tests.attack.conftest import cookie_of, rows
from tests.attack.test_rights import acting_as
from tests.attack.wire import SIGNED, tab
from tests.server import EMPTY, OVERDUE, PASSWORD, Answer, Portal

__all__ = ["cookie_of", "rows"]
CARDS = f"{SIGNED}.odoportal___rooms___cards___page____cards"
JSON = {"accept": "application/json"}
_OURS = "SELECT m.account_id FROM membership m JOIN person p ON p.id = m.person_id WHERE p.email = :e"


class Customer:
    """A customer whose browser runs no JavaScript."""

    def __init__(self, portal: Portal, rows: Engine, email: str) -> None:
        self.portal, self.rows, self.email = portal, rows, email
        self.cookie = portal.sign_in(email)

    def page(self, query: str = "") -> Answer:
        return self.portal.ask(f"/fr/cards{query}", cookie=self.cookie)

    def form(self, name: str, query: str = "") -> dict[str, str]:
        """Return the hidden fields of the page's first form with this name."""
        said = re.search(rf'<form[^>]*data-form="{name}".*?</form>', self.page(query).body, re.S)
        assert said is not None
        return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', said[0]))

    def send(self, form: dict[str, str], query: str = "", **headers: str) -> Answer:
        return self.portal.ask(f"/fr/cards{query}", form=form, cookie=self.cookie, **headers)

    def add(self, scenario: Scenario = Scenario.ACCEPTED) -> Answer:
        """Add a card on the sandbox's page and return the page that the browser returns to."""
        begun = self.send(self.form("add"))
        assert begun.status == 303
        sandbox = urlsplit(begun.headers["location"]).path
        back = self.portal.ask(sandbox, form={"scenario": scenario})
        assert back.status == 303
        return self.portal.ask(back.headers["location"].removeprefix(self.portal.url), cookie=self.cookie)

    def cards(self) -> list[tuple[int, str, bool]]:
        found = f"SELECT id, token, is_default FROM card WHERE removed_at IS NULL AND account_id IN ({_OURS}) ORDER BY id"
        with self.rows.connect() as connection:
            return [(row[0], row[1], bool(row[2])) for row in connection.execute(text(found), {"e": self.email})]

    def forget(self) -> None:
        with self.rows.begin() as connection:
            for table in ("card_setup", "card", "payment_customer"):
                connection.execute(text(f"DELETE FROM {table} WHERE account_id IN ({_OURS})"), {"e": self.email})


@pytest.fixture
def customer(portal: Portal, rows: Engine) -> Iterator[Customer]:
    made = Customer(portal, rows, EMPTY)
    made.forget()
    yield made
    made.forget()


def test_a_card_is_added_made_the_default_and_removed_without_script(customer: Customer) -> None:
    assert "Aucune carte" in customer.page().body
    added = customer.add()
    assert "La carte a été ajoutée." in added.body
    assert "Visa •••• 4242" in added.body
    customer.add(Scenario.LATER)
    first, second = customer.cards()
    assert (first[2], second[2]) == (True, False)
    done = customer.send(customer.form("default"))
    assert (done.status, done.headers["location"]) == (303, "/fr/cards?done=default")
    assert [default for _, _, default in customer.cards()] == [False, True]
    asked = customer.page(f"?open={second[0]}")
    assert "Visa •••• 4242 la remplacera." in asked.body
    assert 'type="password"' not in asked.body
    gone = customer.send(customer.form("remove", f"?open={second[0]}"), f"?open={second[0]}")
    assert (gone.status, gone.headers["location"]) == (303, "/fr/cards?done=remove")
    assert "La carte a été retirée." in customer.page("?done=remove").body
    assert [(id_, default) for id_, _, default in customer.cards()] == [(first[0], True)]


@pytest.mark.asvs("2.3.4")
@pytest.mark.case("F-01")
def test_the_same_form_sent_twice_leads_to_the_same_page(customer: Customer) -> None:
    form = customer.form("add")
    assert customer.send(form).headers["location"] == customer.send(form).headers["location"]
    assert customer.send(customer.form("add")).headers["location"] != customer.send(form).headers["location"]


@pytest.mark.parametrize(("scenario", "said"), [(Scenario.DECLINED, "La banque a refusé cette carte."), (Scenario.EXPIRED, "expirée")])
def test_a_card_that_is_refused_is_told_with_its_reason(customer: Customer, scenario: Scenario, said: str) -> None:
    sandbox = urlsplit(customer.send(customer.form("add")).headers["location"]).path
    refused = customer.portal.ask(sandbox, form={"scenario": scenario})
    assert said in refused.body
    back = re.search(r'class="back" href="([^"]+)"', refused.body)
    assert back is not None
    page = customer.portal.ask(unescape(back[1]).removeprefix(customer.portal.url), cookie=customer.cookie)
    assert said in page.body
    assert not customer.cards()


@pytest.mark.asvs("8.3.1")
def test_who_may_only_look_sees_the_cards_and_is_refused_each_change(customer: Customer) -> None:
    customer.add()
    ((card, _, _),) = customer.cards()
    forms = {name: customer.form(name, f"?open={card}") for name in ("add", "remove")}
    forms["default"] = {**forms["remove"], "form": "default"}
    for role in (Role.READ_ONLY, Role.OPERATIONS):
        with acting_as(customer.rows, EMPTY, role):
            page = customer.page(f"?open={card}")
            assert "Visa •••• 4242" in page.body
            assert "data-form" not in page.body
            for form in forms.values():
                assert customer.send(form, **JSON).status == 403
    assert [id_ for id_, _, _ in customer.cards()] == [card]


@pytest.mark.asvs("7.5.3")
def test_the_password_is_asked_for_once_the_sign_in_is_older_than_five_minutes(customer: Customer) -> None:
    customer.add()
    ((card, _, _),) = customer.cards()
    # The portal under test uses the machine's clock.
    old = update(BrowserSession).values(created_at=datetime.now(UTC) - timedelta(minutes=5, seconds=1))
    with customer.rows.begin() as connection:
        connection.execute(old.where(col(BrowserSession.hash) == token_hash(customer.cookie.split("=", 1)[1])))
    query = f"?open={card}"
    assert 'type="password"' in customer.page(query).body
    form = customer.form("remove", query)
    for typed, said in (({}, "Ce champ est obligatoire."), ({"current": "not this one"}, "Mot de passe incorrect.")):
        page = customer.send({**form, **typed}, query)
        assert page.status == 422
        assert said in page.body
        assert "not this one" not in page.body
    assert len(customer.cards()) == 1
    assert customer.send({**form, "current": PASSWORD}, query).status == 303
    assert not customer.cards()


@pytest.mark.asvs("8.2.2")
@pytest.mark.case("A-61", "A-62", "A-97")
def test_another_accounts_card_is_one_that_does_not_exist(customer: Customer, portal: Portal, rows: Engine) -> None:
    customer.add()
    ((card, _, _),) = customer.cards()
    other = Customer(portal, rows, OVERDUE)
    with rows.connect() as connection:
        key = connection.execute(text(f"SELECT key FROM card_setup WHERE account_id IN ({_OURS})"), {"e": EMPTY}).scalar_one()
    assert "•••• 4242" not in other.page(f"?open={card}").body
    assert "•••• 4242" not in other.page(f"?setup={key}").body
    form = {**other.form("add"), "key": str(card)}
    for name in ("default", "remove"):
        theirs = other.send({**form, "form": name}, **JSON)
        nobodys = other.send({**form, "form": name, "key": "99999999", "once": "0" * 32}, **JSON)
        assert (theirs.status, theirs.body) == (nobodys.status, nobodys.body)
        assert theirs.status == 404
    assert [id_ for id_, _, _ in customer.cards()] == [card]


@pytest.mark.parametrize("key", ["", "-1", "1e3", "٣", "9" * 400, "1 OR 1=1", "\ud800"])
def test_what_is_no_number_of_a_card_is_not_found(customer: Customer, key: str) -> None:
    customer.add()
    form = {**customer.form("add"), "form": "remove", "key": key.encode("utf-8", "replace").decode()}
    assert customer.send(form, **JSON).status in {400, 404}
    assert len(customer.cards()) == 1


@pytest.mark.case("A-96")
def test_the_providers_token_never_leaves_the_server(customer: Customer) -> None:
    said = [customer.add().body, customer.page().body]
    ((card, token, _),) = customer.cards()
    said += [customer.page(f"?open={card}").body, customer.send({**customer.form("add"), "form": "default", "key": str(card)}, **JSON).body]

    async def live() -> str:
        async with tab(customer.portal.url, customer.cookie) as page:
            await page.load(f"/fr/cards?open={card}", CARDS)
            return page.text

    said.append(asyncio.run(live()))
    assert "4242" in said[-1]
    with customer.rows.connect() as connection:
        names = f"SELECT token FROM payment_customer WHERE account_id IN ({_OURS})"
        secrets = [token, connection.execute(text(names), {"e": EMPTY}).scalar_one()]
    for secret in secrets:
        assert len(secret) > 20
        assert not any(secret in one for one in (*said, customer.portal.log))


@pytest.mark.case("A-95")
def test_no_page_has_a_field_for_the_number_of_a_card(customer: Customer) -> None:
    sandbox = urlsplit(customer.send(customer.form("add")).headers["location"]).path
    for page in (customer.page().body, customer.portal.ask(sandbox).body):
        fields = re.findall(r"<(?:input|textarea|select)\b[^>]*>", page)
        assert not [field for field in fields if 'type="hidden"' not in field and 'type="search"' not in field], fields
        assert not re.search(r"cc-(?:number|csc|exp)|card.?number|numéro de carte\W*<", page.replace("aucun numéro de carte", ""), re.I)


@pytest.mark.asvs("3.4.3")
def test_the_sandboxs_page_runs_no_script_and_asks_for_no_session(customer: Customer) -> None:
    sandbox = urlsplit(customer.send(customer.form("add")).headers["location"]).path
    page = customer.portal.ask(sandbox)
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in page.body
    assert customer.portal.ask(sandbox, form={"scenario": "accepted"}, origin="https://evil.example").status == 403
    for odd in ({}, {"scenario": "nothing"}, {"confirm": "1"}):
        assert customer.portal.ask(sandbox, form=odd).status == 200
    assert not customer.cards()


@pytest.mark.case("A-98")
def test_a_webhook_is_believed_only_where_it_is_signed(portal: Portal) -> None:
    before = portal.log.count("input_validation_fail hook=/hooks/cards")
    for headers in ({}, {"sandbox_signature": "t=1,v1=" + "0" * 64}, {"stripe_signature": "t=1,v1=0"}):
        assert portal.ask("/hooks/cards", form={"setup": "set_1"}, **headers).status == 400
    assert portal.log.count("input_validation_fail hook=/hooks/cards") == before + 3
    assert portal.ask("/hooks/cards", form={"x": "y" * 300_000}).status == 413
    assert portal.ask("/hooks/cards").status == 404


@pytest.mark.case("A-100")
def test_in_production_without_keys_there_is_neither_page_nor_hook(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    ends = TestClient(Starlette(routes=[*routes.ROUTES, *sandbox_page.ROUTES]))
    body, headers = sandbox.webhook("set_1")
    assert ends.post("/hooks/cards", content=body, headers=headers).status_code == 200
    monkeypatch.setenv("ODOPORTAL_MODE", "production")
    get_settings.cache_clear()
    assert ends.post("/hooks/cards", content=body, headers=headers).status_code == 404
    assert ends.get("/sandbox/set_1").status_code == 404
    assert ends.post("/sandbox/set_1", data={"scenario": "accepted"}).status_code == 404


def test_a_provider_that_is_down_asks_for_its_webhook_once_more(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    async def down(*_args: object) -> None:
        raise routes.ProviderDown

    monkeypatch.setattr(routes.flow, "handle_webhook", down)
    assert TestClient(Starlette(routes=[*routes.ROUTES])).post("/hooks/cards").status_code == 503
