"""Forms: labels, hints, errors by field and in a summary, a single submission, a saved draft; live and in the served HTML.

A form needs its model, the order of its fields with their labels, and its handler. Everything else of a field (the kind of its control, its
longest value, whether it is required, its choices) comes from the model. It is drawn over one attribute of the page's view, a
`forms.view.FormView` of the same name, and its page answers it with `forms.handling.form_post` (that module explains why forms are POST
requests):

    class DetailsForm(FormModel):                                           # forms.py of the room
        name: Line = Field(min_length=1, max_length=200)
        phone: Line = Field(default="", max_length=40)

    def _details(session: Session, sent: SentForm[DetailsForm]) -> FormResult:
        service.change_details(session, sent.who, …)
        return FormResult(t("Saved."))

    HANDLERS = {"details": FormHandler(DetailsForm, Right.OWN, in_transaction(_details), errors={service.Unusable: lambda _: t("…")})}

    Form(                                                                   # page.py
        "details",
        (Field("name", t("Name"), autocomplete="name"), Field("phone", t("Phone"), "tel", hint=t("With its area code."))),
        t("Save"),
        model=DetailsForm,
    ).draw(view, on_done=Profile.retry)                                     # inside `server_slots.live`

    @dataclass(frozen=True)                                                 # view.py
    class ProfileView:
        details: FormView = field(default_factory=FormView)                 # form_view(who, {"name": person.name, "phone": …})

    forms_page("/profile", …, slots, forms.HANDLERS)                        # room.py; slots: HTML of `with_form_feedback(view, request)`
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import reflex as rx
from pydantic import BaseModel

from odoportal.core.i18n import t
from odoportal.ui.form_model import ModelField, model_fields
from odoportal.ui.template import Bound, El, LiveOnly, Node, ServerOnly, View, Wrapped, each, el, icon, when, wrapped

_LIBRARY = "$/public" + rx.asset("form.js", shared=True)


class _Form(rx.Component):
    library = _LIBRARY


class PortalForm(_Form):
    """The live form around its fields. See form.js."""

    tag = "PortalForm"

    name: rx.Var[str]
    record: rx.Var[str]
    loaded: rx.Var[str]
    owner: rx.Var[str]
    version: rx.Var[str]
    initial: rx.Var[dict[str, str]]
    reset: rx.Var[bool]
    texts: rx.Var[dict[str, str]]
    confirm: rx.Var[dict[str, str]]
    on_done: rx.EventHandler[rx.event.no_args_event_spec]


class LeaveGuard(_Form):
    """A dialog that asks before unsaved changes are left behind."""

    tag = "LeaveGuard"

    title: rx.Var[str]
    text: rx.Var[str]
    stay: rx.Var[str]
    leave: rx.Var[str]


class FormSummary(_Form):
    """The summary of errors; `labels` are triples of field, label with its colon, and id of the control."""

    tag = "FormSummary"

    title: rx.Var[str]
    labels: rx.Var[list[list[str]]]
    icon: rx.Var[rx.Component]


class FieldNote(_Form):
    """The note below a field: its hint, or its error."""

    tag = "FieldNote"

    field: rx.Var[str]
    icon: rx.Var[rx.Component]


class FormStatus(_Form):
    """The status of a form: the success notice, lines that are shown only once, and the notice of a restored draft."""

    tag = "FormStatus"

    icon: rx.Var[rx.Component]
    restored: rx.Var[str]
    discard: rx.Var[str]
    copy: rx.Var[str]
    copied: rx.Var[str]


class SubmitButton(_Form):
    """The submit button; busy until the answer arrives."""

    tag = "SubmitButton"


class Reveal(_Form):
    """A button that shows the password in the field with the id `target`."""

    tag = "Reveal"

    target: rx.Var[str]


class InlineEdit(_Form):
    """A value that becomes a form of one field where it stands. See form.js."""

    tag = "InlineEdit"

    name: rx.Var[str]
    field: rx.Var[str]
    record: rx.Var[str]
    version: rx.Var[str]
    owner: rx.Var[str]
    initial: rx.Var[str]
    label: rx.Var[str]
    max_length: rx.Var[int]
    texts: rx.Var[dict[str, str]]
    icon: rx.Var[rx.Component]
    on_done: rx.EventHandler[rx.event.no_args_event_spec]


class TextFile(_Form):
    """A file of text, chosen or dropped, whose content goes into the field with the id `target`. See form.js."""

    tag = "TextFile"

    target: rx.Var[str]
    most: rx.Var[int]
    too_large: rx.Var[str]


def leave_guard() -> rx.Component:
    """Return the dialog that asks before unsaved changes are left. Put it once in every page with forms; other pages need not load it."""
    return LeaveGuard.create(
        title=t("Leave without saving?"),
        text=t("You have made changes that are not saved yet."),
        stay=t("Stay here"),
        leave=t("Leave without saving"),
    )


@dataclass(frozen=True)
class Field:
    """A field of the form's model, and what the model does not know of it.

    Attributes:
        name: Its name in the model.
        label: Its label.
        kind: The control, where the model's type does not say it: tel, code (a one-time code of digits), recovery (a recovery code), radio,
            or fixed (shown, not sent, and not in the model).
        hint: What is shown below it.
        required: Whether to mark it as required although the model does not: a select, or a field that its handler requires.
        autocomplete: The value of the HTML attribute.
        options: Value and text of each choice, of a select or of radio buttons.
        cls: Additional CSS classes.
    """

    name: str
    label: str
    kind: str = ""
    hint: Node = None
    required: bool = False
    autocomplete: str = "off"
    options: Sequence[tuple[str, str]] = ()
    cls: str = ""


@dataclass(frozen=True)
class Confirm:
    """A question asked before the form is sent. The verb is the label of the button; the safe answer has the focus."""

    title: str
    text: str
    verb: str


class Rows:
    """A marker in a form's body for the fields in `FormView.rows`, for a form whose fields depend on the record."""


