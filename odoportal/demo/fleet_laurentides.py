"""A fleet in French with 57 orders and 148 invoices, modelled on the design drawings of the lists.

Two totals of the drawings, 2,069.26 and 1,284.55, cannot result from 5 % and 9.975 % on a subtotal; here they are 2,069.27 and 1,284.54, so
that the total owed is 3,562.36 as drawn.
"""

import random
from bisect import bisect_right
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from odoportal.demo import fleet_catalogue as sold
from odoportal.demo.fleet_sheets import TODAY, Part, Sheets, at

NUMBER, NAME = "10732", "Groupe Laurentides Transport"
ACTIVE, ENDED, ACCESSORIES, DEVICES = 34, 13, 6, 72
LAST_GENERATED = date(2020, 4, 28)
ORDERS_BY_DAY = (
    (date(2013, 1, 7), 17800),
    (date(2017, 9, 5), 24417),
    (date(2018, 10, 1), 24982),
    (date(2019, 7, 22), 25518),
    (date(2020, 3, 9), 25975),
    (date(2020, 9, 24), 26367),
)
INVOICES_BY_DAY = ((date(2013, 1, 7), 181300), (date(2020, 5, 1), 210761), (date(2020, 9, 24), 212048))
VEHICLES = ("Freightliner Cascadia", "Kenworth T680", "Volvo VNL", "Hino 338", "Isuzu NPR", "Ford Transit", "Peterbilt 579")

LONGEST_VEHICLE = "60 – Volvo VNL avec remorque réfrigérée à deux compartiments, tournée de nuit Saint-Jérôme–Val-d’Or"
_SILENT = at(date(2020, 9, 21), 16, 2)
SPECIAL: dict[int, tuple[dict[str, Any], ...]] = {
    47: ({"state": "broken", "signal": at(date(2020, 9, 17), 9, 40)},),
    55: ({"state": "lost", "signal": at(date(2020, 9, 15), 11, 25)},),
    58: ({"state": "suspended", "signal": at(date(2020, 8, 29), 17, 8)},),
    60: ({"vehicle": LONGEST_VEHICLE},),
    62: ({"signal": _SILENT},),
    64: ({"since": date(2018, 9, 4), "signal": None}, {"order": "24982", "since": date(2018, 10, 1)}),
    65: ({"since": date(2018, 9, 4), "signal": None}, {"order": "25633", "since": date(2019, 10, 15)}),
    # Another account had it before.
    66: ({"order": "25810", "since": date(2020, 6, 1)},),
    69: ({"state": "replaced", "signal": at(date(2020, 7, 14), 8, 12), "until": date(2020, 7, 14)},),
    70: ({"state": "returned", "signal": at(date(2020, 8, 31), 8, 30), "until": date(2020, 8, 31)},),
    71: ({"order": "26359", "vehicle": "", "signal": None},),
    72: ({"order": "26359", "vehicle": "", "signal": None},),
}
"""The rows about trackers that differ from the others, by place."""


class _Numbers:
    """A source of document numbers that grow with the day, each used once."""

    def __init__(self, points: tuple[tuple[date, int], ...], taken: set[int]) -> None:
        self.points, self.taken = points, taken

    def on(self, day: date) -> str:
        """Return the next free number for a day."""
        place = min(max(bisect_right([point[0] for point in self.points], day), 1), len(self.points) - 1)
        (before, low), (after, high) = self.points[place - 1 : place + 1]
        number = low + (high - low) * (day - before).days // (after - before).days
        while number in self.taken:
            number += 1
        self.taken.add(number)
        return str(number)


