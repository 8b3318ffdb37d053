"""Forms are validated, done only once, and answered as JSON or as a page."""

import asyncio
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any, Literal
from urllib.parse import urlencode

import pytest
from pydantic import Field
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, select
from starlette.requests import Request
from starlette.responses import Response

from odoportal.accounts.models import Account
from odoportal.core import clock, database, i18n
from odoportal.core.identity import NotAllowed
from odoportal.forms import handling
from odoportal.forms.fields import Email, FormModel, Line, Secret, Text, validate
from odoportal.forms.handling import FormHandler, FormResult, SentForm, conflict, do_once, form_post, in_transaction
from odoportal.forms.view import FormView, form_view, version_of, with_form_feedback
from odoportal.limits import rate_limits
from odoportal.ui.form import Field as Shown
from odoportal.ui.form import Form
from odoportal.ui.template import View
from odoportal.web.page import PageContent, PageRequest
from tests.attack.corpus import XSS
from tests.making import NOON, identity_of

pytestmark = pytest.mark.usefixtures("stored")
KEY = "0123456789abcdef" * 2


class Thing(FormModel):
    name: Line = Field(min_length=1, max_length=10)
    note: Text = Field(default="", max_length=50)
    colour: Literal["red", "blue"] = "red"
    secret: Secret | None = None
    ticked: bool = False


def problems(**fields: str) -> Any:
    with i18n.use("en"):
        return validate(Thing, fields)


class Recipient(FormModel):
    email: Email


def test_the_length_of_an_email_is_told_as_that_of_any_text() -> None:
    with i18n.use("en"):
        assert validate(Recipient, {"email": " "}) == {"email": "This field is required."}
        assert validate(Recipient, {"email": "a" * 250 + "@x.ca"}) == {"email": "Use at most 254 characters."}
        assert validate(Recipient, {"email": "a"}) == {"email": "Enter an email address, such as name@example.com."}


@pytest.mark.asvs("2.2.1")
def test_what_does_not_fit_is_told_by_field() -> None:
    assert problems(name=" ") == {"name": "This field is required."}
    assert problems() == {"name": "This field is required."}
    assert problems(name="x" * 11) == {"name": "Use at most 10 characters."}
    assert problems(name="a", colour="green") == {"colour": "Choose an option from the list."}
    assert problems(name="a\x00") == {"name": "This contains characters that are not allowed."}
    assert problems(name="a\ud800") == {"name": "This contains characters that are not allowed."}
    assert problems(name="a", note="b\x07") == {"note": "This contains characters that are not allowed."}


@pytest.mark.asvs("15.3.3")
def test_a_field_that_the_form_has_not_is_refused_as_a_whole() -> None:
    assert problems(name="a", role="owner") == {"": "We could not read this request. Go back and try again."}


def test_a_line_is_tidied_and_a_secret_is_not() -> None:
    fits = problems(name="  a \t b ", note="x\r\n  y ", secret="  p  w ", ticked="1")
    assert (fits.name, fits.note, fits.ticked) == ("a b", "x\n  y", True)
    assert fits.secret.get_secret_value() == "  p  w "


def test_what_is_typed_comes_without_invisible_marks() -> None:
    fits = problems(name="\u202eairaM\u200b", note="x\u2066\ny\u2069", secret="p\u200bw")
    assert (fits.name, fits.note) == ("airaM", "x\ny")
    assert fits.secret.get_secret_value() == "p\u200bw"
    assert problems(name="\u3164\u200b") == {"name": "This field is required."}
    assert problems(name="a", note="4242\u200b4242\u200b4242\u200b4242").note == "•••• 4242"


@pytest.mark.case("A-95")
def test_a_card_number_that_was_typed_by_mistake_is_masked_before_it_is_stored() -> None:
    class Long(Thing):
        name: Line = Field(max_length=60)

    with i18n.use("en"):
        fits = validate(
            Long, {"name": "Visa 4242  4242 4242 4242", "note": "pay with\n4242-4242-4242-4242 12/28", "secret": "4242424242424242"}
        )
    assert isinstance(fits, Long)
    assert (fits.name, fits.note) == ("Visa •••• 4242", "pay with\n•••• 4242 12/28")
    # A password must never be changed.
    assert fits.secret is not None
    assert fits.secret.get_secret_value() == "4242424242424242"


