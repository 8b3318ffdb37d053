"""Printed documents as files: their owner, who may download them, and the headers that tell a browser how to handle them."""

import io
import zipfile
from urllib.parse import quote

import httpx
import pytest
from sqlalchemy import Engine, text

from tests.attack.conftest import Cookies, Victim
from tests.reading import fonts, pages, reader
from tests.server import TWO_ACCOUNTS, Portal

KINDS = {
    "invoice": ("/{language}/invoices/{number}.pdf", "Facture-{number}.pdf", "Invoice-{number}.pdf"),
    "order": ("/{language}/orders/{number}.pdf", "Commande-{number}.pdf", "Order-{number}.pdf"),
    "credit_note": ("/{language}/credit-notes/{number}.pdf", "Note-de-cr", "Credit-note-{number}.pdf"),
}
POLICY = {"default-src": ["'none'"], "frame-ancestors": ["'none'"], "base-uri": ["'none'"], "form-action": ["'none'"], "sandbox": []}


def number_of(rows: Engine, victim: Victim, kind: str) -> str:
    table = {"invoice": "invoice", "order": "orders", "credit_note": "credit_note"}[kind]
    with rows.connect() as connection:
        held = connection.scalar(
            text(f"SELECT d.number FROM {table} d JOIN account a ON a.id = d.account_id WHERE a.number = :n ORDER BY d.id"),
            {"n": victim.account},
        )
    assert held
    return held


def get(portal: Portal, path: str, cookie: str = "", method: str = "GET", **more: object) -> httpx.Response:
    headers = {"cookie": cookie} if cookie else {}
    # Loading the certificate authorities, which plain HTTP does not need, takes longer than most answers.
    return httpx.request(method, portal.url + path, headers=headers, timeout=60, verify=False, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.asvs("14.3.2")
@pytest.mark.asvs("3.2.1")
@pytest.mark.asvs("5.4.2")
def test_the_owner_gets_it_with_its_headers(
    portal: Portal, rows: Engine, cookie_of: Cookies, victim: Victim, kind: str, language: str
) -> None:
    number = number_of(rows, victim, kind)
    path, french, english = KINDS[kind]
    address = path.format(language=language, number=number)
    answer = get(portal, address, cookie_of(victim.email))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["content-disposition"].startswith(
        f'attachment; filename="{(french if language == "fr" else english).format(number=number)}'
    )
    assert answer.headers["cache-control"] == "no-store, private"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert {name: v for name, *v in (part.split() for part in answer.headers["content-security-policy"].split(";"))} == POLICY
    assert number in pages(answer.content)[0]
    assert fonts(answer.content) == {"Figtree-Regular", "Figtree-SemiBold"}
    assert reader(answer.content).root_object["/Lang"] == f"{language}-CA"
    inline = get(portal, f"{address}?inline=1&paper=a4", cookie_of(victim.email))
    assert inline.headers["content-disposition"] == answer.headers["content-disposition"].replace("attachment", "inline")
    assert round(float(reader(inline.content).pages[0].mediabox.width)) == 595
    head = get(portal, address, cookie_of(victim.email), "HEAD")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(answer.content)))


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.asvs("8.2.2")
def test_another_s_is_as_unknown_as_any(
    portal: Portal, rows: Engine, cookie_of: Cookies, victim: Victim, attacker: Victim, kind: str, language: str
) -> None:
    number = number_of(rows, victim, kind)
    path = KINDS[kind][0]
    for query in ("", "?inline=1", f"?account={attacker.account}"):
        foreign = get(portal, path.format(language=language, number=number) + query, cookie_of(attacker.email))
        unknown = get(portal, path.format(language=language, number="999999") + query, cookie_of(attacker.email))
        assert (foreign.status_code, foreign.content) == (unknown.status_code, unknown.content)
        assert foreign.status_code == 404
        assert f'lang="{language}"' in foreign.text
    elsewhere = get(portal, path.format(language=language, number=number) + f"?account={victim.account}", cookie_of(attacker.email))
    assert elsewhere.status_code == 404


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.asvs("8.2.1")
def test_nobody_is_led_to_sign_in_and_back(portal: Portal, rows: Engine, victim: Victim, kind: str) -> None:
    for number in (number_of(rows, victim, kind), "999999"):
        path = KINDS[kind][0].format(language="fr", number=number)
        for method in ("GET", "HEAD"):
            answer = get(portal, f"{path}?inline=1", method=method)
            assert (answer.status_code, answer.content) == (303, b"")
            assert answer.headers["location"] == f"/fr/login?next={quote(path + '?inline=1', safe='')}"
            assert answer.headers["cache-control"] == "no-store"
        assert get(portal, path, "odo_session=over").headers["location"].startswith("/fr/login?ended=1&next=")


