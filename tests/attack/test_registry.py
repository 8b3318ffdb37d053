"""Every page, route and handler that the portal registers, called anonymously, by another customer, and after the end of a session.

A new route without a sample address, or a new handler with arguments but without a payload model, is a failure.
"""

import asyncio
import io
import secrets
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, text

from odoportal.accounts.activity_log import STAFF, record
from odoportal.accounts.models import Person
from odoportal.core.identity import token_hash
from odoportal.rooms.addresses.activity import AddressActivity
from odoportal.rooms.devices.models import VehicleList
from odoportal.rooms.privacy.models import DataFile
from odoportal.rooms.signin.models import BrowserSession
from tests.attack.conftest import Cookies, Victim
from tests.attack.test_handlers import handler_rights
from tests.attack.wire import HYDRATE, ORDERS, SIGNED, Tab, tab, value
from tests.reading import full_text
from tests.server import FLEET, Portal, write_session

UNKNOWN = "999999"
_WIRE = httpx.HTTPTransport(verify=False)
"""A transport whose connections stay open; a new client around it for each request keeps no cookies."""


@dataclass(frozen=True)
class Records:
    """Numbers of one record of each kind that a customer has."""

    invoice: str
    order: str
    credit_note: str
    vehicle_list: str
    serial: str


@dataclass(frozen=True)
class Request:
    """A request: an address without its language, and the form fields if it is posted."""

    path: str
    form: dict[str, str] | None = None
    names: bool = True
    """Whether the address names a record, so that it is not found for other customers; lists only show the customer's own records."""
    open: bool = False
    """Whether the request needs no sign-in."""


SAMPLES: dict[str, Callable[[Records], list[Request]]] = {
    "/auth/sign-out": lambda _: [Request("/auth/sign-out", {"language": "fr"}, open=True)],
    "/auth/region": lambda _: [Request("/auth/region", {"region": "fr-CA"}, open=True)],
    "/healthz": lambda _: [Request("/healthz", open=True)],
    "/readyz": lambda _: [Request("/readyz", open=True)],
    "/hooks/cards": lambda _: [Request("/hooks/cards", {}, open=True)],
    "/sandbox/{ref}": lambda _: [Request("/sandbox/set_unknown", open=True)],
    "/{language}/invoices/{number:path}.pdf": lambda t: [
        Request(f"/invoices/{t.invoice}.pdf"),
        Request(f"/invoices/{t.invoice}.pdf?inline=1"),
    ],
    "/{language}/credit-notes/{number:path}.pdf": lambda t: [Request(f"/credit-notes/{t.credit_note}.pdf")],
    "/{language}/orders/{number:path}.pdf": lambda t: [Request(f"/orders/{t.order}.pdf")],
    "/{language}/invoices.zip": lambda t: [
        Request("/invoices.zip", {"number": t.invoice}),
        Request("/invoices.zip", {"all": "1", "query": f"q={t.invoice}"}, names=False),
    ],
    **{
        f"/{{language}}{path}.{ending}": lambda t, path=path, ending=ending: [
            Request(f"{path}.{ending}", names=False),
            Request(f"{path}.{ending}?q={t.order}&open={t.invoice}", names=False),
            Request(f"{path}.{ending}?order={t.order}", names=False),
        ]
        for path in ("/orders", "/invoices", "/devices")
        for ending in ("csv", "xlsx")
    },
    "/{language}/devices/selected.xlsx": lambda t: [
        Request("/devices/selected.xlsx", {"number": t.serial}),
        Request("/devices/selected.xlsx", {"all": "1", "query": f"q={t.serial}"}, names=False),
    ],
    "/{language}/devices/assign.csv": lambda t: [Request(f"/devices/assign.csv?list={t.vehicle_list}")],
    "/{language}/statement.csv": lambda t: [Request(f"/statement.csv?q={t.invoice}", names=False)],
    "/{language}/statement.xlsx": lambda t: [Request(f"/statement.xlsx?q={t.invoice}", names=False)],
    "/{language}/statement.pdf": lambda t: [Request("/statement.pdf", names=False), Request("/statement.pdf?from=2015-01-01", names=False)],
    **{
        f"/{{language}}/profile/changes.{ending}": lambda t, ending=ending: [Request(f"/profile/changes.{ending}?q={t.order}", names=False)]
        for ending in ("csv", "xlsx")
    },
    "/{language}/profile/data.zip": lambda _: [Request("/profile/data.zip")],
}
"""Sample requests for each route, made from a customer's records."""


