"""The printed confirmation of an order. Numbers are formatted for the document's language."""

from datetime import date

from sqlmodel import Session

from odoportal.core.clock import to_local
from odoportal.core.i18n import Formats, region_of, t
from odoportal.core.identity import ActiveMembership
from odoportal.documents.sheet import Block, Sheet, TotalRow, seller, tax_sums
from odoportal.documents.view import line_view
from odoportal.rooms.addresses import service as addresses
from odoportal.rooms.orders import service


def order_sheet(session: Session, account: ActiveMembership, number: str, language: str, today: date) -> Sheet | None:  # noqa: ARG001
    """Return the sheet of an order's confirmation; None if the account has no order with this number.

    Args:
        session: a database session for reading.
        account: the account of the order.
        number: the number of the order.
        language: the document's language; it must be the current one.
        today: the business day; unused, since a confirmation is the same on every day.
    """
    whole = service.get(session, account.account_id, number)
    if whole is None:
        return None
    order, formats = whole.order, Formats(region_of(language))
    where = addresses.by_id(session, account.account_id, (order.ship_to_id, order.bill_to_id))
    ship, bill = (addresses.lines(where.get(i or 0), language) for i in (order.ship_to_id, order.bill_to_id))
    return Sheet(
        language=language,
        title=t("Order confirmation {number}", number=order.number),
        facts=[
            (t("Order date"), formats.day(to_local(order.placed_at).date())),
            (t("Start date"), formats.day(order.start_on)),
            (t("End date"), formats.day(order.end_on)),
        ],
        parties=[
            seller(),
            Block(t("Bill to"), bill or [account.name]),
            *([Block(t("Ship to"), ship)] if ship else []),
        ],
        lines=[line_view(line, formats, language, t("monthly") if line.monthly else "") for line in whole.lines],
        sums=[
            *tax_sums(whole.taxes, order.subtotal, formats, language),
            TotalRow(t("Billed with this order"), formats.amount(order.total), kind="total"),
        ],
    )
