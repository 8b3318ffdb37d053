"""A sheet becomes an accessible PDF with the portal's fonts, whatever its texts contain."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from odoportal.core import i18n
from odoportal.documents import pdf
from odoportal.documents.sheet import Block, Sheet, Stamp, TotalRow
from odoportal.documents.view import LineView
from odoportal.settings import get_settings
from tests.attack.corpus import SQL, XSS
from tests.reading import fonts, full_text, pages, reader, without_whitespace

TYPST = (
    '#read("/etc/passwd")',
    '#import "/sheet.typ": data',
    "#panic()",
    "$x^2$ *bold* _it_ @ref <lab> `raw` \\ // c /* x */",
    '" + sys.inputs.data + "',
    "\\u{41} \\# \\",
    '"}]}, {"paper": "a5"',
    "{page} {pages}",
)


def line(text: str, note: str = "") -> LineView:
    return LineView("0", "2\u00a0X", "2", text, note, "$1.00", "$2.00")


PLAIN = Sheet(
    language="en",
    title="Invoice 1",
    facts=[("Date", "2020-09-24")],
    parties=[Block("Invoiced by", ["Odotrack inc."]), Block("Billed to", ["Transport Gagnon inc.", "Saint-Eustache"])],
    lines=[line("Annual plan")],
    sums=[TotalRow("Total", "$2.00", kind="total"), TotalRow("Balance", "$0.00", kind="balance")],
    stamp=Stamp("PAID", "2020-09-24"),
    notes=[Block("Terms", ["Payable within 30 days"])],
)


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ODOPORTAL_SUPPORT_PHONE", "450 555-0100")
    get_settings.cache_clear()
    with i18n.use("en"):
        yield


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_it_is_tagged_titled_and_in_its_language(language: str) -> None:
    with i18n.use(language):
        made = reader(pdf.render(replace(PLAIN, language=language)))
    root: Any = made.root_object
    assert root["/MarkInfo"]["/Marked"]
    assert root["/StructTreeRoot"]
    assert root["/Lang"] == f"{language}-CA"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert (made.metadata.title, made.metadata.author) == ("Invoice 1", "Odotrack inc.")  # type: ignore[union-attr]
    assert re.search(rb"pdfuaid:part>1<|pdfuaid:part=.1", root["/Metadata"].get_data())
    assert "/OpenAction" not in root
    assert not {"/JavaScript", "/EmbeddedFiles"} & set(root.get("/Names", {}))


def test_the_table_has_heads_and_the_decoration_is_none_of_the_text() -> None:
    kinds: list[str] = []
    seen: set[int] = set()

    def walk(node: object) -> None:
        if isinstance(node, list):
            for inner in node:
                walk(inner)
            return
        held = node.get_object() if hasattr(node, "get_object") else node  # type: ignore[attr-defined]
        if isinstance(held, list):
            walk(held)
        elif isinstance(held, dict) and id(held) not in seen:
            seen.add(id(held))
            if "/S" in held:
                kinds.append(str(held["/S"]))
            walk(held.get("/K"))

    walk(reader(pdf.render(PLAIN)).root_object["/StructTreeRoot"])
    assert kinds.count("/TH") == 4
    assert kinds.count("/TD") == 4
    assert (kinds.count("/H1"), kinds.count("/H2")) == (1, 3)
    assert "/Figure" not in kinds


def test_the_fonts_are_ours_and_lie_in_it() -> None:
    assert fonts(pdf.render(PLAIN)) == {"Figtree-Regular", "Figtree-SemiBold"}
    polish = replace(PLAIN, lines=[line("Łódź, Žižek")])
    assert fonts(pdf.render(polish)) == {"Figtree-Regular", "Figtree-SemiBold", "FigtreeExt-Regular"}


def test_the_same_sheet_gives_the_same_bytes() -> None:
    assert pdf.render(PLAIN) == pdf.render(PLAIN)


@pytest.mark.parametrize(("paper", "size"), [("letter", (612, 792)), ("a4", (595, 842))])
def test_the_paper(paper: str, size: tuple[int, int]) -> None:
    box = reader(pdf.render(PLAIN, paper)).pages[0].mediabox
    assert (round(float(box.width)), round(float(box.height))) == size


@pytest.mark.parametrize("text", [*TYPST, *XSS, *(s for s in SQL if "\x00" not in s)])
@pytest.mark.asvs("1.3.3")
@pytest.mark.asvs("1.2.8")
@pytest.mark.asvs("1.3.7")
@pytest.mark.case("A-83")
def test_whatever_is_typed_is_text(text: str) -> None:
    sheet = replace(
        PLAIN,
        title=f"Invoice {text}",
        facts=[("Order", text)],
        parties=[Block("Billed to", [text])],
        lines=[line(text, text)],
        notes=[Block("Terms", [text])],
        sums=[TotalRow(text, "$2.00", text)],
    )
    made = pdf.render(sheet)
    expected = without_whitespace(pdf.drawable(text).replace("\u200b", ""))
    assert without_whitespace(full_text(made)).count(expected) >= 6
    assert "root:" not in full_text(made)
    assert f"Invoice {' '.join(pdf.drawable(text).split())}" in " ".join(str(reader(made).metadata.title).split())  # type: ignore[union-attr]


@pytest.mark.asvs("1.3.3")
@pytest.mark.case("A-83")
def test_the_template_reads_nothing_but_what_it_is_given() -> None:
    source = "\n".join(row for row in Path(pdf.__file__).with_name("typst").joinpath("sheet.typ").read_text("utf-8").split("\n"))
    assert not re.search(r"#?\b(read|include|import|plugin|eval|csv|yaml|toml|xml|cbor)\b\s*[(\"]|@preview", source)
    assert re.findall(r"\bjson\(.*", source) == ["json(bytes(sys.inputs.data))"]


def test_what_no_font_has_is_shown_as_such_and_what_is_not_seen_is_dropped() -> None:
    assert pdf.drawable("🚚 équipe 中") == "� équipe �"
    assert pdf.drawable("\u202eevil\u202c\u200d x\u0000y\u2028z\u00ad") == "evil xy z"
    assert pdf.drawable("e\u0301cole \u0301") == "école "
    assert pdf.drawable("9\u202fh\u00a058") == "9\u00a0h\u00a058"
    assert pdf.drawable("x" * 30).replace("\u200b", "") == "x" * 30
    assert "\u200b" in pdf.drawable("x" * 30)
    assert pdf.drawable("Saint-Eustache-sur-le-Lac-des-Deux-Montagnes") == "Saint-Eustache-sur-le-Lac-des-Deux-Montagnes"


@pytest.mark.parametrize(
    "name", ["xʷməθkʷəy̓əm", "Sḵwx̱wú7mesh", "ƛ̓əmtalə", "hən̓q̓əmin̓əm̓", "ᓄᓇᕕᒃ", "ᐆᔨᐴᒧᑦ", "Ɂehdzo", "Αθήνα", "Nguyễn", "Łódź"]
)
def test_a_name_of_this_country_is_set_whole(name: str) -> None:
    composed = unicodedata.normalize("NFC", name)
    made = pdf.render(replace(PLAIN, parties=[Block("Billed to", [name])]))
    assert pdf.drawable(name) == composed
    if not any(map(unicodedata.combining, composed)):  # Typst gives the mark's glyph the text of its letter too.
        assert composed in full_text(made)


def test_a_character_without_a_font_is_written_by_its_plain_equivalent() -> None:
    assert pdf.drawable("eﬃcace ＡＢＣ ㎏ ①") == "efficace ABC kg 1"


def test_combining_marks_stand_on_letters_that_take_them_and_are_not_heaped() -> None:
    assert pdf.drawable("x" + "\u0331" * 50) == "x" + "\u0331" * 3
    assert pdf.drawable("\u0331 \u0331x中\u0331ش\u0331-\u0331") == " x�ش-"
    marks = [chr(code) for code in range(0x300, 0x370)]
    for letter in "xXəθḵé":
        every = pdf.drawable(" ".join(letter + mark for mark in marks))
        assert "�" not in every
        assert pdf.render(replace(PLAIN, parties=[Block(every, [every])]))


def test_every_character_let_through_can_be_drawn_in_both_weights() -> None:
    through = [c for c in map(chr, range(0x20, 0x10000)) if pdf.drawable(f"a{c}") == f"a{c}" and c.strip()]
    assert len(through) > 1800
    every = "".join(through)
    made = pdf.render(replace(PLAIN, parties=[Block("x", [every, every])]))
    assert "é" in full_text(made)
    # Control: without `drawable`, Typst refuses the text.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pdf, "drawable", lambda text: text)
        with pytest.raises(Exception, match="could not be displayed"):
            pdf.render(replace(PLAIN, title="中"))


def test_scripts_from_right_to_left_stay_readable() -> None:
    text = full_text(pdf.render(replace(PLAIN, lines=[line("שלום"), line("مرحبا")])))
    assert "שלום" in text
    assert "مرحبا" in text


@pytest.mark.parametrize("many", [30, 120])
def test_several_pages_repeat_the_heads_and_say_where_they_are(many: int) -> None:
    made = pages(pdf.render(replace(PLAIN, lines=[line(f"Line-{n:03}", "From 2020-09-24" if n % 5 else "") for n in range(many)])))
    assert len(made) > many // 40 + 1
    for number, text in enumerate(made, 1):
        assert f"page {number} of {len(made)}" in text
        if "Line-" in text:
            assert "Item Qty Unit price Amount" in text
    assert re.findall(r"Line-(\d+)", "".join(made)) == [f"{n:03}" for n in range(many)]
    assert all(("Invoice 1\nOdotrack inc." in text) == (number > 1) or number > 1 for number, text in enumerate(made, 1))
    # The terms at the end of the sheet are never on a page without the total.
    assert "Total" in made[-1]
    assert "Terms" in made[-1]


@pytest.mark.parametrize("paper", ["letter", "a4"])
@pytest.mark.parametrize("many", [3, 17, 18, 22, 23, 24, 27, 30, 52, 56])
def test_the_totals_are_never_alone_on_a_page(many: int, paper: str) -> None:
    sums = [TotalRow(f"Tax-{n}", "$1.00") for n in range(8)]
    made = pages(pdf.render(replace(PLAIN, lines=[line(f"Line-{n:03}") for n in range(many)], sums=sums), paper))
    assert "Line-" in made[-1]
    assert "Tax-0" in made[-1]
    assert [f"Line-{n:03}" in "".join(made) for n in range(many)] == [True] * many
    assert all("Item" in text for text in made)


def test_the_stamp_is_read_as_it_is_written() -> None:
    assert "CREDITED\n2020-09-24" in full_text(pdf.render(replace(PLAIN, stamp=Stamp("CREDITED", "2020-09-24", "quiet"))))


def test_more_payments_than_a_page_holds_are_all_there() -> None:
    sums = [PLAIN.sums[0], *(TotalRow(f"Paid-{n:03}", "−$1.00") for n in range(90)), PLAIN.sums[1]]
    assert re.findall(r"Paid-(\d+)", full_text(pdf.render(replace(PLAIN, sums=sums)))) == [f"{n:03}" for n in range(90)]


def test_long_texts_stay_on_the_paper() -> None:
    long = "x" * 300
    made = full_text(pdf.render(replace(PLAIN, lines=[line(long, long)], parties=[Block("a", [long]), Block("b", [long])])))
    runs = re.findall("x+", made)
    assert sum(map(len, runs)) == 4 * 300
    # A letter of the notes is 4.4 points wide, and the widest column 400 points.
    assert max(map(len, runs)) <= 90


def test_an_unknown_paper_is_refused() -> None:
    with pytest.raises(KeyError):
        pdf.render(PLAIN, "a5")