Body = Sequence["Field | Rows | tuple[Field, ...] | Callable[[Bound], Node]"]


@dataclass(frozen=True)
class Form:
    """The declaration of a form.

    Attributes:
        name: its name in the page's view and rules; letters and underscores.
        body: fields, tuples of fields that are side by side, and functions that draw anything else over the form's view.
        submit: the verb on the button.
        model: the pydantic model that its handler validates it with; none for a form that is only a button.
        reset: empty the form after success (it adds something and edits nothing stored).
        variant: the button's CSS class, such as "button-primary" or "button-danger".
        confirm: a question to ask before it is sent.
        aside: a node beside the button, such as a link that leaves.
        cls: CSS classes of the form.

    Raises:
        TypeError: If the model does not have a field of the form, or has other choices for it.
    """

    name: str
    body: Body
    submit: Node
    model: type[BaseModel] | None = None
    reset: bool = False
    variant: str = "button-primary"
    confirm: Confirm | None = None
    aside: Node = None
    cls: str = "form"

    def __post_init__(self) -> None:
        for field in self.fields():
            known = self._from_model(field)
            if known.choices and {value for value, _ in field.options} != set(known.choices):
                raise TypeError(f"{self.name}.{field.name} offers other values than its model")

    def fields(self) -> list[Field]:
        """Return every field in order."""
        found: list[Field] = []
        for item in self.body:
            if isinstance(item, Field):
                found.append(item)
            elif isinstance(item, tuple):
                found += item
        return found

    def draw(self, view: Bound, on_done: Any = None) -> Node:
        """Draw the form over its attribute of a page's view; `on_done` is the event that reloads the page's state."""
        return self.draw_from(getattr(view, self.name), on_done)

    def draw_from(self, form: Bound, on_done: Any = None) -> Node:
        """Draw the form over a `FormView` from elsewhere, such as a row."""
        pieces = [self._body_node(item, form) for item in self.body]
        foot = el("div", self._submit(), self.aside, cls="layout-row")
        return self._live_form(form, (self._summary(form), *pieces, _status(form), foot), form.key, on_done)

    def button(self, key: Bound, form: Bound, on_done: Any = None) -> Node:
        """Draw only the button, for the record `key` of a list; `form` is any `FormView` of the same page.

        Without script, the page itself shows the errors in a notice.
        """
        return self._live_form(form, (self._submit(), self._summary(None), _status(None)), key, on_done)

    def _live_form(self, form: Bound, children: tuple[Node, ...], key: Bound, on_done: Any) -> Wrapped:
        hidden_values = {"form": self.name, "key": ServerOnly(key), "version": ServerOnly(form.version), "once": ServerOnly(form.once)}
        hidden = LiveOnly(rx.fragment, tuple(el("input", type="hidden", name=name, value=value) for name, value in hidden_values.items()))
        props: dict[str, Any] = {
            "name": self.name,
            "record": key,
            "loaded": form.once,
            "owner": form.owner,
            "version": form.version,
            "initial": form.initial,
            "reset": self.reset,
            "texts": _failure_texts(),
            "class_name": self.cls,
        }
        if self.confirm:
            confirm = self.confirm
            props["confirm"] = {"title": confirm.title, "text": confirm.text, "verb": confirm.verb, "keep": t("Cancel")}
        if on_done is not None:
            props["on_done"] = on_done
        served = el("form", method="post", noValidate=True, cls=self.cls, data_form=self.name)
        return wrapped(PortalForm, served, hidden, *children, **props)

    def _from_model(self, field: Field) -> ModelField:
        """Return what the model says of a field, with what the field says itself."""
        if field.kind == "fixed":
            return ModelField("fixed")
        known = model_fields(self.model).get(field.name) if self.model else None
        if known is None:
            raise TypeError(f"the model of the form {self.name} has no field {field.name}")
        return replace(known, kind=field.kind or known.kind, required=field.required or known.required)

    def _id(self, field: Field) -> str:
        return f"{self.name}-{field.name}"

    def _submit(self) -> Wrapped:
        cls = f"button {self.variant}"
        return wrapped(SubmitButton, el("button", type="submit", cls=cls), self.submit, class_name=cls)

    def _summary(self, form: Bound | None) -> Wrapped:
        many = form is not None and any(isinstance(item, Rows) for item in self.body)
        labels = form.labels if form is not None and many else [[f.name, _summary_label(f), self._id(f)] for f in self.fields()]
        shown: Node = None
        if form is not None:
            links = [
                when(
                    getattr(form.errors, f.name), el("li", el("a", _summary_label(f), getattr(form.errors, f.name), href=f"#{self._id(f)}"))
                )
                for f in self.fields()
            ]
            rows = (
                each(form.rows, lambda row: el("li", when(row.error, el("a", row.label, ": ", row.error, href=row.link)))) if many else None
            )
            title = when(form.error, el("p", form.error, cls="b"), el("p", _summary_title(), cls="b"))
            box = el(
                "div",
                icon("circle-alert"),
                el("div", title, el("ul", *links, rows)),
                role="alert",
                tabIndex=-1,
                autoFocus=True,
                cls="form-summary",
            )
            shown = when(form.error, box, when(form.errors, box))
        # Only the served page has this summary: in the live page, FormSummary draws its own.
        served = el("div")
        return wrapped(
            FormSummary, served, LiveOnly(rx.fragment, shown), title=_summary_title(), labels=labels, icon=_icon_component("circle-alert")
        )

    def _body_node(self, item: Any, form: Bound) -> Node:
        if isinstance(item, Field):
            return self.field(item, form)
        if isinstance(item, Rows):
            return each(form.rows, _row_field)
        if isinstance(item, tuple):
            return el("div", *(self.field(f, form) for f in item), cls="layout-duo")
        return item(form)

    def field(self, field: Field, form: Bound) -> El:
        """Draw a field with its label, its control and the note below it."""
        known, id_, note, cls = self._from_model(field), self._id(field), self._note(field, form), f"field {field.cls}"
        star = el("span", "*", cls="field-required", aria_hidden="true") if known.required else None
        if known.kind == "radio":
            choices = (
                self._choice(field, "radio", form, value, text, f"{id_}-{i}" if i else id_) for i, (value, text) in enumerate(field.options)
            )
            return el("fieldset", el("legend", field.label, star), *choices, note, cls=cls, aria_describedby=f"{id_}-note")
        if known.kind == "checkbox":
            return el("div", self._choice(field, "checkbox", form, "1", field.label, id_), note, cls=cls)
        if known.kind == "fixed":
            value = el("p", getattr(form.initial, field.name), cls="form-fixed")
            return el("div", el("span", field.label, cls="field-label"), value, note, cls=cls)
        return el("div", el("label", field.label, star, for_=id_), self._control(field, known, form), note, cls=cls)

    def _attributes(self, field: Field, known: ModelField, form: Bound) -> dict[str, Any]:
        value = getattr(form.initial, field.name)
        attributes: dict[str, Any] = {
            "id": self._id(field),
            "name": field.name,
            "aria_describedby": f"{self._id(field)}-note",
            "aria_invalid": ServerOnly(getattr(form.errors, field.name), text="true"),
        }
        if known.required:
            attributes |= {"required": True, "aria_required": "true"}
        if known.kind not in {"select", "password", "textarea", "code", "recovery"}:
            attributes["value"] = ServerOnly(value)
        if known.max_length:
            attributes["maxLength"] = known.max_length
        return attributes

    def _control(self, field: Field, known: ModelField, form: Bound) -> Node:
        attributes, value = self._attributes(field, known, form), getattr(form.initial, field.name)
        if known.kind == "select":
            options = (el("option", text, value=key, selected=ServerOnly(value, equals=key)) for key, text in field.options)
            return el("span", el("select", *options, **attributes, autoComplete=field.autocomplete), cls="field-select")
        if known.kind == "textarea":
            return el("textarea", LiveOnly(rx.fragment, value), **attributes, rows=4, cls="field-input")
        untouched: dict[str, Any] = {"autoCapitalize": "none", "spellCheck": "false"}
        if known.kind == "password":
            box = el("input", **attributes, type="password", data_secret=True, autoComplete=field.autocomplete, **untouched)
            return el("div", box, _reveal(self._id(field)), cls="field-input field-secret")
        by_kind: dict[str, Any] = {"type": known.kind}
        if known.kind in {"code", "recovery"}:
            keyboard = "numeric" if known.kind == "code" else "text"
            by_kind = {"type": "text", "inputMode": keyboard, "data_secret": True, **untouched}
        if known.kind == "email":
            by_kind |= untouched
        return el("input", **attributes, **by_kind, autoComplete=field.autocomplete, cls="field-input")

    def _choice(self, field: Field, kind: str, form: Bound, value: str, text: str, id_: str) -> El:
        box = el(
            "input",
            type=kind,
            id=id_,
            name=field.name,
            value=value,
            checked=ServerOnly(getattr(form.initial, field.name), equals=value),
            aria_describedby=f"{self._id(field)}-note",
        )
        return el("label", box, el("span", text), cls="field-keep")

    def _note(self, field: Field, form: Bound) -> Node:
        id_ = f"{self._id(field)}-note"
        hint = el("p", field.hint, cls="field-hint") if isinstance(field.hint, str) else field.hint
        wrong = getattr(form.errors, field.name)
        message = LiveOnly(rx.fragment, when(wrong, el("p", icon("circle-alert", small=True), el("span", wrong), cls="field-error")))
        served = el("div", id=id_, cls="field-note")
        return wrapped(FieldNote, served, message, hint, field=field.name, id=id_, icon=_icon_component("circle-alert", small=True))


