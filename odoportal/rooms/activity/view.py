"""The view of the activity page: ready strings in the page's language and the person's formats."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlmodel import Session

from odoportal.accounts import activity_log
from odoportal.accounts.models import Change
from odoportal.core.i18n import Formats, current, t
from odoportal.core.identity import Identity
from odoportal.documents.view import TextLine, text_lines
from odoportal.lists.query import ListQuery
from odoportal.lists.view import ListTexts, ListView, list_view
from odoportal.pages.shell_view import role_labels
from odoportal.rooms.activity import service
from odoportal.rooms.activity.service import NOBODY, Group
from odoportal.rooms.addresses import postal
from odoportal.rooms.notifications.labels import kind_labels
from odoportal.rooms.notifications.models import Kind
from odoportal.settings import get_settings


@dataclass(frozen=True)
class ChangeRow:
    """A change.

    `only` is the address of the list filtered by who made the change (empty if it cannot be filtered so), `lines` are the values before
    and after, and `place` is the network address.
    """

    key: str
    when: str
    who: str
    only: str
    what: str
    about: str
    lines: list[TextLine]
    place: str


@dataclass(frozen=True)
class NoDetails:
    """The empty details of a list that opens no record."""

    title: str = ""


@dataclass(frozen=True)
class ChangesView:
    """The activity page."""

    frame: ListView = field(default_factory=ListView)
    rows: list[ChangeRow] = field(default_factory=list)
    details: NoDetails = field(default_factory=NoDetails)


def changes_view(session: Session, who: Identity, query: ListQuery, language: str, _today: date) -> ChangesView:
    """Return the view of a list query, in the current language; arguments as for `invoices_view`."""
    account_id, formats = who.account.account_id, Formats(who.region)
    found = service.find(session, account_id, query, activity_log.activity_labels())
    person = query.texts.get("person", "")
    name = staff() if person == NOBODY else service.name_of(session, account_id, person) if person else ""
    return ChangesView(
        frame=list_view(query, found.window, found.account_total, formats, _texts(language, name), found.counts),
        rows=[_row(change, found.people, query, formats) for change in found.changes],
    )


def staff() -> str:
    """Return the display name for changes made by Odotrack's staff."""
    return get_settings().company_name


def group_labels() -> dict[str, str]:
    """Return the labels of the groups in the current language."""
    return {
        Group.PEOPLE: t("People"),
        Group.SIGN_IN: t("Sign-in"),
        Group.ADDRESSES: t("Addresses"),
        Group.CARDS: t("Cards"),
        Group.ACCOUNT: t("Account"),
    }


def field_labels(what: str) -> dict[str, str]:
    """Return the labels, in the current language, of the fields that a kind of change records: for NOTICES, the kinds of notifications."""
    if what == activity_log.ActivityKind.NOTICES:
        return {**kind_labels()}
    return {
        "role": t("Role"),
        "name": t("Name"),
        "line1": t("Street"),
        "line2": t("Apartment, suite or floor"),
        "district": t("District"),
        "city": t("City"),
        "province": t("Province or region"),
        "postal_code": t("Postal code"),
        "country": t("Country"),
        "delivery": t("Delivery"),
        "billing": t("Billing"),
        "card": t("Card"),
        "expiry": t("Expires"),
        "default": t("Default"),
    }


def values_of(change: Any) -> list[str]:
    """Return the values before and after a change (or a row of its columns), one line per field.

    A line is like `Role: Read-only → Billing`; `–` stands for no value.
    """
    before, after = json.loads(change.before), json.loads(change.after)
    names, spoken = field_labels(change.what), _spoken(change.what)

    def said(name: str, values: Mapping[str, str]) -> str:
        value = values.get(name, "")
        return spoken.get(name, str)(value) if value else "–"

    shown = [name for name in dict.fromkeys((*before, *after)) if before.get(name) or after.get(name)]
    if not before:
        return [t("{field}: {value}", field=names.get(name, name), value=said(name, after)) for name in shown]
    return [
        t("{field}: {before} → {after}", field=names.get(name, name), before=said(name, before), after=said(name, after)) for name in shown
    ]


def _spoken(what: str) -> dict[str, Callable[[str], str]]:
    if what == activity_log.ActivityKind.NOTICES:
        return {kind.value: lambda _: t("Yes") for kind in Kind}
    roles, language = role_labels(), current()
    return {"role": lambda value: roles.get(value, value), "country": lambda value: postal.country_name(value, language)}


def who_of(change: Any, people: Mapping[int, str]) -> str:
    """Return the name of who made a change: a person, a mailbox, the payment provider or Odotrack."""
    if change.person_id:
        return people.get(change.person_id, "")
    if change.what in service.MAILBOXES:
        return change.about
    return t("Payment provider") if change.what == activity_log.ActivityKind.CARD_LOST else staff()


def _by(change: Change) -> str:
    """Return the value of the `person` filter for who made a change; empty if the list cannot be filtered by it."""
    if change.person_id:
        return str(change.person_id)
    return "" if change.what in service.NOBODYS else NOBODY


def about_of(change: Any, people: Mapping[int, str]) -> str:
    """Return what or whom a change is about: a name if the person is known."""
    return people.get(change.subject_id or 0, "") or change.about


def _row(change: Change, people: Mapping[int, str], query: ListQuery, formats: Formats) -> ChangeRow:
    return ChangeRow(
        key=str(change.id),
        when=formats.moment(change.at),
        who=who_of(change, people),
        only=query.url(texts={"person": by}) if (by := _by(change)) else "",
        what=activity_log.activity_labels().get(change.what, change.what),
        about=about_of(change, people),
        lines=text_lines(values_of(change)),
        place=change.address,
    )


def _texts(language: str, person: str) -> ListTexts:
    columns = [
        ("when", t("When"), False),
        ("who", t("Who"), False),
        ("what", t("What"), False),
        ("values", t("Before and after"), False),
        ("place", t("Network address"), False),
    ]
    tabs = [("", t("All changes")), *group_labels().items()]
    chips = {"person": t("by {name}", name=person) if person else t("by nobody of this account")}
    nothing = t("Nothing was changed yet")
    return ListTexts(t("Activity"), f"/{language}/profile/changes", columns, tabs, t("No change"), nothing, t("Date"), chips)
