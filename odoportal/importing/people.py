"""Importing people and their roles.

A row identifies a person by email. A person who changed the email in the portal is still found by an earlier one as long as the files use
it, so that the import does not create a second person for the old mailbox. What the person changed in the portal is kept until the file
says something other than last time.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from odoportal.accounts import access_loss
from odoportal.accounts.activity_log import STAFF
from odoportal.accounts.models import EarlierEmail, FilePerson, Membership, Person
from odoportal.accounts.service import email_key
from odoportal.core.i18n import region_of
from odoportal.importing.bulk import Key, Values, by_key, changed_values, fetch
from odoportal.importing.reader import Line
from odoportal.importing.run import Run
from odoportal.importing.schemas import PersonRecord
from odoportal.pages import room
from odoportal.rooms.people.models import FileRole

NAME = "people.csv"
OWN = ("name", "phone", "language")


class Row(NamedTuple):
    """The part of a row of people.csv that identifies a person: the account's number, the email and the name."""

    account: str
    email: str
    name: str


@dataclass
class KnownPeople:
    """The people whom some emails may mean.

    `people` has their rows by id, and `file_values` what the files last said of them, by id. `holders` has the id by the key of the
    present email. `earlier` has the `EarlierEmail` rows by key, and `earlier_by_person` the same rows by person and key. `looked_up` are
    the keys looked up so far.
    """

    people: dict[int, Any] = field(default_factory=dict[int, Any])
    holders: dict[str, int] = field(default_factory=dict[str, int])
    earlier: dict[str, list[Any]] = field(default_factory=lambda: defaultdict[str, list[Any]](list))
    earlier_by_person: dict[int, dict[str, Any]] = field(default_factory=lambda: defaultdict[int, dict[str, Any]](dict))
    file_values: dict[int, Values] = field(default_factory=dict[int, Values])
    looked_up: set[str] = field(default_factory=set[str])

    def name_in_files(self, person_id: int) -> str | None:
        """Return the name that the files last gave a person; None if it is unknown."""
        return self.file_values[person_id]["name"] if person_id in self.file_values else self.people[person_id].name

    def keys_of(self, person_id: int) -> list[str]:
        """Return the keys of a person's emails: the present one, then the earlier ones from latest to oldest."""
        latest = sorted(self.earlier_by_person[person_id].values(), key=lambda row: row.reserved_until, reverse=True)
        return list(dict.fromkeys([self.people[person_id].email_key, *(row.email_key for row in latest)]))


class SimilarEmail(ValueError):
    """An email that folds to the same key as another mailbox; the message is the other email."""


class AmbiguousPerson(LookupError):
    """An email that another person had earlier, with another name: it is unclear whom the row means. `person` may be the one."""

    def __init__(self, person: Any) -> None:
        super().__init__(person.email)
        self.person = person


def _look_up(run: Run, known: KnownPeople, keys: Collection[str]) -> None:
    """Look up who has or had some emails, in a few statements for any number."""
    keys = set(keys) - known.looked_up
    known.looked_up |= keys
    # Read the present emails first: an email that is changed meanwhile is then found either here or among the earlier ones.
    people = fetch(run.session, Person, "email_key", keys)
    earlier = fetch(run.session, EarlierEmail, "email_key", keys)
    people += fetch(run.session, Person, "id", {row.person_id for row in earlier})
    fresh = {row.id: row for row in people if row.id not in known.people}
    known.people |= fresh
    for row in people:
        known.holders[row.email_key] = row.id
    for row in [*earlier, *fetch(run.session, EarlierEmail, "person_id", fresh)]:
        if row.email_key not in known.earlier_by_person[row.person_id]:
            known.earlier_by_person[row.person_id][row.email_key] = row
            known.earlier[row.email_key].append(row)
    file_rows = fetch(run.session, FilePerson, "person_id", fresh)
    known.file_values |= {row.person_id: {name: getattr(row, name) for name in OWN} for row in file_rows}


