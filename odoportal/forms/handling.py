"""Forms of signed-in pages: from the browser to a rule, checked, and done once whatever is clicked.

A form is a POST to the page's own address, by `ui/form.js` with the answer as JSON, or by the browser itself with the page again as
the answer. It is no event of the socket, because then
it works before the script has arrived, the answer belongs to the question (a lost one is asked again with the same key and is not done
twice), it may set cookies, and a password neither passes through a queue nor lies in a state, a frame, or what Reflex logs of an event.
The page's live state is told to load anew when it is done.
"""

import json
import logging
import re
import unicodedata
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Concatenate, Generic, ParamSpec, TypeVar
from urllib.parse import parse_qsl, urlencode

from limits import RateLimitItemPerMinute
from pydantic import BaseModel, BeforeValidator, ConfigDict, SecretStr, ValidationError
from sqlalchemy import delete as sql_delete
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlmodel import Field, Session, SQLModel, col
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from odoportal.core import clock
from odoportal.core.card_numbers import masked
from odoportal.core.database import write
from odoportal.core.folding import without_marks
from odoportal.core.i18n import t
from odoportal.core.identity import Identity, NotAllowed
from odoportal.forms.view import FormFeedback, version_of
from odoportal.limits import rate_limits
from odoportal.limits.work_queue import Busy, retry_later
from odoportal.observability import logs
from odoportal.web.page import Fill, PageContent, PageRequest

LARGEST_BODY = 64 * 1024
MOST_FIELDS = 50
LARGEST_KEY = 254
FORMS_PER_PERSON = RateLimitItemPerMinute(60, 1, "forms")
REMEMBER = timedelta(days=2)
_FORM = "application/x-www-form-urlencoded"
_ONCE = re.compile(r"[0-9a-f]{32}")
_NO_STORE = {"cache-control": "no-store"}
_faults = logging.getLogger("odoportal.forms")
P = ParamSpec("P")
M = TypeVar("M", bound="FormModel")


class Submission(SQLModel, table=True):
    """A form that was done, by the key its browser made for it: sent again, it gets the same answer and nothing happens."""

    person_id: int = Field(primary_key=True)
    once: str = Field(max_length=32, primary_key=True)
    form: str = Field(max_length=40)
    answer: str = Field(max_length=1000)
    at: datetime = Field(index=True)


# --- what a form may hold ----------------------------------------------------------------------------------------


def line(value: str) -> str:
    """Return what was typed as one line of text, as `Line` has it.

    Raises:
        ValueError: on control characters; the text says so in the language in use.
    """
    if any(unicodedata.category(c) in {"Cc", "Cs"} and c != "\t" for c in value):
        raise ValueError(t("This holds characters that cannot be used here."))
    return masked(re.sub(r"\s+", " ", without_marks(value)).strip())


def _line(value: object) -> object:
    return line(value) if isinstance(value, str) else value


def _text(value: object) -> object:
    if not isinstance(value, str):
        return value
    plain = value.replace("\r\n", "\n").replace("\r", "\n")
    if any(unicodedata.category(c) in {"Cc", "Cs"} and c not in "\n\t" for c in plain):
        raise ValueError(t("This holds characters that cannot be used here."))
    return masked(without_marks(plain).strip())


Line = Annotated[str, BeforeValidator(_line)]
"""One line of text: single spaces, none around it, no control characters, no invisible marks; the number of a payment card, which nobody
means to type there, is masked. Give its lengths with pydantic's `Field`."""
Text = Annotated[str, BeforeValidator(_text)]
"""Text of several lines, with the same care."""
Secret = SecretStr
"""A password or a code: exactly as typed, and never written out by accident."""


class FormModel(BaseModel):
    """The fields of a form. A field that is not named is refused; a box that is not ticked is absent, so it needs a default."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    @classmethod
    def named(cls, name: str) -> bool:
        """Whether the form has a field of this name. A form with boxes for records that are known only by then adds theirs."""
        return name in cls.model_fields


# --- what is sent, and what comes of it ---------------------------------------------------------------------------


@dataclass(frozen=True)
class SentForm(Generic[M]):
    """A form that was sent and fits its model. `client` and `agent` are the browser's address and its own words."""

    form: str
    who: Identity
    language: str
    values: M
    key: str
    version: str
    once: str
    client: str
    agent: str


@dataclass(frozen=True)
class FormResult:
    """What came of a form. It was done where there is neither an error of a field nor one of the whole form.

    Attributes:
        notice: what is said where it was done.
        go: the address to go on to.
        errors: what is wrong, by field.
        error: what is wrong with the whole.
        version: of what is stored now, where somebody else saved it meanwhile.
        shown: lines that are shown this once, and kept nowhere.
        dress: puts cookies on the answer.
        renewed: the cookies hold another session, so that the page's socket must be opened anew.
    """

    notice: str = ""
    go: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    version: str = ""
    shown: tuple[str, ...] = ()
    dress: Callable[[Response], None] | None = None
    renewed: bool = False
    status: int = HTTPStatus.UNPROCESSABLE_ENTITY

    @property
    def ok(self) -> bool:
        """Whether it was done."""
        return not self.errors and not self.error


