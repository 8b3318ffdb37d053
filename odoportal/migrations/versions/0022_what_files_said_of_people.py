"""what the files said of people, and their earlier emails"""

import json
import unicodedata
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

from odoportal.core.folding import strip_invisible

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

UNDO = timedelta(days=7)
OWN = ("name", "phone", "language")
INSTANT = sa.DateTime(timezone=True)
SHOWN = {
    "account": ("name",),
    "person": ("name", "phone"),
    "address": ("name", "line1", "line2", "district", "city", "province", "postal_code", "file"),
    "passkey": ("name",),
}
FORGOTTEN = ("membership", "file_role", "one_use_link")


def upgrade() -> None:
    op.create_table(
        "file_person",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("phone", sa.String(length=40), nullable=True),
        sa.Column("language", sa.String(length=2), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("person_id"),
    )
    op.create_table(
        "earlier_email",
        sa.Column("email_key", sa.String(length=254), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reserved_until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("email_key", "person_id"),
    )
    with op.batch_alter_table("earlier_email", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_earlier_email_person_id"), ["person_id"], unique=False)
    connection = op.get_bind()
    for name, columns in SHOWN.items():
        _clean(connection, name, columns)
    _end_undone_chains(connection)
    _remember(connection)


def downgrade() -> None:
    with op.batch_alter_table("earlier_email", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_earlier_email_person_id"))
    op.drop_table("earlier_email")
    op.drop_table("file_person")


def _table(name: str, *columns: str, **instants: Any) -> Any:
    return sa.table(name, *(sa.column(column) for column in columns), *(sa.column(column, INSTANT) for column in instants))


def _key(email: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", email.strip()).casefold())


def _clean(connection: sa.Connection, name: str, columns: tuple[str, ...]) -> None:
    """Take the invisible marks from what people typed, as forms and files now do."""
    table = _table(name, "id", *columns)
    for row in connection.execute(sa.select(table)).all():
        stored = row._asdict()
        clean = {column: _strip_invisible(column, stored[column]) for column in columns}
        if any(clean[column] != stored[column] for column in columns):
            connection.execute(sa.update(table).where(table.c.id == row.id).values(clean))


def _strip_invisible(column: str, text: str) -> str:
    if column == "file":
        return json.dumps({name: strip_invisible(value) for name, value in json.loads(text).items()}) if text else ""
    return strip_invisible(text)


def _end_undone_chains(connection: sa.Connection) -> None:
    """A change of email that was taken back takes those with it that were made after it: nobody can undo them any more."""
    change = _table("email_change", "id", "person_id", "confirmed_at", undone_at=1)
    undone = connection.execute(sa.select(change.c.id, change.c.person_id, change.c.undone_at).where(change.c.undone_at.is_not(None)))
    for row in undone.all():
        # Only what was confirmed before it was taken back.
        later = (change.c.person_id == row.person_id, change.c.id > row.id, change.c.confirmed_at <= row.undone_at)
        connection.execute(sa.update(change).where(*later, change.c.undone_at.is_(None)).values(undone_at=row.undone_at))


def _remember(connection: sa.Connection) -> None:
    """Note for each person what the files said last, and the emails left in the portal.

    An import wrote over everything, so that a file said what there is now; but for what the person changed since, where it is not known.
    """
    person = _table("person", "id", "email", "email_key", "password", *OWN, created_at=1)
    people = {row.id: row for row in connection.execute(sa.select(person)).all()}
    chosen, names = _chosen(connection)
    said = _table("file_person", "person_id", *OWN)
    rows = [
        {"person_id": row.id, **{name: None if chosen.get((row.id, name)) == getattr(row, name) else getattr(row, name) for name in OWN}}
        for row in people.values()
    ]
    if rows:
        connection.execute(sa.insert(said), rows)
    left = _left(connection, people, {row["person_id"]: row["name"] for row in rows})
    if left:
        earlier = _table("earlier_email", "email_key", "person_id", "email", "name", left_at=1, reserved_until=1)
        connection.execute(sa.insert(earlier), left)
    _remove_doubles(connection, people, left, names)


def _chosen(connection: sa.Connection) -> tuple[dict[tuple[int, str], str], dict[int, set[str]]]:
    """What each person last chose in the profile, by person and field; and every name that the person had there."""
    change = _table("change", "id", "subject_id", "what", "before", "after")
    found = sa.select(change.c.subject_id, change.c.before, change.c.after).where(change.c.what == "details").order_by(change.c.id)
    chosen: dict[tuple[int, str], str] = {}
    names: dict[int, set[str]] = {}
    for subject_id, before, after in connection.execute(found).all():
        was, is_ = json.loads(before), json.loads(after)
        chosen |= {(subject_id, name): strip_invisible(value) for name, value in is_.items() if name in OWN}
        names.setdefault(subject_id, set()).update(values["name"] for values in (was, is_) if "name" in values)
    return chosen, names


def _left(connection: sa.Connection, people: dict[int, Any], called: dict[int, str | None]) -> list[dict[str, Any]]:
    """The emails that each person left and did not take back, as rows."""
    asked = _table("email_change", "id", "person_id", "old_email", confirmed_at=1, undo_until=1, undone_at=1)
    known = connection.execute(sa.select(asked).where(asked.c.confirmed_at.is_not(None))).all()
    confirmed = {(row.person_id, row.confirmed_at): row for row in known}
    undone = {(row.person_id, row.undone_at): row for row in sorted(known, key=lambda row: row.id, reverse=True) if row.undone_at}
    change = _table("change", "id", "subject_id", "account_id", "what", "before", "after", at=1)
    # The rows that tell the person's accounts of it have no values.
    made = sa.select(change).where(change.c.what == "email", change.c.account_id.is_(None)).order_by(change.c.id)
    left: dict[tuple[int, str], dict[str, Any]] = {}
    for row in connection.execute(made).all():
        found = json.loads(row.before).get("email", "")
        if found and row.subject_id in people:
            if back := undone.get((row.subject_id, row.at)):
                gone = [at for at, kept in left.items() if at[0] == row.subject_id and kept["left_at"] >= back.confirmed_at]
                for at in gone:
                    del left[at]
            else:
                own = confirmed.get((row.subject_id, row.at))
                at, until = (row.subject_id, _key(found)), (own and own.undo_until) or row.at + UNDO
                fresh = {"email_key": at[1], "person_id": at[0], "email": found, "name": called[at[0]], "left_at": row.at}
                left[at] = {**left.get(at, fresh), "reserved_until": until}
    return list(left.values())


def _remove_doubles(connection: sa.Connection, people: dict[int, Any], left: list[dict[str, Any]], names: dict[int, set[str]]) -> None:
    """Remove whom an import made a second time, by an email that the person had left, and who never had a password.

    Such a double keeps the person from taking the email back, and lets the mailbox that was left in. Where anything else is known of one,
    it stays.
    """
    inspected = sa.inspect(connection)
    pointing = [
        (table, key["constrained_columns"][0])
        for table in inspected.get_table_names()
        for key in inspected.get_foreign_keys(table)
        if key["referred_table"] == "person"
    ]
    holders: dict[str, Any] = {row.email_key: row for row in people.values()}
    for values in left:
        owner, double = people[values["person_id"]], holders.get(values["email_key"])
        called = {owner.name, *names.get(owner.id, ())}
        if double is None or double.id == owner.id or double.password or double.created_at < values["left_at"] or double.name not in called:
            continue
        rows = {at: _rows(connection, *at, double.id) for at in pointing if at[0] not in {"file_person", "earlier_email"}}
        if any(count for (table, _), count in rows.items() if table not in FORGOTTEN):
            continue
        for table, column in [*pointing, ("person", "id")]:
            found = sa.table(table, sa.column(column))
            connection.execute(sa.delete(found).where(found.c[column] == double.id))


def _rows(connection: sa.Connection, table: str, column: str, person_id: int) -> int:
    found = sa.table(table, sa.column(column))
    return connection.execute(sa.select(sa.func.count()).select_from(found).where(found.c[column] == person_id)).scalar_one()
