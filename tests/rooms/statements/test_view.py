"""The view of the statement page, and the statement as CSV."""

import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import Engine
from sqlmodel import Session

from odoportal.core import clock, i18n
from odoportal.lists import download
from odoportal.lists.excel import write_excel
from odoportal.lists.query import ListQuery
from odoportal.rooms.invoices.models import Allocation, CreditNote, Payment
from odoportal.rooms.statements import page, view
from odoportal.rooms.statements.exports import period_name, statement_table
from odoportal.rooms.statements.view import RULES, StatementView, statement_view
from tests.making import NOON, TODAY, account, identity_of, invoice


@pytest.fixture
def mine(stored: Engine) -> int:
    """Return an account with last year's invoice partly paid, this year's settled by a payment and a credit note, and a pending payment.

    Part of the settled payment is not applied to an invoice.
    """
    with Session(stored) as session, session.begin():
        made = account(session)
        old = invoice(session, made, "212001", "100.00", date(2019, 12, 1))
        new = invoice(session, made, "212048", "576.07", date(2020, 9, 24))
        for reference, at, amount, status in (
            ("R1", datetime(2020, 3, 2, 15, tzinfo=UTC), "50.00", "settled"),
            ("R2", datetime(2020, 9, 24, 15, tzinfo=UTC), "600.00", "settled"),
            ("R3", datetime(2020, 9, 24, 16, tzinfo=UTC), "20.00", "pending"),
        ):
            paid = Payment(
                account_id=made,
                reference=reference,
                received_at=at,
                method_en="cheque",
                method_fr="chèque",
                amount=Decimal(amount),
                status=status,
            )
            session.add(paid)
            session.flush()
            parts = {"R1": [(old, "50.00")], "R2": [(new, "570.00"), (old, "10.00")], "R3": []}[reference]
            session.add_all(
                Allocation(account_id=made, payment_id=paid.id or 0, invoice_id=bill.id or 0, amount=Decimal(part)) for bill, part in parts
            )
        session.add(
            CreditNote(
                account_id=made, invoice_id=new.id or 0, number="C1", issued_on=TODAY, reason_en="Returned", reason_fr="Retour",
                subtotal=Decimal("6.07"), total=Decimal("6.07"),
            )
        )  # fmt: skip
        return made


def shown(
    session: Session, account_id: int, given: dict[str, str] | None = None, language: str = "en", today: date = TODAY
) -> StatementView:
    clock.set_source(lambda: NOON)
    with i18n.use(language):
        others = [(9, "2077")] if given and "account" in given else []
        person = identity_of(account_id, region=f"{language}-CA", others=others)
        return statement_view(session, person, ListQuery.parse(RULES, given or {}), language, today)


def test_this_year_to_today(stored: Engine, mine: int) -> None:
    with Session(stored) as session:
        made = shown(session, mine)
    assert (made.period, made.opening, made.charged, made.credited, made.closing) == (
        "2020-01-01 to 2020-09-24", "$100.00", "$576.07", "−$656.07", "$20.00",
    )  # fmt: skip
    assert [(row.date, row.name, row.note, row.url, row.amount, row.balance) for row in made.rows] == [
        ("2020-03-02", "Payment, cheque", "for invoice 212001", "/en/invoices?open=212001", "−$50.00", "$50.00"),
        ("2020-09-24", "Invoice 212048", "due 2020-10-24", "/en/invoices?open=212048", "$576.07", "$626.07"),
        ("2020-09-24", "Payment, cheque", "for invoices 212048, 212001", "", "−$600.00", "$26.07"),
        ("2020-09-24", "Credit note C1", "for invoice 212048, Returned", "/en/invoices?open=212048", "−$6.07", "$20.00"),
    ]
    assert [(row.key, row.amount) for row in made.aging] == [
        ("current", "$0.00"), ("30", "$0.00"), ("60", "$0.00"), ("90", "$0.00"), ("older", "$40.00"),
    ]  # fmt: skip
    assert (made.unpaid, made.owed, made.credit, made.older) == ("$40.00", "", "−$20.00", "")
    assert (made.csv, made.xlsx, made.pdf) == ("/en/statement.csv?", "/en/statement.xlsx?", "/en/statement.pdf?")


def test_the_account_of_the_address_goes_along(stored: Engine, mine: int) -> None:
    with Session(stored) as session:
        made = shown(session, mine, {"account": "1042", "from": "2020-09-01"})
    assert made.rows[0].url == "/en/invoices?account=1042&open=212048"
    assert made.csv == "/en/statement.csv?account=1042&from=2020-09-01"
    assert [(h.key, h.value) for h in made.hidden] == [("account", "1042")]
    assert all("account=1042" in preset.url for preset in made.presets)


