"""Addresses of the portal's own pages: they name the account if the person has several, and only then."""

import ast
import re
from itertools import pairwise
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from odoportal.frontend.builder import root
from odoportal.web.links import absolute_link, link_to, page_link, token_of_link
from tests.making import identity_of


def test_a_link_of_a_person_with_one_account_does_not_name_it() -> None:
    assert link_to(identity_of(1), "fr", "/orders") == "/fr/orders"
    assert link_to(identity_of(1), "en", "/orders", open="a b") == "/en/orders?open=a+b"


def test_a_link_of_a_person_with_several_accounts_names_the_one_in_use_first() -> None:
    who = identity_of(1, "10 42", others=[(2, "2077")])
    assert link_to(who, "fr", "/orders.pdf") == "/fr/orders.pdf?account=10+42"
    assert link_to(who, "fr", "/orders", language="x", path="y") == "/fr/orders?account=10+42&language=x&path=y"


@pytest.mark.parametrize("number", ["R&D 10", "T#9", "C+1", "100%", "a=b?c/d", "Nº 12", "é"])
def test_every_value_is_encoded_and_comes_back_as_it_was(number: str) -> None:
    for link in (
        page_link("fr", "/profile/data.zip", account=number, open=""),
        absolute_link("fr", "/profile/data.zip", account=number),
        link_to(identity_of(1, number, others=[(2, "2077")]), "fr", "/profile/data.zip"),
    ):
        parts = urlsplit(link)
        assert (parts.path, parse_qsl(parts.query, strict_parsing=True), parts.fragment) == (
            "/fr/profile/data.zip",
            [("account", number)],
            "",
        )
        assert link.isascii()


def test_no_address_is_pasted_together_elsewhere() -> None:
    """Find f-strings that put a value into a query: `f"…?name={value}"`. Each would have to be encoded on its own."""
    fixed = {
        "icons.py": "a hash",
        "outbox.py": "a signed token",
        "fleet_sheets.py": "a number of its own",
        "database.py": "a word of the code",
    }
    found = [
        f"{file.name}:{node.lineno}"
        for file in (root() / "odoportal").rglob("*.py")
        if file.name not in fixed
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.JoinedStr)
        for text, value in pairwise(node.values)
        if isinstance(text, ast.Constant) and isinstance(value, ast.FormattedValue) and re.search(r"[?&][a-z_]+=$", str(text.value))
    ]
    assert found == []


ONE_USE, SIGNED = "aB3_-" * 8 + "xy-", "aW52b2ljZS4zLjE3." + "aB3_-" * 4 + "x_"


@pytest.mark.parametrize("token", [ONE_USE, SIGNED])
@pytest.mark.parametrize("tail", ["", ".", ">", ")", " ", "%20", '">', "\u00a0»", "_", "-", "*"])
def test_what_was_copied_along_with_a_link_is_no_part_of_its_token(token: str, tail: str) -> None:
    assert token_of_link(token + unquote(tail)) == token


@pytest.mark.parametrize("text", ["", "x", ONE_USE[1:], ONE_USE + "a", SIGNED[:-1], f"{ONE_USE}.{ONE_USE}", ONE_USE + ".a"])
def test_what_is_no_token_stays_what_it_is(text: str) -> None:
    assert token_of_link(text) == text