def _match(known: KnownPeople, row: Row) -> int | None:
    """Return the id of the person whom a row means; None for a new person.

    Raises:
        SimilarEmail: if the email folds to the key of another mailbox.
        AmbiguousPerson: if several people may be meant, or one with another name.
    """
    key, lower = email_key(row.email), row.email.lower()
    holder = known.holders.get(key)
    # `straße@` and `strasse@` have the same key but are two mailboxes: one must never get the other's access.
    if holder is not None and known.people[holder].email.lower() != lower:
        raise SimilarEmail(known.people[holder].email)
    left = [held for held in known.earlier.get(key, []) if held.person_id != holder]
    earlier = [held for held in left if held.email.lower() == lower]
    if not earlier:
        if left and holder is None:
            raise SimilarEmail(left[0].email)
        return holder
    # If one person left the mailbox and another has it now, the name in the file decides who is meant.
    names = ({holder: known.name_in_files(holder)} if holder is not None else {}) | {held.person_id: held.name for held in earlier}
    named = [found for found, name in names.items() if name in {row.name, None}]
    if len(named) == 1:
        return named[0]
    if holder is not None and not named:
        return holder
    raise AmbiguousPerson(known.people[(named or list(names))[-1]])


def _chosen_rows(run: Run, known: KnownPeople, rows: Sequence[tuple[Row, int | None]]) -> tuple[dict[int, str], dict[tuple[int, str], str]]:
    """Find the rows that count for people whom the import names by several emails: the present email's, else that of the email left last.

    Returns:
        The key of the email whose row gives the person's own data, by person, and of the one that gives the role, by person and account.
    """
    ids = {found for _, found in rows if found is not None}
    several = {found: keys for found in ids & known.earlier_by_person.keys() if len(keys := known.keys_of(found)) > 1}
    all_keys = {key for keys in several.values() for key in keys}
    if not all_keys:
        return {}, {}
    others = {Row(*other) for other in run.pending.people(all_keys)}
    _look_up(run, known, all_keys)
    mentions: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for row, found in rows:
        if found is not None:
            mentions[found].add((email_key(row.email), row.account))
    for other in others:
        try:
            found = _match(known, other)
        except (SimilarEmail, AmbiguousPerson):
            continue
        if found is not None:
            mentions[found].add((email_key(other.email), other.account))
    first: dict[int, str] = {}
    here: dict[tuple[int, str], str] = {}
    for found, keys in several.items():
        for key, account in sorted(mentions[found], key=lambda at: keys.index(at[0])):
            first.setdefault(found, key)
            here.setdefault((found, account), key)
    return first, here


def import_people(run: Run) -> None:
    """Import people and their role in each account, matched by a present or earlier email in any case.

    Password and region are kept.
    """
    lines = run.lines(NAME, PersonRecord)
    run.look_up("account", {line.row.account for line in lines})
    known = KnownPeople()
    _look_up(run, known, {email_key(line.row.email) for line in lines})
    good: list[tuple[Line[PersonRecord], int, int | None]] = []
    for line, account in _unique_rows(run, lines):
        try:
            good.append((line, account, _match(known, _row(line.row))))
        except SimilarEmail as close:
            run.refuse(NAME, line.at, "email", f"{line.row.email} is too similar to {close}, which belongs to another person")
        except AmbiguousPerson as doubt:
            run.count(NAME, new=False, changed=False)
            had, now = f"{line.row.email} was the email of {doubt.person.name}", f"who now has {doubt.person.email}"
            what = f"use that email if {line.row.name} is the same person, otherwise `odoportal user invite`"
            run.report.remark(f"{NAME}, line {line.at}: skipped: {had}, {now}; {what}")
    first, here = _chosen_rows(run, known, [(_row(line.row), found) for line, _, found in good])
    own: dict[int | str, PersonRecord] = {}
    roles: dict[tuple[int, int | str], str] = {}
    for line, account, found in good:
        key, who = email_key(line.row.email), email_key(line.row.email) if found is None else found
        if found is not None:
            run.report.files[NAME].earlier += key != known.people[found].email_key
        if found is None or first.get(found, key) == key:
            own.setdefault(who, line.row)
        if found is None or here.get((found, line.row.account), key) == key:
            roles[account, who] = line.row.role
        else:
            run.count(NAME, new=False, changed=False)
    _write_people(run, known, own, roles)
    _write_missing_names(run, known, [(line.row, found) for line, _, found in good if found is not None])


def _row(row: PersonRecord) -> Row:
    return Row(row.account, row.email, row.name)


def _unique_rows(run: Run, lines: list[Line[PersonRecord]]) -> Iterable[tuple[Line[PersonRecord], int]]:
    """Yield the rows with the ids of their accounts; rows that contradict or repeat another one are refused."""
    people: dict[str, Line[PersonRecord]] = {}
    places: dict[tuple[int, str], Line[PersonRecord]] = {}
    for line in lines:
        account = run.find("account", line.row.account, (NAME, line.at, "account"))
        if account is None:
            continue
        key = email_key(line.row.email)
        first = people.setdefault(key, line)
        column = next((name for name in OWN if getattr(first.row, name) != getattr(line.row, name)), "")
        if column:
            run.refuse(NAME, line.at, column, f"differs from line {first.at}, which is about the same person")
        elif (again := places.setdefault((account.id, key), line)) is not line:
            run.refuse(NAME, line.at, "email", f"repeats line {again.at}")
        else:
            yield line, account.id