@pytest.mark.asvs("16.2.5")
def test_a_secret_is_in_no_text_of_the_form() -> None:
    fits = problems(name="a", secret="canary-8841")
    assert "canary-8841" not in f"{fits!r} {fits} {fits.model_dump()!r} {fits.model_dump_json()}"


def sent(values: FormModel, version: str = "", mark: str = KEY, form: str = "thing") -> SentForm[Any]:
    return SentForm(form, identity_of(1), "en", values, "", version, mark, "203.0.113.5", "Firefox")


def test_a_save_of_what_changed_meanwhile_says_what_is_stored_now() -> None:
    shown = form_view(identity_of(1), {"name": "before", "note": "same"})
    typed = sent(Thing(name="mine", note="same"), shown.version)
    assert conflict(typed, {"name": "before", "note": "same"}) is None
    with i18n.use("en"):
        clash = conflict(typed, {"name": "theirs", "note": "same"})
    assert clash is not None
    assert clash.errors == {"name": "Saved value: “theirs”."}
    assert clash.version == version_of({"name": "theirs", "note": "same"})
    assert not clash.ok


def _add(session: Session, number: str) -> FormResult:
    session.add(Account(number=number, name=number, created_at=NOON))
    return FormResult("Added.")


def _accounts(engine: Engine) -> int:
    with Session(engine) as session:
        return len(session.exec(select(Account)).all())


@pytest.mark.asvs("2.3.3")
def test_the_same_form_sent_again_is_not_done_again(stored: Engine) -> None:
    first = asyncio.run(do_once(sent(Thing(name="a")), _add, "1"))
    again = asyncio.run(do_once(sent(Thing(name="a")), _add, "2"))
    assert (first.ok, again.ok, again.notice, _accounts(stored)) == (True, True, "Added.", 1)
    assert asyncio.run(do_once(sent(Thing(name="a"), mark="f" * 32), _add, "3")).ok
    assert _accounts(stored) == 2


@pytest.mark.asvs("2.3.4")
def test_twenty_at_the_same_time_are_done_once(stored: Engine) -> None:
    def click(i: int) -> FormResult:
        return asyncio.run(do_once(sent(Thing(name="a")), _add, f"n{i}"))

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(click, range(20)))
    assert {a.notice for a in answers} == {"Added."}
    assert _accounts(stored) == 1


def test_what_was_refused_may_be_sent_again_and_another_form_s_key_is_refused(stored: Engine) -> None:
    assert not asyncio.run(do_once(sent(Thing(name="a")), lambda _session: FormResult(error="no"))).ok
    assert asyncio.run(do_once(sent(Thing(name="a")), _add, "1")).ok
    assert not asyncio.run(do_once(sent(Thing(name="a"), form="other"), _add, "2")).ok
    assert _accounts(stored) == 1


def test_a_failure_leaves_neither_the_change_nor_the_key(stored: Engine) -> None:
    def fail(session: Session) -> FormResult:
        _add(session, "1")
        session.flush()
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        asyncio.run(do_once(sent(Thing(name="a")), fail))
    assert _accounts(stored) == 0
    assert asyncio.run(do_once(sent(Thing(name="a")), _add, "1")).ok


class OutOfStock(Exception):
    pass


class TooLong(ValueError):
    field = "name"


def _handled(error: Exception | None) -> FormResult:
    def save(session: Session, about: SentForm[Thing]) -> FormResult:
        _add(session, "1")
        session.flush()
        if error is not None:
            raise error
        return FormResult("Added.")

    handler = FormHandler(
        Thing,
        "see",
        in_transaction(save),
        errors={TooLong: lambda wrong: f"Too long: {wrong}.", OutOfStock: lambda _: FormResult(error="None left.", status=404)},
    )
    return asyncio.run(handler.run(sent(Thing(name="a"))))


