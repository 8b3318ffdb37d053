"""Input in an address or a form stays text and never leads to another site."""

import re
from html.parser import HTMLParser
from urllib.parse import quote, urlsplit

import pytest

from tests.attack.conftest import Cookies, Victim
from tests.attack.corpus import ELSEWHERE, SQL, XSS
from tests.server import PASSWORD, Portal


class Elements(HTMLParser):
    """A parsed document: its elements with the names of their attributes, and the targets of its links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.shape: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.shape.append((tag, tuple(name for name, _ in attrs)))
        self.links += [value or "" for name, value in attrs if name in {"href", "action", "src"}]


NAMES = ("q", "sort", "page", "size", "state", "from", "to", "order", "open", "account", "next", "x")


@pytest.mark.parametrize("room", ["orders", "invoices"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.asvs("1.2.1")
@pytest.mark.asvs("1.2.4")
@pytest.mark.asvs("1.2.9")
@pytest.mark.asvs("1.3.12")
@pytest.mark.case("A-63", "A-82")
def test_whatever_is_typed_into_an_address_is_text(portal: Portal, cookie_of: Cookies, attacker: Victim, room: str, name: str) -> None:
    def ask(value: str) -> tuple[int, Elements]:
        answer = portal.ask(f"/en/{room}?{name}={quote(value, safe='')}", cookie=cookie_of(attacker.email))
        return answer.status, Elements(answer.body)

    # A search leaves out brackets: what is left of `<b>` finds some rows.
    plain = [ask("zzzz"), ask(""), ask("b")]
    shapes = [elements.shape for _, elements in plain]
    for attack in (*XSS, *SQL):
        status, found = ask(attack)
        if "\x00" in attack:
            assert status == 400
            continue
        assert status == (404 if name == "account" else 200), attack
        assert found.shape in shapes, attack
        assert all(
            link.startswith(("/", "?", "#", "mailto:", "tel:", "https://www.odotrack.com")) and not link.startswith("//")
            for link in found.links
        ), attack


@pytest.mark.parametrize("attack", [attack for attack in (*XSS, *SQL, *ELSEWHERE) if "\x00" not in attack])
@pytest.mark.asvs("1.2.2")
@pytest.mark.asvs("3.7.2")
@pytest.mark.case("A-14")
def test_the_way_on_after_sign_in_stays_on_this_site(portal: Portal, cookie_of: Cookies, attacker: Victim, attack: str) -> None:
    wanted = f"/en/login?next={quote(attack, safe='')}"
    answer = portal.ask(wanted, cookie=cookie_of(attacker.email))
    assert answer.status == 303
    location = answer.headers["location"]
    assert re.match(r"/(?![/\\])", location)
    assert "evil.example" not in urlsplit(location).netloc
    assert not re.search(r"[\x00-\x20\\]", location)
    shown = Elements(portal.ask(wanted).body)
    assert shown.shape == Elements(portal.ask("/en/login?next=%2Fen%2Forders").body).shape
    assert all(not link.lower().startswith(("//", "http://evil", "https://evil", "javascript:", "data:")) for link in shown.links)


@pytest.mark.asvs("3.7.2")
def test_the_way_on_after_a_real_sign_in_stays_too(portal: Portal, attacker: Victim) -> None:
    answer = portal.ask("/en/login?next=//evil.example", form={"email": attacker.email, "password": PASSWORD})
    assert (answer.status, answer.headers["location"]) == (303, "/en/")
    portal.ask("/auth/sign-out", form={}, cookie=next(c for c in answer.cookies if "odo_session" in c).split(";")[0])


@pytest.mark.parametrize("attack", XSS)
@pytest.mark.asvs("1.2.1")
def test_markup_typed_into_the_sign_in_form_comes_back_as_text(portal: Portal, attack: str) -> None:
    answer = portal.ask("/en/login", form={"email": attack, "password": ""})
    plain = portal.ask("/en/login", form={"email": "zzzz", "password": ""})
    assert answer.status == 422
    assert Elements(answer.body).shape == Elements(plain.body).shape


@pytest.mark.parametrize(
    "value", ["1; a=b", "x" * 6000, '"', "\\", "=", "sid=1; odo_session=", "é".encode().decode("latin-1"), "a" * 43], ids=range(8)
)
@pytest.mark.asvs("2.2.1")
@pytest.mark.case("A-40")
def test_a_broken_cookie_is_nobody(portal: Portal, value: str) -> None:
    for path in ("/en/orders", "/en/login", "/"):
        assert portal.ask(path, cookie=f"odo_session={value}").status in {200, 302, 303}


def test_a_long_or_odd_address_is_answered(portal: Portal, cookie_of: Cookies, attacker: Victim) -> None:
    for query in (
        "q=" + "x" * 20_000,
        "&".join(f"a{n}=1" for n in range(2_000)),
        "q=%ff%fe",
        "q=%ed%a0%80",
        "q",
        "=&&=",
        "page=" + "9" * 5_000,
        "q=a&q=b&q=c",
        "open=%F0%9F%9A%9A",
    ):
        assert portal.ask(f"/en/orders?{query}", cookie=cookie_of(attacker.email)).status == 200
