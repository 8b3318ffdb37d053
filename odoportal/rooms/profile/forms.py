"""The profile form: its fields and its handler."""

from typing import Literal

from pydantic import Field, field_validator
from sqlmodel import Session

from odoportal.accounts.activity_log import Actor
from odoportal.accounts.rights import Right
from odoportal.core import clock
from odoportal.core.i18n import t, use
from odoportal.forms.fields import FormModel, Line
from odoportal.forms.handling import FormHandler, FormResult, SentForm, conflict, in_transaction
from odoportal.rooms.profile import service
from odoportal.web.links import link_to


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


def _details(session: Session, sent: SentForm[DetailsForm]) -> FormResult:
    stored, language = service.details(session, sent.who.person_id), sent.values.language
    if clash := conflict(sent, stored):
        return clash
    service.change_details(session, sent.who.person_id, sent.values.model_dump(), Actor.of(sent), clock.now())
    with use(language):
        # Redirect a person who chose another language to the page in that language.
        return FormResult(t("Saved."), go=link_to(sent.who, language, "/profile") if language != stored["language"] else "")


HANDLERS = {"details": FormHandler(DetailsForm, Right.OWN, in_transaction(_details))}
