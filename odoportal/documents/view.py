"""Views of the lines, taxes and addresses of all kinds of document: ready strings for the screen."""

from collections.abc import Iterable
from dataclasses import dataclass

from odoportal.core.i18n import Formats, t
from odoportal.documents.models import ItemRow, TaxRow


@dataclass(frozen=True)
class TextLine:
    """A line of text with the key that a list of them needs."""

    key: str
    text: str


@dataclass(frozen=True)
class LineView:
    """A line of a document: quantity (`2 X`), count (`2`), item, note, unit price and amount."""

    key: str
    quantity: str
    count: str
    item: str
    note: str
    price: str
    amount: str


@dataclass(frozen=True)
class TaxView:
    """A tax of a document: name and rate (`GST 5%`), registration number and amount."""

    key: str
    name: str
    registration: str
    amount: str


def text_lines(texts: Iterable[str]) -> list[TextLine]:
    """Return texts as lines with keys."""
    return [TextLine(str(i), text) for i, text in enumerate(texts)]


def line_view(line: ItemRow, formats: Formats, language: str, without_amount: str = "") -> LineView:
    """Return the view of a line in the page's language. Quantities are written as `2 X`, as in the guide; a discount has none.

    Args:
        line: The stored line.
        formats: The person's region format.
        language: The page's language.
        without_amount: The text for a line without an amount, such as "monthly".
    """
    english = language == "en"
    count = formats.number(line.quantity) if line.quantity is not None else ""
    return LineView(
        key=str(line.position),
        quantity=f"{count}\u00a0X" if count else "",
        count=count,
        item=line.description_en if english else line.description_fr,
        note=line.note_en if english else line.note_fr,
        price=formats.amount(line.unit_price) if line.unit_price is not None else "",
        amount=formats.amount(line.amount) if line.amount is not None else without_amount,
    )


def tax_view(tax: TaxRow, formats: Formats, language: str) -> TaxView:
    """Return the view of a tax row in the page's language."""
    name = tax.name_en if language == "en" else tax.name_fr
    return TaxView(
        str(tax.position), f"{name} {formats.rate(tax.rate)}", t("No. {number}", number=tax.registration), formats.amount(tax.amount)
    )