def newest_records(rows: Engine, account: str) -> Records:
    """Return one record of each kind from an account."""
    with rows.connect() as connection:

        def newest(table: str, number: str = "number") -> str:
            found = f"SELECT max(d.{number}) FROM {table} d JOIN account a ON a.id = d.account_id WHERE a.number = :n"
            return connection.scalar(text(found), {"n": account})

        return Records(newest("invoice"), newest("orders"), newest("credit_note"), "0" * 32, newest("device", "serial"))


@pytest.fixture(scope="module")
def theirs(rows: Engine, portal: Portal, victim: Victim) -> Records:
    """Return the victim's records, with an activity row, a data file and a pasted list added."""
    found, name = newest_records(rows, victim.account), "0" * 40
    with write_session(rows) as session:
        whose = text("SELECT p.id, a.id FROM person p, account a WHERE p.email = :e AND a.number = :n")
        person, account = session.connection().execute(whose, {"e": victim.email, "n": victim.account}).one()
        now = datetime.now(UTC)
        record(
            session,
            AddressActivity.CHANGED,
            STAFF,
            now,
            account_id=account,
            about=found.order,
            before={"city": "a"},
            after={"city": found.order},
        )
        session.add(DataFile(person_id=person, account_id=account, language="fr", asked_at=now, whole=True, name=name, ready_at=now))
        lines = {"content": f"{found.order}\t{found.invoice}", "created_at": datetime(2099, 1, 1, tzinfo=UTC)}
        session.add(VehicleList(account_id=account, person_id=person, key=found.vehicle_list, **lines))
        session.commit()
    place = portal.data / "people" / name
    place.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(place, "w") as packed:
        packed.writestr("invoice.json", found.invoice)
    return found


def ask(portal: Portal, what: Request, cookie: str = "", language: str = "fr", more: str = "") -> httpx.Response:
    """Send one request as a browser on the portal's own page does."""
    path = what.path if what.open else f"/{language}{what.path}"
    mark = "&" if "?" in path else "?"
    address = portal.url + path + (f"{mark}{more}" if more else "")
    headers = {"cookie": cookie} if cookie else {}
    browser = httpx.Client(transport=_WIRE, timeout=60)
    return browser.request("GET" if what.form is None else "POST", address, headers=headers, data=what.form)


def text_of(answer: httpx.Response) -> str:
    """Return all text of an answer, extracted from PDF, ZIP and workbook."""
    kind = answer.headers.get("content-type", "")
    if kind == "application/pdf":
        return full_text(answer.content)
    if kind.startswith(("application/zip", "application/vnd.openxml")):
        shown_text = []
        with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
            for name in packed.namelist():
                inner = packed.read(name)
                shown_text.append(full_text(inner) if name.endswith(".pdf") else inner.decode("utf-8", "replace"))
        return "\n".join(shown_text)
    return answer.text


def private_requests(registry: dict[str, Any], theirs: Records) -> Iterator[Request]:
    """Yield every request that needs a right in the account."""
    for path, _, right in registry["routes"]:
        if right:
            yield from SAMPLES[path](theirs)
    for path, _ in registry["pages"]:
        yield Request(path, names=False)
        yield Request(f"{path}?q={theirs.order}&open={theirs.invoice}", names=False)


def assert_nothing_of(text_: str, theirs: Records, victim: Victim) -> None:
    """Check that a text holds no marker of the victim, apart from the numbers that the attacker typed."""
    for number in (theirs.order, theirs.invoice, theirs.credit_note):
        text_ = text_.replace(f"q={number}", "").replace(f"open={number}", "").replace(f'value="{number}"', "")
    for marker in victim.markers:
        assert marker not in text_


