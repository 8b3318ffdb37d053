"""Labels and badges of the states of invoices, for every page and document that shows one."""

from collections.abc import Mapping

from odoportal.core.i18n import t, tn
from odoportal.rooms.invoices.service import InvoiceState

BADGES: Mapping[str, tuple[str, str]] = {
    InvoiceState.PAID: ("circle-check", "ok"),
    InvoiceState.TO_PAY: ("circle", ""),
    InvoiceState.PART_PAID: ("contrast", "warn"),
    InvoiceState.OVERDUE: ("triangle-alert", "bad-t"),
    InvoiceState.PENDING: ("circle-dashed", "info"),
    InvoiceState.CREDITED: ("undo-2", ""),
    InvoiceState.UPCOMING: ("calendar", "info"),
}


def state_labels(count: int = 1) -> dict[str, str]:
    """Return the labels of the states in the current language, for one invoice or (on a tab) for several: French has plural forms."""
    return {
        InvoiceState.TO_PAY: t("To pay"),
        InvoiceState.PART_PAID: tn("Partially paid", "Partially paid", count),
        InvoiceState.PENDING: t("Pending"),
        InvoiceState.OVERDUE: t("Overdue"),
        InvoiceState.PAID: tn("Paid", "Paid", count),
        InvoiceState.CREDITED: tn("Credited", "Credited", count),
        InvoiceState.UPCOMING: t("Upcoming"),
    }
