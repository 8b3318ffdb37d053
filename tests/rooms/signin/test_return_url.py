import pytest

from odoportal.rooms.signin.return_url import safe_return_url

pytestmark = pytest.mark.any_database

AWAY = [
    "http://evil.example", "https://evil.example/fr/", "https:///evil.example", "ftp://evil.example", "//evil.example",
    "///evil.example", "/\\evil.example", "\\\\evil.example", "/\\/evil.example", "https:evil.example", "http:evil",
    "javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "/%2f%2fevil.example", "/%2fevil.example",
    "%2f%2fevil.example", "/%5cevil.example", "/%255cevil.example", "/%252f%252fevil.example", "\t//evil.example",
    "/\t/evil.example", "/%09/evil.example", "/\n/evil.example", " //evil.example", " /fr/orders",
    "/fr/orders\r\nSet-Cookie: a=b", "/fr/orders%0d%0aSet-Cookie: a=b", "/fr/orders?a=%0d%0ab", "/fr/orders?q=\r\nx", "/\u0000",
    "/\u2028/x", "fr/orders", "evil.example", "?x", "#x", "", ".", "..", "//", "/" + "x" * 3000, "http://[bad", "//[bad",
    "/fr/orders\\..\\x",
]  # fmt: skip


@pytest.mark.asvs("3.7.2")
@pytest.mark.parametrize("wanted", AWAY)
def test_what_leads_elsewhere_leads_home(wanted: str) -> None:
    assert safe_return_url(wanted, "fr") == "/fr/"


@pytest.mark.parametrize(
    ("wanted", "to"),
    [
        ("/fr/orders", "/fr/orders"),
        ("/fr/invoices?q=576%2C07+%24&page=2", "/fr/invoices?q=576%2C07+%24&page=2"),
        ("/fr/orders?q=caf%C3%A9%20noir", "/fr/orders?q=caf%C3%A9%20noir"),
        ("/fr/orders?q=a//b", "/fr/orders?q=a//b"),
        ("/en/orders?open=26367", "/fr/orders?open=26367"),
        ("/fr", "/fr/"),
        ("/", "/"),
        ("/files/invoice/212048.pdf", "/files/invoice/212048.pdf"),
    ],
)
def test_an_address_of_this_site_is_kept_in_the_language_of_the_page(wanted: str, to: str) -> None:
    assert safe_return_url(wanted, "fr") == to


@pytest.mark.parametrize(
    "wanted", ["/fr/login", "/en/login?next=%2Ffr%2Flogin", "/fr/login/", "/fr/forgot", "/fr/reset?token=x", "/fr/invite", "/auth/sign-out"]
)
def test_the_sign_in_pages_are_no_place_to_land(wanted: str) -> None:
    assert safe_return_url(wanted, "en") == "/en/"


def test_who_is_signed_in_is_not_sent_to_an_account_that_leads_back() -> None:
    assert safe_return_url("/fr/orders?account=1042", "fr", {"1042"}) == "/fr/orders?account=1042"
    assert safe_return_url("/fr/orders?account=7", "fr", {"1042"}) == "/fr/"
    assert safe_return_url("/fr/orders?account=1042&account=7", "fr", {"1042"}) == "/fr/"
    assert safe_return_url("/fr/orders", "fr", {"1042"}) == "/fr/orders"
    assert safe_return_url("/fr/orders?account=7", "fr") == "/fr/orders?account=7"
