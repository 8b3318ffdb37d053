"""Contents of a data export: the person's rows of every table, and for an owner also the account's.

Tables are found by their columns, so that a new table is exported without being listed here: `person_id` or `subject_id` makes a row the
person's, `account_id` makes it the account's, and a row that refers to one of the account's by a foreign key (such as an invoice line) is
exported with it.
"""

import csv
import io
import json
import re
import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, BinaryIO

from sqlalchemy import Column, ColumnElement, Table, case, false, or_, select
from sqlmodel import Session

from odoportal.accounts.models import Account, Person
from odoportal.core.i18n import Formats, t, tn
from odoportal.lists.download import escape_formula
from odoportal.lists.spooled_file import YIELD_SECONDS
from odoportal.lists.table import ROWS_PER_STEP

CREDENTIALS = re.compile(r"hash|password|seed|secret|token|once|public_key")
"""Columns with credentials. They say nothing about the person, and a lost export must not give access to anything."""
REPEATED = {"search", "html", "attached"}
"""Columns that repeat other columns of their row in another form."""
ORIGINS = {"address", "browser"}
"""Columns with the network address and browser of an action. They are data about the person who acted (`person_id`), so they are left empty
if that is not the subject: that a person was removed is that person's data, but not from where the owner did it."""
ROWS_PER_FETCH = 1_000


@dataclass(frozen=True)
class Subject:
    """The person whose data is exported; `whole` includes the account's data."""

    person_id: int
    email: str
    account_id: int
    whole: bool


@dataclass(frozen=True)
class TablePart:
    """A table's part of the export: its exported columns and the condition for its rows."""

    table: Table
    columns: Sequence[ColumnElement[Any]]
    where: ColumnElement[bool]


def _account_condition(table: Table, account_id: int, seen: frozenset[str] = frozenset()) -> ColumnElement[bool] | None:
    if table.name == "account":
        return table.c.id == account_id
    if "account_id" in table.c:
        return table.c.account_id == account_id
    for key in sorted(table.foreign_keys, key=lambda key: key.parent.name):
        parent = key.column.table
        if parent.name in seen | {table.name, "person"}:
            continue
        condition = _account_condition(parent, account_id, seen | {table.name})
        if condition is not None:
            return key.parent.in_(select(key.column).where(condition))
    return None


def _person_condition(table: Table, subject: Subject) -> ColumnElement[bool] | None:
    if table.name == "person":
        return table.c.id == subject.person_id
    if table.name == "mail":
        return table.c.to == subject.email
    conditions = [table.c[name] == subject.person_id for name in ("person_id", "subject_id") if name in table.c]
    return or_(*conditions) if conditions else None


def parts(tables: Sequence[Table], subject: Subject) -> list[TablePart]:
    """Return the subject's part of each table; tables related to neither persons nor accounts are left out."""
    found: list[TablePart] = []
    for table in tables:
        of_person = _person_condition(table, subject)
        of_account = _account_condition(table, subject.account_id)
        if of_person is None and of_account is None:
            continue
        account_rows = of_account if of_account is not None and subject.whole else false()
        columns = [_exported(c, subject) for c in table.columns if not CREDENTIALS.search(c.name) and c.name not in REPEATED]
        found.append(TablePart(table, columns, account_rows if of_person is None else or_(of_person, account_rows)))
    return found


def _exported(column: Column[Any], subject: Subject) -> ColumnElement[Any]:
    if column.name not in ORIGINS or "person_id" not in column.table.c:
        return column
    return case((column.table.c.person_id == subject.person_id, column), else_="").label(column.name)


def _serializable(value: Any) -> Any:
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, str | int | bool) else str(value)


def _rows(session: Session, part: TablePart) -> Iterator[tuple[Any, ...]]:
    statement = select(*part.columns).where(part.where).order_by(*part.table.primary_key.columns)
    # Set the option on this statement only: on the connection it would also apply to later statements.
    for number, row in enumerate(session.connection().execute(statement.execution_options(yield_per=ROWS_PER_FETCH)), 1):
        yield tuple(_serializable(value) for value in row)
        if number % ROWS_PER_STEP == 0:
            # A real sleep releases the GIL to waiting threads (see `lists.spooled_file`).
            time.sleep(YIELD_SECONDS)


def _write_json(session: Session, part: TablePart, out: io.TextIOWrapper) -> int:
    names, count = [column.name for column in part.columns], 0
    out.write("[")
    for row in _rows(session, part):
        out.write((",\n" if count else "\n") + json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False))
        count += 1
    out.write("\n]\n" if count else "]\n")
    return count


def _write_csv(session: Session, part: TablePart, out: io.TextIOWrapper) -> None:
    out.write("\ufeff")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([column.name for column in part.columns])
    for row in _rows(session, part):
        write_row(writer, row)


