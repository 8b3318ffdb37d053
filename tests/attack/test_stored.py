"""Markup and formulas stored in every text of an account do nothing wherever they are shown."""

import csv
import io
import zipfile
from collections.abc import Iterator

import openpyxl
import pytest

from odoportal.accounts.models import Account, Person
from odoportal.core import clock, database
from odoportal.limits import rate_limits
from odoportal.rooms.signin import mails
from tests.attack.corpus import FORMULAS, XSS
from tests.attack.test_addresses import Elements
from tests.attack.test_registry import SAMPLES, Records, Request, ask
from tests.inside import START, Customer, Inside, customer
from tests.reading import full_text, reader, without_whitespace

PAGES = ("/", "/orders?open={order}", "/invoices?open={invoice}", "/invoices", "/orders", "/statement", "/profile")
PLAIN = "harmless"
TEMPLATE = next(text for text in XSS if "{{" in text)
MARKUP = tuple(" ".join(XSS[at : at + 4]) for at in range(0, len(XSS), 4))
"""Four attacks in each text, because markup that one opens the next may close. Table cells may cut a text, so each begins differently."""
RISKY = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@pytest.fixture(autouse=True)
def _of_its_clock(inside: Inside) -> None:
    clock.set_source(inside.clock)


@pytest.fixture(scope="module")
def plain(inside: Inside) -> Customer:
    """Return an account like the hostile ones, with harmless texts."""
    clock.set_source(inside.clock)
    return customer("plain", "3000", PLAIN)


@pytest.fixture(scope="module")
def accounts(inside: Inside) -> dict[str, Customer]:
    """Return the hostile accounts made so far, by their text."""
    return {}


@pytest.fixture
def hostile(request: pytest.FixtureRequest, accounts: dict[str, Customer]) -> tuple[Customer, str]:
    """Return an account whose every text is an attack, and the text."""
    text = request.param
    if text not in accounts:
        accounts[text] = customer(f"hostile{len(accounts)}", f"4{len(accounts):03d}", text)
    return accounts[text], text


def attacks(*texts: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("hostile", texts, indirect=True, ids=range(len(texts)))


def fetch(inside: Inside, one: Customer, path: str) -> str:
    cookie = inside.session(one)
    answer = inside.portal.ask(path.format(order=one.order, invoice=one.invoice), cookie=cookie)
    assert answer.status == 200
    return answer.body


@attacks(*MARKUP)
@pytest.mark.asvs("1.2.1")
@pytest.mark.case("A-82")
def test_a_page_has_the_elements_of_a_harmless_one(inside: Inside, plain: Customer, hostile: tuple[Customer, str]) -> None:
    one, _ = hostile
    for language in ("fr", "en"):
        for path in PAGES:
            found, harmless = (Elements(fetch(inside, who, f"/{language}{path}")) for who in (one, plain))
            assert found.shape == harmless.shape, path
            assert not any(link.strip().lower().startswith(("javascript:", "data:", "//")) for link in found.links), path


def files(inside: Inside, one: Customer, ending: str) -> Iterator[bytes]:
    theirs, cookie = Records(one.invoice, one.order, one.credit_note, one.vehicle_list, one.serial), inside.session(one)
    for path, make in SAMPLES.items():
        if path.endswith(ending):
            # Reset the limits: no real customer asks for files this often.
            rate_limits.forget_all()
            what: Request = make(theirs)[0]
            answer = ask(inside.portal, what, cookie, "en")
            assert answer.status_code == 200, what
            yield answer.content


@attacks(*MARKUP, *FORMULAS)
@pytest.mark.asvs("1.2.10")
@pytest.mark.case("A-84")
def test_no_cell_of_a_csv_is_a_formula_and_none_is_lost(inside: Inside, plain: Customer, hostile: tuple[Customer, str]) -> None:
    one, _ = hostile
    for mine, harmless in zip(files(inside, one, ".csv"), files(inside, plain, ".csv"), strict=True):
        table, like = (list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))) for content in (mine, harmless))
        assert [len(row) for row in table] == [len(row) for row in like]
        for row in table[1:]:
            for cell in row:
                # An amount is a number; any other cell that looks like a formula must begin with an apostrophe.
                assert not cell.lstrip(" ").startswith(RISKY) or cell.lstrip("-").replace(".", "", 1).isdigit(), cell


@attacks(*MARKUP, *FORMULAS)
@pytest.mark.asvs("1.2.10")
@pytest.mark.case("A-84")
def test_no_cell_of_a_workbook_is_a_formula_or_a_link(inside: Inside, plain: Customer, hostile: tuple[Customer, str]) -> None:
    one, _ = hostile
    for mine, harmless in zip(files(inside, one, ".xlsx"), files(inside, plain, ".xlsx"), strict=True):
        sheet, like = (openpyxl.load_workbook(io.BytesIO(content)).worksheets[0] for content in (mine, harmless))
        assert (sheet.max_row, sheet.max_column) == (like.max_row, like.max_column)
        for cell in (cell for row in sheet.iter_rows() for cell in row):
            assert cell.data_type != "f" or str(cell.value).startswith("=SUBTOTAL("), cell.value
            assert not cell.hyperlink
        with zipfile.ZipFile(io.BytesIO(mine)) as packed:
            assert not any("externalLink" in name or "vba" in name.lower() for name in packed.namelist())


@attacks(*MARKUP, TEMPLATE, *FORMULAS[:2])
@pytest.mark.asvs("1.3.7")
@pytest.mark.asvs("1.3.3")
@pytest.mark.case("A-82", "A-83")
def test_a_pdf_shows_it_and_does_nothing(inside: Inside, hostile: tuple[Customer, str]) -> None:
    one, text = hostile
    for content in files(inside, one, ".pdf"):
        document = reader(content)
        assert "/JavaScript" not in repr(document.root_object)
        assert "/OpenAction" not in document.root_object
        assert all("/Annots" not in page for page in document.pages)
        if text in {TEMPLATE, "=1+1"}:
            assert without_whitespace(text) in without_whitespace(full_text(content))


@attacks(*XSS)
@pytest.mark.asvs("1.3.7")
@pytest.mark.case("A-82")
def test_a_mail_has_the_elements_of_a_harmless_one(inside: Inside, hostile: tuple[Customer, str]) -> None:
    _, text = hostile
    shapes = []
    for name in (text, PLAIN):
        person = Person(email="a@example.com", email_key="a@example.com", name=name, language="fr", region="fr-CA", created_at=START)
        account = Account(number="1", name=name, created_at=START)
        with database.write_session() as session:
            letter = mails.invited(session, person, account, "seed", START)
            shapes.append(Elements(letter.html).shape)
            assert "\n" not in letter.subject
            if name == TEMPLATE:
                assert name in letter.text
            session.expunge(letter)
    assert shapes[0] == shapes[1]
