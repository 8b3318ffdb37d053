"""The profile form: its fields and its handler."""

from typing import Literal

from pydantic import Field, field_validator

from odoportal.accounts.rights import Right
from odoportal.core import clock
from odoportal.core.i18n import t
from odoportal.forms.handling import FormHandler, FormModel, FormResult, Line, SentForm, do_once
from odoportal.rooms.profile import service


class DetailsForm(FormModel):
    """The person's name, phone, language and regional formats."""

    name: Line = Field(min_length=1, max_length=200)
    phone: Line = Field(default="", max_length=40)
    language: Literal["fr", "en"]
    region: Literal["fr-CA", "en-CA"]

    @field_validator("phone")
    @classmethod
    def _phone(cls, typed: str) -> str:
        try:
            return service.phone_number(typed)
        except service.UnusablePhone:
            raise ValueError(t("Enter a phone number with its area code, such as 418 555-0142.")) from None


async def _details(sent: SentForm[DetailsForm]) -> FormResult:
    wanted = service.Details(**sent.values.model_dump())
    return await do_once(sent, service.change_details, sent, wanted, clock.now())


RULES = {"details": FormHandler(DetailsForm, Right.OWN, _details)}