def _drawn_orders() -> list[tuple[str, date, int, date, list[Part]]]:
    """Return the orders of the drawing, and one that will begin soon: number, start, years, day of the order, lines."""
    return [
        ("26359", date(2020, 10, 1), 3, date(2020, 9, 22), [sold.plans(4, 3, prepaid=False), sold.activation(4)]),
        (
            "26288",
            date(2020, 8, 17),
            3,
            date(2020, 8, 17),
            [sold.plans(4, 3, prepaid=False), sold.trackers(4), sold.activation(4), sold.installation(4, "65.31")],
        ),
        ("26140", date(2020, 6, 1), 2, date(2020, 4, 28), [sold.plans(1, 2, prepaid=False), sold.trackers(1), sold.cables(1)]),
        ("25975", date(2020, 3, 9), 1, date(2020, 3, 9), [sold.plans(6, 1, prepaid=True)]),
        ("25810", date(2019, 12, 2), 3, date(2019, 12, 2), [sold.plans(3, 3, prepaid=False), sold.trackers(3), sold.activation(3)]),
        ("25633", date(2019, 10, 15), 1, date(2019, 10, 15), [sold.plans(3, 1, prepaid=True)]),
        ("25518", date(2019, 7, 22), 3, date(2019, 7, 22), [sold.plans(12, 3, prepaid=False), sold.trackers(12), sold.shipping("38.28")]),
        ("25204", date(2019, 2, 11), 2, date(2019, 2, 11), [sold.plans(2, 2, prepaid=False), sold.trackers(2)]),
        ("24982", date(2018, 10, 1), 2, date(2018, 10, 1), [sold.plans(2, 2, prepaid=True)]),
        ("24417", date(2017, 9, 5), 3, date(2017, 9, 5), [sold.plans(5, 3, prepaid=True)]),
    ]


def _generated_orders(chance: random.Random) -> list[tuple[date, int, list[Part]]]:
    """Return orders by start, years and lines: active ones with far more than 60 days left, and ended ones, sorted by start."""
    orders: list[tuple[date, int, list[Part]]] = []
    for place in range(ACTIVE + ENDED):
        years = chance.choice((1, 2, 3, 3))
        if place < ACTIVE:
            first, last = date(2020 - years, 12, 1), LAST_GENERATED
        else:
            first, last = date(2013, 2, 1), date(2020 - years, 8, 28)
        start = (first + timedelta(chance.randrange((last - first).days))).replace(day=chance.randint(2, 28))
        orders.append((min(start, last), years, _lines(chance, years)))
    return sorted(orders, key=lambda order: order[0])


def _lines(chance: random.Random, years: int) -> list[Part]:
    vehicles = chance.randint(1, 3)
    if chance.random() < 0.3:
        return [sold.plans(vehicles, years, prepaid=True)]
    parts = [sold.plans(vehicles, years, prepaid=False), sold.trackers(vehicles), sold.activation(vehicles)]
    if chance.random() < 0.5:
        parts += [sold.cables(vehicles), sold.cable_discount(vehicles)]
    return [*parts, sold.shipping()] if chance.random() < 0.6 else parts


def write(sheets: Sheets) -> None:
    """Add the fleet to the sheets."""
    chance = random.Random(26367)  # noqa: S311 - the same fleet every time
    people = (
        ("josee@groupelaurentides.ca", "Josée Lafrenière", "owner", "fr", "450 555-0118"),
        ("nadia@groupelaurentides.ca", "Nadia Côté", "operations", "fr", "450 555-0119"),
        ("lise@comptabilitebouchard.ca", "Lise Bouchard", "billing", "fr", "514 555-0166"),
    )
    sheets.account(NUMBER, NAME, ("780, boul. Curé-Labelle", "Saint-Jérôme", "J7Z 2L4"), people)
    drawn = _drawn_orders()
    numbers = _Numbers(ORDERS_BY_DAY, {int(number) for number, *_ in drawn} | {26367})
    orders = [(numbers.on(start), start, years, start, parts) for start, years, parts in _generated_orders(chance)]
    for number, start, years, placed, parts in [*orders, *drawn]:
        sheets.order(NUMBER, number, placed, sold.term(start, years), parts)
        sheets.steps(number, placed, done=1 if start > TODAY else 4)
    _devices(sheets, chance, [(number, parts) for number, *_, parts in [*drawn, *reversed(orders)]])
    _old_invoices(sheets, chance, [order for order in [*orders, *drawn] if order[0] not in {"26359", "26288"}])
    _drawn_invoices(sheets)


def serial(place: int) -> str:
    """Return the serial of the tracker at a place of the list, from 1."""
    return str(4200000 + place * 17)


def _devices(sheets: Sheets, chance: random.Random, orders: list[tuple[str, list[Part]]]) -> None:
    """Add the trackers: most of them drive, and a few show everything else that can be with one."""
    wanted = [(number, part.quantity or 0) for number, parts in orders for part in parts if part.en == "ODO50"]
    places = [number for number, quantity in wanted for _ in range(quantity)]
    for place, order in enumerate(places[:DEVICES], start=1):
        usual = {"vehicle": f"{place:02d} – {chance.choice(VEHICLES)}", "order": order, "signal": at(TODAY, 6 + place % 4, place * 7 % 60)}
        for row in SPECIAL.get(place, ({},)):
            sheets.device(NUMBER, serial(place), **{**usual, **row})


