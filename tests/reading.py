"""Reading a PDF back."""

import io
import re
from decimal import Decimal
from typing import Any

from pypdf import PdfReader


def reader(pdf: bytes) -> PdfReader:
    """The document, opened."""
    return PdfReader(io.BytesIO(pdf))


def pages(pdf: bytes) -> list[str]:
    """The text of each page, in reading order."""
    return [page.extract_text().replace("\u200b", "") for page in reader(pdf).pages]


def whole(pdf: bytes) -> str:
    """The text of all pages."""
    return "\n".join(pages(pdf))


def tight(text: str) -> str:
    """A text without any space, for what may be broken over lines."""
    return re.sub(r"\s+", "", text)


def amount(text: str, label: str) -> Decimal:
    """The amount at the end of the only row that starts with a label; English and French ways of writing, long labels on several lines."""
    rows = text.split("\n")
    found = [at for at, row in enumerate(rows) if row.startswith(label)]
    assert len(found) == 1, (label, text)
    written = re.search(r"(−?)\$?(?<!\d)(\d{1,3}(?:[\u00a0,]\d{3})*[.,]\d\d)(?:\u00a0\$)?$", "\n".join(rows[found[0] :]), re.M)
    assert written, (label, text)
    digits = re.sub(r"\D", "", written[2])
    return Decimal(f"{'-' if written[1] else ''}{digits[:-2]}.{digits[-2:]}")


def fonts(pdf: bytes) -> set[str]:
    """The names of the fonts, without the tag of their subset; all of them lie in the document."""
    names: set[str] = set()
    for page in reader(pdf).pages:
        held: Any = page["/Resources"]
        for entry in held.get("/Font", {}).values():
            font = entry.get_object()
            inner = font["/DescendantFonts"][0].get_object()
            descriptor = inner["/FontDescriptor"]
            assert {"/FontFile2", "/FontFile3"} & set(descriptor), font["/BaseFont"]
            names.add(str(inner["/BaseFont"]).split("+")[-1])
    return names
