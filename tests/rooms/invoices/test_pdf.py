"""Invoices and credit notes as PDF, read back."""

import re
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session, select

from odoportal.core import i18n
from odoportal.core.identity import ActiveMembership
from odoportal.core.money import ZERO, dollars, tax
from odoportal.documents import pdf
from odoportal.documents.sheet import Sheet
from odoportal.rooms.addresses.models import Address
from odoportal.rooms.invoices.models import Allocation, CreditNote, CreditNoteTax, Invoice, InvoiceLine, InvoiceTax, Payment
from odoportal.rooms.invoices.pdf import credit_note_sheet, invoice_sheet
from odoportal.settings import get_settings
from tests.making import TODAY, account, invoice, order, rolled_back
from tests.reading import amount, full_text, pages

GST, QST = "123456789 RT0001", "1234567890 TQ0001"
_serial = count(1)


@pytest.fixture(autouse=True)
def _seller(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ODOPORTAL_COMPANY_ADDRESS", "2800, av. Francis-Hughes; Laval (Québec)")
    get_settings.cache_clear()
    yield


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with rolled_back(engine) as opened:
        yield opened


def member(account_id: int) -> ActiveMembership:
    return ActiveMembership(account_id, "1042", "Transport 1042", "owner")


def billed(session: Session, account_id: int, amounts: list[str], number: str = "", **more: Any) -> Invoice:
    """Add an invoice with a line for each amount, GST and QST, an address and terms."""
    subtotal = sum((Decimal(a) for a in amounts), ZERO)
    gst, qst = tax(subtotal, Decimal(5)), tax(subtotal, Decimal("9.975"))
    made = invoice(session, account_id, number or f"I{next(_serial)}", str(subtotal + gst + qst), **more)
    made.subtotal, made.terms_en, made.terms_fr = subtotal, "Payable within 30 days", "Payable dans les 30 jours"
    address = Address(
        account_id=account_id,
        code=f"a{next(_serial)}",
        name="Transport Gagnon inc.",
        line1="C. P. 418",
        city="Saint-Eustache",
        province="QC",
        postal_code="J7R 4Z1",
    )
    session.add(address)
    session.flush()
    made.bill_to_id = address.id
    assert made.id is not None
    of: dict[str, Any] = {"account_id": account_id, "invoice_id": made.id}
    session.add_all(
        InvoiceLine(**of, position=i, quantity=2, description_en=f"Plan {i}", description_fr=f"Forfait {i}", amount=Decimal(a))
        for i, a in enumerate(amounts)
    )
    session.add_all(taxes(InvoiceTax, of, subtotal, gst, qst))
    session.flush()
    return made


def taxes(model: Any, of: dict[str, int], base: Decimal, gst: Decimal, qst: Decimal) -> list[Any]:
    shared = {**of, "base": base}
    return [
        model(**shared, position=0, name_en="GST", name_fr="TPS", registration=GST, rate=Decimal(5), amount=gst),
        model(**shared, position=1, name_en="QST", name_fr="TVQ", registration=QST, rate=Decimal("9.975"), amount=qst),
    ]


def pay(session: Session, made: Invoice, paid: Decimal, status: str = "settled") -> None:
    payment = Payment(
        account_id=made.account_id,
        reference=f"R{next(_serial)}",
        received_at=datetime(2020, 9, 20, 14, 0, tzinfo=UTC),
        method_en="Visa 4242",
        method_fr="Visa 4242",
        amount=paid,
        status=status,
    )
    session.add(payment)
    session.flush()
    assert payment.id is not None
    assert made.id is not None
    session.add(Allocation(account_id=made.account_id, payment_id=payment.id, invoice_id=made.id, amount=paid))
    if status == "settled":
        made.paid += paid
    session.flush()


def credit(session: Session, made: Invoice, subtotal: str) -> CreditNote:
    base = Decimal(subtotal)
    gst, qst = tax(base, Decimal(5)), tax(base, Decimal("9.975"))
    assert made.id is not None
    note = CreditNote(
        account_id=made.account_id,
        invoice_id=made.id,
        number=f"C{next(_serial)}",
        issued_on=date(2020, 9, 22),
        reason_en="One plan taken back",
        reason_fr="Un forfait repris",
        subtotal=base,
        total=base + gst + qst,
    )
    session.add(note)
    session.flush()
    assert note.id is not None
    session.add_all(taxes(CreditNoteTax, {"account_id": made.account_id, "credit_note_id": note.id}, base, gst, qst))
    made.credited += note.total
    session.flush()
    return note


def sheet(session: Session, made: Invoice | CreditNote, language: str = "en") -> Sheet:
    make = invoice_sheet if isinstance(made, Invoice) else credit_note_sheet
    with i18n.use(language):
        found = make(session, member(made.account_id), made.number, language, TODAY)
    assert found
    return found


def drawn(session: Session, made: Invoice | CreditNote, language: str = "en") -> bytes:
    with i18n.use(language):
        return pdf.render(sheet(session, made, language))


CENTS = st.lists(st.integers(-200_000, 9_000_000), min_size=1, max_size=8).filter(lambda cents: sum(cents) > 0)


@settings(max_examples=25)
@given(cents=CENTS, share=st.integers(0, 100), language=st.sampled_from(i18n.LANGUAGES))
def test_the_amounts_are_the_database_s_to_the_cent(engine: Engine, cents: list[int], share: int, language: str) -> None:
    with rolled_back(engine) as session:
        made = billed(session, account(session), [str(dollars(c)) for c in cents])
        part = dollars(int(made.total * share))
        if part:
            pay(session, made, part)
        text = full_text(drawn(session, made, language))
    rows = {
        "Subtotal": made.subtotal,
        "GST 5%": tax(made.subtotal, Decimal(5)),
        "QST 9.975%": tax(made.subtotal, Decimal("9.975")),
        "Total": made.total,
        "Balance on 2020-09-24": made.total - part,
    }
    with i18n.use(language):
        names = [i18n.t("Subtotal"), "TPS 5\u00a0%", "TVQ 9,975\u00a0%", i18n.t("Total"), i18n.t("Balance on {day}", day="2020-09-24")]
    for label, value in zip(names if language == "fr" else rows, rows.values(), strict=True):
        assert amount(text, label) == value
    for number, c in enumerate(cents):
        assert amount(text, f"{'Forfait' if language == 'fr' else 'Plan'} {number} ") == dollars(c)


def test_the_column_adds_up_whatever_was_paid_and_given_back(session: Session) -> None:
    whole_ = billed(session, account(session), ["500.00"])
    pay(session, whole_, Decimal("100.00"))
    pay(session, whole_, Decimal("50.00"), "pending")
    pay(session, whole_, Decimal("70.00"), "failed")
    credit(session, whole_, "100.00")
    text = full_text(drawn(session, whole_))
    assert amount(text, "Total") == Decimal("574.88")
    assert amount(text, "Paid by Visa 4242") == Decimal("-100.00")
    assert amount(text, "Credit note") == Decimal("-114.98")
    assert amount(text, "Balance on") == Decimal("359.90")
    assert "($50.00)" in text
    assert "($70.00)" in text
    back = billed(session, account(session, "B"), ["500.00"], settled_on=date(2020, 9, 22))
    pay(session, back, back.total)
    credit(session, back, "500.00")
    assert amount(full_text(drawn(session, back)), "Credit on account") == Decimal("574.88")
    partly = billed(session, account(session, "C"), ["500.00"], settled_on=date(2020, 9, 20))
    pay(session, partly, partly.total)
    credit(session, partly, "100.00")
    assert amount(full_text(drawn(session, partly)), "Credit on account") == Decimal("114.98")


@pytest.mark.parametrize("language", i18n.LANGUAGES)
@pytest.mark.parametrize("subtotal", ["1.00", "0.01", "99999.99"])
def test_what_the_law_asks_for_is_on_every_document(session: Session, subtotal: str, language: str) -> None:
    made = billed(session, account(session), [subtotal])
    note = credit(session, made, subtotal)
    for document in (made, note):
        text = full_text(drawn(session, document, language))
        terms = "Payable dans les 30 jours" if language == "fr" else "Payable within 30 days"
        for wanted in (GST, QST, "Odotrack inc.", "2800, av. Francis-Hughes", "Transport Gagnon inc.", "C. P. 418", "J7R 4Z1", terms):
            assert wanted in text
        assert document.number in text
        assert document.issued_on.isoformat() in text
        assert not re.search(r"14[.,]97\d?\s?%|9[.,]97\s?%", text)
    text = full_text(drawn(session, note, language))
    assert made.number in text
    assert ("Un forfait repris" if language == "fr" else "One plan taken back") in text


def test_the_text_comes_in_the_order_of_reading(session: Session) -> None:
    mine = account(session)
    bought = order(session, mine, "26367")
    made = billed(session, mine, ["300.00", "200.00", "-29.90"], order_id=bought.id)
    pay(session, made, Decimal("10.00"))
    text = full_text(drawn(session, made))
    wanted = (
        "Odotrack inc.",
        f"Invoice {made.number}",
        "Date",
        "Due",
        "Order 26367",
        "Issued by",
        "Billed to",
        "Transport Gagnon inc.",
        "Item Qty Unit price Amount",
        "Plan 0 2 $300.00",
        "Plan 1 2 $200.00",
        "Plan 2 2 −$29.90",
        "Subtotal",
        "GST 5%",
        "QST 9.975%",
        "Total",
        "Paid by Visa 4242 2020-09-20 −$10.00",
        "Balance on 2020-09-24",
        "Terms",
        "page 1 of 1",
    )
    found = [text.index(part) for part in wanted]
    assert found == sorted(found)


def labels(made: Sheet, language: str) -> list[str]:
    """Return the fixed labels of a sheet: no names, numbers or dates."""
    with i18n.use(language):
        around = pdf.template_strings()
    heads: Any = around["heads"]
    named = [f[0] for f in made.facts] + [p.title for p in made.parties] + [n.title for n in made.notes] + [s.label for s in made.sums]
    return [*heads, str(around["page_of"]), made.title, *named, made.stamp.text, *(n.lines[0] for n in made.notes)]


def test_both_languages_are_complete(session: Session) -> None:
    mine = account(session)
    made = billed(session, mine, ["500.00"], order_id=order(session, mine, "26367").id, settled_on=date(2020, 9, 20))
    pay(session, made, made.total)
    note = credit(session, made, "100.00")
    for document in (made, note):
        french, english = sheet(session, document, "fr"), sheet(session, document, "en")
        assert [len(v) for v in asdict(french).values() if isinstance(v, list)] == [
            len(v) for v in asdict(english).values() if isinstance(v, list)
        ]
        same = {f for f, e in zip(labels(french, "fr"), labels(english, "en"), strict=True) if f == e and f}
        assert same <= {"Article", "Date", "Total"}
        for language, other in (("fr", english), ("en", french)):
            text = full_text(drawn(session, document, language))
            for label in set(labels(other, i18n.other_language(language))) - same - {""}:
                assert f"\n{label}\n" not in f"\n{text}\n", label


def test_numbers_are_written_as_the_document_s_language_writes_them(session: Session) -> None:
    made = billed(session, account(session), ["12345.60"])
    assert "12\u00a0345,60\u00a0$" in full_text(drawn(session, made, "fr"))
    assert "$12,345.60" in full_text(drawn(session, made, "en"))


@pytest.mark.parametrize(
    ("more", "stamp", "state"),
    [
        ({"paid": "all", "settled_on": date(2020, 9, 20)}, "PAID\n2020-09-20", "Paid on 2020-09-20"),
        ({"paid": "all", "credited": "all", "settled_on": date(2020, 9, 21)}, "CREDITED\n2020-09-21", "Credited on 2020-09-21"),
        ({"credited": "all", "settled_on": date(2020, 9, 21)}, "CREDITED\n2020-09-21", "Credited on 2020-09-21"),
        ({}, "", "To pay"),
        ({"paid": "part"}, "", "Partially paid"),
        ({"pending": "all"}, "", "Pending"),
        ({"issued": date(2020, 1, 1)}, "", "237 days overdue"),
    ],
    ids=["paid", "credited after payment", "credited", "to pay", "part", "pending", "overdue"],
)
def test_only_what_is_settled_is_stamped(session: Session, more: dict[str, Any], stamp: str, state: str) -> None:
    amounts = {"all": Decimal("574.88"), "part": Decimal("1.00")}
    values: dict[str, Any] = {k: amounts[v] if isinstance(v, str) else v for k, v in more.items()}
    made = billed(session, account(session), ["500.00"], **values)
    text = full_text(drawn(session, made))
    assert f"Status {state}" in text
    assert stamp in text
    assert any(word in text for word in ("PAID", "CREDITED")) is bool(stamp)


@pytest.mark.parametrize(
    ("language", "address", "how"),
    [("en", "2800 Francis-Hughes Ave.", "By cheque"), ("fr", "2800, av. Francis-Hughes", "Par chèque")],
)
def test_an_invoice_says_how_to_pay_it_and_where_the_company_is_in_its_language(
    session: Session, monkeypatch: pytest.MonkeyPatch, language: str, address: str, how: str
) -> None:
    said = {"COMPANY_ADDRESS_EN": "2800 Francis-Hughes Ave.", "HOW_TO_PAY_EN": "By cheque; now", "HOW_TO_PAY_FR": "Par chèque"}
    for name, value in said.items():
        monkeypatch.setenv(f"ODOPORTAL_{name}", value)
    get_settings.cache_clear()
    mine = account(session)
    made, paid = billed(session, mine, ["500.00"]), billed(session, mine, ["20.00"], paid=Decimal("23.00"))
    text = full_text(drawn(session, made, language))
    assert address in text
    assert f"{how}\n" in text
    assert f"{made.number}." in text
    assert "1042" in text
    assert how not in full_text(drawn(session, paid, language))


def test_a_tax_on_another_base_says_so(session: Session) -> None:
    made = billed(session, account(session), ["500.00"])
    text = full_text(drawn(session, made))
    assert " on $" not in text
    row = session.exec(select(InvoiceTax).where(InvoiceTax.invoice_id == made.id, InvoiceTax.position == 1)).one()
    row.base, row.amount = Decimal("400.00"), Decimal("39.90")
    assert "on $400.00" in full_text(drawn(session, made))


def test_a_buyer_without_an_address_is_the_account(session: Session) -> None:
    made = billed(session, account(session), ["1.00"])
    made.bill_to_id = None
    assert "Transport 1042" in full_text(drawn(session, made))


@pytest.mark.asvs("8.2.2")
def test_another_account_s_document_is_as_unknown_as_any(session: Session) -> None:
    mine, other = account(session), account(session, "B")
    made = billed(session, other, ["500.00"])
    note = credit(session, made, "1.00")
    for make, number in ((invoice_sheet, made.number), (credit_note_sheet, note.number)):
        assert make(session, member(other), number, "en", TODAY)
        assert make(session, member(mine), number, "en", TODAY) is None
        assert make(session, member(mine), "none", "en", TODAY) is None


def test_a_long_invoice_has_every_line_once(session: Session) -> None:
    made = billed(session, account(session), ["1.00"] * 70)
    read = pages(drawn(session, made))
    assert re.findall(r"^Plan (\d+) 2 ", "\n".join(read), re.M) == [str(n) for n in range(70)]
    assert all("Item Qty Unit price Amount" in text for text in read if "Plan" in text)
    assert f"page {len(read)} of {len(read)}" in read[-1]


def test_the_balance_is_that_of_the_day(session: Session) -> None:
    made = billed(session, account(session), ["500.00"])
    later = TODAY + timedelta(days=90)
    with i18n.use("en"):
        found = invoice_sheet(session, member(made.account_id), made.number, "en", later)
    assert found
    assert found.sums[-1].label == f"Balance on {later.isoformat()}"
    assert replace(found, sums=[], facts=[]) == replace(sheet(session, made), sums=[], facts=[])
