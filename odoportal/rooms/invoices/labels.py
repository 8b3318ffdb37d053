"""Labels of the states of invoices, for every page and document that shows one."""

from odoportal.core.i18n import t, tn
from odoportal.rooms.invoices.service import InvoiceState


def state_labels(count: int = 1) -> dict[str, str]:
    """Return the labels of the states in the current language, for one invoice or (on a tab) for several: French has plural forms."""
    return {
        InvoiceState.TO_PAY: t("To pay"),
        InvoiceState.PART_PAID: tn("Part paid", "Part paid", count),
        InvoiceState.PENDING: t("Pending"),
        InvoiceState.OVERDUE: t("Overdue"),
        InvoiceState.PAID: tn("Paid", "Paid", count),
        InvoiceState.REFUNDED: tn("Refunded", "Refunded", count),
    }
