"""Forms of passkeys: begin with the password, add the browser's answer, rename, and remove with the password."""

from pydantic import Field
from sqlmodel import Session

from odoportal.accounts.activity_log import Actor
from odoportal.accounts.rights import Right
from odoportal.core import clock
from odoportal.core.i18n import t
from odoportal.forms.fields import FormModel, Line, Secret
from odoportal.forms.handling import FormHandler, FormResult, SentForm, do_once, in_transaction
from odoportal.rooms.security import forms
from odoportal.rooms.signin import known_browsers, passkeys, service
from odoportal.rooms.signin.confirmation import Confirmation, confirmed

LONGEST_NAME = 60


class NewPasskey(FormModel):
    """A new passkey: the browser's answer as JSON, and the name the person gives it."""

    name: Line = Field(default="", max_length=LONGEST_NAME)
    credential: Secret


class RenamePasskey(FormModel):
    """A new name for one of the passkeys."""

    which: Line = Field(min_length=1, max_length=9, pattern=r"^[0-9]*$")
    name: Line = Field(min_length=1, max_length=LONGEST_NAME)


class RemovePasskey(Confirmation):
    """One of the passkeys, and a confirmation with the password."""

    which: Line = Field(min_length=1, max_length=9, pattern=r"^[0-9]*$")


def _already_removed() -> FormResult:
    return FormResult(error=t("This passkey has already been removed."))


def _begin(session: Session, sent: SentForm[Confirmation]) -> FormResult:
    if len(passkeys.of_person(session, sent.who.person_id)) >= passkeys.MOST:
        return FormResult(error=t("You have the maximum number of passkeys. Remove one first."))
    passkeys.begin_registration(session, sent.who.person_id, sent.who.session, clock.now())
    return FormResult(t("Now let your device create the passkey."))


async def _add(sent: SentForm[NewPasskey]) -> FormResult:
    if not sent.values.credential.get_secret_value():
        return FormResult(error=t("Let your device create the passkey first."))
    return forms.with_current_session(sent, await do_once(sent, _add_passkey, sent))


def _add_passkey(session: Session, sent: SentForm[NewPasskey]) -> FormResult:
    answer = passkeys.Answer(sent.who.session, sent.values.credential.get_secret_value())
    name = sent.values.name or known_browsers.browser_label(sent.agent)
    added = service.add_passkey(session, sent.who, Actor.of(sent), answer, name, clock.now())
    if added is None:
        return FormResult(error=t("Your device’s answer could not be used. Reload the page and start again."))
    if not added.codes:
        return FormResult(t("The passkey has been added."))
    return FormResult(forms.recovery_codes_notice(), shown=added.codes, **forms.renew_session(session, sent))


def _rename(session: Session, sent: SentForm[RenamePasskey]) -> FormResult:
    done = service.rename_passkey(session, sent.who.person_id, Actor.of(sent), int(sent.values.which), sent.values.name, clock.now())
    return FormResult(t("The passkey has been renamed.")) if done else _already_removed()


def _remove(session: Session, sent: SentForm[RemovePasskey]) -> FormResult:
    forms.require_removable(session, sent)
    done = service.remove_passkey(session, sent.who.person_id, Actor.of(sent), int(sent.values.which), clock.now())
    return FormResult(t("The passkey has been removed.")) if done else _already_removed()


HANDLERS = {
    "passkey_begin": FormHandler(Confirmation, Right.ENTER, confirmed(_begin), forms.ERRORS),
    "passkey_add": FormHandler(NewPasskey, Right.ENTER, _add),
    "passkey_rename": FormHandler(RenamePasskey, Right.ENTER, in_transaction(_rename)),
    "passkey_remove": FormHandler(RemovePasskey, Right.ENTER, confirmed(_remove), forms.ERRORS),
}
