"""Expensive work for anonymous visitors: it runs in a bounded queue, is rate-limited, and a full queue is answered with a message."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient
from zxcvbn import zxcvbn

from odoportal.limits import rate_limits
from odoportal.limits.counters import FREE_FAILURES
from odoportal.limits.work_queue import RETRY_SECONDS, Busy, Client
from odoportal.rooms.signin import passwords
from tests.rooms.signin.conftest import GOOD, add_person
from tests.rooms.signin.test_routes import EMAIL, NEW, browser, follow, link_for, sign_in

ALIKE = ["4@8(7[23s9!#i1|5$0+{%&x69z<!|1l7", "1|7!l0o$s5+t4a@a(c{[<2z%x6g9b83e", "{7b<7@[a23%44ege!<e70578cae(8$2("]
WORDS = {"en": "The portal is very busy right now.", "fr": "Le portail est très sollicité en ce moment."}
WEAK = "odoportal-2026!!"


class Queue:
    """The password queue, which a test can declare full."""

    def __init__(self) -> None:
        self.full, self.askers = False, list[Client]()
        self._run = passwords._queue.run

    async def run(self, asker: Client, *work: Any) -> Any:
        """Record the asker; raise `Busy` if the queue is declared full."""
        self.askers.append(asker)
        if self.full:
            raise Busy
        return await self._run(asker, *work)


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Queue:
    made = Queue()
    monkeypatch.setattr(passwords._queue, "run", made.run)
    return made


@pytest.fixture
def web() -> Iterator[TestClient]:
    with browser() as client:
        yield client


@pytest.mark.parametrize("language", ["en", "fr"])
def test_where_too_many_sign_in_it_is_said_at_once_and_nothing_is_lost(web: TestClient, maria: int, queue: Queue, language: str) -> None:
    queue.full = True
    for _ in range(FREE_FAILURES + 1):
        answer = web.post(f"/{language}/login?next=%2Fen%2Forders", data={"email": EMAIL, "password": GOOD, "keep": "1"})
        assert answer.status_code == 429
        assert WORDS[language] in answer.text
        assert f'value="{EMAIL}"' in answer.text
        assert "checked" in answer.text
        assert GOOD not in answer.text
        assert f"next=%2F{language}%2Forders" in answer.text
    queue.full = False
    assert sign_in(web).status_code == 303, "what was not compared is no failure of the account"


def test_it_says_when_to_come_back(maria: int, queue: Queue) -> None:
    from tests.rooms.security.conftest import APP

    queue.full = True
    with TestClient(APP, base_url="https://portal.example.com", follow_redirects=False, client=("203.0.113.9", 1)) as client:
        assert sign_in(client).headers["retry-after"] == RETRY_SECONDS


def test_an_unknown_email_is_told_the_same(web: TestClient, maria: int, queue: Queue) -> None:
    queue.full = True
    known, unknown = sign_in(web), sign_in(web, "nobody@example.com")
    assert (known.status_code, known.text.replace(EMAIL, "")) == (unknown.status_code, unknown.text.replace("nobody@example.com", ""))


def test_tries_that_are_not_made_are_counted_by_address(web: TestClient, queue: Queue) -> None:
    queue.full = True
    for _ in range(rate_limits.SIGN_IN_PER_ADDRESS.amount):
        assert WORDS["en"] in sign_in(web).text
    asked = len(queue.askers)
    assert "We could not sign you in." in sign_in(web).text
    assert len(queue.askers) == asked


def test_a_sign_in_does_not_fail_for_the_better_hash_that_is_made_later(
    web: TestClient, maria: int, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "COST", 5)

    async def full(*_: object) -> str:
        raise Busy

    monkeypatch.setattr(passwords, "hash_in_queue", full)
    assert sign_in(web).status_code == 303


@pytest.mark.case("A-07")
def test_a_known_browser_goes_first_and_strangers_share_by_network(web: TestClient, maria: int, queue: Queue) -> None:
    sign_in(web)
    sign_in(web)
    with browser("2001:db8:1:2:3::4") as other:
        sign_in(other)
    with browser("2001:db8:1:ff::1") as near:
        sign_in(near)
    assert queue.askers == [
        Client("203.0.113.9"),
        Client(f"person {maria}", first=True),
        Client("2001:db8:1::/48"),
        Client("2001:db8:1::/48"),
    ]


@pytest.mark.asvs("2.4.1")
def test_new_passwords_of_a_link_are_counted(web: TestClient, maria: int, queue: Queue) -> None:
    address = follow(web, link_for(web))
    for _ in range(rate_limits.CHOICES_PER_LINK.amount):
        assert web.post(address, data={"password": WEAK}).status_code == 422
    asked = len(queue.askers)
    answer = web.post(address, data={"password": NEW})
    assert answer.status_code == 429
    assert "Too many tries." in answer.text
    assert len(queue.askers) == asked


@pytest.mark.asvs("2.4.1")
def test_new_passwords_of_an_address_are_counted_whatever_the_link(web: TestClient, queue: Queue) -> None:
    answers = []
    for n in range(4):
        email = f"p{n}@example.com"
        add_person(email)
        with browser(f"198.51.100.{n}") as owner:
            link = link_for(owner, email)
        address = follow(web, link)
        answers += [web.post(address, data={"password": WEAK}).status_code for _ in range(rate_limits.CHOICES_PER_LINK.amount)]
    most = rate_limits.CHOICES_PER_ADDRESS.amount
    assert answers == [422] * most + [429] * (len(answers) - most)
    assert len(queue.askers) == most


def test_a_link_stays_open_where_too_many_choose(web: TestClient, maria: int, queue: Queue) -> None:
    address = follow(web, link_for(web))
    queue.full = True
    answer = web.post(address, data={"password": NEW})
    assert (answer.status_code, WORDS["en"] in answer.text) == (429, True)
    queue.full = False
    assert web.post(address, data={"password": NEW}).status_code == 303


@pytest.mark.asvs("6.2.4")
def test_the_worst_password_costs_no_more_than_a_few_good_ones() -> None:
    owner = passwords.Owner(EMAIL, "Maria Gagnon")

    def cost(password: str) -> float:
        spent = []
        for _ in range(3):
            before = time.process_time()
            passwords.weakness(password, owner)
            spent.append(time.process_time() - before)
        return min(spent)

    good = cost("quatre camions bleus dorment dehors")
    assert max(map(cost, ALIKE)) < 12 * good


@pytest.mark.parametrize("word", ["p@ssw0rd", "p4$$word", "pa5sw0rd", "{4pt4!n"])
def test_words_are_found_behind_many_look_alikes(word: str) -> None:
    judged = passwords._estimated_part(f"{word}4@({{[|!17")
    found = {match.get("matched_word") for match in zxcvbn(judged)["sequence"]}
    assert judged != f"{word}4@({{[|!17"
    assert found & {"password", "captain"}
