"""Forms of the cards: add, make default, remove."""

from http import HTTPStatus

from sqlmodel import Session

from odoportal.accounts.rights import Right
from odoportal.core import clock
from odoportal.core.database import read
from odoportal.core.i18n import t
from odoportal.forms.handling import EmptyForm, FormHandler, FormModel, FormResult, Secret, SentForm, do_once, required_message
from odoportal.rooms.cards import flow, service
from odoportal.rooms.cards.provider import CardRefused, Provider, ProviderDown
from odoportal.rooms.cards.view import page_address
from odoportal.rooms.signin import attempts, sessions


class RemoveCard(FormModel):
    """The removal of a card; the password is required unless it was confirmed recently."""

    password: Secret | None = None


def _not_found() -> FormResult:
    return FormResult(error=t("This card is no longer on file."), status=HTTPStatus.NOT_FOUND)


def _unavailable() -> FormResult:
    return FormResult(error=t("Cards cannot be added here at the moment."), status=HTTPStatus.SERVICE_UNAVAILABLE)


def _card_id(key: str) -> int:
    """Return the card id in a form's key; 0, which no card has, for anything invalid."""
    return int(key) if key.isascii() and key.isdigit() and len(key) < 10 else 0


async def _add(sent: SentForm[EmptyForm]) -> FormResult:
    if (chosen := flow.provider()) is None:
        return _unavailable()
    try:
        return FormResult(go=await flow.start(sent.who, sent.language, sent.once, sent.client, chosen))
    except service.TooManyCards:
        return FormResult(error=t("There are too many cards. Remove one first, or try again tomorrow."))
    except (ProviderDown, CardRefused):
        return FormResult(error=t("The payment provider does not answer. Try again in a moment."), status=HTTPStatus.SERVICE_UNAVAILABLE)


def _make_default(session: Session, sent: SentForm[EmptyForm], provider: str) -> FormResult:
    try:
        service.make_default(session, sent.who, provider, _card_id(sent.key), sent.client, clock.now(), clock.today())
    except service.NoSuchCard:
        return _not_found()
    except service.CardExpired:
        return FormResult(error=t("This card is over. Use another one."))
    return FormResult(go=page_address(sent.who, sent.language, done=sent.form))


async def _default(sent: SentForm[EmptyForm]) -> FormResult:
    chosen = flow.provider()
    return await do_once(sent, _make_default, sent, chosen.name) if chosen else _unavailable()


def _remove_card(session: Session, sent: SentForm[RemoveCard], provider: str, tokens: list[str]) -> FormResult:
    try:
        card = service.remove(session, sent.who, provider, _card_id(sent.key), sent.client, clock.now(), clock.today())
    except service.NoSuchCard:
        return _not_found()
    tokens.append(card.token)
    return FormResult(go=page_address(sent.who, sent.language, done=sent.form))


async def _remove(sent: SentForm[RemoveCard]) -> FormResult:
    if (chosen := flow.provider()) is None:
        return _unavailable()
    if not await read(sessions.is_fresh, sent.who.session, clock.now()):
        if sent.values.password is None or not (typed := sent.values.password.get_secret_value()):
            return FormResult(errors={"password": required_message()})
        if not await attempts.confirm(sent.who, typed, sent.client, clock.now()):
            return FormResult(errors={"password": t("This is not your password.")})
    return await _remove_and_forget(sent, chosen)


async def _remove_and_forget(sent: SentForm[RemoveCard], chosen: Provider) -> FormResult:
    tokens: list[str] = []
    done = await do_once(sent, _remove_card, sent, chosen.name, tokens)
    for token in tokens:
        await flow.forget(token, chosen)
    return done


RULES = {
    "add": FormHandler(EmptyForm, Right.BILLING, _add),
    "default": FormHandler(EmptyForm, Right.BILLING, _default),
    "remove": FormHandler(RemoveCard, Right.BILLING, _remove),
}
