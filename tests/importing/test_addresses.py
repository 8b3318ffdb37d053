"""Addresses in an import: what is understood, what is refused, and what an earlier release stored."""

import json
from typing import Any

import pytest

from odoportal.core import database
from odoportal.importing.bulk import table_of
from odoportal.rooms.addresses.models import Address
from tests.importing.conftest import ACCOUNTS, Take

HEAD = "account,code,name,line1,city,province,postal_code,country\n"


def address(country: str = "CA", province: str = "", code: str = "") -> dict[str, str]:
    return {"accounts.csv": ACCOUNTS, "addresses.csv": f"{HEAD}A,HQ,Alpha,1 Main,Laval,{province},{code},{country}\n"}


@pytest.mark.parametrize(
    ("country", "reason"),
    [
        ("UK", '"UK" is not a country code; United Kingdom is GB'),
        ("EL", '"EL" is not a country code; Greece is GR'),
        ("ZZ", '"ZZ" is neither a country code of two letters such as CA nor its name'),
        ("Atlantis", '"Atlantis" is neither a country code of two letters such as CA nor its name'),
    ],
)
def test_an_unknown_country_is_refused_and_the_right_code_named(take: Take, country: str, reason: str) -> None:
    report = take(address(country))
    assert [str(bad) for bad in report.bad] == [f"addresses.csv, line 2, column country: {reason}"]


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        (("Canada", "Québec", "h7l3j5"), ("CA", "QC", "H7L 3J5")),
        (("", "quebec", ""), ("CA", "QC", "")),
        (("royaume-uni", "Isle of Wight", "po317qt"), ("GB", "Isle of Wight", "PO31 7QT")),
        (("Australia", "Victoria", "3000"), ("AU", "VIC", "3000")),
        (("SE", "", "S-958 22"), ("SE", "", "95822")),
        (("NO", "", "N 5804"), ("NO", "", "5804")),
        (("BE", "?", "no code"), ("BE", "?", "no code")),
    ],
)
def test_countries_provinces_and_postal_codes_are_understood(
    take: Take, rows: Any, written: tuple[str, ...], stored: tuple[str, ...]
) -> None:
    files = address(*written)
    assert take(files).kept
    (row,) = rows(Address)
    assert (row["country"], row["province"], row["postal_code"]) == stored
    assert take(files).files["addresses.csv"].same == 1


def test_what_an_earlier_release_stored_as_it_stood_is_nothing_new(take: Take, rows: Any) -> None:
    take(address("CA", "Québec", "h7l3j5"))
    (row,) = rows(Address)
    names = ("name", "line1", "line2", "district", "city", "province", "postal_code", "country")
    file = json.dumps({**{name: row[name] for name in names}, "province": "Québec", "postal_code": "h7l3j5"})
    with database.write_session() as session:
        session.connection().execute(table_of(Address).update().values(line1="9, rue du Client", file=file))
    assert take(address("CA", "Québec", "h7l3j5")).files["addresses.csv"].same == 1
    assert [row["line1"] for row in rows(Address)] == ["9, rue du Client"]