@dataclass(frozen=True)
class FormHandler:
    """How a form is answered: the model it must fit, the right it takes in the account of the address, and the work.

    The work asks for the right once more, in its own transaction, where what it changes is the account's; it may raise `NotAllowed`.
    """

    model: type[FormModel]
    right: str
    work: Callable[[SentForm[Any]], Awaitable[FormResult]]


def conflict(sent: SentForm[Any], stored: Mapping[str, str]) -> FormResult | None:
    """What is said where somebody else saved the record since the form was shown; None where nobody did.

    What was typed stays; beside each field that differs stands what is stored now, and saving again means it.
    """
    version = version_of(stored)
    if sent.version == version:
        return None
    typed = sent.values.model_dump(mode="json")
    errors = {
        name: t("Stored meanwhile: “{value}”.", value=value) if value else t("This was emptied meanwhile.")
        for name, value in stored.items()
        if name in typed and value != str(typed[name] if typed[name] is not None else "")
    }
    error = t("This was changed in the meantime, in another window or by somebody else. Look at it, then save again.")
    return FormResult(errors=errors, error=error, version=version)


def done_before(session: Session, sent: SentForm[Any]) -> FormResult | None:
    """The answer of a form that was done already; None where it was not.

    `once` asks it by itself. A form whose check would fail the second time, such as that of the password it changed, asks it first.
    """
    before = session.get(Submission, (sent.who.person_id, sent.once))
    if before is None:
        return None
    return FormResult(**json.loads(before.answer)) if before.form == sent.form else FormResult(error=_unreadable())


async def once(sent: SentForm[Any], work: Callable[Concatenate[Session, P], FormResult], *args: P.args, **kwargs: P.kwargs) -> FormResult:
    """Run `work(session, …)` in one transaction, unless the same form was done before: then its answer is given again."""

    def run(session: Session) -> FormResult:
        person, key = sent.who.person_id, sent.once
        if (before := done_before(session, sent)) is not None:
            return before
        # First, so that of two at the same time one waits for the other and then finds it done.
        mark = Submission(person_id=person, once=key, form=sent.form, answer="{}", at=clock.now())
        session.add(mark)
        session.flush()
        done = work(session, *args, **kwargs)
        if done.ok:
            mark.answer = json.dumps({"notice": done.notice, "go": done.go})
        else:
            session.delete(mark)
        return done

    try:
        return await write(run)
    except IntegrityError:
        # Another server process was quicker with the same form: now it is found done. Anything else is raised again.
        return await write(run)


def purge_expired(session: Session, now: datetime) -> int:
    """Forget forms that were done long ago; returns how many."""
    return session.exec(sql_delete(Submission).where(col(Submission.at) <= now - REMEMBER)).rowcount


def _unreadable() -> str:
    return t("This request cannot be read. Go back and try again.")


def too_many() -> str:
    """What is said where a limit of a few minutes is reached."""
    return t("That was too many at once. Wait a minute, then try again.")


def busy() -> str:
    """What is said where too much waits at this moment, whoever asked for it."""
    return t("The portal is very busy at this moment. Try again in a few seconds.")


def required() -> str:
    """The guide's words for an empty field."""
    return t("This field is required.")


def _explained(error: Mapping[str, Any]) -> str:
    kind, limits = error["type"], error.get("ctx", {})
    if kind in {"missing", "string_too_short"} and limits.get("min_length", 1) <= 1:
        return required()
    if kind == "string_too_short":
        return t("Use at least {n} characters.", n=limits["min_length"])
    if kind == "string_too_long":
        return t("Use at most {n} characters.", n=limits["max_length"])
    if kind == "value_error":
        return str(limits["error"])
    return t("Choose one of the values offered.") if kind in {"literal_error", "enum"} else t("This cannot be used here.")


def check(model: type[M], fields: Mapping[str, str]) -> M | dict[str, str]:
    """The fields as the model has them, or what is wrong by field; under the empty name what is wrong with the whole."""
    try:
        return model.model_validate(dict(fields))
    except ValidationError as wrong:
        found = wrong.errors(include_url=False, include_input=False)
        if any(error["type"] == "extra_forbidden" for error in found):
            return {"": _unreadable()}
        return {str(error["loc"][0]) if error["loc"] else "": _explained(error) for error in reversed(found)}


