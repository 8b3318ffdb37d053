"""The activity of an account: what an owner sees, and what no one sees."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from odoportal.accounts.activity_log import STAFF, ActivityKind, Actor, PeopleActivity, record
from odoportal.accounts.models import Change, Membership, Role
from odoportal.core import database, i18n
from odoportal.core.identity import Identity
from odoportal.lists.download import file_table
from odoportal.lists.query import ListQuery
from odoportal.lists.view import page_view
from odoportal.rooms.activity import service
from odoportal.rooms.activity.columns import CHANGES
from odoportal.rooms.activity.kinds import all_kinds, groups
from odoportal.rooms.activity.view import ChangesView
from odoportal.rooms.addresses import service as addresses
from odoportal.rooms.addresses.activity import AddressActivity
from odoportal.rooms.cards import service as cards
from odoportal.rooms.cards.activity import CardActivity
from odoportal.rooms.notifications.activity import NotificationActivity
from odoportal.rooms.notifications.models import NotificationKind
from odoportal.rooms.people import service as people_service
from odoportal.rooms.profile.activity import ProfileActivity
from odoportal.rooms.signin.activity import SigninActivity
from tests.making import NOON, TODAY
from tests.views import costly, plan, recorded_statements

People = dict[str, Identity]
MAILBOXES = (NotificationActivity.COPY_CONFIRMED, NotificationActivity.COPY_STOPPED, NotificationActivity.COPY_RESUMED)


def shown(who: Identity, language: str = "en", **query: str) -> ChangesView:
    with i18n.use(language), database.read_session() as session:
        return page_view(CHANGES, session, who, ListQuery.parse(CHANGES.rules, query), language, TODAY)


def note(what: ActivityKind, by: Actor = STAFF, days: int = 0, **more: object) -> None:
    with database.write_session() as session:
        record(session, what, by, NOON + timedelta(days=days), **more)  # type: ignore[arg-type]


def test_a_change_is_told_with_who_what_when_from_where_before_and_after(people: People) -> None:
    owner, billing = people["owner"], people["billing"]
    with database.write_session() as session:
        people_service.change_role(session, owner, billing.email, Role.OPERATIONS, NOON, "203.0.113.9")
    (row,) = shown(owner).rows
    assert (row.who, row.what, row.about, row.place) == ("Owner", "Role changed", "Billing", "203.0.113.9")
    assert [line.text for line in row.lines] == ["Role: Billing, then Operations"]
    assert row.when.startswith("2020-09-24 12:00")
    (french,) = shown(owner, "fr").rows
    assert (french.what, [line.text for line in french.lines]) == ("Rôle modifié", ["Rôle\u00a0: Facturation, puis Opérations"])


@pytest.mark.asvs("8.2.2")
@pytest.mark.asvs("8.4.1")
def test_another_account_s_changes_are_never_shown(people: People) -> None:
    owner, stranger = people["owner"], people["stranger"]
    note(AddressActivity.ADDED, Actor(stranger.person_id), account_id=stranger.account.account_id, about="theirs")
    note(SigninActivity.PASSWORD_CHANGED, Actor(stranger.person_id), subject_id=stranger.person_id)
    for query in ({}, {"q": "theirs"}, {"person": str(stranger.person_id)}, {"state": "sign-in"}):
        view = shown(owner, **query)
        assert (view.rows, view.frame.count) == ([], 0)
        assert "Stranger" not in repr(view)
    assert [row.about for row in shown(stranger, q="theirs").rows] == ["theirs"]


@pytest.mark.asvs("8.2.3")
def test_of_a_person_s_own_sign_in_only_that_it_was_changed_is_told(people: People) -> None:
    owner, billing = people["owner"], people["billing"]
    by = Actor(billing.person_id, "198.51.100.7")
    note(
        SigninActivity.EMAIL,
        by,
        subject_id=billing.person_id,
        before={"email": "old@private.example"},
        after={"email": "new@private.example"},
    )
    note(SigninActivity.PASSWORD_CHANGED, by, subject_id=billing.person_id)
    note(ProfileActivity.CHANGED, by, subject_id=billing.person_id, before={"phone": "1"}, after={"phone": "418 555-0142"})
    note(SigninActivity.SESSION_ENDED, by, subject_id=billing.person_id, about="Firefox at home")
    view = shown(owner)
    assert [(row.what, row.about, row.lines, row.place) for row in view.rows] == [
        ("Password changed", "Billing", [], ""),
        ("Email address changed", "Billing", [], ""),
    ]
    for private in ("private.example", "198.51.100.7", "418 555", "Firefox"):
        assert private not in repr(view)
        assert shown(owner, q=private).rows == []


def test_what_somebody_did_before_joining_is_not_told_and_what_was_told_stays(people: People) -> None:
    owner, stranger = people["owner"], people["stranger"]
    note(SigninActivity.PASSWORD_CHANGED, STAFF, subject_id=stranger.person_id)
    with database.write_session() as session:
        session.add(Membership(account_id=owner.account.account_id, person_id=stranger.person_id, role=Role.BILLING))
    assert shown(owner).rows == []
    note(SigninActivity.TWO_STEP_ON, STAFF, subject_id=stranger.person_id)
    with database.write_session() as session:
        people_service.remove(session, owner, stranger.email, NOON)
    note(SigninActivity.TWO_STEP_OFF, STAFF, subject_id=stranger.person_id)
    assert [row.what for row in shown(owner).rows] == ["Removed from the account", "Two-step sign-in turned on"]


def test_the_list_is_filtered_searched_and_paged(people: People) -> None:
    owner, billing = people["owner"], people["billing"]
    account_id = owner.account.account_id
    for n in range(12):
        note(AddressActivity.ADDED, Actor(owner.person_id), n, account_id=account_id, about=f"Dépôt {n}", after={"city": "Lévis"})
    note(
        PeopleActivity.ROLE,
        Actor(billing.person_id),
        20,
        account_id=account_id,
        about="x",
        before={"role": "owner"},
        after={"role": "billing"},
    )
    note(CardActivity.LOST, STAFF, 21, account_id=account_id, about="Visa 4242")
    first = shown(owner)
    assert (len(first.rows), first.frame.count, first.rows[0].what) == (10, 14, "Card removed by the payment provider")
    assert [(tab.key, tab.count) for tab in first.frame.tabs] == [
        ("all", "14"),
        ("people", "1"),
        ("sign-in", "0"),
        ("addresses", "12"),
        ("cards", "1"),
        ("devices", "0"),
        ("account", "0"),
    ]
    assert len(shown(owner, page="2").rows) == 4
    assert [row.about for row in shown(owner, q="levis depot 11").rows] == ["Dépôt 11"]
    assert [row.what for row in shown(owner, q="role").rows] == ["Role changed"]
    assert [row.who for row in shown(owner, person=str(billing.person_id)).rows] == ["Billing"]
    assert shown(owner, person=str(billing.person_id)).frame.chips[0].text == "by Billing"
    for odd in ("x", "99999", "1" * 40, "²"):
        assert shown(owner, person=odd).frame.empty == "no-match"
    assert [row.about for row in shown(owner, state="addresses", **{"from": "2020-09-26", "to": "2020-09-26"}).rows] == ["Dépôt 2"]
    assert shown(owner, sort="when").rows[0].about == "Dépôt 0"
    assert shown(people["billing"], q="zzz").frame.empty == "no-match"


def test_what_no_person_did_is_told_as_the_mailbox_s_the_provider_s_or_odotrack_s(people: People) -> None:
    owner = people["owner"]
    mine = owner.account.account_id
    for what in MAILBOXES:
        note(what, Actor(None, "198.51.100.7"), account_id=mine, about="accountant@example.com")
    note(CardActivity.LOST, STAFF, 1, account_id=mine, about="Visa 4242")
    note(SigninActivity.TWO_STEP_OFF, STAFF, 2, account_id=mine, subject_id=owner.person_id)
    rows = shown(owner).rows
    assert [(row.who, bool(row.only)) for row in rows] == [
        ("Odotrack inc.", True),
        ("Payment provider", False),
        *[("accountant@example.com", False)] * 3,
    ]
    staff = shown(owner, person=service.STAFF)
    assert ([row.what for row in staff.rows], len(staff.frame.chips)) == (["Two-step sign-in turned off"], 1)
    with i18n.use("en"), database.read_session() as session:
        table = file_table(CHANGES, session, owner, ListQuery.parse(CHANGES.rules, {}), "en", TODAY)
        assert [row[1] for row in table.rows] == [row.who for row in rows]


def test_the_file_has_every_page_and_no_more_than_the_list(people: People) -> None:
    owner = people["owner"]
    for n in range(12):
        note(
            AddressActivity.CHANGED,
            Actor(owner.person_id),
            n,
            account_id=owner.account.account_id,
            about=f"A{n}",
            before={"city": "x"},
            after={"city": "y"},
        )
    with i18n.use("en"), database.read_session() as session:
        table = file_table(CHANGES, session, owner, ListQuery.parse(CHANGES.rules, {}), "en", TODAY)
        rows = list(table.rows)
    assert len(rows) == 12
    assert rows[0] == (datetime(2020, 10, 5, 16, tzinfo=UTC), "Owner", "address", "A11", ("City: x, then y",), "")


def test_every_change_is_in_one_group_and_every_field_has_words(people: People) -> None:
    every = [kind for declared in ActivityKind.__subclasses__() for kind in declared]
    fields = {*addresses.FIELDS, *(purpose.value for purpose in addresses.RIGHT)}
    for language in i18n.LANGUAGES:
        with i18n.use(language):
            kinds = all_kinds()
            assert sorted(kinds) == sorted(kind.value for kind in every)
            assert all(kind.label for kind in kinds.values())
            assert {kind.group for kind in kinds.values()} == set(groups()) == set(CHANGES.rules.states)
            assert fields <= set(kinds[AddressActivity.CHANGED].fields)
            assert set(cards.logged_values(_card())) <= set(kinds[CardActivity.ADDED].fields)
            assert set(kinds[PeopleActivity.ROLE].fields) == {"role"}
            assert set(kinds[NotificationActivity.CHOICES].fields) == set(NotificationKind)
            assert {kinds[kind].group for kind in every if kind.for_owners} == {"sign-in"}


def test_a_card_is_no_choice_of_notices(people: People) -> None:
    owner = people["owner"]
    mine: dict[str, Any] = {"account_id": owner.account.account_id}
    note(CardActivity.ADDED, Actor(owner.person_id), **mine, about="Visa 4242", after={"card": "Visa 4242", "expiry": "2031-04"})
    note(NotificationActivity.CHOICES, Actor(owner.person_id), 1, **mine, before={"card": "1"}, after={"card": ""})
    chosen, added = ([line.text for line in row.lines] for row in shown(owner).rows)
    assert added == ["Card: Visa 4242", "Expires: 2031-04"]
    assert chosen == ["Cards that expire soon: Yes, then –"]


def _card() -> cards.Card:
    return cards.Card(
        account_id=1, provider="sandbox", token="t", brand="visa", last4="4242", exp_month=4, exp_year=2031, added_at=NOON, known_at=NOON
    )


@pytest.mark.parametrize(
    "query",
    [{}, {"person": "1"}, {"state": "people"}, {"from": "2020-01-01", "to": "2020-12-31"}, {"q": "depot"}, {"page": "3", "sort": "when"}],
)
def test_no_page_reads_more_than_the_account_s_rows_or_sorts_them(people: People, query: dict[str, str]) -> None:
    engine = database.engine()
    if engine.dialect.name != "sqlite":
        pytest.skip("the plans are SQLite's")
    with recorded_statements(engine) as ran:
        shown(people["owner"], **query)
    about = [one for one in ran if " change" in one[0]]
    assert len(about) in {2, 3, 4}
    with engine.connect() as connection:
        assert [step for one in about for step in costly(plan(connection, one)) if "GROUP BY" not in step] == []


def test_a_change_and_what_the_accounts_are_told_of_it_are_one_transaction(people: People) -> None:
    billing = people["billing"]

    def fail(session: Session) -> None:
        record(session, SigninActivity.PASSWORD_CHANGED, Actor(billing.person_id), NOON, subject_id=billing.person_id)
        session.flush()
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError), database.write_session() as session:
        fail(session)
    with database.read_session() as session:
        assert session.exec(select(Change)).all() == []
