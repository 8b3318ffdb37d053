"""Templates: markup that is declared once and drawn both as HTML and as live components.

The same tree becomes Reflex components at build time and plain HTML at request time, so the rows the server writes
into a document and the live rows that replace them can never differ. Values that are known only when the page is
shown are `Bound` references to attributes of a view, a dataclass of ready strings.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from html import escape
from itertools import count
from typing import Any, TypeAlias

import reflex as rx
from reflex_components_core.el.element import Element

from odoportal.ui.client import PortalLink, unbroken
from odoportal.ui.icons import SPRITE

_VOID = {"input", "br", "img", "hr", "meta"}
_HTML_NAMES = {
    "className": "class",
    "htmlFor": "for",
    "tabIndex": "tabindex",
    "colSpan": "colspan",
    "autoComplete": "autocomplete",
    "popoverTarget": "popovertarget",
    "noValidate": "novalidate",
    "defaultValue": "value",
    "hrefLang": "hreflang",
    "textAnchor": "text-anchor",
    "strokeWidth": "stroke-width",
    "strokeLinecap": "stroke-linecap",
    "enterKeyHint": "enterkeyhint",
    "defaultChecked": "checked",
    "inputMode": "inputmode",
    "dateTime": "datetime",
}
_REACT_NAMES = {"cls": "className", "for_": "htmlFor", "type_": "type"}
_PLAIN_TEXT = {"option", "text", "textarea", "title"}
"""Elements that hold text only, no other elements."""
_UNBROKEN = re.compile(r"[0-9]+(?:-[0-9]+)+")
_roots = count()


class Bound:
    """A reference to a value that is known when the page is shown: an attribute of the view or of the current row."""

    __slots__ = ("_path", "_root")

    def __init__(self, root: int, path: tuple[str, ...] = ()) -> None:
        self._root, self._path = root, path

    def __getattr__(self, name: str) -> "Bound":
        if name.startswith("__"):
            raise AttributeError(name)
        return Bound(self._root, (*self._path, name))

    def resolve(self, scope: Mapping[int, Any]) -> Any:
        """Return the value in a scope, which maps roots to views (or to Reflex variables with the same attributes)."""
        value = scope[self._root]
        for name in self._path:
            value = value.get(name, "") if isinstance(value, Mapping) else getattr(value, name)
        return value

    @property
    def root(self) -> int:
        """The number of the view or row this reference starts from."""
        return self._root


@dataclass(frozen=True)
class ServerOnly:
    """An attribute of the served HTML only; in the live page the form's script maintains it.

    Its value is the reference's value, and it is absent when that is empty. With `equals`, it is present when the reference has that
    value. With `text`, its value is that text whenever the reference is not empty.
    """

    ref: Bound
    equals: str = ""
    text: str = ""

    def resolve(self, scope: Mapping[int, Any]) -> str | bool:
        """Return the attribute's value, or False when it is absent."""
        value = self.ref.resolve(scope)
        if self.equals:
            return value == self.equals
        return (self.text or value) if value else False


Node: TypeAlias = "str | Bound | El | When | Choose | Each | LiveOnly | Wrapped | tuple[Node, ...] | None"
Value: TypeAlias = "str | int | bool | Bound | ServerOnly | dict[str, str | Bound]"


@dataclass(frozen=True)
class El:
    """An element. `to` makes it a link that the browser follows without loading a new document; see `link` for `how`."""

    tag: str
    attributes: Mapping[str, Value]
    children: tuple[Node, ...]
    to: "str | Bound | None" = None
    how: str = ""


@dataclass(frozen=True)
class When:
    """One of two nodes, chosen by whether a value is empty."""

    test: Bound
    then: Node
    otherwise: Node


@dataclass(frozen=True)
class Choose:
    """One of several nodes, chosen by the value of a string."""

    value: Bound
    cases: Mapping[str, Node]
    otherwise: Node


@dataclass(frozen=True)
class Each:
    """A node for each row of a list; rows carry a `key` attribute."""

    rows: Bound
    root: int
    node: Node