async def read(request: Request) -> dict[str, str] | Response:
    """The fields of a form, the last of each name; an answer (413, 415, 400) where it is too large or no form."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != _FORM:
        return _refused(415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            return _refused(413)
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, errors="replace", max_num_fields=MOST_FIELDS))
    except ValueError:
        return _refused(400)


def _refused(status: int) -> Response:
    return PlainTextResponse(_unreadable(), status, _NO_STORE)


async def _done(rule: FormHandler, form: str, asked: PageRequest, who: Identity, fields: dict[str, str]) -> FormResult:
    key, version, mark = (fields.pop(name, "") for name in ("key", "version", "once"))
    if not _ONCE.fullmatch(mark) or len(key) > LARGEST_KEY or len(version) > LARGEST_KEY:
        return FormResult(error=_unreadable(), status=HTTPStatus.BAD_REQUEST)
    if not await rate_limits.hit(FORMS_PER_PERSON, str(who.person_id), alone=True):
        logs.log_security_event("excess_rate_limit_exceeded", logging.WARNING, limit="forms", person=who.person_id)
        return FormResult(error=too_many(), status=HTTPStatus.TOO_MANY_REQUESTS)
    values = check(rule.model, fields)
    if isinstance(values, dict):
        if "" in values:
            logs.log_security_event("input_validation_fail", logging.WARNING, form=form, person=who.person_id)
        return FormResult(errors={name: text for name, text in values.items() if name}, error=values.get("", ""))
    client = asked.request.client.host if asked.request.client else ""
    sent = SentForm(form, who, asked.language, values, key, version, mark, client, asked.request.headers.get("user-agent", ""))
    try:
        return await rule.work(sent)
    except NotAllowed:
        logs.log_security_event("authz_fail", logging.WARNING, form=form, person=who.person_id)
        return _forbidden()
    except (Busy, SQLAlchemyError) as why:
        return _not_now(form, why)


def _not_now(form: str, why: Exception) -> FormResult:
    if isinstance(why, Busy):
        return FormResult(error=busy(), status=HTTPStatus.TOO_MANY_REQUESTS, dress=retry_later)
    _faults.error("the form %s could not be saved", form, exc_info=why)
    error = t("Something failed on our side. Nothing is lost. Try again in a moment.")
    return FormResult(error=error, status=HTTPStatus.SERVICE_UNAVAILABLE)


def _forbidden() -> FormResult:
    error = t("Your role in this account does not allow this. Ask its owner.")
    return FormResult(error=error, status=HTTPStatus.FORBIDDEN)


def form_post(rules: Mapping[str, FormHandler], fill: Fill, may: Callable[[str, str], bool]) -> Fill:
    """The `post` of a page with forms.

    Args:
        rules: how each form is answered, by its name.
        fill: the page's own `fill`, which draws the page again for a browser without script.
        may: whether a role (first) has a right (second).
    """

    async def post(asked: PageRequest) -> PageContent | Response:
        fields = await read(asked.request)
        if isinstance(fields, Response):
            return fields
        form = fields.pop("form", "")
        rule, who = rules.get(form), asked.who
        if rule is None or who is None:
            logs.log_security_event("input_validation_fail", logging.WARNING, form=form[:LARGEST_KEY])
            return _refused(HTTPStatus.BAD_REQUEST)
        key = fields.get("key", "")
        secret = {name for name, about in rule.model.model_fields.items() if about.annotation in {SecretStr, SecretStr | None}}
        typed = {name: value for name, value in fields.items() if rule.model.named(name) and name not in secret}
        if may(who.account.role, rule.right):
            done = await _done(rule, form, asked, who, fields)
        else:
            logs.log_security_event("authz_fail", logging.WARNING, form=form, person=who.person_id)
            done = _forbidden()
        if asked.request.headers.get("accept") == "application/json":
            return _as_json(done)
        return await _as_page(done, FormFeedback(form, key, typed, done.errors, done.error), asked, fill)

    post.rules = rules  # type: ignore[attr-defined]
    return post


def _as_json(done: FormResult) -> Response:
    said = asdict(replace(done, dress=None))
    body = {name: said[name] for name in ("notice", "go", "errors", "error", "version", "shown", "renewed")} | {"ok": done.ok}
    answer = JSONResponse(body, HTTPStatus.OK if done.ok else done.status, _NO_STORE)
    if done.dress:
        done.dress(answer)
    return answer


async def _as_page(done: FormResult, said: FormFeedback, asked: PageRequest, fill: Fill) -> PageContent | Response:
    if done.ok and not done.shown:
        query = {name: asked.query[name] for name in ("account", "open") if name in asked.query} | {"done": said.form}
        answer = RedirectResponse(done.go or f"{asked.request.url.path}?{urlencode(query)}", HTTPStatus.SEE_OTHER, _NO_STORE)
        if done.dress:
            done.dress(answer)
        return answer
    shown = " ".join((done.notice, *done.shown)) if done.ok else ""
    filled = await fill(replace(asked, said=replace(said, typed={}, notice=shown) if done.ok else said))
    if isinstance(filled, Response):
        return filled
    return replace(filled, status=HTTPStatus.OK if done.ok else done.status, dress=done.dress)
