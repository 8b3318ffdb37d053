"""Templates: HTML and live components are the same tree, and stored text never becomes markup."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoportal.lists.list_table import ListColumn, ListTable
from odoportal.ui.dialog import dialog_html, frame
from odoportal.ui.table import ListCard
from odoportal.ui.template import Bound, LiveOnly, Node, View, choose, each, el, icon, link, when, wrapped
from tests.attack.corpus import XSS


@dataclass(frozen=True)
class Row:
    key: str = "k"
    name: str = "Câble"
    url: str = "?open=1"


@dataclass(frozen=True)
class SampleView:
    text: str = "Câble"
    state: str = "ok"
    url: str = "?q=a&b=c"
    width: str = "54%"
    empty: str = ""
    yes: bool = True
    no: bool = False
    nothing: str | None = None
    rows: list[Row] = field(default_factory=lambda: [Row("1", "one"), Row("2", "two")])


def html(draw: Any, **values: Any) -> str:
    return View(draw).html(SampleView(**values))


def test_an_element_in_html_s_own_spelling() -> None:
    made = html(lambda v: el("label", v.text, cls="a b", for_="x", tabIndex=0, aria_label=v.text, data_row=v.state))
    assert made == '<label class="a b" for="x" tabindex="0" aria-label="Câble" data-row="ok">Câble</label>'


def test_a_void_element_has_no_end() -> None:
    assert html(lambda _: el("input", type="hidden", defaultValue="1")) == '<input type="hidden" value="1">'


def test_true_false_and_none_as_attributes() -> None:
    assert html(lambda v: el("option", "x", selected=v.yes)) == '<option selected="">x</option>'
    assert html(lambda v: el("option", "x", selected=v.no)) == "<option>x</option>"
    assert html(lambda v: el("th", "x", aria_sort=v.nothing)) == "<th>x</th>"


def test_a_link_a_style_and_an_icon() -> None:
    assert html(lambda v: link("a", to=v.url, cls="record-link")) == '<a href="?q=a&amp;b=c" class="record-link">a</a>'
    assert html(lambda v: el("i", style={"width": v.width})) == '<i style="width:54%"></i>'
    assert 'aria-hidden="true"' in html(lambda _: icon("x"))


def test_conditions_choices_and_rows() -> None:
    assert html(lambda v: (when(v.text, "yes", "no"), when(v.empty, "yes", "no"))) == "yesno"
    assert html(lambda v: choose(v.state, {"ok": "fine", "bad": "not"}, "else")) == "fine"
    assert html(lambda v: choose(v.state, {"bad": "not"}, "else")) == "else"
    assert html(lambda v: el("ul", each(v.rows, lambda row: el("li", row.name)))) == "<ul><li>one</li><li>two</li></ul>"
    assert html(lambda v: each(v.rows, lambda a: each(v.rows, lambda b: el("i", a.key, b.key)))) == "<i>11</i><i>12</i><i>21</i><i>22</i>"


def test_a_live_part_leaves_its_still_form() -> None:
    assert html(lambda _: LiveOnly(lambda: pytest.fail("no component is made for a document"), "still")) == "still"
    assert html(lambda v: wrapped(object, el("form", method="get"), el("b", v.text))) == '<form method="get"><b>Câble</b></form>'


def test_digits_joined_by_hyphens_stay_on_one_line() -> None:
    """Browsers would break a date after a hyphen. Its text keeps plain hyphens, so that it can be searched on the page and copied."""
    day = '<span class="unbroken">2020-09-12</span>'
    assert html(lambda v: el("p", v.text), text="due 2020-09-12, <b>") == f"<p>due {day}, &lt;b&gt;</p>"
    assert html(lambda v: el("p", "a", when(v.text, v.text)), text="2020-09-12") == f"<p>a{day}</p>"
    assert html(lambda v: el("p", v.text), text="C-2047 ODO-50 -5 5- a-1") == "<p>C-2047 ODO-50 -5 5- a-1</p>"
    assert html(lambda v: el("p", v.text, title=v.text), text="1-2") == '<p title="1-2"><span class="unbroken">1-2</span></p>'
    assert html(lambda v: el("option", v.text), text="2020-09-12") == "<option>2020-09-12</option>"


class Elements(HTMLParser):
    """A parser that collects the elements, the names of their attributes, and the text of a document."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def everything(view: Bound) -> Node:
    """Return a tree with a value in every position that a value can have."""
    return el(
        "div",
        el("p", view.text, title=view.text, data_row=view.text, aria_label=view.text, style={"width": view.text}),
        link(view.text, to=view.text),
        when(view.text, el("b", view.text)),
        choose(view.text, {"a": el("i", view.text)}, el("i", view.text)),
        each(view.rows, lambda row: el("option", row.name, value=row.name)),
        el("input", defaultValue=view.text),
    )


INERT = Elements(View(everything).html(SampleView(text="plain", rows=[Row(name="plain")]))).found


@pytest.mark.parametrize("attack", XSS)
@pytest.mark.asvs("1.2.1")
def test_stored_markup_is_text(attack: str) -> None:
    made = View(everything).html(SampleView(text=attack, rows=[Row(name=attack)]))
    assert Elements(made).found == INERT
    assert "<script" not in made.lower()


@given(st.text(min_size=1))
@pytest.mark.asvs("1.2.1")
def test_no_text_adds_an_element_or_an_attribute(text: str) -> None:
    made = View(everything).html(SampleView(text=text, rows=[Row(name=text)]))
    assert Elements(re.sub(r'<span class="unbroken">([0-9-]+)</span>', r"\1", made)).found == INERT


