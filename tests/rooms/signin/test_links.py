import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import Session, select

from odoportal.accounts.models import Change, Membership, Person
from odoportal.accounts.service import UnknownAccount, UnusableEmail, email_key
from odoportal.core import database
from odoportal.mail import outbox
from odoportal.mail.outbox import Mail, compose, token_of
from odoportal.rooms.signin import links, passwords, service
from odoportal.rooms.signin.models import BrowserSession, LinkKind, OneUseLink
from tests.rooms.signin.conftest import START, add_person

EMAIL = "maria@transportgagnon.ca"
SECOND = timedelta(seconds=1)
RESET, INVITE = LinkKind.RESET, LinkKind.INVITE


def write(work: Callable[..., Any], *args: object, **more: object) -> Any:
    with database.write_session() as session:
        return work(session, *args, **more)


def letters() -> list[Mail]:
    with database.read_session() as session:
        return list(session.exec(select(Mail).order_by(Mail.id)))  # pyright: ignore[reportArgumentType]


def ask(email: str = EMAIL, at=START) -> str:
    assert write(service.request_reset, email, "en", at)
    return token_of(letters()[-1].seed)


def set_it(token: str, kind: LinkKind = RESET, at=START, stored: str = "v1$new") -> Person | None:
    return write(service.set_password, token, kind, stored, at)


def stored(person: int) -> str:
    with database.read_session() as session:
        return session.get_one(Person, person).password


def is_open(token: str, at=START, kind: LinkKind = RESET) -> bool:
    with database.read_session() as session:
        return links.owner(session, token, kind, at) is not None


@pytest.mark.asvs("6.4.1")
@pytest.mark.case("A-20")
def test_a_link_works_once(maria: int) -> None:
    token = ask()
    assert set_it(token) is not None
    assert set_it(token, stored="v1$second") is None
    assert stored(maria) == "v1$new"


@pytest.mark.case("A-26")
def test_looking_at_a_link_uses_nothing_up(maria: int) -> None:
    token = ask()
    assert all(is_open(token) for _ in range(5))
    assert set_it(token)


