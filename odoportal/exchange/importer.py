"""`odoportal import`: Odotrack's own files into the database, all of a run or nothing of it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from sqlmodel import Session

from odoportal.exchange.checks import check_sums
from odoportal.exchange.documents import (
    take_credit_notes,
    take_fulfilment,
    take_invoice_lines,
    take_invoices,
    take_order_lines,
    take_orders,
    take_taxes,
)
from odoportal.exchange.files import BY_NAME, FILES
from odoportal.exchange.parties import take_accounts, take_addresses, take_people
from odoportal.exchange.payments import take_allocations, take_devices, take_payments
from odoportal.exchange.reader import Table, read_table
from odoportal.exchange.refresh import refresh
from odoportal.exchange.report import Report
from odoportal.exchange.run import Run
from odoportal.foundation import database

# Session, id of the new person, id of the account that the person was first named for.
Invite = Callable[[Session, int, int], None]
TAKERS: dict[str, Callable[[Run], None]] = {
    "accounts.csv": take_accounts,
    "people.csv": take_people,
    "addresses.csv": take_addresses,
    "orders.csv": take_orders,
    "order_lines.csv": take_order_lines,
    "fulfilment.csv": take_fulfilment,
    "invoices.csv": take_invoices,
    "invoice_lines.csv": take_invoice_lines,
    "credit_notes.csv": take_credit_notes,
    "taxes.csv": take_taxes,
    "payments.csv": take_payments,
    "allocations.csv": take_allocations,
    "devices.csv": take_devices,
}


class ImportRefused(Exception):
    """Nothing to import at the path; the text is one sentence for the operator."""


def find_files(path: Path) -> tuple[dict[str, bytes], list[str]]:
    """The files of an import by name, and the names of other CSV files in the folder.

    Raises:
        ImportRefused: when the path is not there, cannot be read, or holds no file of an import.
    """
    try:
        found = sorted(path.iterdir()) if path.is_dir() else [path]
        wanted = {file.name.casefold(): file.read_bytes() for file in found if file.name.casefold() in BY_NAME}
    except OSError as problem:
        raise ImportRefused(f"{path} cannot be read: {problem.strerror}.") from None
    if not wanted:
        where = "is no file of an import" if path.exists() and not path.is_dir() else "holds no file of an import"
        raise ImportRefused(f"{path} {where if path.exists() else 'is not there'}; the files are {', '.join(BY_NAME)}.")
    others = [file.name for file in found if file.suffix.casefold() == ".csv" and file.name.casefold() not in wanted]
    return wanted, others


def read_files(files: Mapping[str, bytes]) -> dict[str, Table]:
    """The rows of files, given as bytes by name, in the order in which they are taken. Needs no database."""
    return {kind.name: read_table(kind, files[kind.name]) for kind in FILES if kind.name in files}


def import_tables(session: Session, tables: dict[str, Table], now: datetime, invite: Invite | None = None) -> Report:
    """Take rows into the database, within the caller's transaction, which must end without a commit when the report has bad rows.

    Args:
        session: a writing session.
        tables: what `read_files` made.
        now: the present instant, for what is made new.
        invite: called for each new person when no row is bad.
    """
    report = Report()
    run = Run(session, now, tables, report)
    for name in tables:
        TAKERS[name](run)
    check_sums(run)
    if report.bad:
        return report
    refresh(run)
    if invite:
        for person_id, account_id in run.new_people.items():
            invite(session, person_id, account_id)
        report.invited = len(run.new_people)
    # The session may hold objects that were written past it.
    session.expire_all()
    report.kept = True
    return report


def run_import(
    path: Path, *, now: datetime, notify: bool = False, invite: Invite | None = None, report: Callable[[str], None] = lambda _line: None
) -> Report:
    """Import a folder or one file in one transaction: all of it, or nothing when any row is bad.

    Args:
        path: a folder with files of an import, or one of them.
        now: the present instant, for what is made new.
        notify: True to invite each new person; nobody is mailed otherwise.
        invite: invites a person (session, person's id, account's id) within the same transaction.
        report: gets the report, a line at a time.

    Raises:
        ImportRefused: when there is nothing to import at the path.
        ValueError: when asked to notify without a way to invite.
    """
    if notify and invite is None:
        raise ValueError("notify needs a way to invite")
    files, others = find_files(path)
    tables = read_files(files)
    with database.writing() as session:
        outcome = import_tables(session, tables, now, invite if notify else None)
        if outcome.bad:
            session.rollback()
    outcome.ignored_files = others
    for line in outcome.lines():
        report(line)
    return outcome