def test_an_error_of_the_rules_is_the_declared_message_and_leaves_nothing(stored: Engine) -> None:
    assert _handled(TooLong("ab")) == FormResult(errors={"name": "Too long: ab."})
    assert _handled(OutOfStock()) == FormResult(error="None left.", status=404)
    with pytest.raises(KeyError):
        _handled(KeyError("nobody declared it"))
    assert _accounts(stored) == 0
    assert _handled(None).ok


def test_what_was_done_is_answered_before_anything_is_checked_again(stored: Engine) -> None:
    async def refuses(_: SentForm[Thing]) -> FormResult:
        raise AssertionError("checked again")

    assert asyncio.run(do_once(sent(Thing(name="a")), _add, "1")).ok
    assert asyncio.run(FormHandler(Thing, "see", refuses).run(sent(Thing(name="a")))).notice == "Added."


def test_an_answer_is_forgotten_after_two_days(stored: Engine) -> None:
    clock.set_source(lambda: NOON)
    assert asyncio.run(do_once(sent(Thing(name="a")), _add, "1")).ok
    with database.write_session() as session:
        assert handling.purge_expired(session, NOON + handling.KEEP_SUBMISSIONS - timedelta(seconds=1)) == 0
        assert handling.purge_expired(session, NOON + handling.KEEP_SUBMISSIONS) == 1


# --- from request to response --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Page:
    thing: FormView = field(default_factory=FormView)
    other: str = ""


def asked(fields: Mapping[str, str] | bytes, accept: str = "", content_type: str = "application/x-www-form-urlencoded") -> PageRequest:
    body = fields if isinstance(fields, bytes) else urlencode(fields).encode()
    head = [(b"content-type", content_type.encode()), (b"accept", accept.encode())]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/en/thing",
        "query_string": b"account=1042",
        "headers": head,
        "client": ("203.0.113.5", 1),
        "server": ("localhost", 80),
        "scheme": "http",
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return PageRequest("en", {"account": "1042"}, Request(scope, receive), identity_of(1))


def may(_role: str, right: str) -> bool:
    return right == "see"


async def fill(about: PageRequest) -> PageContent:
    return PageContent({"page": json.dumps(vars(with_form_feedback(Page(form_view(identity_of(1), {"name": "stored"})), about).thing))})


def ask(
    fields: Mapping[str, str] | bytes, accept: str = "application/json", work: Any = None, right: str = "see", before: int = 0, **more: Any
) -> PageContent | Response:
    async def done(about: SentForm[Thing]) -> FormResult:
        return FormResult(f"{about.values.name} {about.client}")

    rate_limits.forget_all()

    async def run() -> PageContent | Response:
        for _ in range(before):
            assert await rate_limits.hit(handling.FORMS_PER_PERSON, str(identity_of(1).person_id))
        return await form_post({"thing": FormHandler(Thing, right, work or done)}, fill, may)(asked(fields, accept, **more))

    with i18n.use("en"):
        return asyncio.run(run())


def body(answer: PageContent | Response) -> dict[str, Any]:
    assert isinstance(answer, Response)
    return json.loads(bytes(answer.body))


GOOD = {"form": "thing", "once": KEY, "key": "", "version": "", "name": "a"}


def test_with_script_the_answer_is_json() -> None:
    answer = ask(GOOD)
    assert (body(answer)["ok"], body(answer)["notice"], answer.headers["cache-control"]) == (True, "a 203.0.113.5", "no-store")
    wrong = ask({**GOOD, "name": ""})
    assert isinstance(wrong, Response)
    assert (wrong.status_code, body(wrong)["errors"]) == (422, {"name": "This field is required."})


def test_without_script_it_is_the_page_again_or_a_redirect() -> None:
    done = ask(GOOD, accept="text/html")
    assert isinstance(done, Response)
    assert (done.status_code, done.headers["location"]) == (303, "/en/thing?account=1042&done=thing")
    wrong = ask({**GOOD, "name": "", "note": "typed", "secret": "canary-3317"}, accept="text/html")
    assert isinstance(wrong, PageContent)
    shown = json.loads(wrong.slots["page"])
    assert (wrong.status, shown["errors"], shown["initial"]["note"]) == (422, {"name": "This field is required."}, "typed")
    assert "canary-3317" not in wrong.slots["page"]


