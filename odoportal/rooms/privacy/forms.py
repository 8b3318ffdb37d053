"""Forms of the page "My data"."""

from pydantic import Field
from sqlmodel import Session

from odoportal.accounts.activity_log import Actor
from odoportal.accounts.rights import Right
from odoportal.core import clock
from odoportal.core.i18n import t
from odoportal.forms.fields import EmptyForm, FormModel, Text
from odoportal.forms.handling import FormHandler, FormResult, SentForm, in_transaction
from odoportal.rooms.privacy import service


class Close(FormModel):
    """A request to close the account, with an optional reason."""

    reason: Text = Field(default="", max_length=1000)


def _prepare(session: Session, sent: SentForm[EmptyForm]) -> FormResult:
    service.request_export(session, sent.who, sent.language, clock.now())
    return FormResult()


def _close(session: Session, sent: SentForm[Close]) -> FormResult:
    service.ask_to_close(session, sent.who, Actor.of(sent), sent.values.reason, clock.now())
    return FormResult(t("Odotrack has been notified. We will write to you within one business day."))


def _keep(session: Session, sent: SentForm[EmptyForm]) -> FormResult:
    service.keep_open(session, sent.who, Actor.of(sent), clock.now())
    return FormResult(t("The account stays open."))


HANDLERS = {
    "prepare": FormHandler(EmptyForm, Right.OWN, in_transaction(_prepare)),
    "close": FormHandler(Close, Right.ACCOUNT, in_transaction(_close)),
    "keep": FormHandler(EmptyForm, Right.ACCOUNT, in_transaction(_keep)),
}
