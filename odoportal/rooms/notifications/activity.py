"""The kinds of activity that the notifications room records."""

from collections.abc import Callable
from typing import Any

from odoportal.accounts.activity_log import ActivityKind
from odoportal.core.i18n import t
from odoportal.pages.room import ACCOUNT, Activity
from odoportal.rooms.notifications.labels import kind_labels
from odoportal.rooms.notifications.models import NotificationKind


class NotificationActivity(ActivityKind):
    """Kinds of changes. The values are stored."""

    CHOICES = "notices"
    COPY_ADDED = "copy_added"
    COPY_CONFIRMED = "copy_confirmed"
    COPY_REMOVED = "copy_removed"
    COPY_KEPT = "copy_kept"
    COPY_STOPPED = "copy_stopped"
    COPY_RESUMED = "copy_resumed"


def _choice_labels() -> dict[ActivityKind, str]:
    return {NotificationActivity.CHOICES: t("Choice of notices changed")}


def _copy_labels() -> dict[ActivityKind, str]:
    return {
        NotificationActivity.COPY_ADDED: t("Address for copies of invoices added"),
        NotificationActivity.COPY_REMOVED: t("Address for copies of invoices removed"),
        NotificationActivity.COPY_KEPT: t("Address for copies of invoices taken over from someone else"),
    }


def _mailbox_labels() -> dict[ActivityKind, str]:
    return {
        NotificationActivity.COPY_CONFIRMED: t("Address for copies of invoices confirmed by the recipient"),
        NotificationActivity.COPY_STOPPED: t("Copies of invoices stopped by the recipient"),
        NotificationActivity.COPY_RESUMED: t("Copies of invoices resumed by the recipient"),
    }


def _chosen() -> dict[str, Callable[[str], str]]:
    return {kind.value: lambda _: t("Yes") for kind in NotificationKind}


def _mailbox(change: Any) -> str:
    """Return the mailbox whose reader followed a link, who need not be a person of the portal."""
    return change.about


ACTIVITY = (
    Activity(ACCOUNT, _choice_labels, lambda: {**kind_labels()}, _chosen),
    Activity(ACCOUNT, _copy_labels),
    Activity(ACCOUNT, _mailbox_labels, actor=_mailbox),
)