def race(guarded: bool, token: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Use a link in two tabs that both read it before either uses it; return how many of them succeed."""
    both, looked = threading.Barrier(2), links.owner

    def owner(session: Session, *args):
        person = looked(session, *args)
        session.rollback()
        both.wait(10)
        return person

    monkeypatch.setattr(links, "owner", owner)

    def tab(_: int) -> bool:
        with Session(database.engine().execution_options(sqlite_begin="IMMEDIATE")) as session:
            person = links.use(session, token, RESET, START) if guarded else links.owner(session, token, RESET, START)
            session.commit()
            return person is not None

    with ThreadPoolExecutor(2) as pool:
        return sum(pool.map(tab, range(2)))


@pytest.mark.asvs("15.4.2")
@pytest.mark.case("A-20")
def test_of_two_tabs_exactly_one_succeeds(maria: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert race(True, ask(), monkeypatch) == 1


def test_without_the_guard_both_would(maria: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert race(False, ask(), monkeypatch) == 2


def together(*work: Callable[[], Any]) -> None:
    with ThreadPoolExecutor(len(work)) as pool:
        for job in [pool.submit(each) for each in work]:
            job.result(30)


def meeting(monkeypatch: pytest.MonkeyPatch, *places: tuple[Any, str], seconds: float = 1) -> None:
    """Patch functions so that two threads wait for each other after the call, for at most `seconds`.

    Pass a long time if they must meet, since a busy machine may delay one of them.
    """
    both = threading.Barrier(2)

    def met(before: Callable[..., Any]) -> Callable[..., Any]:
        def function(*args: Any) -> Any:
            found = before(*args)
            with suppress(threading.BrokenBarrierError):
                both.wait(seconds)
            return found

        return function

    for module, name in places:
        monkeypatch.setattr(module, name, met(getattr(module, name)))


def ask_twice(monkeypatch: pytest.MonkeyPatch, seconds: float = 1) -> int:
    """Run a reset and an invitation that both invalidate older links before either creates its own; return the number of open links."""

    def reset() -> None:
        write(service.request_reset, EMAIL, "en", START)

    def invite() -> None:
        write(service.invite, EMAIL, "1042", START)

    meeting(monkeypatch, (links, "invalidate_all"), seconds=seconds)
    together(reset, invite)
    with database.read_session() as session:
        return len(session.exec(select(OneUseLink).where(OneUseLink.used_at == None)).all())  # noqa: E711


@pytest.mark.asvs("6.4.1")
def test_a_reset_and_an_invitation_at_once_leave_one_link(monkeypatch: pytest.MonkeyPatch) -> None:
    add_person(password="")
    assert ask_twice(monkeypatch) == 1


@pytest.mark.asvs("6.4.1")
def test_the_control_without_holding_the_person_both_links_live(monkeypatch: pytest.MonkeyPatch) -> None:
    if database.engine().dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time, with or without it")
    add_person(password="")
    monkeypatch.setattr(links, "_lock_person", lambda *_: None)
    assert ask_twice(monkeypatch, seconds=30) == 2


def test_a_link_that_is_used_while_a_newer_one_is_made_holds_nobody_up(maria: int, monkeypatch: pytest.MonkeyPatch) -> None:
    token = ask()
    meeting(monkeypatch, (links, "use"), (links, "invalidate_all"))
    together(lambda: set_it(token), lambda: write(service.request_reset, EMAIL, "en", START))
    assert not is_open(token)


@pytest.mark.case("A-21")
def test_a_newer_link_kills_the_older(maria: int) -> None:
    first, second = ask(), ask()
    assert not is_open(first)
    assert is_open(second)


@pytest.mark.parametrize(("kind", "life"), [(RESET, timedelta(minutes=30)), (INVITE, timedelta(days=7))])
@pytest.mark.case("A-22")
def test_the_end_of_a_link_on_both_sides(maria: int, kind: LinkKind, life: timedelta) -> None:
    person = write(Session.get_one, Person, maria)
    token = token_of(write(links.create, person, kind, START))
    assert is_open(token, START + life - SECOND, kind)
    assert not is_open(token, START + life, kind)
    assert set_it(token, kind, START + life) is None
    assert set_it(token, kind, START + life - SECOND)


@pytest.mark.case("A-23")
def test_sign_in_email_change_and_disabling_kill_a_link(maria: int) -> None:
    token = ask()
    write(service.sign_in, maria, stored(maria), START)
    assert not is_open(token)

    token = ask()

    def other_email(session: Session) -> None:
        person = session.get_one(Person, maria)
        person.email, person.email_key = "new@example.com", "new@example.com"

    write(other_email)
    assert not is_open(token)
    assert set_it(token) is None

    token = ask("new@example.com")

    def disable(session: Session) -> None:
        session.get_one(Person, maria).disabled_at = START

    write(disable)
    assert not is_open(token)
    assert set_it(token) is None


@pytest.mark.case("A-24")
def test_a_link_is_for_one_thing_and_exact(maria: int) -> None:
    token = ask()
    for wrong in ("", token[:-1], token + "x", token.swapcase(), "x" * 1_000_000, "\ud800", "\0"):
        assert not is_open(wrong)
        assert set_it(wrong) is None
    assert set_it(token, INVITE) is None
    assert set_it(token)


@pytest.mark.asvs("7.4.3")
@pytest.mark.asvs("6.3.7")
@pytest.mark.asvs("7.6.2")
@pytest.mark.case("A-30")
def test_a_new_password_ends_every_session_signs_nobody_in_and_is_told(maria: int) -> None:
    for _ in range(3):
        write(service.sign_in, maria, stored(maria), START)
    other = add_person("b@example.com")
    write(service.sign_in, other, stored(other), START)
    assert set_it(ask())
    with database.read_session() as session:
        assert [row.person_id for row in session.exec(select(BrowserSession))] == [other]
    notice = letters()[-1]
    assert (notice.to, notice.subject, notice.seed) == (EMAIL, "Your ODOportal password was changed", "")


@pytest.mark.asvs("6.5.3")
@pytest.mark.sqlite("a copy of its file")
@pytest.mark.case("A-28")
def test_a_copy_of_the_database_holds_no_usable_token(maria: int, portal) -> None:
    token = ask()
    with database.read_session() as session:
        # Serialize the file's bytes, because the full-text search index cannot be dumped as SQL.
        dump = session.connection().connection.driver_connection.serialize()  # pyright: ignore
    assert EMAIL.encode() in dump
    assert token.encode() not in dump
    assert token in compose(letters()[-1]).as_string()


def test_unknown_and_disabled_do_the_same_work_and_leave_nothing(maria: int) -> None:
    add_person("gone@example.com", disabled=True)
    for email in ("nobody@example.com", "gone@example.com", "", "not an email"):
        assert write(service.request_reset, email, "en", START) is False
    assert letters() == []
    with database.read_session() as session:
        assert session.exec(select(OneUseLink)).all() == []


@pytest.mark.asvs("6.3.8")
def test_a_known_email_takes_the_same_statements_as_an_unknown_one(maria: int, caplog: pytest.LogCaptureFixture) -> None:
    add_person("gone@example.com", disabled=True)
    seen = {}
    said: list[str] = []
    woken: list[object] = []
    event.listen(database.engine(), "before_cursor_execute", lambda *given: said.append(given[2]))
    with pytest.MonkeyPatch.context() as patch, caplog.at_level("INFO"):
        patch.setattr(outbox, "_wake_after_commit", woken.append)
        for email in (EMAIL, "nobody@example.com", "gone@example.com"):
            said.clear()
            woken.clear()
            caplog.clear()
            write(service.request_reset, email, "en", START)
            steps = [(statement.split()[0], re.findall(r"\b(person|one_use_link|mail)\b", statement)[:1]) for statement in said]
            seen[email] = (steps, len(woken), len(caplog.records))
    assert seen["nobody@example.com"] == seen["gone@example.com"] == seen[EMAIL]
    assert [what for what, _ in seen[EMAIL][0]].count("INSERT") == 2
    assert len(letters()) == 1


@pytest.mark.parametrize(
    "typed", ["MARIA@TransportGagnon.CA", " maria@transportgagnon.ca ", "maria＠transportgagnon.ca", "ｍaria@transportgagnon.ca"]
)
@pytest.mark.case("A-11")
def test_the_mail_goes_to_the_stored_address(maria: int, typed: str) -> None:
    ask(typed)
    assert letters()[-1].to == EMAIL


@pytest.mark.parametrize(
    "typed",
    [
        "marıa@transportgagnon.ca",
        "maria+x@transportgagnon.ca",
        "maria@transportgagnon.ca.",
        "maria@xn--transportgagnon.ca",
        "maria @transportgagnon.ca",
    ],
)
def test_another_address_is_another_person(maria: int, typed: str) -> None:
    assert email_key(typed) != email_key(EMAIL)
    assert write(service.request_reset, typed, "en", START) is False
    assert letters() == []


def test_the_mail_speaks_the_persons_language_and_links_to_the_public_address(portal) -> None:
    add_person("luc@example.com", language="fr", name="Luc <b>Roy</b> {0.__class__} {{7*7}}")
    write(service.request_reset, "luc@example.com", "en", START)
    letter = letters()[-1]
    message = compose(letter)
    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))  # pyright: ignore[reportOptionalMemberAccess]
    link = f"https://portal.example.com/fr/reset?token={token_of(letter.seed)}"
    assert letter.language == "fr"
    assert link in text
    assert html.count(link) == 3
    assert '<html lang="fr">' in html
    assert "Luc <b>Roy</b> {0.__class__} {{7*7}}" in text
    assert "<b>Roy" not in html
    assert "#0b4f5a" in html


def test_an_invitation_makes_the_person_and_sets_the_first_password(maria: int) -> None:
    person = write(service.invite, "Luc.Roy@Example.com", "1042", START, role="billing", language="en")
    assert isinstance(person, Person) and person.id
    assert (person.email, person.name, person.password) == ("Luc.Roy@example.com", "Luc.Roy", "")
    with database.read_session() as session:
        assert session.get_one(Membership, (1, person.id)).role == "billing"
    letter = letters()[-1]
    token = token_of(letter.seed)
    assert f"/en/invite?token={token}" in compose(letter).as_string()
    assert is_open(token, START + timedelta(days=6), INVITE)
    assert set_it(token, INVITE, START + timedelta(days=6), passwords.hash_password("quatre camions"))
    assert len(letters()) == 1
    assert set_it(token, INVITE, START + timedelta(days=6)) is None


def test_inviting_again_replaces_the_link_and_keeps_the_role(maria: int) -> None:
    write(service.invite, "luc@example.com", "1042", START, role="billing")
    first = token_of(letters()[-1].seed)
    write(service.invite, "LUC@example.com", "1042", START, role="owner")
    assert not is_open(first, START, INVITE)
    with database.read_session() as session:
        assert len(session.exec(select(Person)).all()) == 2
        assert session.get_one(Membership, (1, 2)).role == "billing"
        told = session.exec(select(Change).where(Change.what == "invited")).all()
        assert [(row.account_id, row.person_id, row.subject_id, row.after) for row in told] == [(1, None, 2, '{"role": "billing"}')]


def test_who_has_a_password_is_only_told_where_to_sign_in(maria: int) -> None:
    add_person("x@example.com", accounts=("2000",))
    write(service.invite, EMAIL, "2000", START)
    letter = letters()[-1]
    assert letter.seed == ""
    assert "/en/login" in letter.text
    with database.read_session() as session:
        assert session.exec(select(OneUseLink)).all() == []


def test_what_cannot_be_invited(maria: int) -> None:
    add_person("gone@example.com", disabled=True)
    add_person("strasse@example.com")
    with pytest.raises(UnknownAccount, match="no account 4711"):
        write(service.invite, "luc@example.com", "4711", START)
    for email in ("nothing", "a@b@c.ca", "luc@example.com\nBcc: x@y.ca", "gone@example.com", "straße@example.com", ""):
        with pytest.raises(UnusableEmail):
            write(service.invite, email, "1042", START)
    with pytest.raises(ValueError, match="emperor"):
        write(service.invite, "luc@example.com", "1042", START, role="emperor")
    assert letters() == []


def test_sweep_removes_links_long_dead(maria: int) -> None:
    ask()
    assert write(links.purge_expired, START + timedelta(days=29)) == 0
    assert write(links.purge_expired, START + timedelta(days=31)) == 1
