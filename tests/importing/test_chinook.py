"""The data of strangers, imported: what the portal counts and sums is what the source has."""

import io
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from odoportal.accounts.models import Account
from odoportal.core import clock, database, i18n
from odoportal.core.i18n import Formats
from odoportal.documents import pdf
from odoportal.importing.importer import run_import
from odoportal.importing.report import Report
from odoportal.lists import download
from odoportal.lists.query import ListQuery
from odoportal.lists.view import page_view
from odoportal.rooms.dashboard.view import home_view
from odoportal.rooms.invoices.columns import INVOICES
from odoportal.rooms.invoices.models import Invoice
from odoportal.rooms.invoices.pdf import invoice_sheet
from odoportal.rooms.statements.exports import statement_table
from odoportal.rooms.statements.view import RULES, statement_view
from tests.importing import chinook
from tests.importing.chinook import Owed
from tests.importing.conftest import NOW
from tests.making import TODAY, identity_of
from tests.reading import full_text

FORMATS = Formats("en-CA")
FIRST, LAST = date(2007, 1, 1), date(2011, 12, 31)
Found = tuple[Report, Mapping[str, Owed], Path]


@pytest.fixture(scope="module")
def package(request: pytest.FixtureRequest) -> Path:
    try:
        return chinook.archive(request.config.cache.mkdir("chinook"))
    except chinook.CannotDownload as why:
        pytest.skip(f"{chinook.PACKAGE} cannot be downloaded: {why}")


@pytest.fixture
def imported(package: Path, tmp_path: Path) -> Found:
    folder = tmp_path / "chinook"
    folder.mkdir()
    owed = chinook.shape(package, folder)
    report = run_import(folder, now=NOW)
    assert report.kept, list(report.lines())
    return report, owed, folder


def test_nothing_of_it_is_bad_and_nothing_changes_the_second_time(imported: Found) -> None:
    report, _, folder = imported
    new = {name: counts.new for name, counts in report.files.items()}
    assert (new["accounts.csv"], new["invoices.csv"], new["invoice_lines.csv"], new["addresses.csv"]) == (59, 412, 2240, 59)
    again = run_import(folder, now=NOW)
    assert [(counts.new, counts.changed, counts.removed) for counts in again.files.values()] == [(0, 0, 0)] * len(again.files)


def test_the_database_has_the_sums_of_the_source(imported: Found) -> None:
    _, owed, _ = imported
    assert sum(one.invoiced for one in owed.values()) == Decimal("2328.60")
    with database.read_session() as session:

        def one(statement: str) -> Any:
            return session.connection().scalar(text(statement))

        assert (one("SELECT count(*) FROM account"), one("SELECT count(*) FROM invoice")) == (59, 412)
        assert one("SELECT count(*) FROM invoice_line") == 2240
        for column, total in (("total", "2328.60"), ("paid", str(sum(o.paid for o in owed.values())))):
            assert one(f"SELECT sum({column}) FROM invoice") == Decimal(total) * 100
        assert one("SELECT sum(amount) FROM invoice_line") == one("SELECT sum(total) FROM invoice")
        assert one("SELECT sum(amount) FROM allocation") == one("SELECT sum(paid) FROM invoice")
        rows = session.exec(select(Account.number, Invoice.number).join(Invoice)).all()
    assert {number: {invoice for account, invoice in rows if account == number} for number in owed} == {
        number: one.numbers for number, one in owed.items()
    }


def test_list_file_home_and_statement_of_every_account_have_them(imported: Found) -> None:
    _, owed, _ = imported
    clock.set_source(lambda: NOW)
    with database.read_session() as session, i18n.use("en"):
        for account in session.exec(select(Account)).all():
            assert account.id is not None
            expected = owed[account.number]
            assert account.name == expected.name
            assert _counted(session, account) == (expected.invoices, expected.invoiced)
            who, left = identity_of(account.id, account.number), FORMATS.amount(expected.invoiced - expected.paid)
            view = page_view(INVOICES, session, who, ListQuery.parse(INVOICES.rules, {}), "en", TODAY)
            assert view.frame.showing == f"Showing 1 to {expected.invoices} of {expected.invoices} entries"
            assert home_view(session, who, "en", TODAY).owed == left
            period = ListQuery.parse(RULES, {"from": str(FIRST), "to": str(LAST)})
            statement = statement_view(session, who, period, "en", TODAY)
            assert (statement.opening, statement.charged, statement.closing) == ("$0.00", FORMATS.amount(expected.invoiced), left)
            assert statement.owed == left
            charged = [row for row in statement_table(session, who, period, "en", TODAY).rows if row[1] == "invoice"]
            assert {row[2] for row in charged} == expected.numbers


def _counted(session: Session, account: Account) -> tuple[int, Decimal]:
    """Return the rows and the sum in the CSV file of an account's invoices."""
    made = download.file_table(INVOICES, session, identity_of(account.id or 0), ListQuery.parse(INVOICES.rules, {}), "en", TODAY)
    file = io.BytesIO()
    for _ in download.write_csv(made, file):
        pass
    head, *rows = [line.split(",") for line in file.getvalue().decode("utf-8-sig").splitlines()]
    return len(rows), sum((Decimal(row[head.index("total")]) for row in rows), Decimal(0))


def test_a_document_of_it_is_printed_as_it_is_written(imported: Found) -> None:
    _, owed, _ = imported
    (number,) = (number for number, one in owed.items() if one.name == "Terhi Hämäläinen")
    with database.read_session() as session, i18n.use("en"):
        account = session.exec(select(Account).where(Account.number == number)).one()
        who = identity_of(account.id or 0, number)
        invoice = sorted(owed[number].numbers)[0]
        sheet = invoice_sheet(session, who.account, invoice, "en", TODAY)
        assert sheet is not None
        printed = full_text(pdf.render(sheet))
    for shown in ("Terhi Hämäläinen", "Porthaninkatu 9", "FI-00530 Helsinki", "Finland", f"Invoice {invoice}"):
        assert shown in printed
