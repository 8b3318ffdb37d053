"""Views of cards, in the page's language and the person's formats. They never contain the provider's tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from sqlmodel import Session, col, select

from odoportal.accounts import rights
from odoportal.accounts.models import Person
from odoportal.accounts.rights import Right
from odoportal.core import clock, database, i18n
from odoportal.core.i18n import Formats, t
from odoportal.core.identity import Identity
from odoportal.forms.view import FormView, form_view
from odoportal.lists.view import DetailsView
from odoportal.rooms.cards import flow, service
from odoportal.rooms.cards.labels import card_name, reason_labels
from odoportal.rooms.cards.models import Card, SetupState
from odoportal.rooms.cards.provider import Provider
from odoportal.rooms.signin import sessions
from odoportal.web.links import link_to

LONGEST_KEY = 32


@dataclass(frozen=True)
class CardRow:
    """A card of the list. `default`, `soon` and `over` are the texts of badges, empty if they do not apply."""

    key: str
    name: str
    expiry: str
    default: str
    soon: str
    over: str
    added: str
    open: str


@dataclass(frozen=True)
class CardDetails(DetailsView):
    """The card in the removal dialog.

    `heir` says which card becomes the default; `fresh` is empty if the password must be confirmed.
    """

    expiry: str = ""
    added: str = ""
    heir: str = ""
    fresh: str = ""
    remove: FormView = field(default_factory=FormView)


@dataclass(frozen=True)
class CardsView:
    """The page of cards.

    `may` is empty if the person may only look at the cards, `offered` if the person cannot add one; `test` is set if no money moves.
    About a card setup: `good` says that the card was added, `bad` why it was not, `waiting` that the provider has not answered yet, and
    `again` is the address that asks once more. `good` also confirms another change.
    """

    cards: list[CardRow] = field(default_factory=list)
    may: str = ""
    offered: str = ""
    test: str = ""
    good: str = ""
    bad: str = ""
    waiting: str = ""
    again: str = ""
    details: CardDetails = CardDetails()
    add: FormView = field(default_factory=FormView)
    default: FormView = field(default_factory=FormView)


async def load_view(who: Identity, query: Mapping[str, str], language: str) -> CardsView:
    """Return the view for a page's query. If the browser returns from the provider (`setup`), settle that setup first."""
    chosen, key = flow.provider(), query.get("setup", "")
    if chosen is not None and key and len(key) <= LONGEST_KEY:
        await flow.finish_setup(who, key, chosen)
    with i18n.use(language):
        return await database.read(cards_view, who, chosen, query, language, clock.now(), clock.today())


def page_address(who: Identity, language: str, **query: str) -> str:
    """Return the address of the page with these values of its query."""
    return link_to(who, language, "/cards", **query)


def cards_view(
    session: Session, who: Identity, chosen: Provider | None, query: Mapping[str, str], language: str, now: datetime, today: date
) -> CardsView:
    """Return the view of the account's cards with a provider, with the card of `open` and the result of the card setup `setup`."""
    cards = service.cards(session, who.account.account_id, chosen.name) if chosen is not None else []
    people, formats = _names(session, cards), Formats(who.region)
    rows = [_row(card, people, formats, today, page_address(who, language, open=str(card.id))) for card in cards]
    may_change = rights.may(who.account.role, Right.BILLING)
    view = CardsView(
        cards=rows,
        may="1" if may_change else "",
        offered="1" if chosen is not None and may_change else "",
        test="1" if chosen is not None and chosen.test else "",
        details=_details(session, who, cards, rows, query.get("open", ""), language, now, today) if may_change else CardDetails(),
        add=form_view(who),
        default=form_view(who),
    )
    return _with_outcome(session, view, who, query, language)


def _names(session: Session, cards: Sequence[Card]) -> dict[int, str]:
    wanted = {card.added_by for card in cards if card.added_by is not None}
    return {person.id: person.name for person in session.exec(select(Person).where(col(Person.id).in_(wanted))) if person.id is not None}


def _row(card: Card, people: Mapping[int, str], formats: Formats, today: date, address: str) -> CardRow:
    days_left = (service.last_day(card) - today).days
    added, by = formats.day(clock.to_local(card.added_at).date()), people.get(card.added_by or 0, "")
    month = f"{card.exp_month:02}/{card.exp_year}"
    return CardRow(
        key=str(card.id),
        name=card_name(card.brand, card.last4),
        expiry=t("Expires {month}", month=month) if days_left >= 0 else t("Expired {month}", month=month),
        default=t("Default") if card.is_default else "",
        soon=t("Expires soon") if 0 <= days_left <= service.EXPIRING_SOON.days else "",
        over=t("Expired") if days_left < 0 else "",
        added=t("Added by {name} on {day}", name=by, day=added) if by else t("Added on {day}", day=added),
        open=address,
    )


def _details(
    session: Session, who: Identity, cards: Sequence[Card], rows: list[CardRow], open_key: str, language: str, now: datetime, today: date
) -> CardDetails:
    closed = CardDetails(asked=open_key, close=page_address(who, language))
    index = next((i for i, row in enumerate(rows) if row.key == open_key), None)
    if index is None:
        return closed
    row, following = rows[index], service.next_default(cards, cards[index], today)
    next_default = ""
    if following is not None:
        next_default = t("This is the default card. {name} will become the default.", name=card_name(following.brand, following.last4))
    elif row.default:
        next_default = t("This is the default card, and no other card can replace it.")
    return replace(
        closed,
        number=row.name,
        expiry=row.expiry,
        added=row.added,
        heir=next_default,
        fresh="1" if sessions.is_fresh(session, who.session, now) else "",
        previous=rows[index - 1].open if index else "",
        next=rows[index + 1].open if index + 1 < len(rows) else "",
        remove=form_view(who, key=row.key),
    )


def _with_outcome(session: Session, view: CardsView, who: Identity, query: Mapping[str, str], language: str) -> CardsView:
    key = query.get("setup", "")
    setup = service.setup_of(session, who.account.account_id, key) if key and len(key) <= LONGEST_KEY else None
    if setup is None:
        done = {"default": t("This card is now the default."), "remove": t("The card has been removed.")}
        return replace(view, good=done.get(query.get("done", ""), ""))
    if setup.state == SetupState.DONE:
        return replace(view, good=t("The card has been added."))
    if setup.state == SetupState.DECLINED:
        return replace(view, bad=reason_labels(setup.reason))
    if setup.state == SetupState.GIVEN_UP:
        return replace(view, bad=t("No card was added: the provider’s page timed out."))
    waiting = t("The payment provider has not confirmed yet whether the card is accepted. It will appear here as soon as it is.")
    return replace(view, waiting=waiting, again=page_address(who, language, setup=key))
