"""Every page, document, export and letter can show all that the import takes.

Accounts are imported whose every text, number and address is awkward in another way; then everything the portal has for them is asked
for, and none of it fails. `IMPORTED_VALUES=200 pytest tests/test_imported_values.py` tries as many more accounts, with texts that are
made up.
"""

import csv
import html
import io
import os
import random
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from sqlmodel import Session, SQLModel, col, select

from odoportal.accounts.models import Account, Membership, Person
from odoportal.accounts.service import email_key
from odoportal.core import clock, database, i18n
from odoportal.core.i18n import t
from odoportal.core.identity import SESSION_COOKIE, token_hash
from odoportal.importing.file_order import BY_NAME
from odoportal.importing.importer import Options, run_import
from odoportal.limits import rate_limits
from odoportal.mail import outbox
from odoportal.rooms.addresses.models import Address
from odoportal.rooms.devices.models import Device
from odoportal.rooms.invoices.models import CreditNote, Invoice
from odoportal.rooms.notifications import send
from odoportal.rooms.notifications.models import InvoiceCopy, NotificationKind
from odoportal.rooms.orders.models import Order
from odoportal.rooms.privacy import contents
from odoportal.rooms.privacy import mails as privacy_mails
from odoportal.rooms.signin import mails as signin_mails
from odoportal.rooms.signin.models import BrowserSession
from tests.inside import Inside, serving_inside

TODAY = date(2020, 9, 24)
MORE = int(os.environ.get("IMPORTED_VALUES", "0"))
TEXTS = (
    "Élodie Côté-d’Arc, ltée", "xʷməθkʷəy̓əm ᓄᓇᕕᒃ", "中村 商事 🚚👩\u200d🚒", "مرحبا שלום", "<b>&amp;</script><!-- ]]>", "=1+1\\, @SUM(A1)",
    "{name} {0} %s %(x)s ${y}", "#let x = [ ] $ $ @ref *_`", "e\u0301 q\u0301\u0302\u0303 ﬁ Ⅷ ½", "\ue000 \ufdd0 \U0010ffff �", ".", "0",
    "a\u00a0b\u202fc\u2003d", "'\"`; DROP TABLE x --", "_x0041_ internal:x", "NULL", "ẞ ſ İ ı ŉ ǰ", "W" * 35, "-" * 35, "́", "\u2044 ⁄ № ™",
)  # fmt: skip
# The numbers of an account, its order and its invoice, in threes; those of the last are refused.
NUMBERS = (
    "2020/001", "INV#5", "R&D 10", "100%", "A?B=C", "..", ".", "'q'", "Nº 12", "a b  c", "C+1", "x;y,z", "é", "<i>", "=1", "%2F", "&amp;",
    "-1", "中", "~x", "a/b.pdf", "0", "-", "…", "{n}", "a\u00a0b", "9\u200b9", ":x", "W" * 18, "𝟏𝟐", "مر", "ẞ", "x:y|z",
    "\ue000", "//", "a\\b",
)  # fmt: skip
COUNTRIES = ("", "Canada", "US", "Royaume-Uni", "HU", "KZ", "JP", "SG", "IR", "BR", "XK", "AX")
AMOUNTS = ("0", "100.00", "$1,234.56", "1 234,56 $", "9999999999.99", ".50", "1234.5600")
ONE_PAGE = ("/", "/orders", "/invoices", "/devices", "/addresses", "/statement?from=1970-01-01&to=2199-12-31", "/renewals", "/profile/data")
_WIRE = httpx.HTTPTransport(verify=False)
"""A transport whose connections stay open; a new client around it for each request keeps no cookies."""