def current_password(hint: Node = None) -> Field:
    """Return the field of a form that is confirmed with the password (see `rooms.signin.confirmation`)."""
    return Field("current", t("Your password"), hint=hint, required=True, autocomplete="current-password")


def password_again() -> Field:
    """Return the same field for a form that needs the confirmation only because the sign-in is not recent."""
    return current_password(t("You signed in more than five minutes ago, so we ask for it again."))


def inline_edit(
    *,
    name: str,
    model: type[BaseModel],
    field: str,
    label: str | Bound,
    record: Bound,
    initial: Bound,
    version: Bound,
    owner: Bound,
    shown: Node,
    on_done: Any,
) -> Wrapped:
    """Draw a value that can be changed where it stands, with a form that the page answers. Without script, only the value is there.

    Args:
        name: The name of the form.
        model: The model of the form.
        field: The name of its field.
        label: The label of the field.
        record: The record the form is about.
        initial: The stored value.
        version: Its version (see `forms.view.version_of`).
        owner: `FormView.owner`.
        shown: The value as it is shown.
        on_done: The event that reloads the page's state.
    """
    texts = {
        **_failure_texts(),
        "summary": _summary_title(),
        "rename": t("Rename"),
        "name": t("Name it"),
        "save": t("Save"),
        "cancel": t("Cancel"),
    }
    return wrapped(
        InlineEdit,
        el("div", cls="inline-value"),
        shown,
        name=name,
        field=field,
        record=record,
        version=version,
        owner=owner,
        initial=initial,
        label=label,
        max_length=model_fields(model)[field].max_length,
        texts=texts,
        icon=_icon_component("circle-alert", small=True),
        on_done=on_done,
    )


