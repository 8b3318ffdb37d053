"""Forms of the address book: their fields and their handlers."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from pydantic import Field
from sqlmodel import Session

from odoportal.accounts.rights import Right
from odoportal.core import clock
from odoportal.core.i18n import current_language, t
from odoportal.forms.handling import EmptyForm, FormHandler, FormModel, FormResult, Line, SentForm, conflict, do_once
from odoportal.rooms.addresses import postal, service
from odoportal.rooms.addresses.models import AddressPurpose


class AddressForm(FormModel):
    """An address as typed; its country decides which fields are required."""

    name: Line = Field(default="", max_length=200)
    line1: Line = Field(default="", max_length=200)
    line2: Line = Field(default="", max_length=200)
    district: Line = Field(default="", max_length=100)
    city: Line = Field(default="", max_length=100)
    province: Line = Field(default="", max_length=40)
    postal_code: Line = Field(default="", max_length=20)
    country: Line = Field(min_length=2, max_length=2)


def _back(sent: SentForm[Any], path: str = "/addresses", **query: str) -> str:
    account = {"account": sent.who.account.number} if len(sent.who.memberships) > 1 else {}
    asked = urlencode({**account, **query})
    return f"/{sent.language}{path}" + (f"?{asked}" if asked else "")


def _with_refusals(work: Callable[[Session, SentForm[Any]], FormResult]) -> Callable[[Session, SentForm[Any]], FormResult]:
    """Wrap a handler so that the exceptions of its rules become form errors. Each rule raises before anything is written."""

    def guarded(session: Session, sent: SentForm[Any]) -> FormResult:
        try:
            return work(session, sent)
        except postal.UnusableAddress as why:
            return FormResult(errors=why.errors)
        except service.NoSuchAddress:
            return FormResult(error=t("This address is no longer in the book: somebody removed it in the meantime."))
        except service.AddressInUse:
            return FormResult(error=t("This is a default address. Choose another one for it first."))
        except service.TooManyAddresses:
            return FormResult(error=t("The book is full. Remove some addresses first."))

    return guarded


def _save(session: Session, sent: SentForm[AddressForm]) -> FormResult:
    fields = sent.values.model_dump()
    if not sent.key:
        service.add(session, sent.who, fields, clock.now(), sent.client)
        return FormResult(t("Saved."), go=_back(sent))
    stored = service.stored(session, sent.who, sent.key)
    if clash := conflict(sent, stored):
        return FormResult(errors=_with_names(clash.errors, stored), error=clash.error, version=clash.version)
    service.change(session, sent.who, sent.key, fields, clock.now(), sent.client)
    return FormResult(t("Saved."), go=_back(sent))


def _with_names(errors: Mapping[str, str], stored: Mapping[str, str]) -> dict[str, str]:
    """Show the stored province and country of a conflict by name instead of by code."""
    names = {
        "province": dict(postal.provinces(stored["country"], current_language())).get(stored["province"], stored["province"]),
        "country": postal.country_name(stored["country"], current_language()),
    }
    return {
        field: t("Stored meanwhile: “{value}”.", value=names[field]) if names.get(field) and stored[field] else text
        for field, text in errors.items()
    }


def _remove(session: Session, sent: SentForm[EmptyForm]) -> FormResult:
    service.remove(session, sent.who, sent.key, clock.now(), sent.client)
    return FormResult(go=_back(sent, state=service.REMOVED))


def _restore(session: Session, sent: SentForm[EmptyForm]) -> FormResult:
    service.restore(session, sent.who, sent.key, clock.now(), sent.client)
    return FormResult(go=_back(sent))


def _default_chooser(purpose: AddressPurpose) -> Callable[[Session, SentForm[EmptyForm]], FormResult]:
    def choose(session: Session, sent: SentForm[EmptyForm]) -> FormResult:
        service.make_default(session, sent.who, sent.key, purpose, clock.now(), sent.client)
        return FormResult(t("Saved."), go=_back(sent, "/addresses/edit", code=sent.key))

    return choose


def _handler(model: type[FormModel], work: Callable[[Session, SentForm[Any]], FormResult], right: Right = Right.ADDRESSES) -> FormHandler:
    async def answer(sent: SentForm[Any]) -> FormResult:
        return await do_once(sent, _with_refusals(work), sent)

    return FormHandler(model, right, answer)


BOOK = {"restore": _handler(EmptyForm, _restore)}
EDIT = {
    "address": _handler(AddressForm, _save),
    "remove": _handler(EmptyForm, _remove),
    **{purpose.value: _handler(EmptyForm, _default_chooser(purpose), service.RIGHT[purpose]) for purpose in AddressPurpose},
}
