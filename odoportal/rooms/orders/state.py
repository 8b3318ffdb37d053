"""The state of the orders page."""

from typing import ClassVar

from odoportal.lists.query import ListRules
from odoportal.pages.list_state import ListState, MakeView
from odoportal.pages.state import SessionState
from odoportal.pages.view_state import unfilled
from odoportal.rooms.orders.service import RULES
from odoportal.rooms.orders.view import OrdersView, orders_view


class Orders(ListState, SessionState):
    """A page of the list of orders, and the open order."""

    view: OrdersView = unfilled(OrdersView())
    rules: ClassVar[ListRules] = RULES
    draw: ClassVar[MakeView] = staticmethod(orders_view)
