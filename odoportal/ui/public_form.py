"""Forms of pages that need no sign-in: a title, a text, fields and buttons, drawn as HTML that works without a script."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from odoportal.core.i18n import t
from odoportal.ui.form import Field, Form
from odoportal.ui.form_model import ModelField
from odoportal.ui.template import Bound, El, Node, ServerOnly, View, el, icon, when


@dataclass(frozen=True)
class PublicForm(Form):
    """A form that the browser itself sends, and that fills its page.

    Its fields are those of `Form`; it has no keys, because nobody is signed in to whom a submission could be bound. Errors of the fields
    are read out from a list that is not shown: on so short a form, the focus on the first of them is enough to see.

    Attributes:
        title: the heading.
        text: paragraphs below the heading.
        action: the address that it is sent to.
        method: "get" for a form that only leads to another page.
        focus: the name of the field that has the focus, unless a field has an error.
    """

    variant: str = "button-primary button-block button-caps"
    title: str = ""
    text: Sequence[str] = ()
    action: str = ""
    method: str = "post"
    focus: str = ""

    def html(self, values: Any) -> str:
        """Return the HTML of the form with its values and errors, a `forms.view.FormView`."""
        first_wrong = next((field.name for field in self.fields() if field.name in values.errors), self.focus)
        return View(replace(self, focus=first_wrong)._drawn).html(values)

    def _drawn(self, form: Bound) -> El:
        return el(
            "form",
            el("h2", self.title),
            when(form.notice, el("p", icon("circle-check", small=True), el("span", form.notice), role="status", cls="notice")),
            *(el("p", paragraph, cls="soft") for paragraph in self.text),
            self._alert(form),
            *(self._body_node(item, form) for item in self.body),
            self._submit() if self.submit else None,
            self.aside,
            method=self.method,
            action=self.action,
            noValidate=True,
            cls=self.cls,
        )

    def _alert(self, form: Bound) -> Node:
        lines = ((getattr(form.errors, f.name), t("{name}: {error}", name=f.label, error="")) for f in self.fields())
        listed = el("div", *(when(wrong, el("p", label, wrong)) for wrong, label in lines), role="alert", cls="sr")
        whole = el("p", icon("circle-alert", small=True), el("span", form.error), role="alert", id="refused", cls="field-error")
        return when(form.error, whole, when(form.errors, listed))

    def _id(self, field: Field) -> str:
        # The page has no other form.
        return field.name

    def _attributes(self, field: Field, known: ModelField, form: Bound) -> dict[str, Any]:
        attributes = super()._attributes(field, known, form)
        if field.name == self.focus:
            attributes["autoFocus"] = True
        if not field.hint:
            attributes["aria_describedby"] = ServerOnly(getattr(form.errors, field.name), text=f"{self._id(field)}-note")
        return attributes

    def _note(self, field: Field, form: Bound) -> Node:
        # No script will write an error into an empty note.
        note = super()._note(field, form)
        return note if field.hint else when(getattr(form.errors, field.name), note)