def test_a_page_says_that_a_form_was_done() -> None:
    about = PageRequest("en", {"done": "thing"}, asked({}).request, identity_of(1))
    with i18n.use("en"):
        assert with_form_feedback(Page(form_view(identity_of(1), {})), about).thing.notice == "Saved."
        for name in ("other", "nothing", "__class__", ""):
            page = Page(form_view(identity_of(1), {}))
            assert with_form_feedback(page, PageRequest("en", {"done": name}, about.request, identity_of(1))) == page


@pytest.mark.parametrize("once", ["", "x" * 32, "0" * 31, "0" * 33, KEY.upper()])
def test_a_form_without_a_proper_key_is_refused(once: str) -> None:
    answer = ask({**GOOD, "once": once})
    assert isinstance(answer, Response)
    assert (answer.status_code, body(answer)["ok"]) == (400, False)


@pytest.mark.parametrize("form", ["", "nothing", "__class__", "thing\n"])
def test_an_unknown_form_is_refused(form: str) -> None:
    answer = ask({**GOOD, "form": form})
    assert isinstance(answer, Response)
    assert answer.status_code == 400


@pytest.mark.asvs("2.2.1")
def test_what_is_no_form_or_too_large_is_refused() -> None:
    sizes = [
        (b"x", "application/json", 415),
        (b"name=" + b"x" * 70_000, "application/x-www-form-urlencoded", 413),
        (b"&".join([b"a=1"] * 200), "application/x-www-form-urlencoded", 400),
    ]
    for sent_body, kind, status in sizes:
        answer = ask(sent_body, content_type=kind)
        assert isinstance(answer, Response)
        assert answer.status_code == status


def test_a_database_that_does_not_answer_is_told_and_may_be_tried_again() -> None:
    async def fails(_: SentForm[Thing]) -> FormResult:
        raise OperationalError("x", {}, Exception("locked"))

    answer = ask(GOOD, work=fails)
    assert isinstance(answer, Response)
    assert (answer.status_code, body(answer)["error"]) == (
        503,
        "Something went wrong on our side. Nothing was lost. Try again in a moment.",
    )


@pytest.mark.asvs("2.4.1")
def test_a_flood_of_forms_is_stopped() -> None:
    answers = [ask(GOOD, before=sent_before) for sent_before in (59, 60)]
    assert [answer.status_code for answer in answers if isinstance(answer, Response)] == [200, 429]


@pytest.mark.asvs("8.2.1")
def test_a_form_that_the_role_may_not_send_is_refused_before_it_is_read() -> None:
    worked: list[object] = []

    async def work(about: SentForm[Thing]) -> FormResult:
        worked.append(about)
        return FormResult("done")

    refused = ask({**GOOD, "name": ""}, work=work, right="people")
    assert isinstance(refused, Response)
    assert (refused.status_code, body(refused)["errors"], worked) == (403, {}, [])
    assert body(refused)["error"] == "Your role in this account does not allow this. Ask an owner of the account."


def test_a_role_that_was_lowered_since_is_refused_by_the_work() -> None:
    async def lowered(_: SentForm[Thing]) -> FormResult:
        raise NotAllowed("people")

    refused = ask(GOOD, work=lowered)
    assert isinstance(refused, Response)
    assert refused.status_code == 403


class Tags(HTMLParser):
    """A parser that collects the elements of an HTML text with the names of their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs)))


@pytest.mark.parametrize("text", XSS)
@pytest.mark.asvs("1.2.1")
def test_what_was_typed_comes_back_as_text(text: str) -> None:
    def drawn(typed: str) -> str:
        view = FormView(initial={"name": typed, "note": typed}, errors={"name": typed}, error=typed, notice=typed)
        with i18n.use("en"):
            form = Form("thing", (Shown("name", "Name"), Shown("note", "Note")), "Save", model=Thing)
            return View(form.draw).html(Page(view))

    assert Tags(drawn(text)).found == Tags(drawn("harmless")).found
