import asyncio
import threading
import unicodedata

import bcrypt
import pytest
from zxcvbn.matching import RANKED_DICTIONARIES

from odoportal.core import i18n
from odoportal.limits.work_queue import Client
from odoportal.rooms.signin import passwords
from odoportal.rooms.signin.passwords import Owner, Weakness

ANYBODY = Client("203.0.113.9")
OWNER = Owner("maria.tremblay@transportgagnon.ca", "Maria Tremblay")
EMOJI = "".join(chr(0x1F680 + n * 37 % 64) for n in range(64))
ODD = ["a" * 72 + "b", EMOJI, "before\0after and more", "lone \ud800 surrogate here", "  spaces on both ends  ", "é" * 60]


@pytest.mark.asvs("6.2.8")
@pytest.mark.parametrize("password", ODD)
@pytest.mark.case("A-01")
def test_odd_passwords_work_and_are_compared_whole(password: str) -> None:
    stored = passwords.hash_password(password)
    assert passwords.matches(stored, password)
    assert not passwords.matches(stored, password + "x")
    assert not passwords.matches(stored, password[:-1])
    assert not passwords.matches(stored, password.swapcase() + " ")


@pytest.mark.asvs("6.2.8")
def test_byte_73_counts() -> None:
    stored = passwords.hash_password("p" * 72 + "1")
    assert not passwords.matches(stored, "p" * 72 + "2")
    assert not passwords.matches(stored, "p" * 72)


def test_a_nul_does_not_end_a_password() -> None:
    assert not passwords.matches(passwords.hash_password("abcdefgh\0ijklmnop"), "abcdefgh\0zzzzzzzz")


@pytest.mark.case("A-13")
def test_spaces_are_kept() -> None:
    assert not passwords.matches(passwords.hash_password(" with spaces around "), "with spaces around")


@pytest.mark.case("A-13")
def test_composed_and_decomposed_letters_are_one_password() -> None:
    word = "été à la forêt noire"
    assert passwords.matches(passwords.hash_password(unicodedata.normalize("NFC", word)), unicodedata.normalize("NFD", word))


@pytest.mark.parametrize(
    "stored", ["", None, "!", "v1$", "v1$$2b$99$" + "a" * 53, "$2b$04$" + "a" * 53, "v1$$2b$04$short", "v1$$2b$04$" + "é" * 53, "\ud800"]
)
@pytest.mark.case("A-05")
def test_a_damaged_hash_is_a_wrong_password_at_the_usual_cost(stored: str | None, hashes) -> None:
    assert not passwords.matches(stored, "any password at all")
    assert hashes.compared == 1


@pytest.mark.case("A-01")
def test_a_password_longer_than_can_be_set_is_refused_before_hashing(hashes) -> None:
    for password in ("x" * 129, "x" * 1_000_000, "\ufdfa" * 100):
        assert not passwords.matches("v1$$2b$04$" + "a" * 53, password)
        with pytest.raises(ValueError):
            passwords.hash_password(password)
    assert (hashes.compared, hashes.made) == (0, 0)


def test_the_stored_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "COST", 12)
    stored = passwords.hash_password("quatre camions bleus")
    assert stored.startswith("v1$$2b$12$")
    assert not passwords.is_outdated(stored)
    assert passwords.is_outdated(stored.replace("$12$", "$11$"))
    assert passwords.is_outdated("")


def test_the_cost_in_use_is_twelve_and_nobodys_hash_costs_the_same(hashes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "COST", 12)
    assert not passwords.matches(None, "quatre camions bleus")
    assert hashes.costs == [b"12"]


def test_another_secret_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = passwords.hash_password("quatre camions bleus")
    monkeypatch.setenv("ODOPORTAL_SECRET", "t" * 40)
    passwords.get_settings.cache_clear()
    assert not passwords.matches(stored, "quatre camions bleus")


