"""The activity of an account as a file: all pages of a list query."""

from collections.abc import Iterator, Sequence
from datetime import date

from sqlmodel import Session, select

from odoportal.accounts.models import Change
from odoportal.core import clock
from odoportal.core.i18n import t
from odoportal.core.identity import Identity
from odoportal.lists import download, search
from odoportal.lists.query import ListQuery
from odoportal.lists.table import Cell, Column, Table
from odoportal.rooms.activity import service
from odoportal.rooms.activity.kinds import all_kinds
from odoportal.rooms.activity.view import about_of, kind_of, values_of, who_of


def changes_table(session: Session, who: Identity, query: ListQuery, _language: str, _today: date) -> Table:
    """Return the changes on all pages of a list query, in its order; arguments as for `changes_view`."""
    kinds = all_kinds()
    where, order = service.where_and_order(who.account.account_id, query, kinds)
    found = select(Change).where(where).order_by(*order)
    columns = [
        Column("at", t("When"), width=24),
        Column("by", t("Who"), width=24),
        Column("change", t("What"), words={what: kind.label for what, kind in kinds.items()}, width=30),
        Column("about", t("About"), width=30),
        Column("values", t("Before and after"), width=60),
        Column("network_address", t("Network address"), width=20),
    ]

    def rows() -> Iterator[Sequence[Cell]]:
        for batch in search.batches(session, found):
            people = service.names(session, batch)
            for change in batch:
                at = clock.to_local(change.at).isoformat(timespec="seconds")
                kind = kind_of(change, kinds)
                values = tuple(values_of(change, kind))
                yield at, who_of(change, people, kind), change.what, about_of(change, people), values, change.address

    return Table(t("Activity"), columns, rows())


ROUTES = download.routes("/profile/changes", service.rules(), lambda: t("Activity"), changes_table)