def _failure_texts() -> dict[str, str]:
    return {
        "lost": t("The connection was lost before the answer came. What you typed is kept. Try again: nothing will be done twice."),
        "failed": t("Something went wrong on our side. Nothing was lost. Try again in a moment."),
    }


def section(title: str, *content: Node, text: str = "") -> El:
    """Return a card with a heading, for a page that has several forms."""
    return el(
        "section", el("h2", title), el("p", text, cls="soft") if text else None, *content, cls="card card-pad form-card", aria_label=title
    )


def _reveal(target: str) -> Wrapped:
    label, cls = t("Show the password"), "button button-plain button-icon"
    served = el("button", type="button", hidden=True, data_reveal=target, aria_pressed="false", cls=cls, aria_label=label)
    return wrapped(Reveal, served, icon("eye", small=True), target=target, class_name=cls, custom_attrs={"aria-label": label})


def _row_field(row: Bound) -> El:
    attributes: dict[str, Any] = {
        "id": row.id,
        "name": row.key,
        "required": row.required,
        "aria_describedby": row.note,
        "aria_invalid": ServerOnly(row.error, text="true"),
        "autoComplete": row.autocomplete,
    }
    options = each(row.options, lambda option: el("option", option.text, value=option.key, selected=ServerOnly(option.selected)))
    select = el("span", el("select", options, **attributes), cls="field-select")
    box = el("input", **attributes, type="text", value=ServerOnly(row.value), maxLength=row.max_length, cls="field-input")
    star = when(row.required, el("span", "*", cls="field-required", aria_hidden="true"))
    message = LiveOnly(rx.fragment, when(row.error, el("p", icon("circle-alert", small=True), el("span", row.error), cls="field-error")))
    hint, served = when(row.hint, el("p", row.hint, cls="field-hint")), el("div", id=row.note, cls="field-note")
    note = wrapped(FieldNote, served, message, hint, field=row.key, id=row.note, icon=_icon_component("circle-alert", small=True))
    return el("div", el("label", row.label, star, for_=row.id), when(row.select, select, box), note, cls="field")


def _status(form: Bound | None) -> Wrapped:
    shown = when(form.notice, el("p", icon("circle-check"), el("span", form.notice), cls="notice")) if form is not None else None
    return wrapped(
        FormStatus,
        el("div", role="status"),
        LiveOnly(rx.fragment, shown),
        icon=_icon_component("circle-check"),
        restored=t("Your unsaved changes were restored. They are not saved yet."),
        discard=t("Discard them"),
        copy=t("Copy"),
        copied=t("Copied"),
    )


def _summary_label(field: Field) -> str:
    return t("{name}: {error}", name=field.label, error="")


def _summary_title() -> str:
    return t("Not saved yet. Check these fields:")


def _icon_component(name: str, small: bool = False) -> rx.Component:
    return View(lambda _: icon(name, small=small)).component(None)
