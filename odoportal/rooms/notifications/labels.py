"""Labels of the kinds of notifications, on the page and in mails."""

from odoportal.core.i18n import t
from odoportal.rooms.notifications.models import NotificationKind


def kind_labels() -> dict[NotificationKind, str]:
    """Return the label of each kind in the current language."""
    return {
        NotificationKind.INVOICE: t("New invoices"),
        NotificationKind.PAYMENT: t("Payments received"),
        NotificationKind.OVERDUE: t("Overdue invoices"),
        NotificationKind.ENDING: t("Agreements that end soon"),
        NotificationKind.CARD: t("Cards that expire soon"),
    }


def kind_hints() -> dict[NotificationKind, str]:
    """Return a text for each kind that says when it is sent."""
    return {
        NotificationKind.INVOICE: t("When an invoice is issued."),
        NotificationKind.PAYMENT: t("When a payment is received."),
        NotificationKind.OVERDUE: t("On the first day an invoice is overdue, then after 7 and 30 days if it still is."),
        NotificationKind.ENDING: t("60, 30 and 7 days before the last day of an agreement."),
        NotificationKind.CARD: t("30 days before a card on file expires."),
    }


def always_sent_labels() -> list[str]:
    """Return descriptions of the mails that are sent whatever a person chooses."""
    return [
        t("Sign-in from a new browser, incorrect codes, recovery codes used"),
        t("Changes to your password, email address or two-step sign-in"),
        t("Invitations, role changes, the end of your access"),
        t("What you asked for yourself, such as your data or a link to choose a new password"),
    ]
