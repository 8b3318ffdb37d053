"""A form says nothing again that its model says: the control, the longest value, what is required, and the choices."""

from enum import StrEnum
from typing import Literal

import pytest
from pydantic import Field as Limit

from odoportal.core import i18n
from odoportal.forms.fields import Checkbox, Email, FormModel, Line, Secret, Text
from odoportal.forms.view import FormView
from odoportal.ui.form import Field, Form
from odoportal.ui.form_model import ModelField, model_fields
from odoportal.ui.template import View


class Shade(StrEnum):
    LIGHT = "light"
    DARK = "dark"


class Thing(FormModel):
    name: Line = Limit(min_length=1, max_length=10)
    note: Text = Limit(default="", max_length=50)
    email: Email
    colour: Literal["red", "blue"]
    shade: Shade
    again: Checkbox = ""
    current: Secret
    code: Secret | None = None
    kept: frozenset[str] = frozenset()


def html(*fields: Field) -> str:
    with i18n.use("en"):
        return View(Form("thing", fields, "Save", model=Thing).draw_from).html(FormView())


def test_what_the_model_says_of_each_field() -> None:
    assert model_fields(Thing) == {
        "name": ModelField("text", required=True, max_length=10),
        "note": ModelField("textarea", max_length=50),
        "email": ModelField("email", required=True, max_length=254),
        "colour": ModelField("select", choices=("red", "blue")),
        "shade": ModelField("select", choices=("light", "dark")),
        "again": ModelField("checkbox"),
        "current": ModelField("password", required=True),
        "code": ModelField("password"),
    }


def test_it_is_drawn() -> None:
    assert 'type="email"' in html(Field("email", "Email"))
    assert 'maxLength="10"' in html(Field("name", "Name"))
    assert 'aria-required="true"' in html(Field("name", "Name"))
    assert "aria-required" not in html(Field("note", "Note"))
    assert 'type="tel"' in html(Field("name", "Phone", "tel")), "a control that the model cannot name"
    assert "aria-required" in html(Field("code", "Code", required=True)), "what only the handler requires"


@pytest.mark.parametrize(
    "field",
    [Field("nothing", "No such field"), Field("kept", "No single control"), Field("colour", "Other choices", options=[("red", "Red")])],
)
def test_a_form_that_disagrees_with_its_model_is_not_made(field: Field) -> None:
    with pytest.raises(TypeError):
        Form("thing", (field,), "Save", model=Thing)
    with pytest.raises(TypeError):
        Form("thing", ((Field("name", "Name"), field),), "Save", model=Thing)


def test_a_form_with_fields_names_its_model_and_a_text_has_a_longest() -> None:
    class Endless(FormModel):
        name: Line = ""

    with pytest.raises(TypeError):
        Form("thing", (Field("name", "Name"),), "Save")
    with pytest.raises(TypeError, match=r"Endless\.name"):
        Form("thing", (Field("name", "Name"),), "Save", model=Endless)
