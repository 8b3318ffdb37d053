"""The forms of one's own data."""

from pydantic import Field

from odoportal.accounts.audit import By
from odoportal.accounts.rights import Right
from odoportal.foundation import clock
from odoportal.foundation.forms import Done, FormModel, Rule, Sent, Text, once
from odoportal.privacy import service


class Nothing(FormModel):
    """A form that is only a button."""


class Close(FormModel):
    """Why an account shall be closed, if one wants to say."""

    reason: Text = Field(default="", max_length=1000)


async def _prepare(sent: Sent[Nothing]) -> Done:
    return await once(sent, service.ask, sent.who, sent.language, clock.now())


async def _close(sent: Sent[Close]) -> Done:
    return await once(sent, service.ask_to_close, sent.who, By.of(sent), sent.values.reason, clock.now())


async def _keep(sent: Sent[Nothing]) -> Done:
    return await once(sent, service.keep_open, sent.who, By.of(sent), clock.now())


RULES = {
    "prepare": Rule(Nothing, Right.OWN, _prepare),
    "close": Rule(Close, Right.ACCOUNT, _close),
    "keep": Rule(Nothing, Right.ACCOUNT, _keep),
}
