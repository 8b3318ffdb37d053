"""Forms of the address book: their fields and their handlers."""

from collections.abc import Mapping

from pydantic import Field
from sqlmodel import Session

from odoportal.accounts.rights import Right
from odoportal.core import clock
from odoportal.core.i18n import current_language, t
from odoportal.forms.fields import EmptyForm, FormModel, Line
from odoportal.forms.handling import ErrorMessages, FormHandler, FormResult, SentForm, conflict, in_transaction
from odoportal.rooms.addresses import postal, service
from odoportal.rooms.addresses.models import AddressPurpose
from odoportal.rooms.addresses.postal import MAX_LENGTHS


class AddressForm(FormModel):
    """An address as typed; its country decides which fields are required."""

    name: Line = Field(default="", max_length=MAX_LENGTHS["name"])
    line1: Line = Field(default="", max_length=MAX_LENGTHS["line1"])
    line2: Line = Field(default="", max_length=MAX_LENGTHS["line2"])
    district: Line = Field(default="", max_length=MAX_LENGTHS["district"])
    city: Line = Field(default="", max_length=MAX_LENGTHS["city"])
    province: Line = Field(default="", max_length=MAX_LENGTHS["province"])
    postal_code: Line = Field(default="", max_length=MAX_LENGTHS["postal_code"])
    country: Line = Field(min_length=2, max_length=2)


def _unusable(error: postal.UnusableAddress) -> FormResult:
    # The country is chosen above the form, where no error of a field is shown.
    unknown = t("This country is not known. Choose it from the list.") if "country" in error.errors else ""
    return FormResult(errors=error.errors, error=unknown)


_ERRORS: ErrorMessages = {
    postal.UnusableAddress: _unusable,
    service.NoSuchAddress: lambda _: t("This address is no longer in the address book: someone removed it in the meantime."),
    service.AddressInUse: lambda _: t("This is a default address. Choose another default first."),
    service.TooManyAddresses: lambda _: t("The address book is full. Remove some addresses first."),
}


def _save(session: Session, sent: SentForm[AddressForm]) -> FormResult:
    fields = sent.values.model_dump()
    if not sent.key:
        service.add(session, sent.who, fields, clock.now(), sent.client)
        return FormResult(t("Saved."), go=sent.link_to("/addresses"))
    stored = service.stored(session, sent.who, sent.key)
    if clash := conflict(sent, stored):
        return FormResult(errors=_with_names(clash.errors, stored), error=clash.error, version=clash.version)
    service.change(session, sent.who, sent.key, fields, clock.now(), sent.client)
    return FormResult(t("Saved."), go=sent.link_to("/addresses"))


def _with_names(errors: Mapping[str, str], stored: Mapping[str, str]) -> dict[str, str]:
    """Show the stored province and country of a conflict by name instead of by code."""
    names = {
        "province": dict(postal.provinces(stored["country"], current_language())).get(stored["province"], stored["province"]),
        "country": postal.country_name(stored["country"], current_language()),
    }
    return {
        field: t("Saved value: “{value}”.", value=names[field]) if names.get(field) and stored[field] else text
        for field, text in errors.items()
    }


def _remove(session: Session, sent: SentForm[EmptyForm]) -> FormResult:
    service.remove(session, sent.who, sent.key, clock.now(), sent.client)
    return FormResult(go=sent.link_to("/addresses", state=service.REMOVED))


def _restore(session: Session, sent: SentForm[EmptyForm]) -> FormResult:
    service.restore(session, sent.who, sent.key, clock.now(), sent.client)
    return FormResult(go=sent.link_to("/addresses"))


def _make_default(session: Session, sent: SentForm[EmptyForm]) -> FormResult:
    service.make_default(session, sent.who, sent.key, AddressPurpose(sent.form), clock.now(), sent.client)
    return FormResult(t("Saved."), go=sent.link_to("/addresses/edit", code=sent.key))


BOOK = {"restore": FormHandler(EmptyForm, Right.ADDRESSES, in_transaction(_restore), _ERRORS)}
EDIT = {
    "address": FormHandler(AddressForm, Right.ADDRESSES, in_transaction(_save), _ERRORS),
    "remove": FormHandler(EmptyForm, Right.ADDRESSES, in_transaction(_remove), _ERRORS),
    **{purpose.value: FormHandler(EmptyForm, right, in_transaction(_make_default), _ERRORS) for purpose, right in service.RIGHT.items()},
}