@dataclass(frozen=True)
class LiveOnly:
    """A live component; the served HTML has `served` in its place."""

    live: Callable[[], rx.Component]
    served: Node = None


@dataclass(frozen=True)
class Wrapped:
    """A browser component around a part of the tree; the served HTML has a plain element in its place."""

    kind: Any
    props: Mapping[str, Any]
    served: El
    children: tuple[Node, ...]


@dataclass(frozen=True)
class View:
    """A template: the tree that `draw` builds from a reference to one view."""

    draw: Callable[[Bound], Node]
    root: int = field(default_factory=lambda: next(_roots))

    def component(self, view: Any) -> rx.Component:
        """Return Reflex components over a state variable that holds the view."""
        return rx.fragment(*_components(self.draw(Bound(self.root)), {self.root: view}))

    def html(self, view: object) -> str:
        """Return HTML with the view's values, everything escaped."""
        out: list[str] = []
        _write(self.draw(Bound(self.root)), {self.root: view}, out)
        return "".join(out)


def _attribute_name(name: str) -> str:
    if name in _REACT_NAMES:
        return _REACT_NAMES[name]
    return name.replace("_", "-") if name.startswith(("aria_", "data_")) else name


def el(tag: str, *children: Node, **attributes: Value) -> El:
    """Return an element. Attributes are spelled as in React, except `cls` for the class and underscores in `aria_label` and `data_x`."""
    return El(tag, {_attribute_name(k): v for k, v in attributes.items()}, children)


def link(*children: Node, to: str | Bound, how: str = "", **attributes: Value) -> El:
    """Return a link inside the portal. `how` "open" opens a dialog over its list (closing goes back), "swap" the next record in it."""
    return El("a", {_attribute_name(k): v for k, v in attributes.items()}, children, to, how)


def when(test: Bound, then: Node, otherwise: Node = None) -> When:
    """Return a node that is `then` when the value is true or not empty, else `otherwise`."""
    return When(test, then, otherwise)


def choose(value: Bound, cases: Mapping[str, Node], otherwise: Node = None) -> Choose:
    """Return the node of the case that equals the value."""
    return Choose(value, cases, otherwise)


def each(rows: Bound, draw: Callable[[Bound], Node]) -> Each:
    """Return `draw(row)` for every row; each row has a `key`."""
    root = next(_roots)
    return Each(rows, root, draw(Bound(root)))


def wrapped(kind: Any, served: El, *children: Node, **props: Any) -> Wrapped:
    """Return a browser component with its children, and the plain element that replaces it in the served HTML."""
    return Wrapped(kind, props, served, children)


def icon(name: str, small: bool = False, cls: str = "") -> El:
    """Return an icon of the sprite. It is hidden from assistive technology, so put a word or an `aria_label` next to it."""
    classes = " ".join(filter(None, ("icon", "icon-small" if small else "", cls)))
    return el("svg", el("use", href=f"{SPRITE}#{name}"), cls=classes, aria_hidden="true", focusable="false")


# --- as HTML -----------------------------------------------------------------------------------------------------


def _resolved_text(value: object, scope: Mapping[int, Any]) -> str:
    return str(value.resolve(scope) if isinstance(value, Bound) else value)


def _attribute(name: str, value: Value, scope: Mapping[int, Any], out: list[str]) -> None:
    if isinstance(value, dict):
        text = ";".join(f"{k}:{_resolved_text(v, scope)}" for k, v in value.items())
    else:
        resolved = value.resolve(scope) if isinstance(value, Bound | ServerOnly) else value
        if resolved is False or resolved is None:
            return
        text = "" if resolved is True else str(resolved)
    out.append(f' {_HTML_NAMES.get(name, name)}="{escape(text)}"')


def _write_text(node: str | Bound, scope: Mapping[int, Any], out: list[str], plain: bool = False) -> None:
    """Write a text. Digits joined by hyphens, as in a date, stay on one line: browsers would break after a hyphen (see `unbroken`)."""
    text = escape(_resolved_text(node, scope), quote=False)
    out.append(text if plain or isinstance(node, str) else _UNBROKEN.sub(r'<span class="unbroken">\g<0></span>', text))


