"""Forms of passkeys: begin with the password, add the browser's answer, rename, and remove with the password."""

from pydantic import Field
from sqlmodel import Session

from odoportal.accounts.activity_log import Actor
from odoportal.accounts.rights import Right
from odoportal.core import clock
from odoportal.core.database import read
from odoportal.core.i18n import t
from odoportal.forms.handling import FormHandler, FormModel, FormResult, Line, Secret, SentForm, do_once, stored_result
from odoportal.rooms.security import forms
from odoportal.rooms.security.forms import Confirmation, check_confirmation, renew_session
from odoportal.rooms.signin import known_browsers, passkeys, service, two_factor

LONGEST_NAME = 60


class NewPasskey(FormModel):
    """A new passkey: the browser's answer as JSON, and the name the person gives it."""

    name: Line = Field("", max_length=LONGEST_NAME)
    credential: Secret


class RenamePasskey(FormModel):
    """A new name for one of the passkeys."""

    which: Line = Field(min_length=1, max_length=9, pattern=r"^[0-9]*$")
    name: Line = Field(min_length=1, max_length=LONGEST_NAME)


class RemovePasskey(Confirmation):
    """One of the passkeys, and a confirmation with the password."""

    which: Line = Field(min_length=1, max_length=9, pattern=r"^[0-9]*$")


def _already_removed() -> FormResult:
    return FormResult(error=t("This passkey was removed already."))


async def _begin(sent: SentForm[Confirmation]) -> FormResult:
    if isinstance(verified := await check_confirmation(sent), FormResult):
        return verified

    def begin(session: Session) -> FormResult:
        if len(passkeys.of_person(session, sent.who.person_id)) >= passkeys.MOST:
            return FormResult(error=t("You have as many passkeys as there can be. Remove one first."))
        passkeys.begin_registration(session, sent.who.person_id, sent.who.session, clock.now())
        return FormResult(t("Now let your device make the passkey."))

    return await do_once(sent, begin)


async def _add(sent: SentForm[NewPasskey]) -> FormResult:
    if (before := await read(stored_result, sent)) is not None:
        return before
    signed = sent.values.credential.get_secret_value()
    if not signed:
        return FormResult(error=t("Let your device make the passkey first."))
    answer = passkeys.Answer(sent.who.session, signed)
    name = sent.values.name or known_browsers.browser_label(sent.agent)

    def add(session: Session) -> FormResult:
        added = service.add_passkey(session, sent.who, Actor.of(sent), answer, name, clock.now())
        if added is None:
            return FormResult(error=t("Your device’s answer did not fit. Load the page anew and begin again."))
        if not added.codes:
            return FormResult(t("The passkey is added."))
        return FormResult(forms.recovery_codes_notice(), shown=added.codes, **renew_session(session, sent))

    return forms.with_current_session(sent, await do_once(sent, add))


async def _rename(sent: SentForm[RenamePasskey]) -> FormResult:
    def rename(session: Session) -> FormResult:
        done = service.rename_passkey(session, sent.who.person_id, Actor.of(sent), int(sent.values.which), sent.values.name, clock.now())
        return FormResult(t("The passkey has another name.")) if done else _already_removed()

    return await do_once(sent, rename)


async def _remove(sent: SentForm[RemovePasskey]) -> FormResult:
    if isinstance(verified := await check_confirmation(sent), FormResult):
        return verified

    def remove(session: Session) -> FormResult:
        if name := two_factor.required_by(session, sent.who.person_id):
            return FormResult(error=forms.two_step_required(name))
        done = service.remove_passkey(session, sent.who.person_id, Actor.of(sent), int(sent.values.which), clock.now())
        return FormResult(t("The passkey is removed.")) if done else _already_removed()

    return await do_once(sent, remove)


RULES: dict[str, FormHandler] = {
    "passkey_begin": FormHandler(Confirmation, Right.ENTER, _begin),
    "passkey_add": FormHandler(NewPasskey, Right.ENTER, _add),
    "passkey_rename": FormHandler(RenamePasskey, Right.ENTER, _rename),
    "passkey_remove": FormHandler(RemovePasskey, Right.ENTER, _remove),
}
