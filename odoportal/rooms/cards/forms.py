"""Forms of the cards: add, make default, remove."""

from http import HTTPStatus

from sqlmodel import Session

from odoportal.accounts.rights import Right
from odoportal.core import clock
from odoportal.core.i18n import t
from odoportal.forms.fields import EmptyForm
from odoportal.forms.handling import ErrorMessages, FormHandler, FormResult, SentForm, do_once
from odoportal.rooms.cards import flow, service
from odoportal.rooms.cards.provider import CardRefused, Provider, ProviderDown
from odoportal.rooms.signin import confirmation
from odoportal.rooms.signin.confirmation import ConfirmationUnlessFresh


def _provider_down() -> FormResult:
    message = t("The payment provider is not responding. Try again in a moment.")
    return FormResult(error=message, status=HTTPStatus.SERVICE_UNAVAILABLE)


_ERRORS: ErrorMessages = {
    flow.NoProvider: lambda _: FormResult(error=t("Cards cannot be added here at the moment."), status=HTTPStatus.SERVICE_UNAVAILABLE),
    ProviderDown: lambda _: _provider_down(),
    CardRefused: lambda _: _provider_down(),
    service.TooManyCards: lambda _: t("There are too many cards. Remove one first, or try again tomorrow."),
    service.NoSuchCard: lambda _: FormResult(error=t("This card is no longer on file."), status=HTTPStatus.NOT_FOUND),
    service.CardExpired: lambda _: t("This card has expired. Use another one."),
    **confirmation.MESSAGES,
}


def _card_id(key: str) -> int:
    """Return the card id in a form's key; 0, which no card has, for anything invalid."""
    return int(key) if key.isascii() and key.isdigit() and len(key) < 10 else 0


async def _add(sent: SentForm[EmptyForm]) -> FormResult:
    return FormResult(go=await flow.start(sent.who, sent.language, sent.once, sent.client, flow.required_provider()))


def _make_default(session: Session, sent: SentForm[EmptyForm], provider: str) -> FormResult:
    service.make_default(session, sent.who, provider, _card_id(sent.key), sent.client, clock.now(), clock.today())
    return FormResult(go=sent.link_to("/cards", done=sent.form))


async def _default(sent: SentForm[EmptyForm]) -> FormResult:
    return await do_once(sent, _make_default, sent, flow.required_provider().name)


def _remove_card(session: Session, sent: SentForm[ConfirmationUnlessFresh], provider: str, tokens: list[str]) -> FormResult:
    card = service.remove(session, sent.who, provider, _card_id(sent.key), sent.client, clock.now(), clock.today())
    tokens.append(card.token)
    return FormResult(go=sent.link_to("/cards", done=sent.form))


async def _remove(sent: SentForm[ConfirmationUnlessFresh]) -> FormResult:
    chosen = flow.required_provider()
    await confirmation.confirm_unless_fresh(sent)
    return await _remove_and_forget(sent, chosen)


async def _remove_and_forget(sent: SentForm[ConfirmationUnlessFresh], chosen: Provider) -> FormResult:
    tokens: list[str] = []
    done = await do_once(sent, _remove_card, sent, chosen.name, tokens)
    for token in tokens:
        await flow.forget(token, chosen)
    return done


HANDLERS = {
    "add": FormHandler(EmptyForm, Right.BILLING, _add, _ERRORS),
    "default": FormHandler(EmptyForm, Right.BILLING, _default, _ERRORS),
    "remove": FormHandler(ConfirmationUnlessFresh, Right.BILLING, _remove, _ERRORS),
}
