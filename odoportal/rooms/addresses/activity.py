"""The kinds of activity that the addresses room records."""

from odoportal.accounts.activity_log import ActivityKind
from odoportal.core.i18n import current_language, t
from odoportal.pages.room import Activity, ActivityGroup
from odoportal.rooms.addresses import postal


class AddressActivity(ActivityKind):
    """Kinds of changes. The values are stored."""

    ADDED = "address_added"
    CHANGED = "address"
    REMOVED = "address_removed"
    RESTORED = "address_restored"
    DEFAULT = "address_default"


def _labels() -> dict[ActivityKind, str]:
    return {
        AddressActivity.ADDED: t("Address added"),
        AddressActivity.CHANGED: t("Address changed"),
        AddressActivity.REMOVED: t("Address removed"),
        AddressActivity.RESTORED: t("Address restored"),
        AddressActivity.DEFAULT: t("Default address chosen"),
    }


def _fields() -> dict[str, str]:
    return {
        "name": t("Name"),
        "line1": t("Street"),
        "line2": t("Apartment, suite or floor"),
        "district": t("District"),
        "city": t("City"),
        "province": t("Province or region"),
        "postal_code": t("Postal code"),
        "country": t("Country"),
        "delivery": t("Delivery"),
        "billing": t("Billing"),
    }


def _country(value: str) -> str:
    return postal.country_name(value, current_language())


_ADDRESSES = ActivityGroup("addresses", lambda: t("Addresses"))
ACTIVITY = (Activity(_ADDRESSES, _labels, _fields, values=lambda: {"country": _country}),)
