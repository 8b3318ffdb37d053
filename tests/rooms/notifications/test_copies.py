"""Copies of invoices: only to confirmed addresses, with a limit on questions, and stopped by the mailbox that gets them."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from sqlmodel import delete, select

from odoportal.accounts.models import Change, Membership, Role, UnsolicitedMail
from odoportal.core import clock, database, i18n, signing
from odoportal.core.identity import Identity, NotAllowed
from odoportal.forms.fields import FormModel, validate
from odoportal.forms.handling import FormResult, SentForm
from odoportal.mail import outbox
from odoportal.rooms.notifications import copies, forms, unsubscribe
from odoportal.rooms.notifications import send as sending
from odoportal.rooms.notifications.models import InvoiceCopy, NoticeReader
from odoportal.rooms.notifications.view import CopyRow, notices_view
from tests.rooms.notifications.conftest import People, Time, letters
from tests.rooms.notifications.test_send import DAY, bill, run
from tests.states import signed_in

BOOKS = "livres@example.org"
_MARKS = iter(range(10**6))


def count_anew() -> None:
    """Reset the limits on unsolicited mails, as if a day had passed for them and for nothing else."""
    with database.write_session() as session:
        session.exec(delete(UnsolicitedMail))


def send(who: Identity, form: str, key: str = "", once: str = "", **fields: str) -> FormResult:
    """Post a form and return its result."""
    with i18n.use("en"), signed_in(who):
        values = validate(forms.HANDLERS[form].model, fields)
        assert isinstance(values, FormModel), values
        mark = once or f"{next(_MARKS):032x}"
        sent: SentForm[Any] = SentForm(form, who, "en", values, key, "", mark, "203.0.113.9", "")
        return asyncio.run(forms.HANDLERS[form].run(sent))  # type: ignore[arg-type]


def add(who: Identity, email: str = BOOKS, language: str = "fr") -> FormResult:
    return send(who, "copy", email=email, language=language)


def token() -> str:
    """Return the token of the newest mail that asks to confirm."""
    return outbox.token_of([letter for letter in letters() if letter.seed][-1].seed)


def confirm(of: str = "") -> bool:
    with database.write_session() as session:
        return copies.confirm(session, of or token(), "203.0.113.77", clock.now())


def shown(who: Identity) -> list[CopyRow]:
    with i18n.use("en"), database.read_session() as session:
        return notices_view(session, who, clock.now()).copies


def out(to: str) -> list[EmailMessage]:
    """Return the mails to an address as they are sent."""
    return [outbox.compose(letter) for letter in letters(to)]


def changes() -> list[tuple[str, int | None, str, str]]:
    with database.read_session() as session:
        return [(c.what, c.person_id, c.address, c.about) for c in session.exec(select(Change).order_by("id"))]


@pytest.mark.case("A-102")
def test_a_mailbox_gets_copies_once_it_has_said_so(people: People) -> None:
    assert add(people["billing"]).ok
    bill(people["owner"], "1")
    run()
    # Until it confirms, the address gets the question and nothing else.
    (asked,) = letters(BOOKS)
    assert (asked.subject, asked.language, asked.unsubscribe) == ("Copies de factures\u00a0: veuillez confirmer", "fr", "")
    assert confirm()
    bill(people["owner"], "212048", total="576.07")
    assert run().mails == 3
    _, got = out(BOOKS)
    assert got["Subject"] == "Facture 212048 de Transport 1042"
    (attached,) = got.iter_attachments()
    assert (attached.get_content_type(), attached.get_filename()) == ("application/pdf", "Facture-212048.pdf")
    assert attached.get_content().startswith(b"%PDF-")
    assert got["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    text = got.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "576,07\u00a0$" in text
    assert "H7L 3J5" in text
    assert "/profile/notices" not in text
    # Copies give no access to the portal. People with access get a link instead of the PDF.
    assert all(not [*letter.iter_attachments()] for letter in out("owner@example.com"))
    assert run().mails == 0
    assert [(what, address, about) for what, _, address, about in changes()] == [
        ("copy_added", "203.0.113.9", BOOKS),
        ("copy_confirmed", "203.0.113.77", BOOKS),
    ]


@pytest.mark.asvs("8.2.2")
def test_copies_are_of_the_account_that_asked(people: People) -> None:
    add(people["owner"])
    assert confirm()
    bill(people["stranger"], "9")
    run()
    assert len(letters(BOOKS)) == 1
    assert shown(people["stranger"]) == []
    for form in ("copy_again", "copy_remove"):
        send(people["stranger"], form, key=BOOKS)
    assert len(letters(BOOKS)) == 1
    assert [row.on for row in shown(people["owner"])] == ["Confirmed"]


def test_a_paper_leaves_the_database_with_its_letter(people: People) -> None:
    add(people["owner"])
    confirm()
    bill(people["owner"], "1")
    run()
    sent: list[EmailMessage] = []
    outbox.deliver_due(sent.append, clock.now())
    assert len([part for message in sent for part in message.iter_attachments()]) == 1
    assert all(letter.attached is None for letter in letters())


@pytest.mark.parametrize("language", ["fr", "en"])
def test_each_in_its_own_language(people: People, language: str) -> None:
    add(people["owner"], language=language)
    confirm()
    bill(people["owner"], "1")
    run()
    assert letters(BOOKS)[-1].subject == {"fr": "Facture 1 de Transport 1042", "en": "Invoice 1 of Transport 1042"}[language]


def test_the_link_works_once_for_seven_days_and_only_the_latest(people: People, time: Time) -> None:
    add(people["owner"])
    first = token()
    time.move(days=6, hours=23)
    assert send(people["owner"], "copy_again", key=BOOKS).ok
    assert token() != first
    assert not confirm(first)
    time.move(days=7)
    assert not confirm()
    assert [(row.off, row.asks) for row in shown(people["owner"])] == [("Expired", True)]
    assert send(people["owner"], "copy_again", key=BOOKS).ok
    assert confirm()
    assert not confirm()
    assert send(people["owner"], "copy_again", key=BOOKS).error
    assert not confirm("nonsense")


@pytest.mark.case("A-102", "A-31")
@pytest.mark.asvs("2.4.1")
def test_nobody_s_mailbox_is_filled_with_questions(people: People) -> None:
    again = [add(people["owner"]).ok, *(send(people["owner"], "copy_again", key=BOOKS).ok for _ in range(4))]
    assert again == [True] * 3 + [False] * 2
    # The limit also holds if the address is removed and added again, spelled in capitals, or added by another account.
    send(people["owner"], "copy_remove", key=BOOKS)
    assert not add(people["owner"]).ok
    assert not add(people["stranger"], BOOKS.upper()).ok
    assert len(letters()) == 3
    count_anew()
    assert [add(people["owner"], f"a{n}@example.org").ok for n in range(11)] == [True] * 10 + [False]


def test_there_are_ten_at_most_and_each_once(people: People) -> None:
    assert add(people["owner"]).ok
    count_anew()
    assert add(people["owner"], BOOKS.capitalize()).errors == {"email": "This address is already listed."}
    for n in range(9):
        assert add(people["owner"], f"a{n}@example.org").ok
    count_anew()
    assert "ten addresses" in add(people["owner"], "z@example.org").error


def test_a_form_sent_again_asks_once_and_counts_once(people: People) -> None:
    for _ in range(5):
        assert send(people["owner"], "copy", once="a" * 32, email=BOOKS, language="fr").ok
    assert len(letters(BOOKS)) == 1


@pytest.mark.asvs("8.2.1")
@pytest.mark.parametrize("role", ["operations", "read_only"])
def test_who_does_not_look_after_billing_changes_and_sees_nothing(people: People, role: str) -> None:
    add(people["owner"])
    assert shown(people[role]) == []
    for form, fields in (("copy", {"email": "b@example.org", "language": "fr"}), ("copy_again", {}), ("copy_remove", {})):
        with pytest.raises(NotAllowed):
            send(people[role], form, key=BOOKS, **fields)
    assert len(shown(people["billing"])) == 1


def test_a_role_that_was_lowered_meanwhile_counts(people: People) -> None:
    who = people["billing"]
    with database.write_session() as session:
        session.get_one(Membership, (who.account.account_id, who.person_id)).role = Role.READ_ONLY
    with pytest.raises(NotAllowed):
        add(who)


@pytest.mark.case("A-101", "A-102")
def test_the_mailbox_stops_them_and_may_take_that_back(people: People) -> None:
    add(people["owner"])
    confirm()
    bill(people["owner"], "1")
    run()
    stop = signing.sign(outbox.UNSUBSCRIBE, letters(BOOKS)[-1].unsubscribe)
    assert BOOKS not in stop
    for on in (False, False, True, False):
        with database.write_session() as session:
            found = unsubscribe.unsubscribe(session, stop, on, "203.0.113.78", clock.now())
            assert found is not None
            assert found.on is on
    assert [what for what, *_ in changes()][2:] == ["copy_stopped", "copy_resumed", "copy_stopped"]
    bill(people["owner"], "2")
    run()
    assert len(letters(BOOKS)) == 2
    assert [row.off for row in shown(people["owner"])] == ["Stopped by the recipient"]
    # The person who added the address cannot ask it again.
    count_anew()
    assert not add(people["owner"]).ok
    send(people["owner"], "copy_remove", key=BOOKS)
    with database.write_session() as session:
        assert unsubscribe.unsubscribe(session, stop, True, "", clock.now()) is None


def test_a_person_whose_mailbox_also_gets_copies_is_noted_once(people: People) -> None:
    add(people["owner"], "owner@example.com")
    confirm()
    bill(people["owner"], "1")
    assert run().mails == 3
    with database.read_session() as session:
        assert sorted((r.email, r.person_id is not None) for r in session.exec(select(NoticeReader))) == [
            ("billing@example.com", True),
            ("owner@example.com", True),
        ]


def test_an_invoice_that_came_while_papers_were_set_waits_for_the_next_run(people: People) -> None:
    add(people["owner"])
    confirm()
    bill(people["owner"], "1")
    with database.write_session() as session:
        found, _ = sending._report(session, people["owner"].account.account_id, "", {}, DAY, clock.now())
        assert found == []
    assert run().mails == 3


def test_of_twenty_tries_with_one_link_one_confirms(people: People) -> None:
    add(people["owner"])
    link = token()
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: confirm(link), range(20))) == 1


def test_who_never_answered_is_forgotten(people: People, time: Time) -> None:
    add(people["owner"])
    add(people["owner"], "b@example.org")
    confirm()
    with database.write_session() as session:
        assert copies.purge_expired(session, time.at + copies.LINK_LIFETIME + copies.KEEP_UNCONFIRMED - timedelta(seconds=1)) == 0
        assert copies.purge_expired(session, time.at + copies.LINK_LIFETIME + copies.KEEP_UNCONFIRMED) == 1
        assert [copy.email for copy in session.exec(select(InvoiceCopy))] == ["b@example.org"]
