"""Every form that a page draws has a handler on that page, with the same model; and every handler's form is drawn."""

from collections.abc import Iterator
from typing import Any

import pytest

from odoportal.core import i18n
from odoportal.forms.fields import EmptyForm
from odoportal.forms.handling import FormHandler
from odoportal.odoportal import PAGES
from odoportal.rooms.addresses import postal
from odoportal.rooms.addresses.forms import AddressForm
from odoportal.rooms.addresses.models import Address
from odoportal.ui import table
from odoportal.ui.client import SelectionForm
from odoportal.ui.form import Field, Form
from odoportal.ui.form_model import model_fields
from odoportal.ui.page import drawing_page
from odoportal.ui.template import Wrapped

WITH_FORMS = [page for page in PAGES if hasattr(page.post, "handlers")]


@pytest.fixture(scope="module")
def drawn() -> Iterator[dict[str, list[Form]]]:
    """Return the forms that each page draws when it is built, by the page's path."""
    forms: list[Form] = []
    found: dict[str, list[Form]] = {}
    as_before, wrapped = Form._live_form, table.wrapped

    def live_form(self: Form, *args: Any) -> Any:
        forms.append(self)
        return as_before(self, *args)

    def wrapped_in_list(kind: Any, *args: Any, **props: Any) -> Wrapped:
        # The button of selected rows is a form, too, whose fields the script fills in.
        if kind is SelectionForm:
            forms.append(Form(props["name"], (), ""))
        return wrapped(kind, *args, **props)

    with pytest.MonkeyPatch.context() as patch, i18n.use("en"):
        patch.setattr(Form, "_live_form", live_form)
        patch.setattr(table, "wrapped", wrapped_in_list)
        for page in PAGES:
            forms.clear()
            with drawing_page(page.path):
                page.content()
            if forms:
                found[page.path] = list(forms)
        yield found


def handlers_of(path: str) -> dict[str, FormHandler]:
    return next(page.post.handlers for page in WITH_FORMS if page.path == path)  # type: ignore[union-attr]


def test_each_form_has_a_handler_and_each_handler_a_form(drawn: dict[str, list[Form]]) -> None:
    private = {page.path for page in PAGES if page.private}
    assert {path: {form.name for form in forms} for path, forms in drawn.items() if path in private} == {
        page.path: set(page.post.handlers)  # type: ignore[union-attr]
        for page in WITH_FORMS
    }


@pytest.mark.parametrize("path", [page.path for page in WITH_FORMS])
def test_a_form_and_its_handler_have_the_same_model(drawn: dict[str, list[Form]], path: str) -> None:
    handlers = handlers_of(path)
    for form in drawn[path]:
        model = handlers[form.name].model
        if form.model is not None:
            assert form.model is model, form.name
        else:
            assert not form.fields(), form.name
            assert model is EmptyForm or not any(field.is_required() for field in model.model_fields.values()), form.name


@pytest.mark.parametrize("path", [page.path for page in WITH_FORMS])
def test_what_a_model_requires_is_on_the_form(drawn: dict[str, list[Form]], path: str) -> None:
    for form in drawn[path]:
        named = {field.name for field in form.fields()}
        draws_more = any(not isinstance(item, Field | tuple) for item in form.body)
        required = {name for name, field in (model_fields(form.model) if form.model else {}).items() if field.required}
        assert draws_more or required <= named, form.name


def test_an_address_is_as_long_as_its_column() -> None:
    columns = {name: Address.__table__.c[name].type.length for name in postal.MAX_LENGTHS}  # type: ignore[attr-defined]
    assert columns == postal.MAX_LENGTHS
    assert {name: field.max_length for name, field in model_fields(AddressForm).items() if name != "country"} == columns
