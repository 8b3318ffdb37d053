"""The view of a form: its stored values, its fields if they depend on the record, and the result of the last submission."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

from odoportal.core.i18n import t
from odoportal.core.identity import Identity, token_hash
from odoportal.web.page import PageRequest


@dataclass(frozen=True)
class Choice:
    """An option of a select."""

    key: str
    text: str
    selected: bool


@dataclass(frozen=True)
class FieldRow:
    """A field that is known only when the page is shown.

    `id` and `note` are the ids of its input and its note, `link` is the fragment address of the input (`#id`). `max_length` is in
    characters; only a select has `options`.
    """

    key: str
    id: str
    note: str
    link: str
    label: str
    required: bool = False
    max_length: int = 200
    autocomplete: str = "off"
    hint: str = ""
    value: str = ""
    error: str = ""
    select: bool = False
    options: list[Choice] = field(default_factory=list[Choice])


@dataclass(frozen=True)
class FormView:
    """The view of a form: an attribute of its page's view, with the name of the form.

    Attributes:
        key: The record the form is about; empty when its page has one such form.
        version: The version of the stored values (see `version_of`).
        owner: A key of the person and account, to which drafts kept in the browser are bound.
        once: The idempotency key.
        initial: The values that the form begins with, by field.
        rows: The fields, for a form whose fields depend on the record.
        labels: Name, label and id of each of the rows.
        errors: Error messages by field, in the answer to a form sent without script only; so are `error` and `notice`.
        error: The error message of the whole form.
        notice: The message of success.
    """

    key: str = ""
    version: str = ""
    owner: str = ""
    once: str = ""
    initial: dict[str, str] = field(default_factory=dict[str, str])
    rows: list[FieldRow] = field(default_factory=list[FieldRow])
    labels: list[list[str]] = field(default_factory=list[list[str]])
    errors: dict[str, str] = field(default_factory=dict[str, str])
    error: str = ""
    notice: str = ""


def version_of(stored: Mapping[str, str]) -> str:
    """Return a hash of the stored values of a form, by which a save in the meantime is detected."""
    return blake2b(json.dumps(sorted(stored.items())).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def form_view(who: Identity, initial: Mapping[str, str] | None = None, key: str = "") -> FormView:
    """Return the view of a form over stored values, with a new idempotency key.

    Args:
        who: The identity of the person who sees the form.
        initial: The stored values by field, as the form sends them (a ticked checkbox is "1", an unticked one ""); never a secret.
        key: The record the form is about, when its page has several forms of the kind.
    """
    values = dict(initial or {})
    owner = token_hash(f"draft {who.person_id} {who.account.account_id}")[:12]
    return FormView(key, version_of(values), owner, secrets.token_hex(16), values)


@dataclass(frozen=True)
class FormFeedback:
    """The feedback of a page on the form it answers: the typed values (without secrets), errors and notice."""

    form: str
    key: str = ""
    typed: Mapping[str, str] = field(default_factory=dict[str, str])
    errors: Mapping[str, str] = field(default_factory=dict[str, str])
    error: str = ""
    notice: str = ""


def with_form_feedback(view: Any, page_request: PageRequest) -> Any:
    """Return the page's view with the feedback on the form that was posted, or on the one that was just done (`?done=`)."""
    query = page_request.query
    feedback = page_request.feedback or FormFeedback(query.get("done", ""), query.get("key", ""), notice=t("Saved."))
    form = getattr(view, feedback.form, None) if feedback.form else None
    if not isinstance(form, FormView) or form.key != feedback.key:
        return view
    rows = [_row_with_feedback(row, feedback) for row in form.rows]
    initial, errors = {**form.initial, **feedback.typed}, dict(feedback.errors)
    with_feedback = replace(form, initial=initial, rows=rows, errors=errors, error=feedback.error, notice=feedback.notice)
    return replace(view, **{feedback.form: with_feedback})


def _row_with_feedback(row: FieldRow, feedback: FormFeedback) -> FieldRow:
    value = feedback.typed.get(row.key, row.value)
    options = [replace(option, selected=option.key == value) for option in row.options]
    return replace(row, value=value, options=options, error=feedback.errors.get(row.key, ""))
