"""The data of the demonstration: the user guide's account as printed, and other fleets, imported in the same way as Odotrack's files."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlmodel import Session, col, select

from odoportal.accounts.models import Account, Person
from odoportal.accounts.service import email_key
from odoportal.demo import fleet_boreal, fleet_laurentides, fleet_small
from odoportal.demo.fleet_sheets import Sheets
from odoportal.importing.importer import find_files, import_tables, read_files
from odoportal.settings import get_settings

EXAMPLE = Path(__file__).parents[1] / "importing" / "example"
GUIDE_ACCOUNT = "10418"
PASSWORD = "grand tour du lac"  # noqa: S105 - printed by the demonstration, which production refuses to load


@dataclass(frozen=True)
class DemoSignIn:
    """A person to sign in as, and what there is to see."""

    email: str
    password: str
    shows: str


SIGN_INS = tuple(
    DemoSignIn(email, PASSWORD, shows)
    for email, shows in (
        ("maria@transportgagnon.ca", "the guide's account: order 26367, invoice 212048 (French)"),
        ("josee@groupelaurentides.ca", "a fleet with 57 orders and 148 invoices, one overdue (French)"),
        ("ian@borealhaulage.ca", "a large fleet with 3,000 orders and 9,000 invoices (English)"),
        ("etienne@fermebeausejour.ca", "no orders and no invoices yet (French)"),
        ("marie-eve@coopdesneiges.ca", "everything overdue, and the longest names (French)"),
        ("lise@comptabilitebouchard.ca", "a bookkeeper of two accounts, billing role (French)"),
        ("kevin@borealhaulage.ca", "the large fleet, read-only (English)"),
    )
)


class DemoRefused(Exception):
    """Demonstration data must not be loaded here; the message is one sentence for the operator."""


def load_demo(session: Session, now: datetime, hash_password: Callable[[str], str]) -> tuple[DemoSignIn, ...]:
    """Load the demonstration data, unless they are already loaded.

    Args:
        session: a writing session; the caller commits.
        now: the present instant.
        hash_password: returns the stored form of a password.

    Raises:
        DemoRefused: in production, or if the demonstration's files are wrong.
    """
    if get_settings().mode == "production":
        raise DemoRefused("Demonstration data cannot be loaded in production.")
    if session.exec(select(Account.id).where(Account.number == fleet_boreal.NUMBER)).first() is None:
        example, _ = find_files(EXAMPLE)
        for files in ({name: path.read_bytes() for name, path in example.items()}, fleets().files()):
            report = import_tables(session, read_files(files), now)
            if report.bad:
                raise DemoRefused(f"The demonstration data is wrong: {report.bad[0]}.")
        _set_passwords(session, hash_password(PASSWORD))
    return SIGN_INS


def fleets() -> Sheets:
    """Return the sheets of the fleets beside the guide's account, the same every time."""
    sheets = Sheets()
    fleet_laurentides.write(sheets)
    fleet_boreal.write(sheets)
    fleet_small.write(sheets)
    sheets.add("people.csv", GUIDE_ACCOUNT, "lise@comptabilitebouchard.ca", "Lise Bouchard", "billing", "fr", "514 555-0166")
    return sheets


def _set_passwords(session: Session, hashed: str) -> None:
    keys = [email_key(sign.email) for sign in SIGN_INS]
    for person in session.exec(select(Person).where(col(Person.email_key).in_(keys))):
        person.password = hashed
    session.flush()