@pytest.mark.asvs("6.2.1")
def test_length_is_counted_in_code_points_on_both_sides_of_the_bounds() -> None:
    assert passwords.weakness("kzqwvxjtrmbhgp", OWNER) is Weakness.SHORT
    assert passwords.weakness("kzqwvxjtrmbhgpf", OWNER) is None
    assert passwords.weakness(unicodedata.normalize("NFD", "é") * 8, OWNER) is Weakness.SHORT
    long = "quatre camions bleus dorment " * 5
    assert passwords.weakness(long[:128], OWNER) is None
    assert passwords.weakness(long[:129], OWNER) is Weakness.LONG
    assert passwords.weakness("x" * 1_000_000, OWNER) is Weakness.LONG


@pytest.mark.asvs("6.2.9")
def test_sixty_four_emoji_can_be_set() -> None:
    assert passwords.weakness(EMOJI, OWNER) is None
    assert passwords.matches(passwords.hash_password(EMOJI), EMOJI)


@pytest.mark.asvs("6.2.5")
@pytest.mark.parametrize("password", ["trois mots sans rapport", "83920174650192837", "VIOLONCELLE KAYAK MOUTARDE", "lune  verre   pont"])
def test_no_rule_of_composition(password: str) -> None:
    assert passwords.weakness(password, OWNER) is None


@pytest.mark.asvs("6.1.2")
@pytest.mark.parametrize(
    "password",
    [
        "odoportal-2026!!",
        "OdoTrack odoportal",
        "odotrackodotrack",
        "maria.tremblay1",
        "Tremblay Maria 2026",
        "TransportGagnon-1",
        "ma\u200bria.tremblay",
        "0d0tr4ck0d0p0rt4l",
        "tr@nsp0rtg@gn0n1",
    ],
)
@pytest.mark.asvs("6.2.11")
def test_own_and_company_words_are_refused(password: str) -> None:
    assert passwords.weakness(password, OWNER) is not None


@pytest.mark.parametrize(
    "password", ["aaaaaaaaaaaaaaa", "passwordpassword", "123456789012345", "qwertyuiopasdfg", "p@ssw0rdp@ssw0rd", "abcabcabcabcabcabc"]
)
def test_patterns_are_refused(password: str) -> None:
    assert passwords.weakness(password, OWNER) is Weakness.COMMON


@pytest.mark.asvs("6.2.4")
def test_every_listed_password_that_is_long_enough_is_refused() -> None:
    listed = [p for p in RANKED_DICTIONARIES["passwords"] if len(p) >= passwords.SHORTEST]
    assert len(listed) > 20
    accepted = [p for p in listed if passwords.weakness(p, OWNER) is None]
    assert accepted == []


def test_a_surrogate_or_nul_never_raises_in_the_policy() -> None:
    for password in ("\ud800" * 20, "\0" * 20, "lone \ud800 surrogate here"):
        passwords.weakness(password, OWNER)


def test_each_reason_has_its_words() -> None:
    with i18n.use("en"):
        assert len({passwords.explain(why) for why in Weakness}) == len(Weakness)
        assert len(passwords.rules()) == 3


def test_at_most_two_hashes_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    at_work: set[int] = set()
    go_on = threading.Event()

    def slow(_password: bytes, _stored: bytes) -> bool:
        at_work.add(threading.get_ident())
        go_on.wait(10)
        return False

    monkeypatch.setattr(bcrypt, "checkpw", slow)

    async def many() -> None:
        tries = [asyncio.ensure_future(passwords.matches_in_queue(None, "quatre camions bleus", ANYBODY)) for _ in range(8)]
        # One turn of the event loop hands every job to the queue, whose threads are blocked.
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(*tries)

    asyncio.run(many())
    assert len(passwords._queue._pool._threads) == 2
    assert len(at_work) <= 2


def test_two_people_judged_at_once_are_judged_by_their_own_words() -> None:
    async def many() -> list[Weakness | None]:
        owners = [Owner("a@x.ca", "Zyxomma Qwixotic"), Owner("b@y.ca", "Jean Untel")] * 10
        return await asyncio.gather(*(passwords.weakness_in_queue("zyxommaqwixotic", owner, Client(owner.email)) for owner in owners))

    judged = asyncio.run(many())
    assert set(judged[0::2]) == {Weakness.PERSONAL}
    assert set(judged[1::2]) == {None}
