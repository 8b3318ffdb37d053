"""Handling of the forms of signed-in pages: a form is parsed, validated, passed to its handler, and done only once.

A form is posted to its page's own address: by `ui/form.js`, which gets a JSON answer, or by the browser, which gets the page again or a
redirect. It is not a socket event, for these reasons:

- it works before the script has loaded;
- the answer belongs to the request: after a lost answer the browser sends the same key again, and the form is not done twice;
- it may set cookies;
- a password never passes through a queue, and is in no state, no socket frame and no event that Reflex logs.

After success the page's live state loads again.
"""

import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Concatenate, Generic, ParamSpec, get_args
from urllib.parse import urlencode

from limits import RateLimitItemPerMinute
from pydantic import SecretStr
from sqlalchemy import delete as sql_delete
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlmodel import Field, Session, SQLModel, col
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from odoportal.core import clock
from odoportal.core.database import read, write
from odoportal.core.i18n import t
from odoportal.core.identity import Identity, NotAllowed
from odoportal.forms.fields import FormModel, M, unreadable_message, validate
from odoportal.forms.view import FormFeedback, version_of
from odoportal.limits import rate_limits
from odoportal.limits.work_queue import Busy, retry_later
from odoportal.observability import logs
from odoportal.web.links import link_to
from odoportal.web.page import Fill, PageContent, PageRequest
from odoportal.web.sent_fields import decode_fields

MAX_BODY_BYTES = 64 * 1024
MAX_FIELDS = 50
MAX_KEY_LENGTH = 254
FORMS_PER_PERSON = RateLimitItemPerMinute(60, 1, "forms")
KEEP_SUBMISSIONS = timedelta(days=2)
_FORM_TYPE = "application/x-www-form-urlencoded"
_ONCE_KEY = re.compile(r"[0-9a-f]{32}")
_NO_STORE = {"cache-control": "no-store"}
_log = logging.getLogger("odoportal.forms")
P = ParamSpec("P")


class Submission(SQLModel, table=True):
    """The answer to a form that was done, by person and by the key the browser made for the form (an idempotency key).

    The same form sent again gets the stored answer and is not done again.
    """

    person_id: int = Field(primary_key=True)
    once: str = Field(max_length=32, primary_key=True)
    form: str = Field(max_length=40)
    answer: str = Field(max_length=1000)
    at: datetime = Field(index=True)


# --- submissions and results ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SentForm(Generic[M]):
    """A submitted form that has passed validation.

    Attributes:
        form: The name of the form.
        who: The identity of the person who sent it.
        language: The language of the page.
        values: The validated fields.
        key: The record the form is about; empty when its page has one such form.
        version: The version of the stored values that the form showed (see `forms.view.version_of`).
        once: The idempotency key.
        client: The browser's IP address.
        agent: The browser's User-Agent header.
    """

    form: str
    who: Identity
    language: str
    values: M
    key: str
    version: str
    once: str
    client: str
    agent: str

    def link_to(self, path: str, /, **query: str) -> str:
        """Return the address of a page in the language of the form's page; see `web.links.link_to`."""
        return link_to(self.who, self.language, path, **query)


@dataclass(frozen=True)
class FormResult:
    """The result of a form. It succeeded when it has neither field errors nor an error of the whole form.

    Attributes:
        notice: The message shown on success.
        go: The address to go to on success.
        errors: Error messages by field.
        error: The error message of the whole form.
        version: The version of the values stored now, when another person or window saved them meanwhile.
        shown: Lines that are shown once and not stored anywhere.
        dress: A function that sets cookies on the response.
        renewed: True when the cookies hold a new session, so that the page must reconnect its socket.
        status: The HTTP status of the answer when the form failed.
    """

    notice: str = ""
    go: str = ""
    errors: Mapping[str, str] = field(default_factory=dict[str, str])
    error: str = ""
    version: str = ""
    shown: tuple[str, ...] = ()
    dress: Callable[[Response], None] | None = None
    renewed: bool = False
    status: int = HTTPStatus.UNPROCESSABLE_ENTITY

    @property
    def ok(self) -> bool:
        """Whether the form succeeded."""
        return not self.errors and not self.error


Work = Callable[[SentForm[Any]], Awaitable[FormResult]]
ErrorMessages = Mapping[type[Exception], Callable[[Any], str | FormResult]]
"""The message for each error of the rules, in the language in use: a function of the error that returns the text, or a `FormResult` where
more than a text is to be said. An error class that is about one field names it in its attribute `field`; any other is about the whole
form."""


