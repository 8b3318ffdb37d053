"""Search texts of orders and invoices."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from odoportal.importing.documents import number_order
from odoportal.rooms.invoices import search_text as invoices
from odoportal.rooms.invoices.models import Invoice, InvoiceLine, Payment
from odoportal.rooms.orders import search_text as orders
from odoportal.rooms.orders.models import Order


@dataclass
class Line:
    quantity: int | None
    description_en: str
    description_fr: str
    note_en: str = ""
    note_fr: str = ""


LINES = [Line(12, "Cable", "Câble"), Line(None, "Discount", "Rabais – câble", "once", "Une fois")]


def test_an_order_is_found_by_all_that_it_shows() -> None:
    term = {"start_on": date(2020, 9, 24), "end_on": date(2023, 9, 23)}
    order = Order(number="26367", subtotal=Decimal("501.04"), total=Decimal("12345.60"), **term)  # pyright: ignore
    words = orders.search_text(order, LINES, ["S-1"]).split("\n")
    assert {"26367", "2020-09-24", "2023-09-23", "12 x cable", "discount", "rabais - cable", "once", "une fois", "s-1"} <= set(words)
    assert {"12345.60", "12345,60", "501.04", "501,04"} <= set(words)
    assert len(words) == len(set(words))


def test_the_first_line_is_folded_without_its_quantity_and_fits_its_column() -> None:
    assert (orders.first_line(LINES, "fr"), orders.first_line(LINES, "en"), orders.first_line([], "fr")) == ("cable", "cable", "")
    assert len(orders.first_line([Line(1, "x", "œ" * 300)], "fr")) == 300


def test_an_invoice_is_found_by_what_is_left_and_what_was_paid() -> None:
    invoice = Invoice(
        number="A-211702", issued_on=date(2020, 8, 17), due_on=date(2020, 9, 30), total=Decimal("1284.54"), paid=Decimal("500.00"),
        credited=Decimal("84.54"), settled_on=None,
    )  # pyright: ignore[reportCallIssue]  # fmt: skip
    payment = Payment(reference="PAY-1", method_en="Cheque 7", method_fr="Chèque 7")  # pyright: ignore[reportCallIssue]
    lines = [InvoiceLine(quantity=2, description_en="Box", description_fr="Boîte")]  # pyright: ignore[reportCallIssue]
    words = invoices.search_text(invoice, lines, [payment], "26288").split("\n")
    assert {"a-211702", "2020-08-17", "2020-09-30", "26288", "2 x box", "2 x boite", "pay-1", "cheque 7"} <= set(words)
    assert {"1284.54", "1284,54", "700.00", "700,00", "500.00", "500,00"} <= set(words)
    assert "0.00" not in words


def test_numbers_sort_as_numbers_and_never_overflow() -> None:
    assert number_order("999") < number_order("1000") < number_order("F-26367")
    assert number_order("none") == 0
    assert number_order("9" * 20) == 2**63 - 1
