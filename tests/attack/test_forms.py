"""Every form on a signed-in page is attacked: sent anonymously, from another site, without the right, and for another customer.

The forms are found in the pages, so a new form is attacked without a change here. Field values are made from the form's model. A field that
accepts only special text needs an example in `EXAMPLES`, by its name, so that the attack gets past validation.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from html.parser import HTMLParser
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import or_, text
from sqlmodel import SQLModel, select

from odoportal.accounts.models import Membership, Role
from odoportal.accounts.rights import may
from odoportal.core import clock, database
from odoportal.forms.fields import FormModel
from odoportal.forms.handling import FormHandler
from odoportal.limits import rate_limits
from odoportal.odoportal import PAGES
from odoportal.web.page import Page
from tests.attack.test_fuzz import BOUNDED, TEXTS, rows
from tests.inside import PASSWORD, Customer, Inside

EXAMPLES = {
    "phone": "418 555-0142",
    "email": "somebody.new@example.com",
    "password": PASSWORD,
    "current": PASSWORD,
    "again": PASSWORD,
    "code": "123456",
    "country": "CA",
    "postal_code": "G1R 4P5",
    "date": "2020-09-24",
}
MORE = ("account_id", "person_id", "role", "is_admin", "id", "status", "total", "paid_at", "verified", "_bound", "__class__")


@dataclass(frozen=True)
class FoundForm:
    """A form: the page it is on, its name, and its handler."""

    page: Page
    name: str
    handler: FormHandler

    def __str__(self) -> str:
        return f"{self.page.path} {self.name}"


def forms() -> list[FoundForm]:
    """Return every form on a private page that `odoportal.forms.handling.form_post` answers."""
    posts = [page for page in PAGES if page.private and page.post]
    return [FoundForm(page, name, handler) for page in posts for name, handler in page.post.handlers.items()]  # type: ignore[union-attr]


def example(name: str, kind: Any) -> str:
    """Return a value that a field of this name and type accepts."""
    origin = get_origin(kind)
    if origin in {Union, UnionType}:
        return example(name, next(arg for arg in get_args(kind) if arg is not type(None)))
    if origin is Literal:
        return str(get_args(kind)[-1])
    if isinstance(kind, type) and issubclass(kind, Enum):
        return str(list(kind)[-1].value)
    if kind in {bool, int}:
        return "1"
    return EXAMPLES.get(name, "Rivière")


def valid_fields(model: type[FormModel]) -> dict[str, str]:
    """Return field values that are valid for a model."""
    return {name: example(name, about.annotation) for name, about in model.model_fields.items()}


class _Hidden(HTMLParser):
    """A parser that collects the hidden fields of each form on a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[dict[str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append({})
        elif tag == "input" and about.get("type") == "hidden" and self.forms:
            self.forms[-1][about.get("name", "")] = about.get("value", "")


def hidden_fields(inside: Inside, form: FoundForm, cookie: str) -> dict[str, str]:
    """Return the record key and version that a form carries on its page, empty if the page does not show the form."""
    page = inside.portal.ask(f"/en{form.page.path}", cookie=cookie)
    found = next((held for held in _Hidden(page.body).forms if held.get("form") == form.name), {})
    return {name: found[name] for name in ("key", "version") if name in found}


def send(inside: Inside, form: FoundForm, fields: dict[str, str], cookie: str, more: str = "", **headers: str) -> httpx.Response:
    """Send a form as the script of its page does."""
    rate_limits.forget_all()
    lines = {"accept": "application/json", **({"cookie": cookie} if cookie else {}), **headers}
    data = {"form": form.name, "once": secrets.token_hex(16), "key": "", "version": "", **fields}
    # Loading the certificate authorities, which plain HTTP does not need, takes longer than the answer.
    return httpx.post(f"{inside.portal.url}/en{form.page.path}{more}", data=data, headers=lines, verify=False)


def rows_of(one: Customer) -> tuple[dict[str, list[str]], list[str]]:
    """Return the rows of a person and their account, by table, and the identifiers that name them."""
    found: dict[str, list[str]] = {}
    names = [one.invoice, one.order, one.account, one.email]
    with database.engine().connect() as connection:
        account = connection.scalar(text("SELECT id FROM account WHERE number = :n"), {"n": one.account})
        for table in SQLModel.metadata.sorted_tables:
            known = {"account_id": account, "person_id": one.person_id}
            held = [table.c[column] == value for column, value in known.items() if column in table.c]
            if table.name in {"account", "person"}:
                held = [table.c.id == (account if table.name == "account" else one.person_id)]
            if held:
                some = connection.execute(table.select().where(or_(*held))).all()
                found[table.name] = sorted(repr(tuple(row)) for row in some)
                names += [str(getattr(row, column.name)) for row in some for column in table.primary_key]
    return found, list(dict.fromkeys(names))


@pytest.fixture(params=forms(), ids=str)
def form(request: pytest.FixtureRequest, inside: Inside) -> Iterator[FoundForm]:
    """Yield each form in turn, and check afterwards that no error was logged."""
    clock.set_source(inside.clock)
    inside.errors.clear()
    yield request.param
    assert inside.errors == []


@pytest.mark.asvs("2.1.1")
@pytest.mark.asvs("8.1.1")
def test_every_form_says_what_it_takes_and_who_may_send_it() -> None:
    assert any(found.page.path == "/profile" and found.name == "details" for found in forms())
    for found in forms():
        assert issubclass(found.handler.model, FormModel), found
        assert found.handler.model.model_config.get("extra") == "forbid", found
        assert may(Role.OWNER, found.handler.right), found


def test_the_control_a_fitting_form_is_done(inside: Inside) -> None:
    clock.set_source(inside.clock)
    details = next(found for found in forms() if found.name == "details")
    cookie = inside.session(inside.first)
    answer = send(inside, details, {**valid_fields(details.handler.model), **hidden_fields(inside, details, cookie)}, cookie)
    assert (answer.status_code, answer.json()["ok"]) == (200, True), answer.text


@pytest.mark.asvs("8.2.1")
@pytest.mark.asvs("3.5.1")
@pytest.mark.case("A-60", "A-81")
def test_neither_nobody_nor_another_site_sends_it(inside: Inside, form: FoundForm) -> None:
    cookie = inside.session(inside.first)
    fields = {**valid_fields(form.handler.model), **hidden_fields(inside, form, cookie)}
    before = rows()
    nobody = send(inside, form, fields, "")
    assert (nobody.status_code, nobody.content) == (303, b"")
    assert nobody.headers["location"].startswith("/en/login?")
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        assert send(inside, form, fields, cookie, **headers).status_code == 403
    assert rows() == before


@pytest.mark.asvs("8.2.1")
@pytest.mark.asvs("8.3.1")
@pytest.mark.case("A-61")
def test_a_role_that_may_not_is_refused(inside: Inside, form: FoundForm) -> None:
    cookie = inside.session(inside.first)
    fields = {**valid_fields(form.handler.model), **hidden_fields(inside, form, cookie)}
    for role in Role:
        if may(role, form.handler.right) and may(role, form.page.right):
            continue
        with database.write_session() as session:
            session.exec(select(Membership).where(Membership.person_id == inside.first.person_id)).one().role = role
        before = rows()
        answer = send(inside, form, fields, cookie)
        assert answer.status_code == (403 if may(role, form.page.right) else 404), role
        assert rows() == before, role
    with database.write_session() as session:
        session.exec(select(Membership).where(Membership.person_id == inside.first.person_id)).one().role = Role.OWNER


@pytest.mark.asvs("15.3.3")
@pytest.mark.case("A-64")
def test_a_field_that_was_not_asked_for_is_refused(inside: Inside, form: FoundForm) -> None:
    cookie = inside.session(inside.first)
    fields = {**valid_fields(form.handler.model), **hidden_fields(inside, form, cookie)}
    before = rows()
    for more in set(MORE) - set(form.handler.model.model_fields):
        answer = send(inside, form, {**fields, more: "1"}, cookie)
        assert (answer.status_code, answer.json()["ok"]) == (422, False), more
        assert rows() == before, more


@pytest.mark.asvs("8.2.2")
@pytest.mark.asvs("8.4.1")
@pytest.mark.case("A-61", "A-62")
def test_nothing_of_another_customer_s_is_reached(inside: Inside, form: FoundForm) -> None:
    before, names = rows_of(inside.second)
    cookie = inside.session(inside.first)
    for name in names[:60]:
        answer = send(inside, form, {**valid_fields(form.handler.model), "key": name[:100]}, cookie)
        assert answer.status_code < 500, name
        assert inside.second.marker not in answer.text
        if answer.status_code == 303:
            cookie = inside.session(inside.first)
    for field in form.handler.model.model_fields:
        answer = send(inside, form, {**valid_fields(form.handler.model), field: names[0]}, cookie)
        assert answer.status_code < 500, field
        assert inside.second.marker not in answer.text
    cookie = inside.session(inside.first)
    fields = {**valid_fields(form.handler.model), **hidden_fields(inside, form, cookie)}
    foreign = send(inside, form, fields, cookie, f"?account={inside.second.account}")
    assert foreign.status_code == 404 or foreign.headers.get("location", "").startswith("/en/login")
    assert rows_of(inside.second)[0] == before


@st.composite
def filled_forms(draw: st.DrawFn) -> tuple[FoundForm, dict[str, str]]:
    """Draw a form whose fields each hold either a valid value or arbitrary text."""
    found = draw(st.sampled_from(forms()))
    usual = {**valid_fields(found.handler.model), "key": "", "version": ""}
    fields = draw(st.fixed_dictionaries({name: st.one_of(st.just(text), TEXTS) for name, text in usual.items()}))
    return found, {name: text.encode("utf-8", "replace").decode() for name, text in fields.items()}


@given(sent=filled_forms())
@settings(BOUNDED, max_examples=60)
@pytest.mark.asvs("2.2.1")
@pytest.mark.asvs("15.3.5")
@pytest.mark.case("A-65")
def test_no_value_hurts_any_form(inside: Inside, sent: tuple[FoundForm, dict[str, str]]) -> None:
    found, fields = sent
    clock.set_source(inside.clock)
    inside.errors.clear()
    before = rows_of(inside.second)[0]
    answer = send(inside, found, fields, inside.session(inside.first))
    assert answer.status_code < 500
    assert "Traceback" not in answer.text
    assert inside.errors == []
    assert rows_of(inside.second)[0] == before
