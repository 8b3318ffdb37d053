"""Views of the address book: the list, and the form of one address with the fields of its country."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlmodel import Session

from odoportal.accounts.models import Role
from odoportal.accounts.rights import ROLES_BY_RIGHT, Right, may
from odoportal.core.i18n import current_language, t
from odoportal.core.identity import Identity
from odoportal.documents.view import TextLine, text_lines
from odoportal.forms.view import Choice, FieldRow, FormView, form_view
from odoportal.lists.source import FoundRows, ListRequest
from odoportal.lists.view import DetailsView, Hidden, ListView
from odoportal.pages.shell_view import role_labels
from odoportal.rooms.addresses import postal, service
from odoportal.rooms.addresses.models import Address, AddressPurpose
from odoportal.web.links import link_to

_AUTOCOMPLETE = {
    "name": "organization",
    "line1": "address-line1",
    "line2": "address-line2",
    "district": "address-level3",
    "city": "address-level2",
    "province": "address-level1",
    "postal_code": "postal-code",
}


def purpose_labels() -> dict[str, str]:
    """Return the names of the purposes in the current language."""
    return {AddressPurpose.DELIVERY: t("Delivery"), AddressPurpose.BILLING: t("Billing")}


@dataclass(frozen=True)
class AddressRow:
    """An address of the list. `edit` is empty if the person may not change it; `removed` says that it can be put back."""

    key: str
    name: str
    lines: list[TextLine]
    country: str
    delivery: bool
    billing: bool
    edit: str
    removed: bool
    restore: FormView


@dataclass(frozen=True)
class AddressesView:
    """One page of the book. `add` is empty if the person may not add addresses."""

    frame: ListView = field(default_factory=ListView)
    rows: list[AddressRow] = field(default_factory=list)
    add: str = ""
    wrong: str = ""
    details: DetailsView = field(default_factory=DetailsView)


def addresses_view(session: Session, who: Identity, request: ListRequest, found: FoundRows, frame: ListView) -> AddressesView:
    """Return the view of the addresses found. See `ListTable.view`."""
    default_ids = service.defaults(session, request.account_id)
    allowed = may(who.account.role, Right.ADDRESSES)
    return AddressesView(
        frame=frame,
        rows=[_row(address, who, default_ids, allowed, request.language) for address in found.rows],
        add=link_to(who, request.language, "/addresses/edit") if allowed else "",
    )


def _row(address: Address, who: Identity, default_ids: Mapping[AddressPurpose, int], allowed: bool, language: str) -> AddressRow:
    return AddressRow(
        key=address.code,
        name=address.name,
        lines=text_lines(service.lines(address, language)[1:]),
        country=postal.country_name(address.country, language),
        delivery=default_ids.get(AddressPurpose.DELIVERY) == address.id,
        billing=default_ids.get(AddressPurpose.BILLING) == address.id,
        edit=link_to(who, language, "/addresses/edit", code=address.code) if allowed and address.archived_at is None else "",
        removed=allowed and address.archived_at is not None,
        restore=form_view(who, key=address.code) if address.archived_at else FormView(),
    )


@dataclass(frozen=True)
class EditView:
    """The form of one address. `code` is empty for a new one; `missing` is true if the book has no address with the requested code.

    `locked` says why the person may not change the address, and whom to ask; then only its `lines` are shown.
    """

    missing: bool = False
    code: str = ""
    title: str = ""
    hidden: list[Hidden] = field(default_factory=list)
    countries: list[Choice] = field(default_factory=list)
    country: str = postal.HOME
    delivery_is: bool = False
    billing_is: bool = False
    delivery_may: bool = False
    billing_may: bool = False
    address: FormView = field(default_factory=FormView)
    delivery: FormView = field(default_factory=FormView)
    billing: FormView = field(default_factory=FormView)
    remove: FormView = field(default_factory=FormView)
    locked: list[TextLine] = field(default_factory=list)
    lines: list[TextLine] = field(default_factory=list)


def edit_view(session: Session, who: Identity, query: Mapping[str, str]) -> EditView:
    """Return the form of the address with the query's `code`, or of a new one, in the current language.

    The query's `country` decides which fields the form has; without it, the stored country of the address.
    """
    code, requested = query.get("code", ""), query.get("country", "")
    address = service.get(session, who.account.account_id, code) if code else None
    if code and (address is None or address.archived_at is not None):
        return EditView(missing=True, title=t("Address not found"))
    stored = service.values(address) if address else dict.fromkeys(service.FIELDS, "") | {"country": postal.HOME}
    country = requested if requested in postal.codes() else stored["country"]
    countries = postal.countries(current_language())
    if country not in dict(countries):
        countries = ((country, country), *countries)
    default_ids = service.defaults(session, who.account.account_id) if address else {}
    form = form_view(who, stored, code)
    # What the country has no place for is shown as well, unless another country is being chosen.
    parts = (*postal.country(country).parts.values(), *(postal.unplaced(stored) if country == stored["country"] else ()))
    rows = [_field(part, stored[part.name]) for part in parts]
    return EditView(
        code=code,
        title=t("Change an address") if address else t("Add an address"),
        hidden=[Hidden(name, query[name]) for name in ("account", "code") if name in query],
        countries=[Choice(key, name, key == country) for key, name in countries],
        country=country,
        **{f"{purpose}_is": address is not None and default_ids.get(purpose) == address.id for purpose in AddressPurpose},
        **{f"{purpose}_may": may(who.account.role, service.RIGHT[purpose]) for purpose in AddressPurpose},
        address=replace(
            form, initial={**stored, "country": country}, rows=rows, labels=[[r.key, _error_prefix(r.label), r.id] for r in rows]
        ),
        delivery=form_view(who, key=code),
        billing=form_view(who, key=code),
        remove=form_view(who, key=code),
        locked=text_lines(_locked(session, address, who.account.role)) if address else [],
        lines=text_lines(service.lines(address, current_language())),
    )


def _locked(session: Session, address: Address, role: str) -> list[str]:
    """Explain why a role may not change an address: one sentence for each purpose it is the default for and the role has no right to."""
    sentences = {
        AddressPurpose.DELIVERY: t("This is the default address for delivery."),
        AddressPurpose.BILLING: t("This is the default address for billing."),
    }
    found: list[str] = []
    for purpose in service.purposes(session, address):
        right = service.RIGHT[purpose]
        if not may(role, right):
            roles = ", ".join(role_labels()[r] for r in Role if r in ROLES_BY_RIGHT[right])
            ask = t("Your role does not let you change or remove it. Ask someone with one of these roles: {roles}.", roles=roles)
            found.append(f"{sentences[purpose]} {ask}")
    return found


def _error_prefix(label: str) -> str:
    return t("{name}: {error}", name=label, error="")


def _field(part: postal.AddressPart, value: str) -> FieldRow:
    id_ = f"address-{part.name}"
    return FieldRow(
        key=part.name,
        id=id_,
        note=f"{id_}-note",
        link=f"#{id_}",
        label=part.label,
        required=part.required,
        max_length=postal.MAX_LENGTHS[part.name],
        autocomplete=_AUTOCOMPLETE[part.name],
        hint=t("For example, {example}", example=part.example) if part.example else "",
        value=value,
        select=bool(part.choices),
        options=_options(part.choices, value),
    )


def _options(choices: Sequence[tuple[str, str]], value: str) -> list[Choice]:
    if not choices:
        return []
    # A value that a file brought and the country's list lacks is shown: saving it says that one must be chosen.
    foreign = [Choice(value, value, True)] if value and value not in dict(choices) else []
    return [Choice("", "—", not value), *foreign, *(Choice(key, name, key == value) for key, name in choices)]
