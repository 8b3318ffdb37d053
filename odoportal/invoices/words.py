"""The words of an invoice's state, for every place that shows one."""

from odoportal.foundation.i18n import t
from odoportal.invoices.service import InvoiceState


def state_words() -> dict[str, str]:
    """The states in the language in use."""
    return {
        InvoiceState.TO_PAY: t("To pay"),
        InvoiceState.PART_PAID: t("Part paid"),
        InvoiceState.PENDING: t("Pending"),
        InvoiceState.OVERDUE: t("Overdue"),
        InvoiceState.PAID: t("Paid"),
        InvoiceState.REFUNDED: t("Refunded"),
    }