def write_row(writer: Any, row: Sequence[Any]) -> None:
    """Write a row of CSV, of which no spreadsheet takes a cell for a formula."""
    writer.writerow(["" if cell is None else escape_formula(cell) if isinstance(cell, str) else cell for cell in row])


def readme_head(session: Session, subject: Subject, asked_at: datetime) -> list[str]:
    """Return the first lines of the README, in the current language: whose data it is, and when it was asked for."""
    person, account = session.get_one(Person, subject.person_id), session.get_one(Account, subject.account_id)
    whose = t("What ODOportal keeps about {name} ({email})", name=person.name, email=person.email)
    account_too = t("and about the account {account} ({number})", account=account.name, number=account.number)
    moment = Formats(person.region).moment_in_text(asked_at)
    return [f"{whose} {account_too}" if subject.whole else whose, t("Requested on {moment}", moment=moment)]


def table_names() -> dict[str, str]:
    """Return what each table holds, in the current language. A test finds a table without a name."""
    return {
        "account": t("The account"),
        "mail": t("Emails to you"),
        "person": t("You: name, email, phone, language"),
        "submission": t("Forms sent, so that none is processed twice"),
        "address": t("Addresses"),
        "authenticator": t("Authenticator app"),
        "browser_session": t("Open sessions"),
        "card": t("Credit cards"),
        "change": t("Activity: who changed what"),
        "closing_request": t("Request to close the account"),
        "data_file": t("Files of your data, as requested"),
        "device": t("Devices"),
        "earlier_email": t("Email addresses you used before"),
        "email_change": t("Changes of your email address"),
        "file_person": t("People, as in Odotrack’s files"),
        "file_role": t("Roles, as in Odotrack’s files"),
        "invitation": t("Invitations"),
        "invoice_copy": t("Addresses that get copies of invoices"),
        "known_browser": t("Browsers you have signed in with"),
        "membership": t("Accounts and roles"),
        "notice": t("Notices sent about the account"),
        "notice_choice": t("Which notices were chosen"),
        "notice_start": t("The day from which notices are sent"),
        "one_use_link": t("Links sent by email"),
        "passkey": t("Passkeys"),
        "passkey_ceremony": t("Uses of a passkey under way"),
        "payment": t("Payments"),
        "payment_customer": t("The account at the payment provider"),
        "recovery_code": t("Recovery codes, by date"),
        "second_step": t("Second steps of a sign-in under way"),
        "sign_in": t("Sign-ins"),
        "unsolicited_mail": t("Emails sent to others on your request, counted"),
        "vehicle_list": t("Lists of vehicles that were pasted"),
        "address_default": t("Default addresses"),
        "card_setup": t("Cards being added"),
        "notice_reader": t("Who was sent which notice"),
        "orders": t("Orders"),
        "device_assignment": t("Devices by vehicle and time"),
        "fulfilment": t("Steps of orders"),
        "invoice": t("Invoices"),
        "order_line": t("Lines of orders"),
        "order_tax": t("Taxes of orders"),
        "allocation": t("Payments by invoice"),
        "credit_note": t("Credit notes"),
        "invoice_line": t("Lines of invoices"),
        "invoice_tax": t("Taxes of invoices"),
        "credit_note_tax": t("Taxes of credit notes"),
    }


def _line_of(table: str, count: int) -> str:
    """Return the line of the README about a file: its name, what it holds, and how many rows it has."""
    rows = tn("{n} row", "{n} rows", count)
    return t("{file}: {what} ({rows})", file=table, what=table_names().get(table, table), rows=rows)


def write(session: Session, tables: Sequence[Table], subject: Subject, about: Sequence[str], file: BinaryIO) -> None:
    """Write a ZIP with a JSON file for each table, a CSV file for each table with rows of the subject, and a README text.

    Args:
        session: a reading session; in SQLite it sees a single snapshot.
        tables: all tables of the database.
        subject: the person whose data is written.
        about: the first lines of the README, in the current language like the rest of it.
        file: the empty file to write to.
    """
    counts: dict[str, int] = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for part in parts(tables, subject):
            with packed.open(f"{part.table.name}.json", "w", force_zip64=True) as raw, io.TextIOWrapper(raw, "utf-8") as out:
                counts[part.table.name] = _write_json(session, part, out)
            if counts[part.table.name]:
                with packed.open(f"{part.table.name}.csv", "w", force_zip64=True) as raw, io.TextIOWrapper(raw, "utf-8", newline="") as out:
                    _write_csv(session, part, out)
        lines = [
            *about,
            "",
            t("One file for each kind of record, in JSON and in CSV. Times are in UTC, amounts are in Canadian dollars."),
            t(
                "Passwords, link codes and the keys of apps and passkeys are not included. Of passwords and codes, only irreversible "
                "(hashed) values are kept. The key of an authenticator app is derived from a stored value and a secret of the portal."
            ),
            "",
            *(_line_of(name, count) for name, count in counts.items()),
        ]
        packed.writestr(t("READ ME") + ".txt", "\r\n".join(lines) + "\r\n")
