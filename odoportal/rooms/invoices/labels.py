"""The words of an invoice's state, for every place that shows one."""

from odoportal.core.i18n import t, tn
from odoportal.rooms.invoices.service import InvoiceState


def state_labels(count: int = 1) -> dict[str, str]:
    """The states in the language in use, as said of one invoice or, as on a tab, of several: French agrees."""
    return {
        InvoiceState.TO_PAY: t("To pay"),
        InvoiceState.PART_PAID: tn("Part paid", "Part paid", count),
        InvoiceState.PENDING: t("Pending"),
        InvoiceState.OVERDUE: t("Overdue"),
        InvoiceState.PAID: tn("Paid", "Paid", count),
        InvoiceState.REFUNDED: tn("Refunded", "Refunded", count),
    }
