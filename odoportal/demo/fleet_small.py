"""Two small accounts with extreme data: one without any records, and one with the longest names, where everything is overdue."""

from datetime import date, timedelta
from decimal import Decimal

from odoportal.demo import fleet_catalogue as sold
from odoportal.demo import fleet_laurentides
from odoportal.demo.fleet_sheets import TODAY, Part, Sheets, at

EMPTY, OVERDUE = "10951", "10877"
LONG_NAME = (
    "Coopérative de transport, de déneigement et d’entretien de voirie des Hautes-Laurentides et de la Vallée-de-la-Rouge, "
    "section Saint-Jérôme–Mont-Tremblant–Rivière-Rouge–Notre-Dame-du-Laus"
)
LONG_VEHICLE = "Western Star 4700 avec épandeur et aile latérale, secteur de la Vallée-de-la-Rouge Nord"
LONG_PART = Part(
    "Ensemble de suivi pour véhicules de déneigement avec capteurs de position de lame, de débit d’épandeur et de température de chaussée, "
    "câblage renforcé contre la corrosion (réf. ODO50-HD-VOIRIE-2020-LAURENTIDES-EXTRA), support de cabine et garantie prolongée de "
    "trente-six mois, pièces et main-d’œuvre",
    "Tracking kit for snow removal vehicles with sensors for blade position, spreader flow and road temperature, wiring reinforced against "
    "corrosion (ref. ODO50-HD-VOIRIE-2020-LAURENTIDES-EXTRA), cab mount and an extended warranty of thirty-six months, parts and labour",
    Decimal("1249.95"),
    11,
)


def write(sheets: Sheets) -> None:
    """Add both accounts to the sheets."""
    farmer = ("etienne@fermebeausejour.ca", "Étienne Beauséjour", "owner", "fr", "418 555-0171")
    sheets.account(EMPTY, "Ferme Beauséjour enr.", ("212, rang Saint-Joseph", "Montmagny", "G5V 3R7"), (farmer,))
    head = ("marie-eve@coopdesneiges.ca", "Marie-Ève Desrosiers-Charbonneau de la Durantaye", "owner", "fr", "819 555-0133")
    sheets.account(OVERDUE, LONG_NAME, ("3450, chemin du Lac-des-Trente-et-Un-Milles Ouest", "Notre-Dame-du-Laus", "J0X 2M0"), (head,))
    for number, start, years, parts in (
        ("25901", date(2020, 2, 3), 3, [sold.plans(11, 3, prepaid=False), LONG_PART, sold.activation(11)]),
        ("26077", date(2020, 5, 4), 1, [sold.plans(2, 1, prepaid=True), sold.cables(2)]),
    ):
        sheets.order(OVERDUE, number, start, sold.term(start, years), parts)
        sheets.steps(number, start)
        sheets.invoice(OVERDUE, f"2{number}", number, start, start + timedelta(30), parts)
    for place in range(1, 12):
        vehicle = f"Charrue {place:02d} – {LONG_VEHICLE}" if place % 4 == 1 else f"Charrue {place:02d}"
        sheets.device(OVERDUE, str(4310000 + place * 13), vehicle, "25901", signal=at(date(2020, 4, 17), 21, place))
    # One ends today, and one was taken over by another fleet.
    sheets.device(OVERDUE, "4310156", "Camion de service", "26077", until=TODAY, signal=at(TODAY, 7, 45))
    sheets.device(OVERDUE, fleet_laurentides.serial(66), "Charrue 12", "26077", since=date(2020, 5, 4), until=date(2020, 5, 31))
    for month in range(2, 9):
        issued = date(2020, month, 11)
        number = f"21{month:02d}77"
        total = sheets.invoice(OVERDUE, number, "25901", issued, issued + timedelta(30), [sold.month_of_plans(11)])
        if month == 3:
            sheets.payment(OVERDUE, "PAY-88012", date(2020, 5, 29), sold.cheque(77), {number: (total / 3).quantize(Decimal("0.01"))})
