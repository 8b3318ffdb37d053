"""Functions that read a PDF."""

import io
import re
from decimal import Decimal
from typing import Any

from pypdf import PdfReader


def reader(pdf: bytes) -> PdfReader:
    """Open a document."""
    return PdfReader(io.BytesIO(pdf))


def pages(pdf: bytes) -> list[str]:
    """Return the text of each page, in reading order."""
    return [page.extract_text().replace("\u200b", "") for page in reader(pdf).pages]


def full_text(pdf: bytes) -> str:
    """Return the text of all pages."""
    return "\n".join(pages(pdf))


def without_whitespace(text: str) -> str:
    """Return a text without whitespace, to find what may be broken over lines."""
    return re.sub(r"\s+", "", text)


def amount(text: str, label: str) -> Decimal:
    """Return the amount at the end of the only row that starts with a label, in dollars.

    Reads English and French formats; a long label may take several lines.

    Raises:
        AssertionError: when there is not exactly one such row, or it has no amount.
    """
    rows = text.split("\n")
    found = [at for at, row in enumerate(rows) if row.startswith(label)]
    assert len(found) == 1, (label, text)
    written = re.search(r"(−?)\$?(?<!\d)(\d{1,3}(?:[\u00a0,]\d{3})*[.,]\d\d)(?:\u00a0\$)?$", "\n".join(rows[found[0] :]), re.M)
    assert written, (label, text)
    digits = re.sub(r"\D", "", written[2])
    return Decimal(f"{'-' if written[1] else ''}{digits[:-2]}.{digits[-2:]}")


def fonts(pdf: bytes) -> set[str]:
    """Return the names of the fonts without their subset tag, and assert that all are embedded in the document."""
    names: set[str] = set()
    for page in reader(pdf).pages:
        resources: Any = page["/Resources"]
        for entry in resources.get("/Font", {}).values():
            font = entry.get_object()
            inner = font["/DescendantFonts"][0].get_object()
            descriptor = inner["/FontDescriptor"]
            assert {"/FontFile2", "/FontFile3"} & set(descriptor), font["/BaseFont"]
            names.add(str(inner["/BaseFont"]).split("+")[-1])
    return names