@dataclass(frozen=True)
class Draft:
    """The values of one account's files. Texts and numbers are taken in turn, so that each column has another one."""

    place: int
    texts: Sequence[str]
    numbers: Sequence[str]

    def files(self) -> dict[str, list[dict[str, str]]]:
        """Return the rows of every file."""
        account, order, invoice = (self.numbers[(3 * self.place + step) % len(self.numbers)] for step in range(3))
        texts = islice(cycle(self.texts), self.place % len(self.texts), None)
        total = AMOUNTS[self.place % len(AMOUNTS)]
        bilingual = {"fr": next(texts), "en": next(texts)}
        both = lambda name: {f"{name}_{language}": text for language, text in bilingual.items()}  # noqa: E731
        line = {"quantity": "2.00", "unit_price": total, "amount": total, **both("description"), **both("note")}
        tax = {**both("name"), "registration": next(texts)[:20], "rate": "0", "amount": "0"}
        address = {name: next(texts) for name in ("name", "line1", "line2", "city", "province")}
        documents = {"account": account, "subtotal": total, "total": total, "bill_to": invoice}
        return {
            "accounts.csv": [{"number": account, "name": next(texts)}],
            "people.csv": [
                {"account": account, "email": f"p{self.place}@exämple.com", "name": next(texts), "role": "owner", "phone": next(texts)}
            ],
            "addresses.csv": [
                {"account": account, "code": invoice, "postal_code": next(texts)[:20], "country": COUNTRIES[self.place % len(COUNTRIES)]}
                | address
            ],
            "orders.csv": [
                documents
                | {"number": order, "placed_at": "1971-01-02T00:00Z", "start_on": "19710102", "end_on": "2199-12-31", "ship_to": invoice}
            ],
            "order_lines.csv": [{"order": order, "plan": "VRAI", **line}],
            "fulfilment.csv": [
                {"order": order, "step": "shipped", "done_at": "2020-09-24 10:04:00-04", "carrier": next(texts), **both("note")}
                | {"tracking": next(texts), "tracking_url": f"https://example.com/{quote(next(texts))}"}
            ],
            "invoices.csv": [
                documents | {"number": invoice, "order": order, "issued_on": "2020-09-23", "due_on": "2020-09-23", **both("terms")}
            ],
            "invoice_lines.csv": [{"invoice": invoice, "order": order, "line": "1", **line}],
            "credit_notes.csv": [
                {"number": order, "invoice": invoice, "issued_on": "2020-09-24", "subtotal": "0.01", "total": "0.01", **both("reason")}
            ],
            "taxes.csv": [
                {"document": kind, "number": number, **tax}
                for kind, number in (("order", order), ("invoice", invoice), ("credit_note", order))
            ],
            "payments.csv": [
                {"account": account, "reference": order, "received_at": "2020-09-24T12:00Z", "amount": "0.01", **both("method")}
            ],
            "allocations.csv": [{"payment": order, "invoice": invoice, "amount": "0.01"}],
            "devices.csv": [
                {"account": account, "serial": invoice, "model": next(texts)[:20], "vehicle": next(texts), "order": order, "line": "1"}
            ],
        }