@dataclass(frozen=True)
class FormHandler:
    """The server's side of a form.

    Attributes:
        model: The model that the sent fields must match.
        right: The right it requires in the account of the address.
        work: The function that does the work. When it changes the account, it must check the right again in its own transaction
            (`rights.require_right`); it may raise `NotAllowed`.
        errors: The messages for the errors of the rules that `work` may raise.
    """

    model: type[FormModel]
    right: str
    work: Work
    errors: ErrorMessages = field(default_factory=dict[type[Exception], Callable[[Any], str | FormResult]])

    async def run(self, sent: SentForm[Any]) -> FormResult:
        """Do the work of a form once, and return its result; a form that was done before gets the stored one."""
        if (stored := await read(stored_result, sent)) is not None:
            return stored
        try:
            return await self.work(sent)
        except tuple(self.errors) as error:
            message = next(message for kind, message in self.errors.items() if isinstance(error, kind))(error)
            if isinstance(message, FormResult):
                return message
            field_name: str = getattr(error, "field", "")
            return FormResult(errors={field_name: message}) if field_name else FormResult(error=message)


def conflict(sent: SentForm[Any], stored: Mapping[str, str]) -> FormResult | None:
    """Return the result for a form whose record was saved elsewhere since the form was shown; None when it was not.

    The typed values are kept, each field that differs shows the stored value as its error, and saving again overwrites it.
    """
    version = version_of(stored)
    if sent.version == version:
        return None
    typed = sent.values.model_dump(mode="json")
    errors = {
        name: t("Saved value: “{value}”.", value=value) if value else t("This field was cleared in the meantime.")
        for name, value in stored.items()
        if name in typed and value != str(typed[name] if typed[name] is not None else "")
    }
    error = t("This was changed in the meantime, in another window or by someone else. Check it, then save again.")
    return FormResult(errors=errors, error=error, version=version)


def stored_result(session: Session, sent: SentForm[Any]) -> FormResult | None:
    """Return the stored result of a form that was already done; None when it was not."""
    submission = session.get(Submission, (sent.who.person_id, sent.once))
    if submission is None:
        return None
    return FormResult(**json.loads(submission.answer)) if submission.form == sent.form else FormResult(error=unreadable_message())


async def do_once(
    sent: SentForm[Any], work: Callable[Concatenate[Session, P], FormResult], *args: P.args, **kwargs: P.kwargs
) -> FormResult:
    """Run `work(session, …)` in one transaction, or return the stored result if the same form was done before."""

    def run(session: Session) -> FormResult:
        person, once_key = sent.who.person_id, sent.once
        if (stored := stored_result(session, sent)) is not None:
            return stored
        # Insert the key first: of two simultaneous submissions, the second then waits for the first and finds it done.
        submission = Submission(person_id=person, once=once_key, form=sent.form, answer="{}", at=clock.now())
        session.add(submission)
        session.flush()
        result = work(session, *args, **kwargs)
        if result.ok:
            submission.answer = json.dumps({"notice": result.notice, "go": result.go})
        else:
            session.delete(submission)
        return result

    try:
        return await write(run)
    except IntegrityError:
        # Another process inserted the same key first: the second run finds its answer. Any other violation is raised again.
        return await write(run)


def in_transaction(save: Callable[[Session, SentForm[Any]], FormResult]) -> Work:
    """Return the work of a form that is one transaction and nothing else."""
    return lambda sent: do_once(sent, save, sent)


def purge_expired(session: Session, now: datetime) -> int:
    """Delete the submissions older than `KEEP_SUBMISSIONS`, and return how many."""
    return session.exec(sql_delete(Submission).where(col(Submission.at) <= now - KEEP_SUBMISSIONS)).rowcount


def too_many_message() -> str:
    """Return the message for a rate limit of a minute or so, in the language in use."""
    return t("Too many requests at once. Wait a minute, then try again.")


def busy_message() -> str:
    """Return the message for an overloaded portal, in the language in use."""
    return t("The portal is very busy right now. Try again in a few seconds.")