def _write_element(node: El, scope: Mapping[int, Any], out: list[str]) -> None:
    out.append(f"<{node.tag}")
    if node.to is not None:
        _attribute("href", node.to, scope, out)
    for name, value in node.attributes.items():
        _attribute(name, value, scope, out)
    out.append(">")
    if node.tag not in _VOID:
        for child in node.children:
            if isinstance(child, str | Bound):
                _write_text(child, scope, out, plain=node.tag in _PLAIN_TEXT)
            else:
                _write(child, scope, out)
        out.append(f"</{node.tag}>")


def _write(node: Node, scope: Mapping[int, Any], out: list[str]) -> None:
    if node is None:
        return
    if isinstance(node, str | Bound):
        _write_text(node, scope, out)
    elif isinstance(node, El):
        _write_element(node, scope, out)
    elif isinstance(node, tuple):
        for child in node:
            _write(child, scope, out)
    elif isinstance(node, When):
        _write(node.then if node.test.resolve(scope) else node.otherwise, scope, out)
    elif isinstance(node, Choose):
        _write(node.cases.get(node.value.resolve(scope), node.otherwise), scope, out)
    elif isinstance(node, Each):
        for row in node.rows.resolve(scope):
            _write(node.node, {**scope, node.root: row}, out)
    elif isinstance(node, Wrapped):
        _write(replace(node.served, children=node.children), scope, out)
    else:
        _write(node.served, scope, out)


# --- as Reflex components ------------------------------------------------------------------------------------------


def _var(value: Any, scope: Mapping[int, Any]) -> Any:
    if isinstance(value, dict):
        return {k: _var(v, scope) for k, v in value.items()}
    return value.resolve(scope) if isinstance(value, Bound) else value


def _element(node: El, scope: Mapping[int, Any], key: Any = None) -> rx.Component:
    attributes = {k: _var(v, scope) for k, v in node.attributes.items() if not isinstance(v, ServerOnly)}
    props: dict[str, Any] = {}
    if "className" in attributes:
        props["class_name"] = attributes.pop("className")
    if "style" in attributes:
        props["style"] = attributes.pop("style")
    if key is not None:
        props["key"] = key
    props["custom_attrs"] = attributes
    plain = node.tag in _PLAIN_TEXT
    children = [
        c for child in node.children for c in ([_var(child, scope)] if plain and isinstance(child, Bound) else _components(child, scope))
    ]
    if node.to is not None:
        return PortalLink.create(*children, to=_var(node.to, scope), how=node.how, **props)
    element = Element.create(*children, **props)
    element.tag = node.tag
    return element


def _components(node: Node, scope: Mapping[int, Any], key: Any = None) -> list[Any]:  # noqa: PLR0911 one return per kind of node
    if node is None:
        return []
    if isinstance(node, str):
        return [node]
    if isinstance(node, Bound):
        return [unbroken(_var(node, scope))]
    if isinstance(node, El):
        return [_element(node, scope, key)]
    if isinstance(node, tuple):
        return [c for child in node for c in _components(child, scope)]
    if isinstance(node, LiveOnly):
        return [node.live()]
    if isinstance(node, Wrapped):
        props = {name: _var(value, scope) for name, value in node.props.items()}
        return [node.kind.create(*(c for child in node.children for c in _components(child, scope)), **props)]
    if isinstance(node, When):
        branches = [rx.fragment(*_components(n, scope)) for n in (node.then, node.otherwise)]
        return [rx.cond(node.test.resolve(scope), *branches)]
    if isinstance(node, Choose):
        cases = [(name, rx.fragment(*_components(n, scope))) for name, n in node.cases.items()]
        return [rx.match(node.value.resolve(scope), *cases, rx.fragment(*_components(node.otherwise, scope)))]

    def draw_row(row: Any) -> rx.Component:
        inner = {**scope, node.root: row}
        drawn = _components(node.node, inner, key=row.key)
        return drawn[0] if len(drawn) == 1 else rx.fragment(*drawn, key=row.key)

    return [rx.foreach(node.rows.resolve(scope), draw_row)]
