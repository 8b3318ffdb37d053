"""The forms of notices."""

from typing import Literal

from odoportal.accounts.rights import Right
from odoportal.foundation import clock
from odoportal.foundation.forms import Done, FormModel, Rule, Sent, once
from odoportal.notices import service


class Choices(FormModel):
    """Which notices a person wants: a box for each kind."""

    invoice: Literal["", "1"] = ""
    payment: Literal["", "1"] = ""
    overdue: Literal["", "1"] = ""
    ending: Literal["", "1"] = ""
    card: Literal["", "1"] = ""


async def _choices(sent: Sent[Choices]) -> Done:
    return await once(sent, service.choose, sent, sent.values.model_dump(), clock.now())


RULES = {"choices": Rule(Choices, Right.OWN, _choices)}