@pytest.mark.asvs("7.4.1")
def test_a_session_that_was_ended_gets_nothing(portal: Portal, rows: Engine, attacker: Victim) -> None:
    cookie = portal.sign_in(attacker.email)
    path = f"/en/invoices/{attacker.invoice}.pdf"
    assert get(portal, path, cookie).status_code == 200
    portal.ask("/auth/sign-out", form={"language": "en"}, cookie=cookie)
    assert get(portal, path, cookie).status_code == 303


def test_a_person_of_two_accounts_gets_each_by_its_account(portal: Portal, rows: Engine, cookie_of: Cookies) -> None:
    with rows.connect() as connection:
        held = connection.execute(
            text(
                "SELECT a.number AS account, max(i.number) AS invoice FROM account a JOIN invoice i ON i.account_id = a.id "
                "JOIN membership m ON m.account_id = a.id JOIN person p ON p.id = m.person_id WHERE p.email = :e GROUP BY a.id"
            ),
            {"e": TWO_ACCOUNTS},
        ).all()
        accounts = connection.scalars(
            text(
                "SELECT a.number FROM account a JOIN membership m ON m.account_id = a.id "
                "JOIN person p ON p.id = m.person_id WHERE p.email = :e"
            ),
            {"e": TWO_ACCOUNTS},
        ).all()
    assert held
    assert len(accounts) == 2
    for row in held:
        for account in accounts:
            answer = get(portal, f"/en/invoices/{row.invoice}.pdf?account={account}", cookie_of(TWO_ACCOUNTS))
            assert answer.status_code == (200 if account == row.account else 404)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_document_is_only_read(portal: Portal, cookie_of: Cookies, attacker: Victim, method: str) -> None:
    answer = get(portal, f"/en/invoices/{attacker.invoice}.pdf", cookie_of(attacker.email), method)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "path",
    [
        "/en/invoices/.pdf",
        "/en/invoices.pdf",
        "/en/orders.zip/",
        "/en/invoices/NUMBER.pdf/",
        "/en/invoices/NUMBER.PDF",
        "/de/invoices/NUMBER.pdf",
        "/invoices/NUMBER.pdf",
        "/en/invoices/%2e%2e/NUMBER.pdf",
        "/en/invoices/NUMBER%20.pdf",
        "/en/invoices/%27%20OR%201=1--.pdf",
        "/en/invoices/NUMBER%2Fx.pdf",
        "/en/devices/NUMBER.pdf",
        "/en/x.pdf",
        "/en/.pdf",
    ],
)
def test_an_address_beside_it_is_not_there(portal: Portal, cookie_of: Cookies, attacker: Victim, path: str) -> None:
    answer = get(portal, path.replace("NUMBER", attacker.invoice), cookie_of(attacker.email))
    assert answer.status_code == 404
    assert "text/html" in answer.headers["content-type"]


def test_several_come_in_one_file_and_only_one_s_own(
    portal: Portal, rows: Engine, cookie_of: Cookies, victim: Victim, attacker: Victim
) -> None:
    answer = get(portal, "/fr/invoices.zip", cookie_of(victim.email), "POST", data={"all": "1", "query": "from=2020-06-01"})
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.content)) as read:
        assert read.testzip() is None
        assert len(read.namelist()) == int(answer.headers["x-files"]) > 5
    path = "/fr/invoices.zip"
    foreign = get(portal, path, cookie_of(attacker.email), "POST", data={"number": [attacker.invoice, victim.invoice]})
    unknown = get(portal, path, cookie_of(attacker.email), "POST", data={"number": [attacker.invoice, "999999"]})
    assert (foreign.status_code, foreign.content) == (404, unknown.content)
    assert get(portal, f"{path}?account={victim.account}", cookie_of(attacker.email), "POST", data={"all": "1"}).status_code == 404
    own = get(portal, path, cookie_of(attacker.email), "POST", data={"all": "1", "query": f"account={attacker.account}"})
    with zipfile.ZipFile(io.BytesIO(own.content)) as read:
        assert [name.split("_")[1] for name in read.namelist()] == [f"{attacker.invoice}.pdf"]


@pytest.mark.asvs("3.5.1")
@pytest.mark.asvs("8.2.1")
def test_several_are_not_for_nobody_and_not_for_another_site(portal: Portal, cookie_of: Cookies, victim: Victim) -> None:
    answer = get(portal, "/fr/invoices.zip?account=1", method="POST", data={"all": "1"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/fr/login?next=%2Ffr%2Finvoices%3Faccount%3D1")
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        sent = {"cookie": cookie_of(victim.email), **headers}
        refused = httpx.post(f"{portal.url}/fr/invoices.zip", headers=sent, data={"all": "1"})
        assert refused.status_code == 403
    assert get(portal, "/fr/invoices.zip", cookie_of(victim.email)).status_code == 404
