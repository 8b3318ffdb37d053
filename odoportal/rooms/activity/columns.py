"""The list of an account's activity: its columns in the table, on cards and in files."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlmodel import Session, col, select

from odoportal.accounts.models import Change
from odoportal.core.i18n import t
from odoportal.lists import search
from odoportal.lists.list_table import FileColumn, ListColumn, ListTable, Records
from odoportal.lists.source import ListRequest
from odoportal.lists.table import CellKind
from odoportal.rooms.activity import service
from odoportal.rooms.activity.kinds import Kind, all_kinds, groups
from odoportal.rooms.activity.view import about_of, changes_view, kind_of, staff, values_of, who_of
from odoportal.ui.template import Bound, Node, each, el, link, when


def _who(row: Bound) -> Node:
    only = link(row.who, el("span", " ", t("Show only what this person did"), cls="sr"), to=row.only)
    return when(row.only, only, el("span", row.who, cls="breaks"))


def _values(row: Bound) -> Node:
    return when(row.lines, el("div", each(row.lines, lambda line: el("div", line.text)), cls="breaks small"))


def _card_top(row: Bound) -> Node:
    return el("div", el("h2", row.what), cls="table-top"), when(row.about, el("p", row.about, cls="breaks"))


@dataclass(frozen=True)
class ChangeRecord:
    """A change in a file, its kind, and the names of the people it names, by id."""

    change: Any
    kind: Kind
    people: Mapping[int, str]


def _records(session: Session, request: ListRequest) -> Records:
    kinds = all_kinds()
    where, order = service.LIST.where_and_order(request)
    found = select(Change).where(where).order_by(*order)

    def rows() -> Iterator[ChangeRecord]:
        for batch in search.batches(session, found):
            people = service.names(session, batch)
            for change in batch:
                yield ChangeRecord(change, kind_of(change, kinds), people)

    return Records(rows())


def _person_chip(session: Session, request: ListRequest) -> dict[str, str]:
    person = request.query.texts.get("person", "")
    name = staff() if person == service.STAFF else service.name_of(session, request.account_id, person) if person else ""
    return {"person": t("by {name}", name=name) if name else t("by someone outside this account")}


CHANGES = ListTable(
    path="/profile/changes",
    title=lambda: t("Activity"),
    # The groups are known once the rooms are installed, before pages are made.
    source=replace(service.LIST, states=tuple(groups())),
    view=changes_view,
    records=_records,
    default_sort="-when",
    columns=(
        ListColumn(
            "when",
            title=lambda: t("When"),
            cell=lambda row: el("th", row.when, scope="row", cls="nw"),
            sort=lambda _: col(Change.at),
            file=FileColumn(lambda record: record.change.at, key="at", kind=CellKind.MOMENT),
        ),
        ListColumn(
            "who",
            title=lambda: t("Who"),
            cell=lambda row: el("td", _who(row)),
            card=lambda row: el("p", _who(row), " · ", el("span", row.when, cls="soft")),
            card_before="place",
            file=FileColumn(lambda record: who_of(record.change, record.people, record.kind), key="by", width=24),
        ),
        ListColumn(
            "what",
            title=lambda: t("What"),
            cell=lambda row: el("td", el("b", row.what), when(row.about, el("div", row.about, cls="breaks soft"))),
            card=_card_top,
            file=FileColumn(
                lambda record: record.change.what,
                key="change",
                words=lambda: {what: kind.label for what, kind in all_kinds().items()},
                width=30,
            ),
        ),
        ListColumn("about", title=lambda: t("About"), file=FileColumn(lambda record: about_of(record.change, record.people), width=30)),
        ListColumn(
            "values",
            title=lambda: t("Before and after"),
            cell=lambda row: el("td", _values(row)),
            card=_values,
            file=FileColumn(lambda record: tuple(values_of(record.change, record.kind)), width=60),
        ),
        ListColumn(
            "place",
            title=lambda: t("Network address"),
            cell=lambda row: el("td", row.place, cls="breaks soft"),
            card=lambda row: when(row.place, el("p", row.place, cls="breaks soft small")),
            file=FileColumn(lambda record: record.change.address, key="network_address", width=20),
        ),
    ),
    labels=lambda: {what: kind.label for what, kind in all_kinds().items()},
    all=lambda: t("All changes"),
    tabs=lambda _: groups(),
    no_match=lambda: t("No change"),
    nothing=lambda _state: t("No changes yet"),
    nothing_text=lambda: t("Changes to this account appear here, with who made them and when."),
    empty_icon="clock",
    hint=lambda: t("Name, email or value"),
    dates=lambda: t("Date"),
    chips=_person_chip,
    cls="changes",
)
