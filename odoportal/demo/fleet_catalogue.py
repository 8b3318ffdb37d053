"""The products of the demonstration's fleets. Prices are invented; the lines of the guide keep the guide's wording."""

from datetime import date, timedelta
from decimal import Decimal

from odoportal.demo.fleet_sheets import Part

MONTH = Decimal("26.95")
PREPAID = {1: Decimal("299.00"), 2: Decimal("569.00"), 3: Decimal("809.00")}
VISA = ("Visa 4242", "Visa 4242")
TRANSFER = ("virement bancaire", "bank transfer")


def cheque(number: int) -> tuple[str, str]:
    """Return a cheque's name in French and in English."""
    return f"chèque {number}", f"cheque {number}"


def plans(quantity: int, years: int, *, prepaid: bool) -> Part:
    """Return plans for a term, prepaid or billed monthly."""
    fr = f"Forfait ODOtrace pour entreprises – {years} an{'s' if years > 1 else ''}"
    en = f"ODOtrace plan for businesses - {years} year{'s' if years > 1 else ''}"
    return Part(fr, en, PREPAID[years] if prepaid else MONTH, quantity, plan=True, monthly=not prepaid)


def month_of_plans(quantity: int) -> Part:
    """Return one month of plans, as it is billed."""
    return Part("Forfait ODOtrace pour entreprises", "ODOtrace plan for businesses", MONTH, quantity)


def trackers(quantity: int) -> Part:
    """Return trackers."""
    return Part("ODO50", "ODO50", Decimal("189.00"), quantity)


def activation(quantity: int) -> Part:
    """Return activation fees."""
    return Part("Frais d’activation", "Activation Fee", Decimal("25.00"), quantity)


def cables(quantity: int) -> Part:
    """Return cables."""
    return Part("Câble OBD2 à 3 broches", "3 pins OBD2 cable", Decimal("14.95"), quantity)


def cable_discount(quantity: int) -> Part:
    """Return the discount that makes the cables free."""
    return Part("Rabais câble OBD2 à 3 broches", "Discount 3 pins OBD2 cable", Decimal("-14.95") * quantity, None)


def installation(quantity: int, price: str) -> Part:
    """Return the work of a technician on site."""
    return Part("Installation sur place par un technicien", "On-site installation by a technician", Decimal(price), quantity)


def probes(quantity: int) -> Part:
    """Return a month of temperature data for refrigerated trailers."""
    return Part("Données de sonde de température", "Temperature probe data", Decimal("3.00"), quantity)


def shipping(price: str = "19.14") -> Part:
    """Return a parcel."""
    return Part("FedEx", "FedEx", Decimal(price), 1)


def term(start: date, years: int) -> tuple[date, date]:
    """Return the first and the last day of a term of whole years; one that begins on 29 February ends on the last day of February."""
    leap = (start.month, start.day) == (2, 29)
    again = date(start.year + years, 3, 1) if leap else start.replace(year=start.year + years)
    return start, again - timedelta(days=1)
