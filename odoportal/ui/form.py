"""Forms: labels, hints, errors by field and in a summary, a single submission, a saved draft; live and in the served HTML.

A form is drawn over one attribute of the page's view, a `forms.view.FormView` of the same name, and its page answers it with
`forms.handling.form_post` (that module explains why forms are POST requests):

    DETAILS = Form(
        "details",
        (Field("name", t("Name"), required=True, autocomplete="name"), Field("phone", t("Phone"), "tel", hint=t("With its area code."))),
        t("Save"),
    )
    View(lambda view: DETAILS.draw(view, on_done=Profile.retry))            # page.py; draw it inside `server_slots.live`

    @dataclass(frozen=True)                                                 # view.py
    class ProfileView:
        details: FormView = field(default_factory=FormView)                 # form_view(who, {"name": person.name, "phone": …})

    class Details(FormModel):                                               # forms.py of the room
        name: Line = Field(min_length=1, max_length=200)
        phone: Line = Field("", max_length=40)

    async def _details(sent: SentForm[Details]) -> FormResult:
        return await once(sent, service.change_details, sent)               # in it: `if clash := conflict(sent, stored): return clash`

    RULES = {"details": FormHandler(Details, Right.OWN, _details)}
    Page("/profile", …, fill=page_fill(slots), post=form_post(RULES, page_fill(slots), rights.may))
                                                                            # slots: HTML of `answered(view, asked)`
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import reflex as rx

from odoportal.core.i18n import t
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
    given: rx.Var[dict[str, str]]
    fresh: rx.Var[bool]
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
    given: rx.Var[str]
    label: rx.Var[str]
    longest: rx.Var[int]
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
        text=t("You have changed something that is not saved yet."),
        stay=t("Stay here"),
        leave=t("Leave without saving"),
    )


@dataclass(frozen=True)
class Field:
    """A field. `hint` is shown below it; `options` are pairs of value and text, of a select or of radio buttons.

    `kind` is text, email, tel, password, code (a one-time code), date, textarea, select, radio, checkbox or fixed (shown, not sent).
    """

    name: str
    label: str
    kind: str = "text"
    hint: Node = None
    required: bool = False
    longest: int = 200
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
        fresh: empty the form after success (it adds something and edits nothing stored).
        look: the button's CSS class, such as "primary" or "danger".
        confirm: a question to ask before it is sent.
        aside: a node beside the button, such as a link that leaves.
        cls: CSS classes of the form.
    """

    name: str
    body: Body
    submit: Node
    fresh: bool = False
    look: str = "primary"
    confirm: Confirm | None = None
    aside: Node = None
    cls: str = "form"

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
        return self.over(getattr(view, self.name), on_done)

    def over(self, form: Bound, on_done: Any = None) -> Node:
        """Draw the form over a `FormView` from elsewhere, such as a row."""
        pieces = [self._body_node(item, form) for item in self.body]
        foot = el("div", self._submit(), self.aside, cls="row")
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
            "given": form.given,
            "fresh": self.fresh,
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

    def _id(self, field: Field) -> str:
        return f"{self.name}-{field.name}"

    def _submit(self) -> Wrapped:
        cls = f"btn {self.look}"
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
                cls="summary",
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
            return el("div", *(self.field(f, form) for f in item), cls="duo")
        return item(form)

    def field(self, field: Field, form: Bound) -> El:
        """Draw a field with its label, its control and the note below it."""
        star = el("span", "*", cls="req", aria_hidden="true") if field.required else None
        note = self._note(field, form)
        if field.kind == "radio":
            return el(
                "fieldset",
                el("legend", field.label, star),
                *(
                    self._choice(field, form, value, text, f"{self._id(field)}-{i}" if i else self._id(field))
                    for i, (value, text) in enumerate(field.options)
                ),
                note,
                cls=f"field {field.cls}",
                aria_describedby=f"{self._id(field)}-note",
            )
        if field.kind == "checkbox":
            return el("div", self._choice(field, form, "1", field.label, self._id(field)), note, cls=f"field {field.cls}")
        if field.kind == "fixed":
            return el(
                "div",
                el("span", field.label, cls="label"),
                el("p", getattr(form.given, field.name), cls="fixed"),
                note,
                cls=f"field {field.cls}",
            )
        return el("div", el("label", field.label, star, for_=self._id(field)), self._control(field, form), note, cls=f"field {field.cls}")

    def _attributes(self, field: Field, form: Bound) -> dict[str, Any]:
        value = getattr(form.given, field.name)
        attributes: dict[str, Any] = {
            "id": self._id(field),
            "name": field.name,
            "aria_describedby": f"{self._id(field)}-note",
            "aria_invalid": ServerOnly(getattr(form.errors, field.name), text="true"),
        }
        if field.required:
            attributes |= {"required": True, "aria_required": "true"}
        if field.kind not in {"select", "password", "textarea", "code"}:
            attributes["value"] = ServerOnly(value)
        return attributes

    def _control(self, field: Field, form: Bound) -> Node:
        attributes, value = self._attributes(field, form), getattr(form.given, field.name)
        if field.kind == "select":
            options = (el("option", text, value=key, selected=ServerOnly(value, equals=key)) for key, text in field.options)
            return el("span", el("select", *options, **attributes, autoComplete=field.autocomplete), cls="select")
        if field.kind == "textarea":
            return el("textarea", LiveOnly(rx.fragment, value), **attributes, rows=4, maxLength=field.longest, cls="input")
        if field.kind == "password":
            reveal = {"aria_label": t("Show the password")}
            eye = wrapped(
                Reveal,
                el("button", type="button", hidden=True, cls="btn plain icon", **reveal),
                icon("eye", small=True),
                target=self._id(field),
                class_name="btn plain icon",
                custom_attrs={"aria-label": reveal["aria_label"]},
            )
            return el(
                "div",
                el(
                    "input",
                    **attributes,
                    type="password",
                    data_secret=True,
                    autoComplete=field.autocomplete,
                    autoCapitalize="none",
                    spellCheck="false",
                ),
                eye,
                cls="input secret",
            )
        by_kind: dict[str, Any] = {"type": field.kind, "autoComplete": field.autocomplete, "maxLength": field.longest, "cls": "input"}
        if field.kind == "code":
            by_kind |= {"type": "text", "inputMode": "numeric", "data_secret": True, "autoCapitalize": "none", "spellCheck": "false"}
        if field.kind == "email":
            by_kind |= {"autoCapitalize": "none", "spellCheck": "false"}
        return el("input", **attributes, **by_kind)

    def _choice(self, field: Field, form: Bound, value: str, text: str, id_: str) -> El:
        given = getattr(form.given, field.name)
        kind = "radio" if field.kind == "radio" else "checkbox"
        box = el(
            "input",
            type=kind,
            id=id_,
            name=field.name,
            value=value,
            checked=ServerOnly(given, equals=value),
            aria_describedby=f"{self._id(field)}-note",
        )
        return el("label", box, el("span", text), cls="keep")

    def _note(self, field: Field, form: Bound) -> Node:
        id_ = f"{self._id(field)}-note"
        hint = el("p", field.hint, cls="hint") if isinstance(field.hint, str) else field.hint
        wrong = getattr(form.errors, field.name)
        message = LiveOnly(rx.fragment, when(wrong, el("p", icon("circle-alert", small=True), el("span", wrong), cls="msg")))
        served = el("div", id=id_, cls="note")
        return wrapped(FieldNote, served, message, hint, field=field.name, id=id_, icon=_icon_component("circle-alert", small=True))


