"""Alembic's environment: `odoportal.migrations` provides the connection, and migrations contain plain SQL types only."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import BigInteger, DateTime, String

from odoportal.core.money import Money
from odoportal.migrations import object_filter


def render(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Return the plain SQL type of a column, so that a migration stays the same when the models' own types change."""
    if kind != "type":
        return False
    if isinstance(item, Money):
        return f"sa.{BigInteger.__name__}()"
    if isinstance(getattr(item, "impl", None), DateTime):
        return "sa.DateTime(timezone=True)"
    if isinstance(getattr(item, "impl", None), String):
        return f"sa.String({'' if item.length is None else f'length={item.length}'})"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=context.config.attributes.get("metadata"),
    render_item=render,
    include_object=object_filter(context.config.attributes["connection"].dialect.name),
    render_as_batch=True,
    # SQLite can roll back a schema change; Alembic assumes that it cannot.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
