"""Addresses of the portal's own pages: they name the account if the person has several, and only then."""

from odoportal.web.links import link_to
from tests.making import identity_of


def test_a_link_of_a_person_with_one_account_does_not_name_it() -> None:
    assert link_to(identity_of(1), "fr", "/orders") == "/fr/orders"
    assert link_to(identity_of(1), "en", "/orders", open="a b") == "/en/orders?open=a+b"


def test_a_link_of_a_person_with_several_accounts_names_the_one_in_use_first() -> None:
    who = identity_of(1, "10 42", others=[(2, "2077")])
    assert link_to(who, "fr", "/orders.pdf") == "/fr/orders.pdf?account=10+42"
    assert link_to(who, "fr", "/orders", language="x", path="y") == "/fr/orders?account=10+42&language=x&path=y"