def test_the_control_without_escaping_the_corpus_would_add_elements() -> None:
    assert any(Elements(f"<div>{attack}</div>").found != [("div", ())] for attack in XSS)


# --- both writers -----------------------------------------------------------------------------------------------


class Written(HTMLParser):
    """A parser that collects the shape of HTML: tags, classes and texts in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.shape: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.shape.append(f"<{tag} {dict(attrs).get('class') or ''}".strip())

    def handle_data(self, data: str) -> None:
        self.shape.append(data)


_LITERAL = re.compile(r'^"(.*)"$', re.S)


def rendered(node: Any) -> list[str]:
    """Return the shape of live components, in the format of `Written`."""
    if "contents" in node:
        found = _LITERAL.match(node["contents"])
        return [found[1]] if found and found[1] else []
    shape: list[str] = []
    name = node.get("name", "").strip('"')
    if name not in {"", "Fragment"}:
        classes = next((p.split(":", 1)[1].strip('"') for p in node.get("props", []) if p.startswith("className:")), "")
        shape.append(f"<{'a' if name == 'PortalLink' else name} {classes}".strip())
    for child in node.get("children", []):
        for part_ in rendered(child):
            # Two adjacent texts are two children here, but one text in HTML.
            if shape and part_[0] != "<" and shape[-1][0] != "<":
                shape[-1] += part_
            else:
                shape.append(part_)
    return shape


def fixed(_view: Bound) -> Node:
    return (
        el("h1", "Orders", " ", el("span", "57", cls="shell-count")),
        el("ul", *(el("li", icon("x", small=True), el("b", str(i))) for i in range(3)), cls="list"),
        link("Details", el("span", " 26367", cls="sr"), to="?open=26367", cls="button"),
        el("p", None, el("input", type="hidden", name="q", defaultValue="x"), "end"),
    )


def test_html_and_live_components_are_the_same_tree() -> None:
    assert rendered(View(fixed).component(None).render()) == Written(View(fixed).html(None)).shape


def test_the_live_tree_reads_the_same_values_as_the_document() -> None:
    """Replace each value in turn: the live tree must read exactly the values that change the document."""
    import reflex as rx

    view = rx.Var("shown", _var_type=SampleView).guess_type()
    live = str(View(everything).component(view).render())
    plain = SampleView(text="plain", rows=[Row(name="plain")])
    before = View(everything).html(plain)
    for name in SampleView.__dataclass_fields__:
        other = [Row(name="other")] if name == "rows" else "other"
        after = View(everything).html(SampleView(**{**vars(plain), name: other}))
        assert (after != before) is bool(re.search(rf'shown\?*\.*\[?"?{name}\b', live)), name
    assert live.count("unbroken(") == 5, "each text, but for those of attributes and of the option"


# --- dialog and list ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Details:
    asked: str = ""
    number: str = ""
    title: str = ""
    previous: str = ""
    next: str = ""
    close: str = "?q=a"


DETAILS = View(lambda d: frame(d, title=d.title, badge=None, body=el("p", "facts"), footer=None, missing="Order not found"))


def test_without_an_open_record_there_is_no_dialog() -> None:
    assert dialog_html(DETAILS, Details()) == ""


@pytest.mark.asvs("8.2.2")
def test_an_unknown_number_and_a_foreign_one_are_the_same_dialog() -> None:
    made = dialog_html(DETAILS, Details(asked="555"))
    assert made == dialog_html(DETAILS, Details(asked="no such"))
    assert "Order not found" in made
    assert "facts" not in made
    assert 'href="?q=a"' in made


def test_an_open_record_has_its_neighbours_and_a_way_out() -> None:
    made = dialog_html(DETAILS, Details("5", "5", "Order 5", "?open=4", "", "?q=a"))
    assert 'href="?open=4"' in made
    assert 'class="button button-icon dialog-off"' in made
    assert made.count("<div") == made.count("</div")
    assert 'aria-labelledby="dialog-title"' in made
    assert 'id="dialog-title"' in made


@pytest.mark.parametrize("attack", XSS)
@pytest.mark.asvs("1.2.1")
def test_a_whole_list_with_markup_in_every_text_is_the_same_list(attack: str) -> None:
    from odoportal.lists.view import Chip, Head, Hidden, ListView, Option, PageLink, Tab

    @dataclass(frozen=True)
    class Page:
        frame: ListView
        rows: list[Row]

    def page(text: str) -> dict[str, str]:
        options = [Option(text, text, True)]
        shown = ListView(
            url=text,
            total=text,
            tabs=[Tab("a", text, text, text, text)],
            sizes=options,
            sorts=options,
            heads=[Head("a", text, text, text, "none", text)],
            chips=[Chip("c", text, text)],
            hidden=[Hidden("q", text)],
            q=text,
            since=text,
            until=text,
            showing=text,
            pages=[PageLink("1", text, text, True, text)],
            previous=text,
            next=text,
            clear=text,
            as_of=text,
            title=text,
        )
        column = ListColumn("name", str, cell=lambda row: el("td", row.name), card=lambda row: el("b", row.name, title=row.url))
        source: Any = None
        texts: dict[str, Any] = dict.fromkeys(("title", "no_match", "nothing_text", "hint", "all"), str)
        table = ListTable(
            path="/orders",
            columns=[column],
            default_sort="",
            source=source,
            view=dict,
            nothing=str,
            empty_icon="package",
            tabs=dict,
            **texts,
        )
        return ListCard.of(table).html(Page(shown, [Row("1", text, text)]))

    inert = {name: Elements(text).found for name, text in page("plain").items()}
    assert {name: Elements(text).found for name, text in page(attack).items()} == inert
