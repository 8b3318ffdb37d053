"""Cards on file: at most one default, no access to other accounts' cards, and an activity row for every change."""

import json
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from odoportal.accounts.models import Change, Membership, Person, Role
from odoportal.core import database, i18n
from odoportal.core.identity import Identity, NotAllowed
from odoportal.rooms.cards import service
from odoportal.rooms.cards.labels import NO_RIGHT, reason_labels
from odoportal.rooms.cards.models import Card, CardSetup, SetupState
from odoportal.rooms.cards.provider import CardFacts, SetupResult, StartedSetup
from tests.making import NOON, TODAY
from tests.rooms.cards.conftest import someone

BOX = "sandbox"


def put(session: Session, who: Identity, token: str, *, default: bool = False, year: int = 2030, age: int = 0, provider: str = BOX) -> int:
    card = Card(
        account_id=who.account.account_id,
        provider=provider,
        token=token,
        brand="visa",
        last4=f"{len(token):04}",
        exp_month=12,
        exp_year=year,
        is_default=default,
        added_at=NOON - timedelta(days=age),
        known_at=NOON - timedelta(days=age),
    )
    session.add(card)
    session.flush()
    assert card.id is not None
    return card.id


def tokens(session: Session, who: Identity) -> list[str]:
    return [card.token for card in service.cards(session, who.account.account_id, BOX)]


def defaults(session: Session, who: Identity) -> list[str]:
    return [card.token for card in service.cards(session, who.account.account_id, BOX) if card.is_default]


def prefer(session: Session, who: Identity, card_id: int) -> Card:
    return service.make_default(session, who, BOX, card_id, "203.0.113.5", NOON, TODAY)


def remove(session: Session, who: Identity, card_id: int) -> Card:
    return service.remove(session, who, BOX, card_id, "203.0.113.5", NOON, TODAY)