def inline_edit(
    *,
    name: str,
    field: str,
    label: str | Bound,
    record: Bound,
    given: Bound,
    version: Bound,
    owner: Bound,
    longest: int,
    shown: Node,
    on_done: Any,
) -> Wrapped:
    """Draw a value that can be changed where it stands, with a form that the page answers. Without script, only the value is there.

    Args:
        name: The name of the form.
        field: The name of its field.
        label: The label of the field.
        record: The record the form is about.
        given: The stored value.
        version: Its version (see `forms.view.version_of`).
        owner: `FormView.owner`.
        longest: The largest number of characters.
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
        given=given,
        label=label,
        longest=longest,
        texts=texts,
        icon=_icon_component("circle-alert", small=True),
        on_done=on_done,
    )


def _failure_texts() -> dict[str, str]:
    return {
        "lost": t("The connection was lost before the answer came. What you typed is kept. Try again: nothing is done twice."),
        "failed": t("Something failed on our side. Nothing is lost. Try again in a moment."),
    }


def section(title: str, *content: Node, text: str = "") -> El:
    """Return a card with a heading, for a page that has several forms."""
    return el("section", el("h2", title), el("p", text, cls="soft") if text else None, *content, cls="card pad formcard", aria_label=title)


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
    select = el("span", el("select", options, **attributes), cls="select")
    box = el("input", **attributes, type="text", value=ServerOnly(row.value), maxLength=row.longest, cls="input")
    star = when(row.required, el("span", "*", cls="req", aria_hidden="true"))
    message = LiveOnly(rx.fragment, when(row.error, el("p", icon("circle-alert", small=True), el("span", row.error), cls="msg")))
    hint, served = when(row.hint, el("p", row.hint, cls="hint")), el("div", id=row.note, cls="note")
    note = wrapped(FieldNote, served, message, hint, field=row.key, id=row.note, icon=_icon_component("circle-alert", small=True))
    return el("div", el("label", row.label, star, for_=row.id), when(row.select, select, box), note, cls="field")


def _status(form: Bound | None) -> Wrapped:
    shown = when(form.notice, el("p", icon("circle-check"), el("span", form.notice), cls="notice")) if form is not None else None
    return wrapped(
        FormStatus,
        el("div", role="status"),
        LiveOnly(rx.fragment, shown),
        icon=_icon_component("circle-check"),
        restored=t("What you had typed here is back. It is not saved yet."),
        discard=t("Discard it"),
        copy=t("Copy"),
        copied=t("Copied"),
    )


def _summary_label(field: Field) -> str:
    return t("{name}: {error}", name=field.label, error="")


def _summary_title() -> str:
    return t("Not saved yet. Look at these fields:")


def _icon_component(name: str, small: bool = False) -> rx.Component:
    return View(lambda _: icon(name, small=small)).component(None)
