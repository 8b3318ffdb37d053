"""Forms of pages without a session: what is read out, what has the focus, and that nothing else draws pages."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel, Field

import odoportal
from odoportal.core import i18n
from odoportal.forms.fields import Secret
from odoportal.forms.view import FormView
from odoportal.ui import form as ui
from odoportal.ui.public_form import PublicForm


class Entry(BaseModel):
    code: str = Field(min_length=1, max_length=9)
    password: Secret


FIELDS = (ui.Field("code", "Code", "recovery", autocomplete="one-time-code"), ui.Field("password", "Password", hint="Long."))
FORM = PublicForm("entry", FIELDS, "Send", model=Entry, title="Title", text=("One.", "Two."), action="/en/x", focus="code")


def drawn(**values: object) -> str:
    with i18n.use("en"):
        return FORM.html(FormView(**values))  # type: ignore[arg-type]


def test_a_form_without_errors() -> None:
    page = drawn(notice="Done.")
    assert page.startswith('<form method="post" action="/en/x" novalidate="" class="form"><h2>Title</h2><p role="status" class="notice">')
    assert '<p class="soft">One.</p><p class="soft">Two.</p>' in page
    assert 'role="alert"' not in page
    assert re.findall(r'<input id="(\w+)"[^>]* autoFocus=""', page) == ["code"]
    assert re.findall(r'aria-describedby="([\w-]+)"', page) == ["password-note"], "only a note with a text describes its field"
    assert 'maxLength="9"' in page
    assert 'inputmode="text"' in page
    assert 'type="hidden"' not in page


@pytest.mark.parametrize(
    ("errors", "focused"),
    [({"password": "Bad."}, "password"), ({"password": "Bad.", "code": "Wrong."}, "code"), ({"code": "Wrong."}, "code")],
)
def test_errors_are_read_out_and_the_first_wrong_field_of_the_page_has_the_focus(errors: dict[str, str], focused: str) -> None:
    page = drawn(errors=errors)
    labels = {"code": "Code", "password": "Password"}
    listed = "".join(f"<p>{labels[name]}: {errors[name]}</p>" for name in labels if name in errors)
    assert f'<div role="alert" class="sr">{listed}</div>' in page
    assert re.findall(r'<input id="(\w+)"[^>]* autoFocus=""', page) == [focused]
    assert re.findall(r'<input id="(\w+)"[^>]* aria-invalid="true"', page) == [name for name in labels if name in errors]


def test_an_error_of_the_whole_form_is_shown_once_and_nothing_typed_runs() -> None:
    page = drawn(error="No <b>.", initial={"code": "x", "password": "secret"})
    assert page.count('role="alert"') == 1
    assert "<span>No &lt;b&gt;.</span>" in page
    assert 'secret"' not in page.replace('field-secret"', "")


def test_pages_are_drawn_by_templates_of_the_ui_and_jinja_draws_mails_only() -> None:
    root = Path(odoportal.__file__).parent
    users = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if re.search(r"^\s*(from|import) jinja2", path.read_text("utf-8"), re.M)
    }
    assert users == {"rooms/signin/mails.py"}
    assert {path.parent.name for path in root.rglob("templates/**/*") if path.is_file()} == {"mail"}
