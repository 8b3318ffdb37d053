"""Rules of an account's cards on file. Stores each result of the provider once, whether a browser, webhook or poll reports it first."""

import secrets
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import delete as sql_delete
from sqlalchemy import func, update
from sqlmodel import Session, col, select

from odoportal.accounts.activity_log import LONGEST_ADDRESS, STAFF, ActivityKind, Actor, record
from odoportal.accounts.rights import Right, lock_account, people_with_right, require_right
from odoportal.core.identity import Identity
from odoportal.rooms.cards.activity import CardActivity
from odoportal.rooms.cards.labels import NO_RIGHT, card_name
from odoportal.rooms.cards.models import Card, CardSetup, PaymentCustomer, SetupState
from odoportal.rooms.cards.provider import CardFacts, SetupResult, StartedSetup

EXPIRING_SOON = timedelta(days=60)
POLL_FOR = timedelta(hours=25)
"""The longest time a setup stays open. Stripe's hosted page expires after 24 hours."""
KEEP_SETUPS = timedelta(days=90)
MOST_CARDS = 20
MOST_A_DAY = 20
"""The card setups an account may begin within 24 hours. The limit keeps stolen cards from being tested here."""


class NoSuchCard(LookupError):
    """The account has no such card."""


class CardExpired(ValueError):
    """The card has expired."""


class TooManyCards(Exception):
    """The account has reached `MOST_CARDS` cards on file, or `MOST_A_DAY` setups within 24 hours."""


