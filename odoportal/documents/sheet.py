"""What is on a document that is set as a PDF, as ready strings, and what every kind of document has in common."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from odoportal.core.i18n import Formats, t
from odoportal.documents.models import TaxRow
from odoportal.documents.view import LineView, tax_view
from odoportal.settings import get_settings


@dataclass(frozen=True)
class Block:
    """Lines of text under a small heading: an address, the terms."""

    title: str
    lines: Sequence[str]


@dataclass(frozen=True)
class Sum:
    """A row of the totals. `kind` is empty, `total` or `balance`; `note` stands small behind the label."""

    label: str
    amount: str
    note: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Stamp:
    """A stamp beside the totals, such as PAID with its day; `tone` is `ok` or `quiet`."""

    text: str = ""
    note: str = ""
    tone: str = "ok"


@dataclass(frozen=True)
class Sheet:
    """A document ready to be set: every string in its language and its formats. `facts` are pairs of label and value."""

    language: str
    title: str
    facts: Sequence[tuple[str, str]]
    parties: Sequence[Block]
    lines: Sequence[LineView]
    sums: Sequence[Sum]
    stamp: Stamp = Stamp()
    notes: Sequence[Block] = field(default_factory=tuple)


def seller() -> Block:
    """Who sends the document."""
    return Block(t("Invoiced by"), get_settings().company_lines)


def frame() -> dict[str, object]:
    """What the template writes around every sheet, in the language in use: sender, heads of the columns, foot, number of the page."""
    settings = get_settings()
    return {
        "seller": settings.company_name,
        "heads": [t("Item"), t("Qty"), t("Unit price"), t("Amount")],
        "foot": [text for text in (settings.company_name, settings.support_phone, settings.support_email) if text],
        "page_of": t("page {page} of {pages}", page="{page}", pages="{pages}"),
    }


def tax_sums(taxes: Sequence[TaxRow], subtotal: Decimal, formats: Formats, language: str) -> list[Sum]:
    """The subtotal and a row for each tax: name, rate, registration number, amount, and the base where it is not the subtotal.

    Taxes are never added into one rate (product.md, taxes).
    """
    rows = [Sum(t("Subtotal"), formats.amount(subtotal))]
    for tax in taxes:
        view = tax_view(tax, formats, language)
        base = "" if tax.base == subtotal else t("on {amount}", amount=formats.amount(tax.base))
        rows.append(Sum(view.name, view.amount, f"{view.registration}  {base}".strip()))
    return rows


def terms_of(title: str, terms: str) -> list[Block]:
    """The terms under a heading; nothing where there are none."""
    return [Block(title, [terms])] if terms else []
