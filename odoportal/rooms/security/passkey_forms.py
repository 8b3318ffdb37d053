"""Forms of passkeys: begin with the password, add the browser's answer, rename, and remove with the password."""

from pydantic import Field
from sqlmodel import Session

from odoportal.accounts.activity_log import Actor
from odoportal.accounts.rights import Right
from odoportal.core import clock
from odoportal.core.database import read
from odoportal.core.i18n import t
from odoportal.forms.handling import FormHandler, FormModel, FormResult, Line, Secret, SentForm, done_before, once
from odoportal.rooms.security import forms
from odoportal.rooms.security.forms import Again, again, fresh
from odoportal.rooms.signin import known_browsers, passkeys, service, two_factor

LONGEST_NAME = 60


class NewPasskey(FormModel):
    """A new passkey: the browser's answer as JSON, and the name the person gives it."""

    name: Line = Field("", max_length=LONGEST_NAME)
    credential: Secret


class NewName(FormModel):
    """A new name for one of the passkeys."""

    which: Line = Field(min_length=1, max_length=9, pattern=r"^[0-9]*$")
    name: Line = Field(min_length=1, max_length=LONGEST_NAME)


class Which(Again):
    """One of the passkeys, and a confirmation with the password."""

    which: Line = Field(min_length=1, max_length=9, pattern=r"^[0-9]*$")


def _no_such() -> FormResult:
    return FormResult(error=t("This passkey was removed already."))


async def _begin(sent: SentForm[Again]) -> FormResult:
    if isinstance(verified := await again(sent), FormResult):
        return verified

    def begin(session: Session) -> FormResult:
        if len(passkeys.of(session, sent.who.person_id)) >= passkeys.MOST:
            return FormResult(error=t("You have as many passkeys as there can be. Remove one first."))
        passkeys.begin_adding(session, sent.who.person_id, sent.who.session, clock.now())
        return FormResult(t("Now let your device make the passkey."))

    return await once(sent, begin)


async def _add(sent: SentForm[NewPasskey]) -> FormResult:
    if (before := await read(done_before, sent)) is not None:
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
        return FormResult(forms.keep_them(), shown=added.codes, **fresh(session, sent))

    return forms.marked(sent, await once(sent, add))


async def _rename(sent: SentForm[NewName]) -> FormResult:
    def rename(session: Session) -> FormResult:
        done = service.rename_passkey(session, sent.who.person_id, Actor.of(sent), int(sent.values.which), sent.values.name, clock.now())
        return FormResult(t("The passkey has another name.")) if done else _no_such()

    return await once(sent, rename)


async def _remove(sent: SentForm[Which]) -> FormResult:
    if isinstance(verified := await again(sent), FormResult):
        return verified

    def remove(session: Session) -> FormResult:
        if name := two_factor.kept_for(session, sent.who.person_id):
            return FormResult(error=forms.required_still(name))
        done = service.remove_passkey(session, sent.who.person_id, Actor.of(sent), int(sent.values.which), clock.now())
        return FormResult(t("The passkey is removed.")) if done else _no_such()

    return await once(sent, remove)


RULES: dict[str, FormHandler] = {
    "passkey_begin": FormHandler(Again, Right.ENTER, _begin),
    "passkey_add": FormHandler(NewPasskey, Right.ENTER, _add),
    "passkey_rename": FormHandler(NewName, Right.ENTER, _rename),
    "passkey_remove": FormHandler(Which, Right.ENTER, _remove),
}
