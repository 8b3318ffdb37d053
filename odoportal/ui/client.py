"""Reflex wrappers of the browser components in `client.js` and `connection.js`."""

from typing import Any

import reflex as rx
from reflex.vars import VarData
from reflex_base.utils.imports import ImportVar

_LIBRARY = "$/public" + rx.asset("client.js", shared=True)


def unbroken(text: Any) -> Any:
    """Return a text of the live page in which digits joined by hyphens, as in a date, stay on one line (`unbroken` in `client.js`)."""
    data = VarData.merge(text._get_all_var_data(), VarData(imports={_LIBRARY: [ImportVar(tag="unbroken")]}))
    return rx.Var(f"unbroken({text!s})", _var_data=data)


class _Client(rx.Component):
    library = _LIBRARY


class PortalLink(_Client):
    """A link inside the portal: it loads no new document, and keeps the account of the address.

    `how` is "open" for a dialog opened from its list, "swap" for the next record in it, otherwise empty.
    """

    tag = "PortalLink"

    to: rx.Var[str]
    how: rx.Var[str]


class LanguageLink(_Client):
    """A link to the same page with the same search in another language; `reload_document` loads a new document."""

    tag = "LanguageLink"

    to: rx.Var[str]
    language: rx.Var[str]
    reload_document: rx.Var[bool]


class SearchForm(_Client):
    """A native GET form that searches as the person types."""

    tag = "SearchForm"

    label: rx.Var[str]
    hint: rx.Var[str]
    clear: rx.Var[str]
    icon: rx.Var[rx.Component]
    cross: rx.Var[rx.Component]


class ListForm(_Client):
    """A native GET form over a list's address; with `auto` every change applies at once."""

    tag = "ListForm"

    auto: rx.Var[bool]


class UrlDialog(_Client):
    """A dialog that is open while the address has `open=…`; `shown` is the record in its children."""

    tag = "UrlDialog"

    ready: rx.Var[bool]
    shown: rx.Var[str]
    loading: rx.Var[rx.Component]


class DialogTitle(_Client):
    """The title of the dialog around it."""

    tag = "DialogTitle"


class DialogClose(_Client):
    """The button that closes the dialog around it."""

    tag = "DialogClose"


class ServerHtml(_Client):
    """The HTML the server wrote into a slot of the document, until the live part takes over."""

    tag = "ServerHtml"

    name: rx.Var[str]
    html: rx.Var[str]


class OnScreen(_Client):
    """An element that exists only on screens of its width; `on` is "wide" or "narrow"."""

    tag = "OnScreen"

    as_: rx.Var[str]
    on: rx.Var[str]


class PageTitle(_Client):
    """The title of the browser tab."""

    tag = "PageTitle"

    text: rx.Var[str]


class Busy(_Client):
    """A wrapper that keeps the old rows, dimmed, until the version changes."""

    tag = "Busy"

    version: rx.Var[int]


class RowCheckbox(_Client):
    """The checkbox that selects a row."""

    tag = "RowCheckbox"

    number: rx.Var[str]
    cents: rx.Var[int]
    label: rx.Var[str]


class PageCheckbox(_Client):
    """The checkbox that selects all rows of a page; `rows` are pairs of number and cents."""

    tag = "PageCheckbox"

    rows: rx.Var[list[list[str | int]]]
    label: rx.Var[str]


class SelectionBar(_Client):
    """The bar of selected rows: their count, their sum if `sums`, a file of them, and its children, which are further actions."""

    tag = "SelectionBar"

    total: rx.Var[int]
    action: rx.Var[str]
    region: rx.Var[str]
    sums: rx.Var[bool]
    texts: rx.Var[dict[str, str]]
    icon: rx.Var[rx.Component]


class SelectionForm(_Client):
    """A button in the selection bar that sends the selected rows to the form `name` of the page, and goes where its answer leads."""

    tag = "SelectionForm"

    name: rx.Var[str]
    failed: rx.Var[str]


class PrintButton(_Client):
    """A button that prints the page."""

    tag = "PrintButton"


class Connection(rx.Component):
    """The notice of a lost connection, and of a newer version, in the page's language.

    Attributes:
        fr: the texts in French.
        en: the texts in English.
        icon: the icon of the notice.
        region_en: whether the person's format of times is English.
        zone: the portal's time zone.
        built: the version this page was built for.
        running: the server's version; empty until it is known.
    """

    library = "$/public" + rx.asset("connection.js", shared=True)
    tag = "Connection"

    fr: rx.Var[dict[str, str]]
    en: rx.Var[dict[str, str]]
    icon: rx.Var[rx.Component]
    region_en: rx.Var[bool]
    zone: rx.Var[str]
    built: rx.Var[str]
    running: rx.Var[str]


class SessionWarning(_Client):
    """A warning before the session ends. It leaves the page when the session has ended, here or in another tab."""

    tag = "SessionWarning"

    gone: rx.Var[str]
    ends: rx.Var[int]
    title: rx.Var[str]
    text: rx.Var[str]
    stay: rx.Var[str]
    on_stay: rx.EventHandler[rx.event.no_args_event_spec]


class FloatingNotice(_Client):
    """A notice that is shown each time its count increases; `{number}` in the text is replaced by the number."""

    tag = "FloatingNotice"

    count: rx.Var[int]
    text: rx.Var[str]
    number: rx.Var[str]
    close: rx.Var[str]


class ColourScheme(_Client):
    """The choice of colours: light, dark, or the system's."""

    tag = "ColourScheme"

    label: rx.Var[str]
    system: rx.Var[str]
    light: rx.Var[str]
    dark: rx.Var[str]


class SideToggle(_Client):
    """The menu button: it folds the sidebar on a PC and opens the drawer on a phone."""

    tag = "SideToggle"

    label: rx.Var[str]


class KeyboardShortcuts(_Client):
    """Keyboard shortcuts: `/` for the search, `j` and `k` for the rows, `?` for the list of keys. They can be switched off."""

    tag = "KeyboardShortcuts"

    title: rx.Var[str]
    keys: rx.Var[list[list[str]]]
    off: rx.Var[str]
    on: rx.Var[str]
    close: rx.Var[str]


class CopyLink(_Client):
    """A button that copies the address of the open record."""

    tag = "CopyLink"

    label: rx.Var[str]
    done: rx.Var[str]


class ServerForms(_Client):
    """Browser behaviour of native forms written by the server."""

    tag = "ServerForms"
