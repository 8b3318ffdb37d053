"""A large fleet in English: 3,000 orders and 9,000 invoices since 2012."""

import random
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from odoportal.demo import fleet_catalogue as sold
from odoportal.demo.fleet_sheets import TODAY, Part, Sheets, at

NUMBER, NAME = "11204", "Boreal Haulage Ltd."
ORDERS, INVOICES, DEVICES = 3000, 9000, 400
FIRST_DAY = date(2012, 1, 3)
FIRST_ORDER, FIRST_INVOICE = 300001, 500001
STEPS_FROM = date(2019, 9, 24)


@dataclass(frozen=True)
class _Bought:
    number: str
    placed: date
    parts: list[Part]


def write(sheets: Sheets) -> None:
    """Add the fleet to the sheets."""
    chance = random.Random(11204)  # noqa: S311 - the same fleet every time
    people = (
        ("ian@borealhaulage.ca", "Ian MacKenzie", "owner", "en", "819 555-0150"),
        ("kevin@borealhaulage.ca", "Kevin O’Brien", "read_only", "en", "819 555-0151"),
        ("sophie@borealhaulage.ca", "Sophie Vachon", "operations", "fr", "819 555-0152"),
    )
    sheets.account(NUMBER, NAME, ("1400, rue Saguenay", "Rouyn-Noranda", "J9X 7B6"), people)
    orders = _orders(sheets, chance)
    _invoices(sheets, chance, orders)
    for place in range(1, DEVICES + 1):
        order = orders[-1 - chance.randrange(600)].number
        seen = at(TODAY - timedelta(days=5 if place % 80 == 0 else 0), 5 + place % 5, place % 60)
        sheets.device(NUMBER, str(6100000 + place * 7), f"Unit {200 + place}", order, signal=seen)


def _random_day(chance: random.Random, first: date) -> date:
    return first + timedelta(chance.randrange((TODAY - first).days + 1))


def _orders(sheets: Sheets, chance: random.Random) -> list[_Bought]:
    orders: list[_Bought] = []
    for place, placed in enumerate(sorted(_random_day(chance, FIRST_DAY) for _ in range(ORDERS))):
        number, years, vehicles = str(FIRST_ORDER + place), chance.choice((1, 2, 3, 3)), chance.randint(1, 9)
        parts = [sold.plans(vehicles, years, prepaid=False), sold.trackers(vehicles), sold.activation(vehicles)]
        if chance.random() < 0.4:
            parts += [sold.cables(vehicles), sold.cable_discount(vehicles)]
        if chance.random() < 0.5:
            parts.append(sold.shipping())
        sheets.order(NUMBER, number, placed, sold.term(placed + timedelta(chance.randrange(10)), years), parts)
        if placed >= STEPS_FROM:
            days = (TODAY - placed).days
            sheets.steps(number, placed, done=sum(days > after for after in (-1, 1, 2, 6)))
        orders.append(_Bought(number, placed, parts))
    return orders


def _invoices(sheets: Sheets, chance: random.Random, orders: list[_Bought]) -> None:
    """Add an invoice for each order, and invoices for months of plans.

    They are paid alone or several at once; some invoices of the last weeks stay open.
    """
    planned = [(order.placed, order.number, order.parts) for order in orders]
    while len(planned) < INVOICES:
        order = chance.choice(orders)
        planned.append((_random_day(chance, order.placed), order.number, [sold.month_of_plans(chance.randint(1, 40))]))
    held: dict[str, Decimal] = {}
    for place, (issued, order, parts) in enumerate(sorted(planned, key=lambda invoice: invoice[0])):
        number = str(FIRST_INVOICE + place)
        total = sheets.invoice(NUMBER, number, order, issued, issued + timedelta(30), parts)
        paid = issued + timedelta(chance.randint(3, 45))
        if chance.random() < 0.004:
            _credit(sheets, number, issued, total, sum((part.amount for part in parts if part.amount), Decimal(0)))
        elif paid > TODAY:
            _leave_open(sheets, chance, number, issued, total)
        else:
            held[number] = total
            if len(held) > 5 or chance.random() < 0.8:
                sheets.payment(NUMBER, f"BH-{20000 + place}", paid, sold.TRANSFER, held)
                held = {}
    if held:
        sheets.payment(NUMBER, f"BH-{20000 + INVOICES}", TODAY, sold.TRANSFER, held)


def _credit(sheets: Sheets, number: str, issued: date, total: Decimal, subtotal: Decimal) -> None:
    reason = ("Facturé deux fois", "Billed twice")
    sheets.payment(NUMBER, f"BH-R{number}", issued, sold.TRANSFER, {number: total})
    sheets.credit(f"C-{number}", number, min(issued + timedelta(9), TODAY), reason, subtotal)


def _leave_open(sheets: Sheets, chance: random.Random, number: str, issued: date, total: Decimal) -> None:
    """Leave an invoice of the last weeks open, sometimes with a partial or a pending payment."""
    kind = chance.random()
    if kind < 0.15:
        sheets.payment(NUMBER, f"BH-P{number}", issued, sold.TRANSFER, {number: (total / 2).quantize(Decimal("0.01"))})
    elif kind < 0.3:
        sheets.payment(NUMBER, f"BH-P{number}", TODAY, sold.TRANSFER, {number: total}, "pending")
