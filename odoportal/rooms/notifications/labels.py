"""What the kinds of notices are called on the screen and in mails."""

from odoportal.core.i18n import t
from odoportal.rooms.notifications.models import Kind


def kind_labels() -> dict[Kind, str]:
    """Each kind, in the language in use."""
    return {
        Kind.INVOICE: t("New invoices"),
        Kind.PAYMENT: t("Payments received"),
        Kind.OVERDUE: t("Overdue invoices"),
        Kind.ENDING: t("Agreements that end soon"),
        Kind.CARD: t("Cards that expire soon"),
    }


def kind_hints() -> dict[Kind, str]:
    """When each one is sent."""
    return {
        Kind.INVOICE: t("When an invoice is issued."),
        Kind.PAYMENT: t("When a payment has arrived."),
        Kind.OVERDUE: t("On the first day an invoice is overdue, then after 7 and 30 days if it still is."),
        Kind.ENDING: t("60, 30 and 7 days before the last day of an agreement."),
        Kind.CARD: t("30 days before a card on file can no longer be used."),
    }


def always_words() -> list[str]:
    """What is mailed whatever was chosen."""
    return [
        t("Sign-in from a new browser, wrong codes, recovery codes used"),
        t("Changes of your password, your email or two-step sign-in"),
        t("Invitations, another role, the end of your access"),
        t("What you asked for yourself, such as a link to a new password or your data"),
    ]
