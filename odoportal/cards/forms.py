"""The forms of the cards: add, make default, remove."""

from http import HTTPStatus

from sqlmodel import Session

from odoportal.accounts.rights import Right
from odoportal.cards import flow, service
from odoportal.cards.provider import Provider, ProviderDown, Refused
from odoportal.cards.view import page_of
from odoportal.foundation import clock
from odoportal.foundation.database import read
from odoportal.foundation.forms import Done, FormModel, Rule, Secret, Sent, once, required
from odoportal.foundation.i18n import t
from odoportal.signin import attempts, sessions


class Plain(FormModel):
    """A button."""


class Remove(FormModel):
    """A button that asks for the password where the session is not fresh."""

    password: Secret | None = None


def _gone() -> Done:
    return Done(error=t("This card is no longer on file."), status=HTTPStatus.NOT_FOUND)


def _unavailable() -> Done:
    return Done(error=t("Cards cannot be added here at the moment."), status=HTTPStatus.SERVICE_UNAVAILABLE)


def _number(key: str) -> int:
    """The id of a card as a form has it; 0, which no card has, for anything else."""
    return int(key) if key.isascii() and key.isdigit() and len(key) < 10 else 0


async def _add(sent: Sent[Plain]) -> Done:
    if (chosen := flow.provider()) is None:
        return _unavailable()
    try:
        return Done(go=await flow.start(sent.who, sent.language, sent.once, sent.client, chosen))
    except service.TooMany:
        return Done(error=t("There are too many cards. Remove one first, or try again tomorrow."))
    except (ProviderDown, Refused):
        return Done(error=t("The payment provider does not answer. Try again in a moment."), status=HTTPStatus.SERVICE_UNAVAILABLE)


def _made_default(session: Session, sent: Sent[Plain], provider: str) -> Done:
    try:
        service.make_default(session, sent.who, provider, _number(sent.key), sent.client, clock.now(), clock.today())
    except service.NoSuchCard:
        return _gone()
    except service.CardOver:
        return Done(error=t("This card is over. Use another one."))
    return Done(go=page_of(sent.who, sent.language, done=sent.form))


async def _default(sent: Sent[Plain]) -> Done:
    chosen = flow.provider()
    return await once(sent, _made_default, sent, chosen.name) if chosen else _unavailable()


def _removed(session: Session, sent: Sent[Remove], provider: str, tokens: list[str]) -> Done:
    try:
        gone = service.remove(session, sent.who, provider, _number(sent.key), sent.client, clock.now(), clock.today())
    except service.NoSuchCard:
        return _gone()
    tokens.append(gone.token)
    return Done(go=page_of(sent.who, sent.language, done=sent.form))


async def _remove(sent: Sent[Remove]) -> Done:
    if (chosen := flow.provider()) is None:
        return _unavailable()
    if not await read(sessions.is_fresh, sent.who.session, clock.now()):
        if sent.values.password is None or not (typed := sent.values.password.get_secret_value()):
            return Done(errors={"password": required()})
        if not await attempts.confirm(sent.who, typed, sent.client, clock.now()):
            return Done(errors={"password": t("This is not your password.")})
    return await _taken_off(sent, chosen)


async def _taken_off(sent: Sent[Remove], chosen: Provider) -> Done:
    tokens: list[str] = []
    done = await once(sent, _removed, sent, chosen.name, tokens)
    for token in tokens:
        await flow.forget(token, chosen)
    return done


RULES = {
    "add": Rule(Plain, Right.BILLING, _add),
    "default": Rule(Plain, Right.BILLING, _default),
    "remove": Rule(Remove, Right.BILLING, _remove),
}
