"""Bulk reads and writes: rows are read by key in a few statements, compared, and written only where they differ."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, Table, bindparam, select
from sqlmodel import Session

# A statement takes at most 32,766 values in SQLite and 65,535 in PostgreSQL.
CHUNK = 5000
Key = tuple[Any, ...]
Values = dict[str, Any]


def table_of(model: Any) -> Table:
    """Return the table of a model."""
    return model.__table__


def chunks(values: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield the values in lists short enough for one statement."""
    ordered = list(values)
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start : start + CHUNK]


def fetch(session: Session, model: Any, column: str, values: Collection[Any]) -> list[Any]:
    """Return the rows whose column has one of the values."""
    table = table_of(model)
    return [row for some in chunks(values) for row in session.connection().execute(select(*table.c).where(table.c[column].in_(some)))]


def by_key(rows: Iterable[Row[Any]], key: Sequence[str]) -> dict[Key, Row[Any]]:
    """Return the rows by the values of their key columns."""
    return {tuple(getattr(row, name) for name in key): row for row in rows}


def differs(row: Row[Any], values: Values) -> bool:
    """Return whether a row differs from the values."""
    return any(getattr(row, name) != value for name, value in values.items())


def news(said: Mapping[str, Any] | None, states: Values) -> Values:
    """Return the values, by column, in which a file differs from what it said last time.

    Only these may overwrite what a customer changed in the portal.

    Args:
        said: the file's previous values, by column; None if no file has had this row before. A column that is missing or None is
            unknown, and never counts as a difference.
        states: the file's present values.
    """
    if said is None:
        return dict(states)
    return {name: value for name, value in states.items() if said.get(name) is not None and said[name] != value}


@dataclass
class Outcome:
    """The result of `keep`, by key. `ids` has the id of every wanted key if the table has ids."""

    new: set[Key] = field(default_factory=set[Key])
    changed: set[Key] = field(default_factory=set[Key])
    removed: set[Key] = field(default_factory=set[Key])
    same: int = 0
    ids: dict[Key, int] = field(default_factory=dict[Key, int])

    @property
    def touched(self) -> set[Key]:
        """Every key that was inserted, changed or removed."""
        return self.new | self.changed | self.removed


def keep(
    session: Session,
    model: Any,
    key: Sequence[str],
    existing: Mapping[Key, Row[Any]],
    wanted: Mapping[Key, Values],
    fresh: Values,
    *,
    dry: bool = False,
    ids: bool = True,
) -> Outcome:
    """Insert the wanted rows that are new, update those that differ, and leave the others alone.

    Args:
        session: a writing session; the caller commits.
        model: the table's model.
        key: the columns that identify a row.
        existing: the stored rows, by key.
        wanted: the wanted values, by key. All have the same columns, including the key's; other columns keep their values.
        fresh: additional values for new rows only.
        dry: compare only and write nothing; new rows then have no ids.
        ids: whether the ids of new rows are needed; without them, inserting is faster.
    """
    table, outcome = table_of(model), Outcome()
    with_id = "id" in table.c
    inserts: list[Values] = []
    updates: list[Values] = []
    for at, values in wanted.items():
        row = existing.get(at)
        if row is None:
            outcome.new.add(at)
            inserts.append({**fresh, **values})
            continue
        if with_id:
            outcome.ids[at] = row.id
        if not differs(row, values):
            outcome.same += 1
        else:
            outcome.changed.add(at)
            updates.append(_bound(key, at) | {f"new_{name}": value for name, value in values.items()})
    if dry:
        return outcome
    if updates:
        set_to = {name.removeprefix("new_"): bindparam(name) for name in updates[0] if name.startswith("new_")}
        session.connection().execute(table.update().where(*_same(table, key)).values(set_to), updates)
    if inserts:
        outcome.ids |= _insert(session, table, key, inserts, ids and with_id)
    return outcome


def drop(session: Session, model: Any, key: Sequence[str], gone: Collection[Key]) -> None:
    """Delete rows by key."""
    if gone:
        table = table_of(model)
        session.connection().execute(table.delete().where(*_same(table, key)), [_bound(key, at) for at in gone])


def _bound(key: Sequence[str], at: Key) -> Values:
    return {f"key_{name}": value for name, value in zip(key, at, strict=True)}


def _same(table: Table, key: Sequence[str]) -> list[Any]:
    return [table.c[name] == bindparam(f"key_{name}") for name in key]


def _insert(session: Session, table: Table, key: Sequence[str], rows: list[Values], ids: bool) -> dict[Key, int]:
    if not ids:
        session.connection().execute(table.insert(), rows)
        return {}
    columns = [table.c[name] for name in key]
    made = session.connection().execute(table.insert().returning(table.c.id, *columns), rows)
    return {tuple(row[1:]): row[0] for row in made}
