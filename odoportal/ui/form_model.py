"""The fields of a form as its pydantic model describes them, read from its JSON Schema, so that a page repeats nothing of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

CHECKBOX_VALUES = ["", "1"]


@dataclass(frozen=True)
class ModelField:
    """A field of a model.

    Attributes:
        kind: The control that suits its type: text, email, password, textarea, checkbox or select.
        required: Whether the form cannot be sent without a value. Never for a select, which always has one.
        max_length: In characters; None for a choice and for a password, which is never cut.
        choices: The values offered, of a select.
    """

    kind: str
    required: bool = False
    max_length: int | None = None
    choices: tuple[str, ...] = ()


@lru_cache
def model_fields(model: type[BaseModel]) -> Mapping[str, ModelField]:
    """Return the fields of a model by name, without those that no single control fills in.

    Raises:
        TypeError: If a text has no maximum length.
    """
    schema = model.model_json_schema()
    described = {name: _resolved(about, schema.get("$defs", {})) for name, about in schema["properties"].items()}
    return {
        name: _field(f"{model.__name__}.{name}", about, name in schema.get("required", ()))
        for name, about in described.items()
        if about.get("type") == "string"
    }


def _resolved(about: dict[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a field's own values: of what it refers to, and without the null of an optional one."""
    if "$ref" in about:
        return definitions[about["$ref"].rpartition("/")[2]]
    return next((_resolved(one, definitions) for one in about.get("anyOf", ()) if one.get("type") != "null"), about)


def _field(name: str, about: Mapping[str, Any], required: bool) -> ModelField:
    if choices := about.get("enum"):
        return ModelField("checkbox") if choices == CHECKBOX_VALUES else ModelField("select", choices=tuple(choices))
    kind = about.get("format", "text")
    if kind == "password":
        return ModelField(kind, required)
    if "maxLength" not in about:
        raise TypeError(f"{name} needs a maximum length")
    return ModelField(kind, required and about.get("minLength", 0) > 0, about["maxLength"])
