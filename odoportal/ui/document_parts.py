"""Parts that all kinds of documents share in their details: lines with prices, totals with taxes, addresses."""

from odoportal.core.i18n import t
from odoportal.ui.template import Bound, El, Node, each, el, when


def _line(line: Bound) -> El:
    return el(
        "tr",
        el("td", line.item, when(line.note, el("span", line.note, cls="document-note"))),
        el("td", line.count, cls="r"),
        el("td", line.price, cls="r tab"),
        el("td", line.amount, cls="r nw"),
    )


def lines_table(caption: str, lines: Bound) -> El:
    """Return the table of a document's lines; on a phone it has no unit price."""
    head = el(
        "tr",
        el("th", t("Item"), scope="col"),
        el("th", t("Qty"), scope="col", cls="r"),
        el("th", t("Unit price"), scope="col", cls="r tab"),
        el("th", t("Amount"), scope="col", cls="r"),
    )
    return el("table", el("caption", caption, cls="sr"), el("thead", head), el("tbody", each(lines, _line)), cls="document-table")


def totals(details: Bound, total: str, *more: Node) -> El:
    """Return the subtotal, each tax with its registration number, the total with the label `total`, and `more` rows."""
    taxes = each(details.taxes, lambda tax: el("div", el("dt", tax.name, el("small", tax.registration)), el("dd", tax.amount)))
    subtotal = el("div", el("dt", t("Subtotal")), el("dd", details.subtotal))
    return el("dl", subtotal, taxes, el("div", el("dt", total), el("dd", details.total), cls="document-total"), *more, cls="document-sum")


def address(lines: Bound) -> El:
    """Return an address, line by line."""
    return el("address", each(lines, lambda line: el("span", line.text)))
