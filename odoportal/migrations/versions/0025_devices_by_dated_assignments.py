"""devices by dated assignments"""

from collections import defaultdict
from datetime import date

import sqlalchemy as sa
from alembic import op

from odoportal.core.folding import fold

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

NEVER = date(9999, 12, 31)
OPEN = sa.text("held_until = '9999-12-31'")
LEFT = sa.text("held_until < '9999-12-31'")
OF_ORDER = sa.text("order_id IS NOT NULL")
INDEXES = {
    "model": ("model", "id"),
    "vehicle": ("vehicle_order", "id"),
    "agreement": ("order_number", "id"),
    "end": ("end_on", "id", "state_order"),
    "state": ("state_order", "signal_order", "id", "held_until"),
    "signal": ("signal_order", "id"),
}


def _new_columns() -> list[sa.Column]:
    return [
        sa.Column("file_state", sa.String(length=20), nullable=False, server_default=""),
        sa.Column("last_signal_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False, server_default="active"),
        sa.Column("state_order", sa.Integer(), nullable=False, server_default="2"),
        sa.Column("vehicle_order", sa.String(length=100), nullable=False, server_default=""),
        sa.Column("order_number", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("end_on", sa.Date(), nullable=False, server_default="9999-12-31"),
        sa.Column("held_until", sa.Date(), nullable=False, server_default="9999-12-31"),
        sa.Column("signal_order", sa.String(length=40), nullable=False, server_default=""),
        sa.Column("search", sa.String(), nullable=False, server_default=""),
    ]


def upgrade() -> None:
    sqlite = op.get_context().dialect.name == "sqlite"
    _create_tables()
    for column in _new_columns():
        op.add_column("device", column)
    _assign()
    op.drop_index("ix_device_order", "device")
    # SQLite has no name for the constraint; the convention gives it one while the table is rebuilt.
    with op.batch_alter_table("device", naming_convention={"uq": "uq_%(table_name)s_%(column_0_name)s"}) as batch_op:
        batch_op.drop_constraint("uq_device_serial" if sqlite else "device_serial_key", type_="unique")
        batch_op.create_unique_constraint("device_account_id_serial_key", ["account_id", "serial"])
        batch_op.drop_column("order_id")
        batch_op.drop_column("vehicle")
        for column in _new_columns():
            if column.server_default is not None:
                batch_op.alter_column(column.name, server_default=None)
    for name, columns in INDEXES.items():
        op.create_index(f"ix_device_{name}", "device", ["account_id", *columns])
    op.create_index("ix_device_left", "device", ["account_id", "held_until", "state_order"], sqlite_where=LEFT, postgresql_where=LEFT)
    op.create_index("ix_device_holder", "device", ["serial"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN)
    if sqlite:
        op.create_index("ix_device_texts", "device", ["account_id", "id", "search"])
    else:
        grams = {"search": "gin_trgm_ops"}
        op.create_index("ix_device_grams", "device", ["account_id", "search"], postgresql_using="gin", postgresql_ops=grams)
    with op.batch_alter_table("invoice_line") as batch_op:
        batch_op.add_column(sa.Column("order_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("order_line", sa.Integer(), nullable=True))
        batch_op.create_foreign_key("invoice_line_order_fkey", "orders", ["account_id", "order_id"], ["account_id", "id"])
    columns = ["account_id", "order_id", "order_line"]
    op.create_index("ix_invoice_line_order", "invoice_line", columns, sqlite_where=OF_ORDER, postgresql_where=OF_ORDER)


def _create_tables() -> None:
    op.create_table(
        "device_assignment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("device_id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=True),
        sa.Column("order_line", sa.Integer(), nullable=True),
        sa.Column("vehicle", sa.String(length=100), nullable=False),
        sa.Column("file_vehicle", sa.String(length=100), nullable=True),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["account_id", "device_id"], ["device.account_id", "device.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["account_id", "order_id"], ["orders.account_id", "orders.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("device_id", "since"),
    )
    op.create_index("ix_device_assignment_order", "device_assignment", ["account_id", "order_id"])
    op.create_table(
        "vehicle_list",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("ix_vehicle_list_account_id", "vehicle_list", ["account_id"])
    op.create_index("ix_vehicle_list_created_at", "vehicle_list", ["created_at"])


def _assign() -> None:
    """Give each device an assignment to its present account, and work out what the list sorts and searches by."""
    whole, number, words, day = sa.Integer(), sa.BigInteger(), sa.String(), sa.Date()
    device = sa.table("device", *(sa.column(name, words) for name in ("serial", "model", "vehicle")),
                      *(sa.column(name, whole) for name in ("id", "account_id", "order_id")), *_new_columns())
    orders = sa.table("orders", sa.column("id", whole), sa.column("number", words), sa.column("number_order", number),
                      sa.column("start_on", day), sa.column("end_on", day))
    account = sa.table("account", sa.column("id", whole), sa.column("created_at", sa.DateTime(timezone=True)))
    step = sa.table("fulfilment", sa.column("order_id", whole), sa.column("step", words), sa.column("done_at", words))
    assignment = sa.table("device_assignment", *(sa.column(name, whole) for name in ("account_id", "device_id", "order_id")),
                          sa.column("vehicle", words), sa.column("file_vehicle", words), sa.column("since", day))
    connection = op.get_bind()
    done: dict[int, dict[str, bool]] = defaultdict(dict)
    mine = sa.select(device.c.order_id).where(device.c.order_id.is_not(None))
    for order_id, name, is_done in connection.execute(
        sa.select(step.c.order_id, step.c.step, step.c.done_at.is_not(None)).where(step.c.order_id.in_(mine))
    ):
        done[order_id][name] = bool(is_done)
    found = sa.select(device.c.id, device.c.account_id, device.c.serial, device.c.model, device.c.vehicle, device.c.order_id,
                      orders.c.number, orders.c.number_order, orders.c.start_on, orders.c.end_on, account.c.created_at)
    found = found.select_from(device.join(account, account.c.id == device.c.account_id).outerjoin(orders, orders.c.id == device.c.order_id))
    assignments, updates = [], []
    for row in connection.execute(found).all():
        since = row.start_on or row.created_at.date()
        assignments.append({"account_id": row.account_id, "device_id": row.id, "order_id": row.order_id, "vehicle": row.vehicle,
                            "file_vehicle": row.vehicle, "since": since})
        steps = done[row.order_id] if row.order_id else {}
        active = not steps or steps.get("activated", False)
        state, place = ("active", 2) if active else ("shipping", 1) if steps.get("shipped") else ("preparing", 0)
        texts = (row.serial, row.model, row.vehicle, row.number or "", row.end_on.isoformat() if row.end_on else "")
        updates.append({"row_id": row.id, "new_state": state, "new_state_order": place, "new_vehicle_order": fold(row.vehicle)[:100],
                        "new_order_number": row.number_order or 0, "new_end_on": row.end_on or NEVER,
                        "new_search": "\n".join(dict.fromkeys(fold(text) for text in texts if text))})
    if assignments:
        connection.execute(sa.insert(assignment), assignments)
        values = {name.removeprefix("new_"): sa.bindparam(name) for name in updates[0] if name != "row_id"}
        connection.execute(sa.update(device).where(device.c.id == sa.bindparam("row_id")).values(values), updates)


def downgrade() -> None:
    raise NotImplementedError("a tracker that moved belongs to two accounts now; restore a backup")