def _write_people(run: Run, known: KnownPeople, own: dict[int | str, PersonRecord], roles: dict[tuple[int, int | str], str]) -> None:
    """Write people and roles. A stored person is identified by id, a new one by the key of the email."""
    existing: dict[Key, Any] = {(row.email_key,): row for row in known.people.values()}
    wanted: dict[Key, Values] = {}
    file_values: dict[str, Values] = {}
    for who, row in own.items():
        stated: Values = {"name": row.name, **({"phone": row.phone} if "phone" in row.model_fields_set else {})}
        stated |= {"language": row.language} if row.language else {}
        if isinstance(who, str):
            language = row.language or "fr"
            values = {"email_key": who, "email": row.email, "name": row.name, "language": language, "phone": row.phone}
            wanted[who,] = values | {"region": region_of(language)}
            file_values[who] = {name: values[name] for name in OWN}
        else:
            held, before = known.people[who], known.file_values.get(who)
            kept = {name: getattr(held, name) for name in ("email_key", "email", *OWN, "region")}
            wanted[held.email_key,] = kept | changed_values(before, stated)
            file_values[held.email_key] = (before or {name: kept[name] for name in OWN}) | stated
    outcome = run.upsert(Person, ("email_key",), existing, wanted, {"created_at": run.now, "password": ""})
    ids: dict[int | str, int] = {key: found for (key,), found in outcome.ids.items()}
    _write_file_values(run, {ids[key]: values for key, values in file_values.items()})
    members = {(account, who if isinstance(who, int) else ids[who]): role for (account, who), role in roles.items()}
    _write_memberships(run, members, {ids[key] for (key,) in outcome.new}, {ids[key] for (key,) in outcome.changed})


def _write_file_values(run: Run, file_values: dict[int, Values]) -> None:
    key = ("person_id",)
    wanted: dict[Key, Values] = {(found,): {"person_id": found, **values} for found, values in file_values.items()}
    run.upsert(FilePerson, key, by_key(fetch(run.session, FilePerson, "person_id", file_values.keys()), key), wanted, {}, ids=False)


def _write_missing_names(run: Run, known: KnownPeople, rows: Iterable[tuple[PersonRecord, int]]) -> None:
    """Store the files' name of a person with an earlier email if that name was unknown."""
    existing: dict[Key, Any] = {(key, found): row for found, rows in known.earlier_by_person.items() for key, row in rows.items()}
    named = {(email_key(row.email), found): row.name for row, found in rows}
    wanted = {at: {"name": name} for at, name in named.items() if at in existing and existing[at].name is None}
    run.upsert(EarlierEmail, ("email_key", "person_id"), existing, wanted, {}, ids=False)


def _write_memberships(run: Run, members: dict[tuple[int, int], str], new_people: set[int], changed_people: set[int]) -> None:
    key, ids = ("account_id", "person_id"), {at[1] for at in members}
    wanted: dict[Key, Values] = {at: {"account_id": at[0], "person_id": at[1], "role": role} for at, role in members.items()}
    file_roles = by_key(fetch(run.session, FileRole, "person_id", ids), key)
    run.upsert(FileRole, key, file_roles, wanted, {}, ids=False)
    # A role that an owner changed or removed in the portal is kept as long as the file says the same.
    fresh = {
        at: values for at, values in wanted.items() if changed_values({"role": file_roles[at].role} if at in file_roles else None, values)
    }
    existing = by_key(fetch(run.session, Membership, "person_id", ids), key)
    outcome = run.upsert(Membership, key, existing, fresh, {}, ids=False)
    for at in sorted(outcome.changed) if not run.dry else ():
        if access_loss.loses(existing[at].role, fresh[at]["role"]):
            room.revoke(run.session, access_loss.AccessLoss(at[0], at[1], STAFF, role=fresh[at]["role"]), run.now)
    for at in members:
        run.count(NAME, at in outcome.new, at in outcome.changed or at[1] in changed_people)
        if at[1] in new_people:
            run.new_people.setdefault(at[1], at[0])