def changes(session: Session) -> list[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    return [(c.what, c.about, json.loads(c.before), json.loads(c.after)) for c in session.exec(select(Change).order_by("id"))]


def test_the_default_comes_first_then_the_newest(alpha: Identity) -> None:
    with database.write_session() as session:
        put(session, alpha, "old", age=9)
        put(session, alpha, "default", age=5, default=True)
        put(session, alpha, "new", age=1)
        put(session, alpha, "live", default=True, provider="stripe")
        assert tokens(session, alpha) == ["default", "new", "old"]


def test_there_is_one_default(alpha: Identity, beta: Identity) -> None:
    with database.write_session() as session:
        put(session, alpha, "first", default=True)
        second = put(session, alpha, "second")
        put(session, beta, "theirs", default=True)
        put(session, alpha, "live", default=True, provider="stripe")
        prefer(session, alpha, second)
        prefer(session, alpha, second)
        assert defaults(session, alpha) == ["second"]
        assert defaults(session, beta) == ["theirs"]
        assert session.exec(select(Card.is_default).where(Card.token == "live")).one()
        assert changes(session) == [
            ("card_default", "Visa •••• 0006", {"default": "Visa •••• 0005"}, {"default": "Visa •••• 0006"}),
        ]


def test_the_database_itself_refuses_two_defaults(alpha: Identity) -> None:
    with pytest.raises(IntegrityError), database.write_session() as session:
        put(session, alpha, "first", default=True)
        put(session, alpha, "second", default=True)


def test_a_card_that_is_over_cannot_be_the_default(alpha: Identity) -> None:
    with database.write_session() as session:
        over = put(session, alpha, "over", year=2019)
        with pytest.raises(service.CardExpired):
            prefer(session, alpha, over)


@pytest.mark.asvs("8.2.2")
@pytest.mark.case("A-61")
def test_another_accounts_card_does_not_exist(alpha: Identity, beta: Identity) -> None:
    with database.write_session() as session:
        theirs = put(session, beta, "theirs", default=True)
        for change in (prefer, remove):
            with pytest.raises(service.NoSuchCard):
                change(session, alpha, theirs)
        assert defaults(session, beta) == ["theirs"]
        assert changes(session) == []


@pytest.mark.parametrize("role", [Role.OPERATIONS, Role.READ_ONLY])
@pytest.mark.asvs("8.3.1")
def test_who_may_only_look_changes_nothing(role: Role) -> None:
    who = someone("1003", role=role)
    with database.write_session() as session:
        mine = put(session, who, "mine")
        for change in (prefer, remove):
            with pytest.raises(NotAllowed):
                change(session, who, mine)
        with pytest.raises(NotAllowed):
            service.begin(session, who, BOX, "1" * 32, "", NOON)
        assert tokens(session, who) == ["mine"]


def test_after_the_default_the_newest_that_is_not_over_is_it(alpha: Identity) -> None:
    with database.write_session() as session:
        put(session, alpha, "over", year=2019)
        put(session, alpha, "good", age=3)
        gone = put(session, alpha, "default", age=5, default=True)
        remove(session, alpha, gone)
        assert defaults(session, alpha) == ["good"]
        with pytest.raises(service.NoSuchCard):
            remove(session, alpha, gone)
        assert changes(session) == [
            (
                "card_removed",
                "Visa •••• 0007",
                {"card": "Visa •••• 0007", "expiry": "2030-12", "default": "Visa •••• 0007"},
                {"default": "Visa •••• 0004"},
            ),
        ]


def test_where_every_other_card_is_over_none_is_the_default(alpha: Identity) -> None:
    with database.write_session() as session:
        put(session, alpha, "over", year=2019)
        remove(session, alpha, put(session, alpha, "default", default=True))
        assert defaults(session, alpha) == []


def test_the_last_card_can_be_removed_and_one_that_is_no_default_takes_nothing_along(alpha: Identity) -> None:
    with database.write_session() as session:
        put(session, alpha, "first", default=True)
        remove(session, alpha, put(session, alpha, "second"))
        assert defaults(session, alpha) == ["first"]
        remove(session, alpha, service.cards(session, alpha.account.account_id, BOX)[0].id or 0)
        assert tokens(session, alpha) == []


@pytest.mark.parametrize(
    ("month", "year", "last"), [(12, 2026, date(2026, 12, 31)), (2, 2028, date(2028, 2, 29)), (1, 2027, date(2027, 1, 31))]
)
def test_a_card_is_good_until_the_end_of_its_month(month: int, year: int, last: date) -> None:
    card = Card(
        account_id=1, provider="x", token="x", brand="visa", last4="0000", exp_month=month, exp_year=year, added_at=NOON, known_at=NOON
    )
    assert service.last_day(card) == last


def begun(session: Session, who: Identity, once: str, age: timedelta = timedelta()) -> CardSetup:
    made = service.begin(session, who, BOX, once, "203.0.113.5", NOON - age)
    service.store_started(session, made.key, StartedSetup("cus_1", f"set_{once}", "https://provider.example"))
    return made


def done(token: str) -> SetupResult:
    return SetupResult(SetupState.DONE, CardFacts(token, "visa", "4242", 4, 2031))


def test_a_new_card_is_the_default_where_the_one_before_is_over(alpha: Identity) -> None:
    with database.write_session() as session:
        put(session, alpha, "over", year=2019, default=True)
        service.settle(session, begun(session, alpha, "1").key, done("new"), NOON, TODAY)
        service.settle(session, begun(session, alpha, "2").key, done("newer"), NOON, TODAY)
        assert defaults(session, alpha) == ["new"]
        assert [(what, about) for what, about, _, _ in changes(session)] == [("card_added", "Visa •••• 4242")] * 2


def test_what_is_settled_stays_as_it_is(alpha: Identity) -> None:
    with database.write_session() as session:
        key = begun(session, alpha, "1").key
        service.settle(session, key, SetupResult(SetupState.OPEN), NOON, TODAY)
        service.settle(session, key, done("card"), NOON, TODAY)
        for late in (
            SetupResult(SetupState.DECLINED, reason="card_declined"),
            SetupResult(SetupState.OPEN),
            SetupResult(SetupState.GIVEN_UP),
            done("other"),
        ):
            assert service.settle(session, key, late, NOON, TODAY).state == SetupState.DONE
        assert tokens(session, alpha) == ["card"]


@pytest.mark.asvs("2.3.4")
def test_the_same_form_is_the_same_setup(alpha: Identity, beta: Identity) -> None:
    with database.write_session() as session:
        first = begun(session, alpha, "a" * 32)
        assert begun(session, alpha, "a" * 32).id == first.id
        assert begun(session, alpha, "b" * 32).id != first.id
        assert begun(session, beta, "a" * 31 + "!").id != first.id


@pytest.mark.asvs("2.4.1")
@pytest.mark.case("A-99")
def test_twenty_a_day_and_twenty_on_file_are_enough(alpha: Identity, beta: Identity) -> None:
    with database.write_session() as session:
        for n in range(service.MOST_A_DAY):
            begun(session, alpha, f"{n}")
        with pytest.raises(service.TooManyCards):
            begun(session, alpha, "one more")
        assert begun(session, alpha, "3")
        begun(session, beta, "another's")
        assert service.begin(session, alpha, BOX, "tomorrow", "", NOON + timedelta(days=1))
        for n in range(service.MOST_CARDS):
            put(session, beta, f"card {n}")
        with pytest.raises(service.TooManyCards):
            begun(session, beta, "the next")


def test_an_open_setup_is_asked_about_ever_more_seldom_for_a_day(alpha: Identity) -> None:
    with database.write_session() as session:
        key, at = begun(session, alpha, "1").key, NOON
        asked: list[datetime] = []
        while at < NOON + timedelta(hours=30):
            if service.due_setups(session, BOX, at):
                asked.append(at)
                service.settle(session, key, SetupResult(SetupState.OPEN), at, TODAY)
            at += timedelta(minutes=1)
        assert 40 < len(asked) < 120
        assert timedelta(hours=20) < asked[-1] - NOON < service.POLL_FOR
        assert service.purge_expired(session, at) == 0
        session.expire_all()
        assert session.exec(select(CardSetup.state)).one() == SetupState.GIVEN_UP
        assert service.purge_expired(session, NOON + service.KEEP_SETUPS) == 1


def test_an_answer_of_the_provider_that_is_older_than_what_is_known_is_dropped(alpha: Identity) -> None:
    facts = CardFacts("card", "visa", "4242", 4, 2031)
    with database.write_session() as session:
        put(session, alpha, "card", default=True)
        later = NOON + timedelta(seconds=5)
        service.refresh(session, BOX, "card", facts, later, TODAY)
        service.refresh(session, BOX, "card", CardFacts("card", "visa", "4242", 4, 2021), NOON, TODAY)
        service.refresh(session, BOX, "card", None, NOON, TODAY)
        (card,) = service.cards(session, alpha.account.account_id, BOX)
        assert (card.exp_month, card.exp_year) == (4, 2031)
        service.refresh(session, BOX, "card", None, later, TODAY)
        service.refresh(session, BOX, "card", facts, later + timedelta(seconds=1), TODAY)
        assert tokens(session, alpha) == []
        assert not service.cards_to_detach(session, BOX)
        assert [what for what, *_ in changes(session)] == ["card_lost"]


@pytest.mark.parametrize("lost", ["removed", "lowered", "disabled"])
def test_a_card_of_somebody_who_lost_the_right_meanwhile_is_not_kept(alpha: Identity, lost: str) -> None:
    with database.write_session() as session:
        key = begun(session, alpha, "1").key
        member = session.get_one(Membership, (alpha.account.account_id, alpha.person_id))
        if lost == "removed":
            session.delete(member)
        elif lost == "lowered":
            member.role = Role.OPERATIONS
        else:
            session.get_one(Person, alpha.person_id).disabled_at = NOON
        for _ in range(2):
            setup = service.settle(session, key, done("new"), NOON, TODAY)
            assert (setup.state, setup.reason, setup.card_id) == (SetupState.DECLINED, NO_RIGHT, None)
        assert tokens(session, alpha) == []
        # The provider has the card and must be asked to forget it.
        assert [card.token for card in service.cards_to_detach(session, BOX)] == ["new"]
        assert changes(session) == []
        with i18n.use("en"):
            assert "no longer allows adding cards" in reason_labels(NO_RIGHT)