async def read_form(request: Request) -> dict[str, str] | Response:
    """Parse the fields of a posted form; of a repeated name, the last value counts.

    Returns:
        The fields, or an error response: 415 when the body is not a URL-encoded form, 413 when it is larger than `MAX_BODY_BYTES`, 400
        when it has more than `MAX_FIELDS` fields.
    """
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != _FORM_TYPE:
        return _refusal(415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return _refusal(413)
    try:
        return dict(decode_fields(body, MAX_FIELDS))
    except ValueError:
        return _refusal(400)


def _refusal(status: int) -> Response:
    return PlainTextResponse(unreadable_message(), status, _NO_STORE)


async def _run_handler(handler: FormHandler, form: str, page_request: PageRequest, who: Identity, fields: dict[str, str]) -> FormResult:
    key, version, once_key = (fields.pop(name, "") for name in ("key", "version", "once"))
    if not _ONCE_KEY.fullmatch(once_key) or len(key) > MAX_KEY_LENGTH or len(version) > MAX_KEY_LENGTH:
        return FormResult(error=unreadable_message(), status=HTTPStatus.BAD_REQUEST)
    if not await rate_limits.hit(FORMS_PER_PERSON, str(who.person_id), alone=True):
        logs.log_security_event("excess_rate_limit_exceeded", logging.WARNING, limit="forms", person=who.person_id)
        return FormResult(error=too_many_message(), status=HTTPStatus.TOO_MANY_REQUESTS)
    values = validate(handler.model, fields)
    if isinstance(values, dict):
        if "" in values:
            logs.log_security_event("input_validation_fail", logging.WARNING, form=form, person=who.person_id)
        return FormResult(errors={name: text for name, text in values.items() if name}, error=values.get("", ""))
    client = page_request.request.client.host if page_request.request.client else ""
    sent = SentForm(
        form, who, page_request.language, values, key, version, once_key, client, page_request.request.headers.get("user-agent", "")
    )
    try:
        return await handler.run(sent)
    except NotAllowed:
        logs.log_security_event("authz_fail", logging.WARNING, form=form, person=who.person_id)
        return _forbidden()
    except (Busy, SQLAlchemyError) as error:
        return _unavailable(form, error)


def _unavailable(form: str, error: Exception) -> FormResult:
    if isinstance(error, Busy):
        return FormResult(error=busy_message(), status=HTTPStatus.TOO_MANY_REQUESTS, dress=retry_later)
    _log.error("the form %s could not be saved", form, exc_info=error)
    message = t("Something went wrong on our side. Nothing was lost. Try again in a moment.")
    return FormResult(error=message, status=HTTPStatus.SERVICE_UNAVAILABLE)


def _forbidden() -> FormResult:
    error = t("Your role in this account does not allow this. Ask an owner of the account.")
    return FormResult(error=error, status=HTTPStatus.FORBIDDEN)


def form_post(handlers: Mapping[str, FormHandler], fill: Fill, may: Callable[[str, str], bool]) -> Fill:
    """Return the `post` function of a page with forms.

    Args:
        handlers: The handler of each form, by the form's name.
        fill: The page's own `fill`, which renders the page again for a browser without script.
        may: A function that returns whether a role (first argument) has a right (second argument).
    """

    async def post(page_request: PageRequest) -> PageContent | Response:
        fields = await read_form(page_request.request)
        if isinstance(fields, Response):
            return fields
        form = fields.pop("form", "")
        handler, who = handlers.get(form), page_request.who
        if handler is None or who is None:
            logs.log_security_event("input_validation_fail", logging.WARNING, form=form[:MAX_KEY_LENGTH])
            return _refusal(HTTPStatus.BAD_REQUEST)
        key = fields.get("key", "")
        secrets = {name for name, info in handler.model.model_fields.items() if SecretStr in {info.annotation, *get_args(info.annotation)}}
        typed = {name: value for name, value in fields.items() if handler.model.named(name) and name not in secrets}
        if may(who.account.role, handler.right):
            result = await _run_handler(handler, form, page_request, who, fields)
        else:
            logs.log_security_event("authz_fail", logging.WARNING, form=form, person=who.person_id)
            result = _forbidden()
        if page_request.request.headers.get("accept") == "application/json":
            return _json_response(result)
        return await _page_response(result, FormFeedback(form, key, typed, result.errors, result.error), page_request, fill)

    post.handlers = handlers  # type: ignore[attr-defined]
    return post


def _json_response(result: FormResult) -> Response:
    values = asdict(replace(result, dress=None))
    body = {name: values[name] for name in ("notice", "go", "errors", "error", "version", "shown", "renewed")} | {"ok": result.ok}
    response = JSONResponse(body, HTTPStatus.OK if result.ok else result.status, _NO_STORE)
    if result.dress:
        result.dress(response)
    return response


async def _page_response(result: FormResult, feedback: FormFeedback, page_request: PageRequest, fill: Fill) -> PageContent | Response:
    if result.ok and not result.shown:
        query = {name: page_request.query[name] for name in ("account", "open") if name in page_request.query} | {"done": feedback.form}
        response = RedirectResponse(result.go or f"{page_request.request.url.path}?{urlencode(query)}", HTTPStatus.SEE_OTHER, _NO_STORE)
        if result.dress:
            result.dress(response)
        return response
    shown = " ".join((result.notice, *result.shown)) if result.ok else ""
    content = await fill(replace(page_request, feedback=replace(feedback, typed={}, notice=shown) if result.ok else feedback))
    if isinstance(content, Response):
        return content
    return replace(content, status=HTTPStatus.OK if result.ok else result.status, dress=result.dress)