def drafts() -> list[Draft]:
    """Return the fixed accounts, which have all numbers between them, and as many made up ones as are asked for."""
    fixed = [Draft(place, TEXTS, NUMBERS) for place in range(len(NUMBERS) // 3)]
    made_up = random.Random(MORE)
    blocks = (range(0x20, 0x7F), range(0xA0, 0x250), range(0x300, 0x3000), range(0xFB00, 0xFF00), range(0x1F000, 0x1FB00))
    letters = [chr(code) for block in blocks for code in block]
    # What a number must not contain is refused: tested elsewhere.
    in_numbers = [letter for letter in letters if letter.isprintable() and letter not in "/\\~"]

    def text(of: Sequence[str], most: int) -> str:
        return "".join(made_up.choices(of, k=made_up.randint(1, most))).strip() or "x"

    places = range(len(fixed), len(fixed) + MORE)
    return fixed + [Draft(at, [text(letters, 35) for _ in TEXTS], [text(in_numbers, 16) for _ in range(3 * at + 3)]) for at in places]


def write(folder: Path, found: Sequence[Draft]) -> None:
    """Write the files of all accounts. A file has the columns that any of its rows has."""
    rows: dict[str, list[dict[str, str]]] = {name: [] for name in BY_NAME}
    for draft in found:
        for name, some in draft.files().items():
            rows[name] += some
    for name, some in rows.items():
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            sheet = csv.DictWriter(file, sorted({column for row in some for column in row}), restval="")
            sheet.writeheader()
            sheet.writerows(some)


@dataclass(frozen=True)
class Imported:
    """An account that was imported, the cookie of its owner, and its records."""

    account: str
    cookie: str
    language: str
    orders: Sequence[str]
    invoices: Sequence[str]
    credit_notes: Sequence[str]
    devices: Sequence[str]
    addresses: Sequence[str]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    with serving_inside(tmp_path_factory.mktemp("imported")) as started:
        yield started


@pytest.fixture(autouse=True)
def _of_its_clock(served: Inside) -> None:
    clock.set_source(served.clock)


@pytest.fixture(scope="module")
def imported(served: Inside, tmp_path_factory: pytest.TempPathFactory) -> list[Imported]:
    """Import the accounts, and return those that were taken."""
    folder = tmp_path_factory.mktemp("files")
    write(folder, drafts())
    report = run_import(folder, now=served.clock(), options=Options(keep_good=folder / "bad"))
    assert report.kept, report.bad[:5]
    found: list[Imported] = []
    with database.write_session() as session:
        for account in session.exec(select(Account).where(col(Account.number).not_in(("1001", "2002")))).all():
            found.append(_owned(session, account, served, len(found)))
    # Everything but what is refused on purpose: numbers that wind, or that a spreadsheet rounded.
    assert sum(bool(one.invoices and one.orders and one.devices and one.addresses) for one in found) > len(drafts()) * 2 // 3
    return found


def _owned(session: Session, account: Account, served: Inside, place: int) -> Imported:
    """Give an account an owner who is signed in, with a confirmed address for copies of invoices."""
    assert account.id is not None
    of_account = select(Person).join(Membership).where(Membership.account_id == account.id)
    person = session.exec(of_account).one()
    person.password = "bcrypt:x"
    person.language = i18n.LANGUAGES[place % 2]
    person.region = i18n.region_of(person.language)
    session.add(person)
    token = f"imported-{place}"
    session.add(BrowserSession(hash=token_hash(token), person_id=person.id or 0, created_at=served.clock(), seen_at=served.clock()))
    copy = {"email": "copy@example.com", "email_key": email_key("copy@example.com"), "language": i18n.other_language(person.language)}
    asked = {"account_id": account.id, "asked_by": person.id, "expires_at": served.clock(), "confirmed_at": served.clock()}
    session.add(InvoiceCopy(**copy, **asked, hash=token_hash(f"copy-{place}")))  # pyright: ignore[reportArgumentType]
    numbers = [
        session.exec(select(column).where(model.account_id == account.id)).all()
        for column, model in (
            (Order.number, Order),
            (Invoice.number, Invoice),
            (CreditNote.number, CreditNote),
            (Device.serial, Device),
            (Address.code, Address),
        )
    ]
    return Imported(account.number, f"{SESSION_COOKIE}={token}", person.language, *numbers)


def fetch(served: Inside, one: Imported, path: str, query: Mapping[str, str] | None = None, form: Any = None) -> httpx.Response:
    """Ask for a page or file of an account."""
    rate_limits.forget_all()
    base, _, fixed = path.partition("?")
    address = f"{served.portal.url}/{one.language}{base}?{urlencode({'account': one.account, **(query or {})})}&{fixed}"
    browser = httpx.Client(transport=_WIRE, timeout=60)
    return browser.request("POST" if form else "GET", address, headers={"cookie": one.cookie}, data=form)


def failures(served: Inside, asked: Iterator[tuple[Imported, httpx.Response, str]]) -> list[str]:
    """Return what was not answered as it must be: the account, the address, the status and what was missed."""
    wrong = [
        f"{one.account!r}: {answer.request.method} {answer.request.url}: {answer.status_code} {missing}"
        for one, answer, missing in asked
        if answer.status_code != 200 or missing
    ]
    return wrong + served.errors


def test_every_page_shows_them(served: Inside, imported: list[Imported]) -> None:
    def asked() -> Iterator[tuple[Imported, httpx.Response, str]]:
        for one in imported:
            with i18n.use(one.language):
                absent = [t(f"There is no such {thing}") for thing in ("order", "invoice", "device", "address")]
            for path in ONE_PAGE:
                yield one, fetch(served, one, path), ""
            for path, name, values in (
                ("/orders", "open", one.orders),
                ("/invoices", "open", one.invoices),
                ("/invoices", "order", one.orders),
                ("/devices", "open", one.devices),
                ("/addresses/edit", "code", one.addresses),
            ):
                for value in values:
                    answer = fetch(served, one, path, {name: value})
                    shown = value in html.unescape(answer.text) and not any(text in answer.text for text in absent)
                    yield one, answer, "" if shown else f"{value!r} is not shown"

    assert "\n".join(failures(served, asked())) == ""


def test_every_document_is_set(served: Inside, imported: list[Imported]) -> None:
    def asked() -> Iterator[tuple[Imported, httpx.Response, str]]:
        for one in imported:
            for path, numbers in (("orders", one.orders), ("invoices", one.invoices), ("credit-notes", one.credit_notes)):
                for number in numbers:
                    answer = fetch(served, one, f"/{path}/{quote(number)}.pdf")
                    yield one, answer, "" if answer.content.startswith(b"%PDF") else "no document"
            yield one, fetch(served, one, "/statement.pdf?from=1970-01-01&to=2199-12-31"), ""
            if not one.invoices:
                continue
            packed = fetch(served, one, "/invoices.zip", form={"all": "1", "query": urlencode({"account": one.account})})
            yield one, packed, _damage(packed, len(one.invoices))

    assert "\n".join(failures(served, asked())) == ""


def _damage(packed: httpx.Response, files: int) -> str:
    if packed.status_code != 200:
        return "no archive"
    with zipfile.ZipFile(io.BytesIO(packed.content)) as found:
        return "" if found.testzip() is None and len(found.namelist()) == files else "documents are missing in the archive"


def test_every_export_has_them(served: Inside, imported: list[Imported]) -> None:
    def asked() -> Iterator[tuple[Imported, httpx.Response, str]]:
        for one in imported:
            for name, rows in (("orders", one.orders), ("invoices", one.invoices), ("devices", one.devices)):
                sheet = fetch(served, one, f"/{name}.csv")
                read = list(csv.reader(io.StringIO(sheet.content.decode("utf-8-sig"), newline="")))
                yield one, sheet, "" if len(read) == len(rows) + 1 else "rows are missing"
                yield one, fetch(served, one, f"/{name}.xlsx"), ""
            for path in ("/statement.csv?from=1970-01-01&to=2199-12-31", "/profile/changes.csv", "/profile/changes.xlsx"):
                yield one, fetch(served, one, path), ""

    assert "\n".join(failures(served, asked())) == ""
    tables = SQLModel.metadata.sorted_tables
    with database.read_session() as session:
        for person, member in session.exec(select(Person, Membership).join(Membership)):
            subject = contents.Subject(person.id or 0, person.email, member.account_id, whole=True)
            with i18n.use(person.language), io.BytesIO() as file:
                contents.write(session, tables, subject, contents.readme_head(session, subject, served.clock()), file)
                assert zipfile.ZipFile(file).testzip() is None


def test_every_letter_is_written(served: Inside, imported: list[Imported]) -> None:
    told = send.run("", TODAY, served.clock())
    invoices = sum(len(one.invoices) for one in imported)
    assert told.things[NotificationKind.INVOICE] >= invoices
    owners = (
        select(Person, Account)
        .join(Membership, col(Membership.person_id) == col(Person.id))
        .join(Account, col(Account.id) == col(Membership.account_id))
    )
    with database.write_session() as session:
        for person, account in session.exec(owners).all():
            privacy_mails.data_ready(session, person, account, served.clock())
            signin_mails.invited(session, person, account, "seed", served.clock())
    with database.read_session() as session:
        letters = session.exec(select(outbox.Mail)).all()
        assert len(letters) > 2 * invoices
        for letter in letters:
            sent = bytes(outbox.compose(letter))
            assert letter.text.strip()
            assert max(map(len, sent.split(b"\r\n"))) <= 998
    assert served.errors == []
