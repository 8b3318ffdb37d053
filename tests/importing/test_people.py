"""Imports after a person changed something in the portal."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from odoportal.accounts.models import Account, EarlierEmail, FilePerson, Membership, Person
from odoportal.accounts.service import email_key, save_file_values
from odoportal.accounts.unsolicited import TooManyMails
from odoportal.core import database
from odoportal.importing.importer import import_tables, read_files
from odoportal.importing.report import Report
from odoportal.mail.outbox import Mail, token_of
from odoportal.rooms.people.models import FileRole
from odoportal.rooms.signin import email_change
from odoportal.settings import get_settings
from tests.importing.conftest import NOW

ACCOUNTS = "number,name\nA,Alpha\nB,Beta\n"
PEOPLE = "account,email,name,role,language,phone\n"
MARIA = "A,maria@example.com,Maria,owner,fr,555\n"
LUC = "A,luc@example.com,Luc,billing,en,666\n"
LATER = NOW + timedelta(days=60)


@pytest.fixture(autouse=True)
def _letters(portal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODOPORTAL_PUBLIC_URL", "https://portal.example.com")
    monkeypatch.setenv("ODOPORTAL_SECRET", "s" * 40)
    get_settings.cache_clear()


def moved(old: str, new: str, now: Any = NOW, undo: bool = False) -> None:
    """Give a person another email as the portal does: request it and confirm it in the new mailbox; or undo it from the old one."""
    with database.write_session() as session:
        if undo:
            assert email_change.undo(session, newest(session, old), now, "") is not None
            return
        person = session.exec(select(Person).where(Person.email_key == email_key(old))).one()
        assert email_change.request(session, person.id or 0, person.password, new, now)
        assert email_change.confirm(session, newest(session, new), now, "") is not None


def newest(session: Session, to: str) -> str:
    """Return the token of the newest mail with a link to a mailbox."""
    asked = select(Mail.seed).where(Mail.to == to, Mail.seed != "").order_by(col(Mail.id).desc())
    return token_of(session.exec(asked).first() or "")


def changed(email: str, **values: str) -> None:
    """Change a person as the profile does."""
    with database.write_session() as session:
        person = session.exec(select(Person).where(Person.email_key == email_key(email))).one()
        save_file_values(session, person)
        for name, value in values.items():
            setattr(person, name, value)


def all_people() -> dict[str, tuple[str, str, str]]:
    """Return name, language and phone of all people, by email."""
    with database.read_session() as session:
        return {p.email: (p.name, p.language, p.phone) for p in session.exec(select(Person))}


def roles() -> dict[tuple[str, str], str]:
    """Return the roles by account and email."""
    with database.read_session() as session:
        found = select(Account.number, Person.email, Membership.role).where(
            Membership.account_id == Account.id, Membership.person_id == Person.id
        )
        return {(number, email): role for number, email, role in session.exec(found)}


def counted(report: Report) -> tuple[int, int, int]:
    """Return the number of new, changed and unchanged people of an import that was kept."""
    assert report.kept, report.bad
    counts = report.files["people.csv"]
    return counts.new, counts.changed, counts.same


@pytest.fixture
def loaded(take: Any) -> str:
    """Import two people of an account, and return their file."""
    people = PEOPLE + MARIA + LUC
    assert counted(take({"accounts.csv": ACCOUNTS, "people.csv": people})) == (2, 0, 0)
    return people


def test_what_a_person_changed_stays_until_the_file_says_something_new(take: Any, loaded: str) -> None:
    changed("maria@example.com", name="Maria Tremblay", phone="+1 418-555-0199", language="en")
    assert counted(take({"people.csv": loaded})) == (0, 0, 2)
    assert all_people()["maria@example.com"] == ("Maria Tremblay", "en", "+1 418-555-0199")
    news = loaded.replace("Maria,owner,fr,555", "Maria,owner,fr,777")
    assert take({"people.csv": news}, dry=True).files["people.csv"].changed == 1
    assert counted(take({"people.csv": news})) == (0, 1, 1)
    assert all_people()["maria@example.com"] == ("Maria Tremblay", "en", "777")
    assert counted(take({"people.csv": news.replace("owner,fr", "owner,")})) == (0, 0, 2)


def test_what_was_changed_before_the_files_knew_the_person_stays(take: Any) -> None:
    take({"accounts.csv": ACCOUNTS})
    with database.write_session() as session:
        session.add(Person(email="maria@example.com", email_key="maria@example.com", name="Maria", language="fr", created_at=NOW))
    changed("maria@example.com", phone="444")
    take({"people.csv": PEOPLE + "A,maria@example.com,M. Gagnon,owner,fr,\n"})
    assert all_people() == {"maria@example.com": ("M. Gagnon", "fr", "444")}


def test_who_left_a_mailbox_is_found_by_it_and_nobody_else_is_made_of_it(take: Any, loaded: str) -> None:
    moved("maria@example.com", "Maria@New.example")
    invited: list[Any] = []
    for people in (loaded, loaded.replace("maria@example.com", "MARIA@Example.COM")):
        report = take({"people.csv": people}, notify=True, invite=lambda *who: invited.append(who))
        assert (counted(report), invited) == ((0, 0, 2), [])
        assert "people.csv: 0 new, 0 changed, 2 same; known by an earlier email: 1" in list(report.lines())
    assert all_people().keys() == {"Maria@New.example", "luc@example.com"}
    news = take({"people.csv": PEOPLE + "A,maria@example.com,Maria,billing,en,555\nB,maria@example.com,Maria,read_only,en,555\n"})
    assert counted(news) == (1, 1, 0)
    assert all_people()["Maria@New.example"] == ("Maria", "en", "555")
    assert roles() == {("A", "Maria@New.example"): "billing", ("B", "Maria@New.example"): "read_only", ("A", "luc@example.com"): "billing"}


def test_a_mailbox_is_known_by_its_domain_in_either_form(take: Any) -> None:
    people = PEOPLE + "A,ana@bücher.example,Ana,owner,fr,\n"
    take({"accounts.csv": ACCOUNTS, "people.csv": people})
    moved("ana@bücher.example", "ana@example.com")
    assert counted(take({"people.csv": people.replace("bücher", "xn--bcher-kva")})) == (0, 0, 1)
    assert take({"people.csv": PEOPLE + "A,ana@buecher.example,Ana,owner,fr,\n"}).files["people.csv"].new == 1


def test_a_mailbox_that_folds_to_one_that_was_left_is_refused(take: Any) -> None:
    take({"accounts.csv": ACCOUNTS, "people.csv": PEOPLE + "A,strasse@example.com,S,owner,fr,\n"})
    moved("strasse@example.com", "s@example.com")
    report = take({"people.csv": PEOPLE + "A,straße@example.com,S,owner,fr,\n"})
    assert [str(bad) for bad in report.bad] == [
        "people.csv, line 2, column email: straße@example.com is too similar to strasse@example.com, which belongs to another person"
    ]


@pytest.mark.parametrize("batch_rows", [1, 8000])
def test_the_present_email_counts_where_the_file_has_both(take: Any, loaded: str, batch_rows: int) -> None:
    moved("maria@example.com", "m@example.com")
    moved("m@example.com", "maria@new.example")
    both = loaded + "A,maria@new.example,Maria G.,operations,en,777\nB,m@example.com,Maria,read_only,fr,555\n"
    dry = take({"people.csv": both}, dry=True, batch_rows=batch_rows).files["people.csv"]
    report = take({"people.csv": both}, batch_rows=batch_rows)
    assert counted(report) == (dry.new, dry.changed, dry.same) == (1, 1, 2)
    for files in (both, both):
        assert counted(take({"people.csv": files}, batch_rows=batch_rows)) == (0, 0, 4)
        assert all_people().keys() == {"maria@new.example", "luc@example.com"}
        assert all_people()["maria@new.example"] == ("Maria G.", "en", "777")
        assert roles()["A", "maria@new.example"] == "operations"
        assert roles()["B", "maria@new.example"] == "read_only"


def test_back_and_forth(take: Any, loaded: str) -> None:
    moved("maria@example.com", "b@example.com")
    moved("b@example.com", "maria@example.com")
    for email in ("maria@example.com", "b@example.com"):
        assert counted(take({"people.csv": loaded.replace("maria@example.com", email)})) == (0, 0, 2)
    assert all_people().keys() == {"maria@example.com", "luc@example.com"}
    moved("maria@example.com", "thief@example.com", LATER)
    moved("thief@example.com", "third@example.com", LATER)
    moved("maria@example.com", "", LATER, undo=True)
    assert counted(take({"people.csv": loaded.replace("maria@example.com", "b@example.com")})) == (0, 0, 2)
    # The email of an undone change was never hers: a row with it means another person.
    assert counted(take({"people.csv": PEOPLE + "A,thief@example.com,Maria,read_only,fr,\n"})) == (1, 0, 0)


def test_two_who_swap_their_emails_stay_who_they_are(take: Any, loaded: str) -> None:
    moved("maria@example.com", "x@example.com")
    moved("luc@example.com", "maria@example.com", LATER)
    moved("x@example.com", "luc@example.com", LATER + timedelta(days=60))
    for rows in (8000, 1):
        assert counted(take({"people.csv": loaded}, batch_rows=rows)) == (0, 0, 2)
    assert all_people() == {"luc@example.com": ("Maria", "fr", "555"), "maria@example.com": ("Luc", "en", "666")}
    assert roles() == {("A", "luc@example.com"): "owner", ("A", "maria@example.com"): "billing"}
    follows = PEOPLE + "A,luc@example.com,Maria,owner,fr,1\nA,maria@example.com,Luc,read_only,en,666\n"
    assert counted(take({"people.csv": follows})) == (0, 2, 0)
    assert all_people() == {"luc@example.com": ("Maria", "fr", "1"), "maria@example.com": ("Luc", "en", "666")}


def test_a_mailbox_under_another_name_may_be_somebody_else_s(take: Any, loaded: str) -> None:
    moved("maria@example.com", "maria@new.example")
    zoe = loaded.replace("Maria,owner,fr,555", "Zoé,owner,en,1")
    report = take({"people.csv": zoe})
    assert counted(report) == (0, 0, 2)
    assert [line for line in report.lines() if "Zoé" in line] == [
        "people.csv, line 2: skipped: maria@example.com was the email of Maria, who now has maria@new.example; "
        "use that email if Zoé is the same person, otherwise `odoportal user invite`"
    ]
    assert all_people()["maria@new.example"] == ("Maria", "fr", "555")
    # Once Odotrack's staff has added her, the file means her; and Maria, if the file gives Maria's name.
    with database.write_session() as session:
        session.add(Person(email="maria@example.com", email_key="maria@example.com", name="Zoé", language="en", created_at=NOW))
    assert counted(take({"people.csv": zoe})) == (1, 0, 1)
    assert roles()["A", "maria@example.com"] == roles()["A", "maria@new.example"] == "owner"
    assert counted(take({"people.csv": loaded})) == (0, 0, 2)
    assert all_people()["maria@example.com"] == ("Zoé", "en", "1")


def test_of_two_of_one_name_nobody_is_taken(take: Any) -> None:
    people = PEOPLE + "A,roy@example.com,Jean Roy,owner,fr,\nA,jean@example.com,Jean Roy,billing,fr,\n"
    take({"accounts.csv": ACCOUNTS, "people.csv": people})
    moved("roy@example.com", "senior@example.com")
    moved("jean@example.com", "roy@example.com", LATER)
    report = take({"people.csv": people.replace("Roy,owner", "Roy,billing")})
    assert (counted(report), report.remarked) == ((0, 0, 2), 1)
    assert roles() == {("A", "senior@example.com"): "owner", ("A", "roy@example.com"): "billing"}


def test_good_rows_are_kept_about_who_left_a_mailbox(take: Any, loaded: str, tmp_path: Any) -> None:
    moved("maria@example.com", "maria@new.example")
    bad = loaded + "A,maria@new.example,Maria,nobody,fr,555\n"
    report = take({"people.csv": bad.replace("Maria,owner,fr,555", "Maria,owner,fr,9")}, keep_good=tmp_path / "left")
    assert counted(report) == (0, 1, 1)
    assert all_people()["maria@new.example"] == ("Maria", "fr", "9")


def test_few_rows_within_a_transaction_are_told_apart_too(loaded: str) -> None:
    moved("maria@example.com", "maria@new.example")
    with database.write_session() as session:
        assert import_tables(session, read_files({"people.csv": (loaded + "A,maria@new.example,M,billing,fr,\n").encode()}), NOW).kept
    assert all_people()["maria@new.example"][0] == "M"


EMAILS = ("maria@example.com", "b@example.com", "c@example.com")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("email"), st.sampled_from(EMAILS)),
        st.tuples(st.just("undo"), st.sampled_from(EMAILS)),
        st.tuples(st.sampled_from(("name", "phone")), st.text("xyz", min_size=1, max_size=3)),
        st.tuples(st.just("language"), st.sampled_from(("fr", "en"))),
        st.tuples(st.just("role"), st.sampled_from(("owner", "billing", "read_only"))),
        st.just(("import", "")),
    ),
    max_size=12,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_importing_the_same_file_again_leaves_what_was_set(steps: list[tuple[str, str]], portal: Any) -> None:
    tables = {"accounts.csv": ACCOUNTS.encode(), "people.csv": (PEOPLE + MARIA).encode()}
    with Session(database.engine()) as session:
        assert import_tables(session, read_files(tables), NOW).kept
        maria = session.exec(select(Person)).one()
        for number, (what, value) in enumerate(steps):
            now = NOW + timedelta(minutes=number)
            before = _state(session)
            if what == "import":
                report = import_tables(session, read_files(tables), now)
                assert counted(report) == (0, 0, 1)
                assert _state(session) == before
            elif what == "email":
                try:
                    email_change.request(session, maria.id or 0, maria.password, value, now)
                except TooManyMails:
                    continue
                email_change.confirm(session, newest(session, value), now, "")
            elif what == "undo":
                email_change.undo(session, newest(session, value), now, "")
            elif what == "role":
                session.exec(select(Membership)).one().role = value
            else:
                save_file_values(session, maria)
                setattr(maria, what, value)
            session.flush()
        session.rollback()
    with database.write_session() as session:
        for model in (FileRole, FilePerson, EarlierEmail):
            assert session.exec(select(model)).all() == []


def _state(session: Session) -> list[tuple[str, ...]]:
    found = session.exec(select(Person, Membership).where(Membership.person_id == Person.id))
    return [(person.email, person.name, person.phone, person.language, membership.role) for person, membership in found]
