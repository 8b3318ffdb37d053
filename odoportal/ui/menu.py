"""The portal's menu, in the guide's order and words. The four headings only group its entries."""

from dataclasses import dataclass

from odoportal.core.i18n import t


@dataclass(frozen=True)
class Place:
    """An entry of the menu: its path, its icon, its name in the menu and on its tile, and the view's attribute that counts it."""

    path: str
    icon: str
    name: str
    tile: str
    count: str = ""


def groups() -> list[tuple[str, list[Place]]]:
    """The menu after the Dashboard: heading and places, in the language in use."""
    return [
        (
            t("Sales zone"),
            [
                Place("/pos-assistant", "list-checks", t("POS Assistant"), t("Wizard POS")),
                Place("/renewals", "calendar-sync", t("Renewal"), t("Renewal"), "renewals"),
            ],
        ),
        (
            t("Account"),
            [
                Place("/profile", "circle-user-round", t("Profile"), t("User Account")),
                Place("/addresses", "book-user", t("Address book"), t("Address book")),
                Place("/cards", "credit-card", t("Credit cards"), t("Credit cards")),
            ],
        ),
        (
            t("Purchases"),
            [
                Place("/sales", "store", t("Point of Sale"), t("Sales")),
                Place("/orders", "package", t("Orders"), t("Orders"), "orders"),
                Place("/invoices", "receipt-text", t("Invoices"), t("Invoices"), "invoices"),
                Place("/referrals", "share-2", t("Referral"), t("Referral")),
            ],
        ),
        (
            t("Fleet and support"),
            [
                Place("/devices", "map-pin", t("Devices"), t("Devices"), "devices"),
                Place("/tickets", "ticket", t("Tickets"), t("Tickets")),
                Place("/help", "circle-help", t("Help"), t("Help")),
            ],
        ),
    ]


def dashboard() -> Place:
    """The home page's own entry."""
    return Place("/", "layout-dashboard", t("Dashboard"), t("Dashboard"))


def place(path: str) -> Place:
    """The entry of a path.

    Raises:
        KeyError: when the menu has none.
    """
    every = {p.path: p for _, places in groups() for p in places} | {"/": dashboard()}
    return every[path]