@pytest.mark.parametrize(
    ("day", "given", "current"),
    [
        ("2020-09-24", {}, "year"),
        ("2020-09-24", {"from": "2020-09-01"}, "month"),
        ("2020-09-24", {"from": "2020-08-01", "to": "2020-08-31"}, "last-month"),
        ("2020-09-24", {"from": "2019-09-25"}, "twelve"),
        ("2020-09-24", {"from": "2020-02-02"}, ""),
        ("2021-01-15", {}, "year"),
        ("2021-01-15", {"from": "2020-12-01", "to": "2020-12-31"}, "last-month"),
        ("2020-02-29", {"from": "2019-03-01"}, "twelve"),
    ],
)
def test_presets(stored: Engine, mine: int, day: str, given: dict[str, str], current: str) -> None:
    today = date.fromisoformat(day)
    with Session(stored) as session:
        made = shown(session, mine, given, today=today)
        assert [p.key for p in made.presets if p.current == "true"] == ([current] if current else [])
        # Opening the address of a preset marks that preset, or "this year" if it is the same period.
        for preset in made.presets:
            asked = dict(pair.split("=") for pair in preset.url.removeprefix("?").split("&") if pair)
            again = shown(session, mine, asked, today=today)
            marked = next(p for p in again.presets if p.current == "true")
            assert marked.key in {preset.key, "year"}


def test_a_long_period_says_what_it_leaves_out(stored: Engine, mine: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "MAX_MOVEMENTS", 3)
    with Session(stored) as session:
        made = shown(session, mine)
    assert ([row.date for row in made.rows], made.closing) == (["2020-09-24"] * 3, "$20.00")
    assert (made.older, made.older_amount, made.carried) == ("1 earlier transaction, in the CSV file", "−$50.00", "$50.00")


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_the_page_holds_every_number(stored: Engine, mine: int, language: str) -> None:
    with Session(stored) as session:
        made = shown(session, mine, language=language)
    with i18n.use(language):
        html = "".join(page.slots_html(replace(made, older="<b>")).values())
    for text in (
        made.opening,
        made.closing,
        made.unpaid,
        made.credit,
        *(row.balance for row in made.rows),
        *(age.amount for age in made.aging),
    ):
        assert text in html
    assert html.count("<caption>") == 2
    assert "&lt;b&gt;" in html


@pytest.mark.parametrize(("language", "head"), [("en", "Balance"), ("fr", "Solde")])
def test_as_excel(stored: Engine, mine: int, language: str, head: str) -> None:
    file = io.BytesIO()
    with Session(stored) as session, i18n.use(language):
        table = statement_table(session, identity_of(mine), ListQuery.parse(RULES, {"from": "2020-09-01"}), language, TODAY)
        for _ in write_excel(table, file, "fr-CA"):
            pass
    rows: list[Any] = [[cell.value for cell in row] for row in next(iter(load_workbook(file))).iter_rows()]
    assert rows[0][-1] == head
    assert [f"{day:%Y-%m-%d}" for day in (rows[1][0], rows[2][4])] == ["2020-09-01", "2020-10-24"]
    assert [row[-2] for row in rows[2:5]] == [576.07, -600, -6.07]
    types = [row[1] for row in rows[1:]]
    assert not [word for word in types if "_" in word]
    assert types[0] == ("Opening balance" if language == "en" else "Solde d’ouverture")


def test_the_files_are_named_by_their_period() -> None:
    assert period_name(ListQuery.parse(RULES, {"from": "2020-09-01", "to": "2020-09-10"}), TODAY) == "2020-09-01-2020-09-10"
    assert period_name(ListQuery.parse(RULES, {}), TODAY) == "2020-01-01-2020-09-24"


def test_as_csv(stored: Engine, mine: int) -> None:
    written: list[bytes] = []
    with Session(stored) as session:
        for language in i18n.LANGUAGES:
            with i18n.use(language):
                file = io.BytesIO()
                table = statement_table(session, identity_of(mine), ListQuery.parse(RULES, {"from": "2020-09-01"}), language, TODAY)
                for _ in download.write_csv(table, file):
                    pass
            written.append(file.getvalue())
    assert written[1].decode("utf-8-sig").split("\r\n") == [
        "date,type,number,invoices,due,description,amount,balance",
        "2020-09-01,opening_balance,,,,,,50.00",
        "2020-09-24,invoice,212048,,2020-10-24,,576.07,626.07",
        "2020-09-24,payment,R2,212048 212001,,cheque,-600.00,26.07",
        "2020-09-24,credit_note,C1,212048,,Returned,-6.07,20.00",
        "2020-09-24,closing_balance,,,,,,20.00",
        "2020-09-24,open_current,,,,,0.00,",
        "2020-09-24,open_1_30,,,,,0.00,",
        "2020-09-24,open_31_60,,,,,0.00,",
        "2020-09-24,open_61_90,,,,,0.00,",
        "2020-09-24,open_over_90,,,,,40.00,",
        "2020-09-24,pending_payments,,,,,0.00,",
        "2020-09-24,unapplied_credit,,,,,-20.00,",
        "",
    ]
    rows = list(csv.DictReader(io.StringIO(written[0].decode("utf-8-sig"), newline="")))
    assert [row["description"] for row in rows][2:4] == ["chèque", "Retour"]
    assert timedelta(0) == date.fromisoformat(rows[-1]["date"]) - TODAY
