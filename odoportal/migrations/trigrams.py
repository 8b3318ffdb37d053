"""SQLite's trigram index of the search texts: a table beside each searched one, maintained by triggers (see `lists.search`).

It is not part of any migration, because a migration that rebuilds a table loses the table's triggers. Instead, after the migrations the
index is compared with the wanted definition, and rebuilt if it differs; a release may change it in this way. In PostgreSQL, an ordinary
index does all this.
"""

from sqlalchemy import Connection

from odoportal.lists.search import KEY_BITS

SEARCHED = ("device", "invoice", "orders")


def _wanted(table: str) -> dict[str, str]:
    """Return the wanted tables and triggers by name, in the form in which SQLite stores their SQL."""
    grams = f"{table}_grams"

    def key(row: str) -> str:
        return f"({row}.account_id << {KEY_BITS}) | {row}.id"

    add = f"INSERT INTO {grams} (rowid, search) SELECT {key('new')}, new.search WHERE new.search <> ''"
    remove = f"INSERT INTO {grams} ({grams}, rowid, search) SELECT 'delete', {key('old')}, old.search WHERE old.search <> ''"
    differs = "(old.id, old.account_id, old.search) IS NOT (new.id, new.account_id, new.search)"
    return {
        # Store neither the texts nor the positions of the trigrams: found rows are read from the table itself.
        grams: f"CREATE VIRTUAL TABLE {grams} USING fts5(search, content='', detail=none, columnsize=0, tokenize='trigram')",
        f"{grams}_added": f"CREATE TRIGGER {grams}_added AFTER INSERT ON {table} BEGIN {add}; END",
        f"{grams}_removed": f"CREATE TRIGGER {grams}_removed AFTER DELETE ON {table} BEGIN {remove}; END",
        f"{grams}_changed": (
            f"CREATE TRIGGER {grams}_changed AFTER UPDATE OF id, account_id, search ON {table} WHEN {differs} BEGIN {remove}; {add}; END"
        ),
    }


def create_or_rebuild(connection: Connection) -> None:
    """Create the trigram tables and triggers if they are missing or differ from this release's definition."""
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