def _old_invoices(sheets: Sheets, chance: random.Random, orders: list[tuple[str, date, int, date, list[Part]]]) -> None:
    """Add the paid invoices before those of the drawing: one for each order, and one for each month of two yards."""
    invoices: list[tuple[date, str, list[Part]]] = [(placed, number, parts) for number, _, _, placed, parts in orders]
    for months, yard in ((48, 2), (30, 0)):
        for back in range(months):
            month = 2020 * 12 + 3 - back - (0 if yard else 1)
            vehicles = max(60 - back, 12) if yard else max(21 - back // 2, 4)
            invoices.append((date(month // 12, month % 12 + 1, 1), "25518" if back < 9 else "", [sold.month_of_plans(vehicles)]))
    for _ in range(ACCESSORIES):
        parts = [sold.cables(chance.randint(2, 8)), sold.shipping()]
        invoices.append((date(2018, 1, 15) + timedelta(chance.randrange(800)), "", parts))
    numbers = _Numbers(INVOICES_BY_DAY, set())
    held: dict[str, Decimal] = {}
    for place, (issued, order, parts) in enumerate(sorted(invoices, key=lambda invoice: invoice[0])):
        number = numbers.on(issued)
        held[number] = sheets.invoice(NUMBER, number, order, issued, issued + timedelta(30), parts)
        # In its first years, the fleet paid two invoices with one cheque.
        if issued.year < 2018 and len(held) < 2 and place % 5:
            continue
        method = sold.VISA if issued.year > 2017 else sold.cheque(310 + place)
        sheets.payment(NUMBER, f"PAY-{30000 + place * 211}", issued + timedelta(chance.randint(1, 12)), method, held)
        held = {}


def _drawn_invoices(sheets: Sheets) -> None:
    """Add the invoices of the drawing."""
    bought = {number: parts for number, *_, parts in _drawn_orders()}
    month = [sold.month_of_plans(65), sold.probes(16)]
    for number, issued, paid in (
        ("210761", date(2020, 5, 1), date(2020, 5, 4)),
        ("211022", date(2020, 6, 1), date(2020, 6, 2)),
        ("211301", date(2020, 7, 1), date(2020, 7, 2)),
        ("211590", date(2020, 8, 1), date(2020, 8, 3)),
    ):
        total = sheets.invoice(NUMBER, number, "25518", issued, issued + timedelta(30), month, bought["25518"])
        sheets.payment(NUMBER, f"PAY-{number[1:]}0", paid, sold.VISA, {number: total})
    waived = [sold.activation(12)]
    total = sheets.invoice(NUMBER, "211433", "25518", date(2020, 7, 15), date(2020, 8, 14), waived)
    sheets.payment(NUMBER, "PAY-114330", date(2020, 7, 16), sold.VISA, {"211433": total})
    reason = ("Frais d’activation annulés selon l’entente", "Activation fees waived by the agreement")
    sheets.credit("C-2047", "211433", date(2020, 7, 20), reason, Decimal("300.00"))
    repair = [sold.trackers(2), sold.activation(2), sold.month_of_plans(2), sold.installation(1, "134.37")]
    sheets.invoice(NUMBER, "211655", "25518", date(2020, 8, 12), date(2020, 9, 12), repair)
    sheets.invoice(NUMBER, "211702", "26288", date(2020, 8, 17), date(2020, 9, 30), bought["26288"], bought["26288"])
    sheets.payment(NUMBER, "PAY-117020", date(2020, 9, 3), sold.cheque(902), {"211702": Decimal("500.00")})
    sheets.invoice(NUMBER, "211874", "25518", date(2020, 9, 1), date(2020, 10, 1), month, bought["25518"])
    total = sheets.invoice(NUMBER, "212011", "26359", date(2020, 9, 22), date(2020, 10, 22), [sold.activation(4)])
    sheets.payment(NUMBER, "PAY-120110", date(2020, 9, 22), sold.TRANSFER, {"212011": total}, "pending")
