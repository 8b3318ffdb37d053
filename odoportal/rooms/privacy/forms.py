"""Forms of the page "My data"."""

from pydantic import Field

from odoportal.accounts.activity_log import Actor
from odoportal.accounts.rights import Right
from odoportal.core import clock
from odoportal.forms.handling import EmptyForm, FormHandler, FormModel, FormResult, SentForm, Text, do_once
from odoportal.rooms.privacy import service


class Close(FormModel):
    """A request to close the account, with an optional reason."""

    reason: Text = Field(default="", max_length=1000)


async def _prepare(sent: SentForm[EmptyForm]) -> FormResult:
    return await do_once(sent, service.request_export, sent.who, sent.language, clock.now())


async def _close(sent: SentForm[Close]) -> FormResult:
    return await do_once(sent, service.ask_to_close, sent.who, Actor.of(sent), sent.values.reason, clock.now())


async def _keep(sent: SentForm[EmptyForm]) -> FormResult:
    return await do_once(sent, service.keep_open, sent.who, Actor.of(sent), clock.now())


RULES = {
    "prepare": FormHandler(EmptyForm, Right.OWN, _prepare),
    "close": FormHandler(Close, Right.ACCOUNT, _close),
    "keep": FormHandler(EmptyForm, Right.ACCOUNT, _keep),
}
