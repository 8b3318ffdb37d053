"""The setup of `odoportal demo`: a portal on one machine with made-up data, isolated from production settings."""

import os
import secrets
from collections.abc import Callable
from datetime import date
from pathlib import Path

from sqlalchemy import URL, inspect
from sqlmodel import select

from odoportal.accounts.models import Account
from odoportal.core import clock, database, deployment, private_files
from odoportal.demo import history
from odoportal.demo.data import SIGN_INS, DemoRefused, DemoSignIn, load_demo
from odoportal.importing import rebuild_search
from odoportal.rooms import registry
from odoportal.rooms.signin import passwords

DAY = date(2020, 9, 24)
_SECRET_BYTES = 32


def _secret(folder: Path) -> str:
    """Return the secret of this folder; it is kept so that links sent before a restart still work."""
    file = folder / "secret"
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text("ascii").strip()
    with os.fdopen(handle, "w", encoding="ascii") as new:
        new.write(secrets.token_urlsafe(_SECRET_BYTES))
    return file.read_text("ascii")


def prepare(folder: Path, port: int, today: date, database_url: str = "") -> None:
    """Create the data folder and put this process into demonstration mode. Other ODOPORTAL_ environment variables are removed.

    Args:
        folder: the folder for database, mails and secret; only its owner can read it.
        port: the portal's address is http://localhost at this port.
        today: the business day.
        database_url: the SQLAlchemy address of another database than the folder's own.

    Raises:
        OSError: if the folder cannot be created or written.
    """
    private_files.make_folder(folder)
    for name in [name for name in os.environ if name.upper().startswith("ODOPORTAL_")]:
        del os.environ[name]
    values = {
        "mode": "demo",
        "data_dir": str(folder),
        "database_url": database_url or URL.create("sqlite", database=str(folder / "odoportal.db")).render_as_string(),
        "public_url": f"http://localhost:{port}",
        "secret": _secret(folder),
        "today": today.isoformat(),
        "launch_url": "https://www.odotrack.com",
        "learn_more_url": "https://www.odotrack.com",
        "company_address": "2800, av. Francis-Hughes; Laval (Québec)\u00a0 H7L 3J5",
        "company_address_en": "2800 Francis-Hughes Ave.; Laval, Quebec\u00a0 H7L 3J5",
        "how_to_pay_en": "By cheque to the order of Odotrack inc., or by bank transfer (ask us for the account).",
        "how_to_pay_fr": "Par chèque à l’ordre d’Odotrack inc., ou par virement bancaire (demandez-nous le compte).",
        "support_email": "support@odotrack.example",
        "support_phone": "1-800-555-0199",
    }
    os.environ.update({f"ODOPORTAL_{name.upper()}": value for name, value in values.items()})


def load(say: Callable[[str], None]) -> tuple[DemoSignIn, ...]:
    """Bring the database up to date, and fill it the first time.

    Args:
        say: called with a message when something takes a while.

    Returns:
        The people to sign in as.

    Raises:
        DemoRefused: if the database holds other data.
    """
    registry.install()
    _refuse_other_data()
    rebuild_search.upgrade_database(say)
    with database.write_session() as session:
        if not deployment.is_demonstration(session):
            say("Loading the demonstration data.")
            load_demo(session, clock.now(), passwords.hash_password)
            history.create_history(session, clock.now(), clock.today())
            deployment.mark_demonstration(session)
    return SIGN_INS


def _refuse_other_data() -> None:
    # Check this first: a customer's database must not even be migrated.
    with database.read_session() as session:
        if not inspect(session.connection()).has_table(str(Account.__tablename__)):
            return
        if not deployment.is_demonstration(session) and session.exec(select(Account.id).limit(1)).first() is not None:
            raise DemoRefused("The database has data that is not a demonstration; use another database for the demonstration.")