@pytest.mark.asvs("8.1.1")
@pytest.mark.case("A-61")
@pytest.mark.asvs("2.1.1")
def test_every_route_has_a_sample_and_every_argument_a_model(registry: dict[str, Any]) -> None:
    assert {path for path, _, _ in registry["routes"]} == set(SAMPLES)
    payloads: dict[str, Any] = registry["payloads"]
    for name, arguments in registry["arguments"].items():
        if name.endswith((".setvar", ".update_vars_internal")):
            continue
        missing = set(arguments) - set(payloads.get(name, {}).get("properties", {}))
        assert not missing, f"the gate knows no payload for {missing} of {name}"
    for name, schema in payloads.items():
        assert schema.get("additionalProperties") is False, name


def test_the_control_the_owner_gets_every_one(
    portal: Portal, registry: dict[str, Any], cookie_of: Cookies, theirs: Records, victim: Victim
) -> None:
    cookie = cookie_of(victim.email)
    for path, _, right in registry["routes"]:
        if right:
            answers = [ask(portal, what, cookie) for what in SAMPLES[path](theirs)]
            assert {answer.status_code for answer in answers} == {200}, path
            shown_text = "".join(text_of(answer) for answer in answers)
            assert any(marker in shown_text for marker in (*victim.markers, theirs.invoice, theirs.order)), path


@pytest.mark.parametrize("cookie", ["", "odo_session=wrong", "sid=1"], ids=["none", "wrong", "inner"])
@pytest.mark.asvs("8.2.1")
@pytest.mark.case("A-80")
def test_nobody_gets_nothing(portal: Portal, registry: dict[str, Any], theirs: Records, victim: Victim, cookie: str) -> None:
    for language in ("fr",) if cookie else ("fr", "en"):
        for what in private_requests(registry, theirs):
            answer = ask(portal, what, cookie, language, "" if language == "fr" else f"account={victim.account}")
            assert (answer.status_code, answer.content) == (303, b""), what
            assert answer.headers["location"].startswith(f"/{language}/login?"), what
            assert "no-store" in answer.headers["cache-control"], what


@pytest.mark.asvs("8.2.2")
@pytest.mark.asvs("8.4.1")
@pytest.mark.case("A-61", "A-62", "A-63")
def test_another_customer_gets_what_an_unknown_number_gets(
    portal: Portal, registry: dict[str, Any], cookie_of: Cookies, theirs: Records, victim: Victim, attacker: Victim
) -> None:
    cookie = cookie_of(attacker.email)
    unknown = Records(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)
    for what, never in zip(private_requests(registry, theirs), private_requests(registry, unknown), strict=True):
        answer = ask(portal, what, cookie)
        shown_text = text_of(answer)
        assert_nothing_of(shown_text, theirs, victim)
        if what.names:
            assert answer.status_code == 404, what
            assert answer.content == ask(portal, never, cookie).content, what
        else:
            assert answer.status_code == ask(portal, never, cookie).status_code, what
        elsewhere = ask(portal, what, cookie, more=f"account={victim.account}")
        nowhere = ask(portal, what, cookie, more="account=00000")
        assert (elsewhere.status_code, elsewhere.content) == (nowhere.status_code, nowhere.content), what
        assert elsewhere.status_code == 404, what


@contextmanager
def new_session(rows: Engine, email: str, **ago: timedelta) -> Iterator[str]:
    """Yield the cookie of a session written straight to the database, and delete the session afterwards if it still exists."""
    token, now = secrets.token_urlsafe(32), datetime.now(UTC)
    with write_session(rows) as session:
        person = session.connection().execute(text("SELECT id FROM person WHERE email = :e"), {"e": email}).scalar_one()
        began, seen = now - ago.get("began", timedelta()), now - ago.get("seen", timedelta())
        session.add(BrowserSession(hash=token_hash(token), person_id=person, created_at=began, seen_at=seen))
        session.commit()
    yield f"odo_session={token}"
    with write_session(rows) as session:
        if row := session.get(BrowserSession, token_hash(token)):
            session.delete(row)
            session.commit()


def _set_disabled(rows: Engine, email: str, when: datetime | None) -> None:
    with write_session(rows) as session:
        person = session.connection().execute(text("SELECT id FROM person WHERE email = :e"), {"e": email}).scalar_one()
        session.get_one(Person, person).disabled_at = when
        session.commit()


