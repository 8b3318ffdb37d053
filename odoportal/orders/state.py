"""The list of orders on the screen."""

from typing import ClassVar

from odoportal.accounts.listing import Drawn, ListState
from odoportal.accounts.showing import unfilled
from odoportal.accounts.state import SessionState
from odoportal.foundation.listing import ListRules
from odoportal.orders.service import RULES
from odoportal.orders.view import OrdersView, orders_view


class Orders(ListState, SessionState):
    """One page of orders, and the open one."""

    view: OrdersView = unfilled(OrdersView())
    rules: ClassVar[ListRules] = RULES
    draw: ClassVar[Drawn] = staticmethod(orders_view)
