"""Rules of addresses."""

from collections.abc import Iterable, Mapping

from sqlmodel import Session, col, select

from odoportal.addresses.models import Address

_PROVINCES_FR = {
    "QC": "Québec",
    "ON": "Ontario",
    "NB": "Nouveau-Brunswick",
    "NS": "Nouvelle-Écosse",
    "PE": "Île-du-Prince-Édouard",
    "NL": "Terre-Neuve-et-Labrador",
    "MB": "Manitoba",
    "SK": "Saskatchewan",
    "AB": "Alberta",
    "BC": "Colombie-Britannique",
    "YT": "Yukon",
    "NT": "Territoires du Nord-Ouest",
    "NU": "Nunavut",
}


def by_id(session: Session, account_id: int, ids: Iterable[int | None]) -> Mapping[int, Address]:
    """The account's addresses with these ids, archived ones included."""
    wanted = {i for i in ids if i is not None}
    found = session.exec(select(Address).where(Address.account_id == account_id, col(Address.id).in_(wanted))).all() if wanted else []
    return {a.id: a for a in found if a.id is not None}


def lines(address: Address | None, language: str) -> list[str]:
    """An address as it is written on a letter, line by line; English gives the province's code, French its name.

    Canada Post writes two spaces before the postal code.
    """
    if address is None:
        return []
    place = (
        f"{address.city} {address.province}"
        if language == "en"
        else f"{address.city} ({_PROVINCES_FR.get(address.province, address.province)})"
    )
    written = [
        address.name,
        address.line1,
        address.line2,
        f"{place if address.province else address.city}\u00a0 {address.postal_code}".strip(),
    ]
    return [line for line in (*written, address.country if address.country != "CA" else "") if line]
