"""What is shown of a form: its stored values, its fields where they are known only by then, and what came of it."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

from odoportal.core.i18n import t
from odoportal.core.identity import Identity, digest
from odoportal.web.page import PageRequest


@dataclass(frozen=True)
class Choice:
    """A choice of a select."""

    key: str
    text: str
    selected: bool


@dataclass(frozen=True)
class FieldRow:
    """A field that is known only when the page is shown. A select has `options`; `id`, `note` and `link` lead to its elements."""

    key: str
    id: str
    note: str
    link: str
    label: str
    required: bool = False
    longest: int = 200
    autocomplete: str = "off"
    hint: str = ""
    value: str = ""
    error: str = ""
    select: bool = False
    options: list[Choice] = field(default_factory=list)


@dataclass(frozen=True)
class FormView:
    """What a form shows: one attribute of its page's view, named as the form.

    `given` are the stored values by field, `version` stands for them; `key` says which record it is about; `owner` binds what is kept in
    a browser to the person. `rows` are the fields of a form that has others for each record, `labels` name, label and id of each of them.
    `errors`, `error` and `notice` are there only in a page that answers a form sent without script.
    """

    key: str = ""
    version: str = ""
    owner: str = ""
    once: str = ""
    given: dict[str, str] = field(default_factory=dict)
    rows: list[FieldRow] = field(default_factory=list)
    labels: list[list[str]] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    error: str = ""
    notice: str = ""


def version_of(given: Mapping[str, str]) -> str:
    """What stands for the stored values of a form: another save in the meantime makes it another one."""
    return blake2b(json.dumps(sorted(given.items())).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def form_view(who: Identity, given: Mapping[str, str] | None = None, key: str = "") -> FormView:
    """A form over stored values.

    Args:
        who: whose form it is.
        given: the stored values by field, as the form has them (a ticked box is "1", another one ""); never a secret.
        key: which record it is about, where a page has several of the kind.
    """
    values = dict(given or {})
    owner = digest(f"draft {who.person_id} {who.account.account_id}")[:12]
    return FormView(key, version_of(values), owner, secrets.token_hex(16), values)


@dataclass(frozen=True)
class FormFeedback:
    """What a page says of the form it answers: what was typed (no secrets), and what came of it."""

    form: str
    key: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    notice: str = ""


def answered(view: Any, asked: PageRequest) -> Any:
    """The page's view with what is said of the form that the page answers, or of the one that was just done (`?done=`)."""
    said = asked.said or FormFeedback(asked.query.get("done", ""), asked.query.get("key", ""), notice=t("Saved."))
    form = getattr(view, said.form, None) if said.form else None
    if not isinstance(form, FormView) or form.key != said.key:
        return view
    rows = [_spoken(row, said) for row in form.rows]
    given, errors = {**form.given, **said.typed}, dict(said.errors)
    spoken = replace(form, given=given, rows=rows, errors=errors, error=said.error, notice=said.notice)
    return replace(view, **{said.form: spoken})


def _spoken(row: FieldRow, said: FormFeedback) -> FieldRow:
    value = said.typed.get(row.key, row.value)
    options = [replace(option, selected=option.key == value) for option in row.options]
    return replace(row, value=value, options=options, error=said.errors.get(row.key, ""))
