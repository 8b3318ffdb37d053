"""The kinds of activity that the cards room records."""

from odoportal.accounts.activity_log import ActivityKind
from odoportal.core.i18n import t
from odoportal.pages.room import Activity, ActivityGroup


class CardActivity(ActivityKind):
    """Kinds of changes. The values are stored."""

    ADDED = "card_added"
    DEFAULT = "card_default"
    REMOVED = "card_removed"
    LOST = "card_lost"


def _labels() -> dict[ActivityKind, str]:
    return {
        CardActivity.ADDED: t("Card added"),
        CardActivity.DEFAULT: t("Default card changed"),
        CardActivity.REMOVED: t("Card removed"),
    }


def _provider_labels() -> dict[ActivityKind, str]:
    return {CardActivity.LOST: t("Card removed by the payment provider")}


def _fields() -> dict[str, str]:
    return {"card": t("Card"), "expiry": t("Expires"), "default": t("Default")}


_CARDS = ActivityGroup("cards", lambda: t("Cards"))
ACTIVITY = (
    Activity(_CARDS, _labels, _fields),
    Activity(_CARDS, _provider_labels, _fields, actor=lambda _change: t("Payment provider")),
)
