"""The sheet of a printed document, as ready strings, and the parts that all kinds of document share."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from odoportal.core.i18n import Formats, current_language, t
from odoportal.documents.models import TaxRow
from odoportal.documents.view import LineView, tax_view
from odoportal.settings import get_settings


@dataclass(frozen=True)
class Block:
    """Lines of text under a small heading: an address, the terms."""

    title: str
    lines: Sequence[str]


@dataclass(frozen=True)
class TotalRow:
    """A row of the totals. `kind` is empty, `total`, `balance` or, without an amount, `heading`; `note` is small text after the label."""

    label: str
    amount: str
    note: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Stamp:
    """A stamp beside the totals, such as PAID with the day as its note; `tone` is `ok` or `quiet`."""

    text: str = ""
    note: str = ""
    tone: str = "ok"


@dataclass(frozen=True)
class Sheet:
    """A printed document: ready strings in one language and region format. `facts` are pairs of label and value."""

    language: str
    title: str
    facts: Sequence[tuple[str, str]]
    parties: Sequence[Block]
    lines: Sequence[LineView]
    sums: Sequence[TotalRow]
    stamp: Stamp = Stamp()
    notes: Sequence[Block] = field(default_factory=tuple)


def seller() -> Block:
    """Return the block with the sender of the document."""
    return Block(t("Issued by"), get_settings().company_lines(current_language()))


def template_strings() -> dict[str, object]:
    """Return the strings around every sheet, in the language in use: sender, column headings, footer and page number."""
    settings = get_settings()
    return {
        "seller": settings.company_name,
        "heads": [t("Item"), t("Qty"), t("Unit price"), t("Amount")],
        "foot": [text for text in (settings.company_name, settings.support_phone, settings.support_email) if text],
        "page_of": t("page {page} of {pages}", page="{page}", pages="{pages}"),
    }


def tax_sums(taxes: Sequence[TaxRow], subtotal: Decimal, formats: Formats, language: str) -> list[TotalRow]:
    """Return the subtotal and a row for each tax: name, rate, registration number, amount, and the base if it is not the subtotal.

    Taxes are never combined into one rate (product.md, taxes).
    """
    rows = [TotalRow(t("Subtotal"), formats.amount(subtotal))]
    for tax in taxes:
        view = tax_view(tax, formats, language)
        base = "" if tax.base == subtotal else t("on {amount}", amount=formats.amount(tax.base))
        rows.append(TotalRow(view.name, view.amount, f"{view.registration}  {base}".strip()))
    return rows


def terms_blocks(title: str, terms: str) -> list[Block]:
    """Return a block with the terms; an empty list when there are none."""
    return [Block(title, [terms])] if terms else []
