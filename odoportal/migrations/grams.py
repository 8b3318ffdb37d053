"""SQLite's trigrams of the search texts: a table beside each searched one, kept by triggers, whoever writes (see `foundation.finding`).

It is no part of any step: a step that rebuilds a table loses the table's triggers. So after the steps all of it is looked at, and
made anew where it is not as it should be; a release may change it just so. In PostgreSQL an index does all this.
"""

from sqlalchemy import Connection

from odoportal.lists.search import KEY_BITS

SEARCHED = ("invoice", "orders")


def _wanted(table: str) -> dict[str, str]:
    """What there must be, by name, in the words in which SQLite remembers it."""
    grams = f"{table}_grams"

    def key(row: str) -> str:
        return f"({row}.account_id << {KEY_BITS}) | {row}.id"

    add = f"INSERT INTO {grams} (rowid, search) SELECT {key('new')}, new.search WHERE new.search <> ''"
    remove = f"INSERT INTO {grams} ({grams}, rowid, search) SELECT 'delete', {key('old')}, old.search WHERE old.search <> ''"
    differs = "(old.id, old.account_id, old.search) IS NOT (new.id, new.account_id, new.search)"
    return {
        # No copy of the texts and no places of the words in them: what is found is looked up in the table itself.
        grams: f"CREATE VIRTUAL TABLE {grams} USING fts5(search, content='', detail=none, columnsize=0, tokenize='trigram')",
        f"{grams}_added": f"CREATE TRIGGER {grams}_added AFTER INSERT ON {table} BEGIN {add}; END",
        f"{grams}_removed": f"CREATE TRIGGER {grams}_removed AFTER DELETE ON {table} BEGIN {remove}; END",
        f"{grams}_changed": (
            f"CREATE TRIGGER {grams}_changed AFTER UPDATE OF id, account_id, search ON {table} WHEN {differs} BEGIN {remove}; {add}; END"
        ),
    }


def bring_up(connection: Connection) -> None:
    """Make the trigrams where they are not there, or not as this release wants them."""
    if connection.dialect.name != "sqlite":
        return
    for table in SEARCHED:
        wanted = _wanted(table)
        names = ", ".join(f"'{name}'" for name in wanted)
        found = connection.exec_driver_sql(f"SELECT name, sql FROM sqlite_master WHERE name IN ({names})")  # noqa: S608
        if dict(tuple(row) for row in found) == wanted:
            continue
        for name, made in wanted.items():
            connection.exec_driver_sql(f"DROP {'TRIGGER' if made.startswith('CREATE TRIGGER') else 'TABLE'} IF EXISTS {name}")
        for made in wanted.values():
            connection.exec_driver_sql(made)
        rows = f"SELECT (account_id << {KEY_BITS}) | id AS key, search FROM {table} WHERE search <> '' ORDER BY key"  # noqa: S608
        connection.exec_driver_sql(f"INSERT INTO {table}_grams (rowid, search) {rows}")
