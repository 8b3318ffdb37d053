"""Rebuilding stored search texts when a release folds differently; otherwise a search would miss them."""

from collections.abc import Callable

from sqlalchemy import exists, or_, select
from sqlmodel import Session

from odoportal.accounts.models import Change
from odoportal.core import database, folding
from odoportal.core.deployment import Deployment
from odoportal.importing.bulk import table_of
from odoportal.importing.recompute import refresh_devices, refresh_orders
from odoportal.migrations import migrate
from odoportal.rooms.devices.models import Device
from odoportal.rooms.invoices.balances import settle
from odoportal.rooms.invoices.models import Invoice
from odoportal.rooms.orders.models import Order

NOTED = "folding"
# The folding of a database that does not state one.
_DEFAULT_FOLDING = "1"
# The rows of one transaction; other writers wait for about a second.
_BATCH_ROWS = 1000


def upgrade_database(say: Callable[[str], None]) -> None:
    """Bring the database of the settings up to this release: its schema, then its search texts.

    Args:
        say: called with a message when something takes a while.

    Raises:
        MigrationFailed: as raised by `migrate`.
    """
    migrate(database.engine())
    with database.read_session() as session:
        noted = session.get(Deployment, NOTED)
        if (noted.value if noted else _DEFAULT_FOLDING) == folding.FOLDING_VERSION:
            return
        tables = (table_of(model) for model in (Order, Device, Invoice, Change))
        if session.connection().scalar(select(or_(*(exists(select(table.c.id)) for table in tables)))):
            say("Rebuilding the search texts.")
    _in_batches(Order, lambda session, some: refresh_orders(session, [row_id for row_id, _ in some]))
    _in_batches(Device, lambda session, some: refresh_devices(session, [row_id for row_id, _ in some]))
    _in_batches(Invoice, _settle)
    _in_batches(Change, _fold_again)
    with database.write_session() as session:
        session.merge(Deployment(name=NOTED, value=folding.FOLDING_VERSION))


def _settle(session: Session, some: list[tuple[int, int]]) -> None:
    for account_id in {owner for _, owner in some}:
        settle(session, account_id, [row_id for row_id, owner in some if owner == account_id])


def _fold_again(session: Session, some: list[tuple[int, int]]) -> None:
    """Fold the stored search texts of activities, whose names at the time are stored nowhere else."""
    table = table_of(Change)
    texts = session.connection().execute(select(table.c.id, table.c.search).where(table.c.id.in_([row_id for row_id, _ in some])))
    for row_id, search in texts.all():
        if (folded := folding.fold(search)) != search:
            session.connection().execute(table.update().where(table.c.id == row_id).values(search=folded))


def _in_batches(model: type, work: Callable[[Session, list[tuple[int, int]]], None]) -> None:
    """Call `work` for all rows of a table, given as ids with their accounts, with a part of them in each transaction."""
    table, last = table_of(model), 0
    while True:
        with database.write_session() as session:
            rows = select(table.c.id, table.c.account_id).where(table.c.id > last).order_by(table.c.id).limit(_BATCH_ROWS)
            some = [(row.id, row.account_id) for row in session.connection().execute(rows)]
            if not some:
                return
            work(session, some)
            last = some[-1][0]