@contextmanager
def ended_session(portal: Portal, rows: Engine, how: str) -> Iterator[str]:
    """Yield a cookie that worked before its session ended in the given way."""
    if how in {"idle", "absolute"}:
        old = {"began": timedelta(hours=12, seconds=1)} if how == "absolute" else {"seen": timedelta(minutes=30, seconds=1)}
        with new_session(rows, FLEET, **old) as cookie:
            yield cookie
        return
    with new_session(rows, FLEET) as cookie:
        assert portal.ask("/fr/orders", cookie=cookie).status == 200
        if how == "signed out":
            portal.ask("/auth/sign-out", form={"language": "fr"}, cookie=cookie)
            yield cookie
            return
        _set_disabled(rows, FLEET, datetime.now(UTC))
        try:
            yield cookie
        finally:
            _set_disabled(rows, FLEET, None)


ENDS = ("signed out", "idle", "absolute", "disabled")


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.asvs("7.4.1")
@pytest.mark.asvs("7.4.2")
@pytest.mark.asvs("7.3.1")
@pytest.mark.asvs("7.3.2")
@pytest.mark.case("A-40", "A-48", "A-80")
def test_after_its_end_a_session_opens_no_address(
    portal: Portal, registry: dict[str, Any], rows: Engine, theirs: Records, how: str
) -> None:
    with ended_session(portal, rows, how) as cookie:
        for what in private_requests(registry, theirs):
            answer = ask(portal, what, cookie)
            assert (answer.status_code, answer.content) == (303, b""), what
            assert answer.headers["location"].startswith("/fr/login?ended=1&next="), what


def sample(schema: dict[str, Any], theirs: Records) -> dict[str, Any]:
    """Return a payload that fits a model, with the victim's identifiers wherever a record can be named."""
    fitting = {"string": theirs.invoice, "integer": 1, "number": 1.0, "boolean": True, "array": [theirs.invoice], "object": {}}
    payload = {}
    for name, about in schema.get("properties", {}).items():
        kind = about.get("type") or next(option["type"] for option in about["anyOf"] if option.get("type") != "null")
        payload[name] = theirs.order if "order" in name else fitting[kind]
    return payload


def handler_calls(registry: dict[str, Any], theirs: Records) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield every handler with a payload that fits it, and a page address that names the victim's records."""
    for name, who in handler_rights().items():
        if who != "nobody":
            yield name, sample(registry["payloads"].get(name, {}), theirs), f"/en/invoices?open={theirs.invoice}&order={theirs.order}"


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.asvs("7.4.1")
@pytest.mark.case("A-40", "A-44", "A-45", "A-48")
def test_after_its_end_a_session_moves_no_handler(
    portal: Portal, registry: dict[str, Any], rows: Engine, theirs: Records, victim: Victim, how: str
) -> None:
    async def run(cookie: str) -> Tab:
        async with tab(portal.url, cookie) as late:
            for name, payload, path in handler_calls(registry, theirs):
                await late.send(name, payload, path)
            assert (await late.redirected()).startswith("/en/login?ended=1")
            await late.fence()
            return late

    with ended_session(portal, rows, how) as cookie:
        late = asyncio.run(run(cookie))
    assert_nothing_of(late.text, theirs, victim)
    for frame in late.frames:
        assert value(frame, ORDERS, "filled") in {None, False}
        assert value(frame, SIGNED, "ready") in {None, False}


@pytest.mark.asvs("8.2.2")
@pytest.mark.case("A-60", "A-61", "A-66")
def test_no_handler_shows_another_customer_s(
    portal: Portal, registry: dict[str, Any], cookie_of: Cookies, theirs: Records, victim: Victim, attacker: Victim
) -> None:
    async def run(more: str) -> str:
        async with tab(portal.url, cookie_of(attacker.email)) as curious:
            await curious.send(HYDRATE, {}, "/en/orders")
            for name, payload, path in handler_calls(registry, theirs):
                await curious.send(name, payload, path + more)
            await curious.fence()
            return curious.text

    for more in ("", f"&account={victim.account}", f"&account={attacker.account}&account={victim.account}"):
        shown_text = asyncio.run(run(more))
        assert_nothing_of(shown_text, theirs, victim)
        assert "is_hydrated" in shown_text
