"""The components written for the browser in `client.js`, as Python sees them."""

import reflex as rx

_LIBRARY = "$/public" + rx.asset("client.js", shared=True)


class _Client(rx.Component):
    library = _LIBRARY


class PortalLink(_Client):
    """A link inside the portal: no new document, and the account in the address goes along.

    `how` is "open" for a dialog opened from its list, "swap" for the next record in it, else empty.
    """

    tag = "PortalLink"

    to: rx.Var[str]
    how: rx.Var[str]


class LanguageLink(_Client):
    """The way to the same page, same search, in another language."""

    tag = "LanguageLink"

    to: rx.Var[str]
    language: rx.Var[str]
    whole: rx.Var[bool]


class SearchForm(_Client):
    """A real GET form that searches while one types."""

    tag = "SearchForm"

    label: rx.Var[str]
    hint: rx.Var[str]
    clear: rx.Var[str]
    icon: rx.Var[rx.Component]
    cross: rx.Var[rx.Component]


class ListForm(_Client):
    """A real GET form over a list's address; with `auto` every change applies at once."""

    tag = "ListForm"

    auto: rx.Var[bool]


class UrlDialog(_Client):
    """A dialog that is open while the address has `open=…`; `shown` is the record its children show."""

    tag = "UrlDialog"

    ready: rx.Var[bool]
    shown: rx.Var[str]
    loading: rx.Var[rx.Component]


class DialogTitle(_Client):
    """The heading that names the dialog around it."""

    tag = "DialogTitle"


class DialogClose(_Client):
    """The button that closes the dialog around it."""

    tag = "DialogClose"


class FirstRows(_Client):
    """What the server wrote into the document, until the live part takes over."""

    tag = "FirstRows"

    name: rx.Var[str]
    html: rx.Var[str]


class OnScreen(_Client):
    """An element that is there only on screens of its width: `on` is "wide" or "narrow"."""

    tag = "OnScreen"

    as_: rx.Var[str]
    on: rx.Var[str]


class PageTitle(_Client):
    """The name of the browser's tab."""

    tag = "PageTitle"

    text: rx.Var[str]


class Busy(_Client):
    """Keeps the old rows, dimmed, until the version changes."""

    tag = "Busy"

    version: rx.Var[int]


class Pick(_Client):
    """The tick of a row."""

    tag = "Pick"

    number: rx.Var[str]
    cents: rx.Var[int]
    label: rx.Var[str]


class PickPage(_Client):
    """The tick of all rows of a page; `rows` are pairs of number and cents."""

    tag = "PickPage"

    rows: rx.Var[list[list[str | int]]]
    label: rx.Var[str]


class SelectionBar(_Client):
    """How many rows are ticked, how much they come to, and their documents as one ZIP."""

    tag = "SelectionBar"

    total: rx.Var[int]
    action: rx.Var[str]
    region: rx.Var[str]
    texts: rx.Var[dict[str, str]]
    icon: rx.Var[rx.Component]


class Print(_Client):
    """Prints the page."""

    tag = "Print"


class Connection(rx.Component):
    """The notice of a lost connection, and of a newer version, in the page's language.

    `region_en` is the person's way to write times and `zone` the portal's, as in its other times; `built` is the version of the
    page, `running` the server's, empty where it has said nothing yet.
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


class Session(_Client):
    """Warns before the session ends, and leaves the page when it has ended, here or in another tab."""

    tag = "Session"

    gone: rx.Var[str]
    ends: rx.Var[int]
    title: rx.Var[str]
    text: rx.Var[str]
    stay: rx.Var[str]
    on_stay: rx.EventHandler[rx.event.no_args_event_spec]


class Notice(_Client):
    """Says a sentence each time its count goes up; `{number}` in it stands for the number."""

    tag = "Notice"

    count: rx.Var[int]
    text: rx.Var[str]
    number: rx.Var[str]
    close: rx.Var[str]


class Scheme(_Client):
    """Light, dark, or as the system."""

    tag = "Scheme"

    label: rx.Var[str]
    system: rx.Var[str]
    light: rx.Var[str]
    dark: rx.Var[str]


class SideToggle(_Client):
    """The hamburger: folds the sidebar on a PC, opens the drawer on a phone."""

    tag = "SideToggle"

    label: rx.Var[str]


class Keys(_Client):
    """Keyboard: `/` search, `j` and `k` through the rows, `?` shows them; they can be switched off."""

    tag = "Keys"

    title: rx.Var[str]
    keys: rx.Var[list[list[str]]]
    off: rx.Var[str]
    on: rx.Var[str]
    close: rx.Var[str]


class CopyLink(_Client):
    """Copies the address of the open record."""

    tag = "CopyLink"

    label: rx.Var[str]
    done: rx.Var[str]


class ServerForms(_Client):
    """What native forms that the server wrote need in the browser."""

    tag = "ServerForms"
