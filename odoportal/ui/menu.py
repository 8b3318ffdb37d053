"""The portal's menu, in the order and words of the guide. The four headings only group its entries."""

from dataclasses import dataclass

from odoportal.core.i18n import t


@dataclass(frozen=True)
class Place:
    """A menu entry: path, icon, name in the menu, name on its tile, and the attribute of the header's view that holds its count."""

    path: str
    icon: str
    name: str
    tile: str
    count: str = ""


def groups() -> list[tuple[str, list[Place]]]:
    """Return the menu after the Dashboard in the current language: each heading with its entries."""
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
    """Return the entry of the home page."""
    return Place("/", "layout-dashboard", t("Dashboard"), t("Dashboard"))


def place(path: str) -> Place:
    """Return the entry of a path.

    Raises:
        KeyError: when the menu has none.
    """
    every = {p.path: p for _, places in groups() for p in places} | {"/": dashboard()}
    return every[path]