def last_day(card: Card) -> date:
    """Return the last day on which a card is valid: the end of its expiry month (ISO/IEC 7813)."""
    following = date(card.exp_year + card.exp_month // 12, card.exp_month % 12 + 1, 1)
    return following - timedelta(days=1)


def cards(session: Session, account_id: int, provider: str) -> Sequence[Card]:
    """Return an account's cards on file with a provider: the default first, then the newest."""
    order = (col(Card.is_default).desc(), col(Card.added_at).desc(), col(Card.id).desc())
    query = select(Card).where(Card.account_id == account_id, Card.provider == provider, col(Card.removed_at).is_(None))
    return session.exec(query.order_by(*order).execution_options(populate_existing=True)).all()


def customer_ref(session: Session, account_id: int, provider: str) -> str:
    """Return the provider's customer id of the account; empty before its first card setup."""
    found = session.get(PaymentCustomer, (account_id, provider))
    return found.token if found else ""


def setup_of(session: Session, account_id: int, key: str) -> CardSetup | None:
    """Return the account's setup with the key from the return URL."""
    return session.exec(select(CardSetup).where(CardSetup.account_id == account_id, CardSetup.key == key)).first()


# --- adding a card -----------------------------------------------------------------------------------------------


def begin(session: Session, who: Identity, provider: str, once: str, client: str, now: datetime) -> CardSetup:
    """Begin a card setup. Submitting the same form (`once`) again returns the same setup.

    Raises:
        NotAllowed: the person lacks the right.
        TooManyCards: the account has `MOST_CARDS` cards, or began `MOST_A_DAY` setups within 24 hours.
    """
    require_right(session, who, Right.BILLING)
    account_id = who.account.account_id
    mine = CardSetup.person_id == who.person_id, CardSetup.account_id == account_id
    if (existing := session.exec(select(CardSetup).where(*mine, CardSetup.once == once)).first()) is not None:
        return existing
    count = select(func.count()).select_from(CardSetup)
    recent = session.exec(count.where(CardSetup.account_id == account_id, col(CardSetup.created_at) > now - timedelta(days=1))).one()
    if recent >= MOST_A_DAY or len(cards(session, account_id, provider)) >= MOST_CARDS:
        raise TooManyCards
    setup = CardSetup(
        account_id=account_id,
        person_id=who.person_id,
        key=secrets.token_hex(16),
        once=once,
        provider=provider,
        address=client[:LONGEST_ADDRESS],
        created_at=now,
    )
    session.add(setup)
    session.flush()
    return setup


def store_started(session: Session, key: str, begun: StartedSetup) -> None:
    """Store the provider's ids of a setup and of its account."""
    setup = _lock_setup(session, key)
    setup.token = begun.ref
    session.merge(PaymentCustomer(account_id=setup.account_id, provider=setup.provider, token=begun.customer))


def settle(session: Session, key: str, result: SetupResult, now: datetime, today: date) -> CardSetup:
    """Store the result of a setup, once. Later reports of the same result, by the browser or by webhooks, change nothing.

    The first card of an account becomes its default; so does a card that is added when there is no unexpired default. No card is added for
    a person who has lost the billing right since: the card is stored as removed, so that the provider is asked to forget it
    (`cards_to_detach`).
    """
    setup = _lock_setup(session, key)
    setup.asked_at = now
    if setup.state == SetupState.OPEN and result.state is not SetupState.OPEN:
        setup.state, setup.reason = result.state, result.reason[:40]
        if result.card is not None and setup.person_id in people_with_right(session, setup.account_id, Right.BILLING):
            setup.card_id = _put_on_file(session, setup, result.card, now, today).id
        elif result.card is not None:
            setup.state, setup.reason = SetupState.DECLINED, NO_RIGHT
            _store_removed(session, setup, result.card, now)
    return setup


def _store_removed(session: Session, setup: CardSetup, facts: CardFacts, now: datetime) -> None:
    if session.exec(select(Card.id).where(Card.provider == setup.provider, Card.token == facts.token)).first() is None:
        card = _new_card(setup, facts, now)
        card.removed_at = now
        session.add(card)
        session.flush()


def _new_card(setup: CardSetup, facts: CardFacts, now: datetime) -> Card:
    return Card(
        account_id=setup.account_id,
        provider=setup.provider,
        token=facts.token,
        brand=facts.brand[:20],
        last4=facts.last4,
        exp_month=facts.exp_month,
        exp_year=facts.exp_year,
        added_by=setup.person_id,
        added_at=now,
        known_at=now,
    )


def _put_on_file(session: Session, setup: CardSetup, facts: CardFacts, now: datetime, today: date) -> Card:
    existing = session.exec(select(Card).where(Card.provider == setup.provider, Card.token == facts.token)).first()
    if existing is not None:
        return existing
    others = cards(session, setup.account_id, setup.provider)
    card = _new_card(setup, facts, now)
    session.add(card)
    session.flush()
    if not any(other.is_default and last_day(other) >= today for other in others):
        _set_default(session, card)
    actor = Actor(setup.person_id, setup.address)
    record(session, CardActivity.ADDED, actor, now, account_id=card.account_id, about=_display_name(card), after=logged_values(card))
    return card


def _lock_setup(session: Session, key: str) -> CardSetup:
    """Return a setup to be changed, and lock its account until the end of the transaction."""
    setup = session.exec(select(CardSetup).where(CardSetup.key == key)).one()
    # Serialize changes to an account's cards, as `require_right` does, so that two first cards do not both become the default.
    lock_account(session, setup.account_id)
    session.refresh(setup)
    return setup


# --- changing cards ---------------------------------------------------------------------------------------------


def make_default(session: Session, who: Identity, provider: str, card_id: int, client: str, now: datetime, today: date) -> Card:
    """Make a card the account's default.

    Raises:
        NotAllowed: the person lacks the right.
        NoSuchCard: the account has no card on file with this id.
        CardExpired: the card has expired.
    """
    chosen, others = _card(session, who, provider, card_id)
    if last_day(chosen) < today:
        raise CardExpired
    before = {"default": next((_display_name(other) for other in others if other.is_default), "")}
    if not chosen.is_default:
        _set_default(session, chosen)
        actor, account_id = Actor.of(who, client), who.account.account_id
        record(
            session,
            CardActivity.DEFAULT,
            actor,
            now,
            account_id=account_id,
            about=_display_name(chosen),
            before=before,
            after={"default": _display_name(chosen)},
        )
    return chosen


def remove(session: Session, who: Identity, provider: str, card_id: int, client: str, now: datetime, today: date) -> Card:
    """Remove a card from file; if it was the default, the `next_default` card becomes the default.

    Raises:
        NotAllowed: the person lacks the right.
        NoSuchCard: the account has no card on file with this id.
    """
    card, _ = _card(session, who, provider, card_id)
    _take_off_file(session, card, CardActivity.REMOVED, Actor.of(who, client), now, today)
    return card


def next_default(cards: Sequence[Card], removed: Card, today: date) -> Card | None:
    """Return the card that becomes the default when `gone` is removed: the newest unexpired one if `gone` is the default, else None."""
    return next((c for c in cards if c.id != removed.id and last_day(c) >= today), None) if removed.is_default else None


def _card(session: Session, who: Identity, provider: str, card_id: int) -> tuple[Card, Sequence[Card]]:
    """Return a card to be changed, and all cards of its account."""
    require_right(session, who, Right.BILLING)
    account_cards = cards(session, who.account.account_id, provider)
    card = next((c for c in account_cards if c.id == card_id), None)
    if card is None:
        raise NoSuchCard
    return card, account_cards


def _set_default(session: Session, chosen: Card) -> None:
    # Clear the old default first: a unique index allows only one.
    others = update(Card).where(col(Card.account_id) == chosen.account_id, col(Card.provider) == chosen.provider)
    session.exec(others.values(is_default=False))
    chosen.is_default = True
    session.add(chosen)
    session.flush()


def _take_off_file(session: Session, card: Card, kind: ActivityKind, actor: Actor, now: datetime, today: date) -> None:
    following, before = next_default(cards(session, card.account_id, card.provider), card, today), logged_values(card)
    card.removed_at, card.is_default = now, False
    session.flush()
    if following is not None:
        _set_default(session, following)
    after = {"default": _display_name(following)} if following is not None else None
    record(session, kind, actor, now, account_id=card.account_id, about=_display_name(card), before=before, after=after)


def _display_name(card: Card) -> str:
    return card_name(card.brand, card.last4)


def logged_values(card: Card) -> dict[str, str]:
    """Return the values of a card that the activity log stores."""
    return {
        "card": _display_name(card),
        "expiry": f"{card.exp_year}-{card.exp_month:02}",
        "default": _display_name(card) if card.is_default else "",
    }


# --- reconciling with the provider --------------------------------------------------------------------------------


def setup_by_ref(session: Session, provider: str, ref: str) -> CardSetup | None:
    """Return a setup by the provider's id, for any account. For webhooks, which have no signed-in person."""
    return session.exec(select(CardSetup).where(CardSetup.provider == provider, CardSetup.token == ref)).first()


def due_setups(session: Session, provider: str, now: datetime) -> Sequence[CardSetup]:
    """Return the open setups whose result should be polled now, because neither the browser's return nor a webhook has reported it.

    The interval grows to a tenth of the setup's age at the last poll. Polling stops `POLL_FOR` after the setup began.
    """
    query = select(CardSetup).where(
        CardSetup.provider == provider,
        CardSetup.state == SetupState.OPEN,
        col(CardSetup.token).is_not(None),
        col(CardSetup.created_at) > now - POLL_FOR,
    )
    found = session.exec(query.order_by(col(CardSetup.id))).all()
    return [s for s in found if s.asked_at is None or now - s.asked_at >= (s.asked_at - s.created_at) / 10]


def refresh(session: Session, provider: str, token: str, facts: CardFacts | None, asked_at: datetime, today: date) -> None:
    """Update a card with the provider's answer: a new expiry, or that the card is gone. An answer older than the stored one is ignored.

    Args:
        session: a writing session.
        provider: the name of the provider that the token belongs to.
        token: the card's token; nothing happens if no card on file has it.
        facts: the provider's answer; None if it has forgotten the card.
        asked_at: the instant just before the provider was asked.
        today: the business day.
    """
    card = session.exec(select(Card).where(Card.provider == provider, Card.token == token)).first()
    if card is None:
        return
    lock_account(session, card.account_id)
    session.refresh(card)
    if card.removed_at is not None or asked_at < card.known_at:
        return
    card.known_at = asked_at
    if facts is None:
        _take_off_file(session, card, CardActivity.LOST, STAFF, asked_at, today)
        card.detached_at = asked_at
    else:
        card.brand, card.last4, card.exp_month, card.exp_year = facts.brand[:20], facts.last4, facts.exp_month, facts.exp_year


def cards_to_detach(session: Session, provider: str) -> Sequence[Card]:
    """Return removed cards that the provider may not have forgotten yet."""
    removed = col(Card.removed_at).is_not(None), col(Card.detached_at).is_(None)
    return session.exec(select(Card).where(Card.provider == provider, *removed).order_by(col(Card.id))).all()


def mark_detached(session: Session, provider: str, token: str, now: datetime) -> None:
    """Record that the provider has forgotten a card."""
    session.exec(update(Card).where(col(Card.provider) == provider, col(Card.token) == token).values(detached_at=now))


def purge_expired(session: Session, now: datetime) -> int:
    """Mark setups still open after `POLL_FOR` as given up and delete those older than `KEEP_SETUPS`; return how many were deleted."""
    unfinished = update(CardSetup).where(col(CardSetup.state) == SetupState.OPEN, col(CardSetup.created_at) <= now - POLL_FOR)
    session.exec(unfinished.values(state=SetupState.GIVEN_UP))
    return session.exec(sql_delete(CardSetup).where(col(CardSetup.created_at) <= now - KEEP_SETUPS)).rowcount
