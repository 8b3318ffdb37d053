"""Every room of the portal. A new room is added here, and to the menu (`ui/menu.py`) if it has an entry there."""

from odoportal.pages.room import install as _install
from odoportal.rooms.activity import room as activity
from odoportal.rooms.addresses import room as addresses
from odoportal.rooms.cards import room as cards
from odoportal.rooms.dashboard import room as dashboard
from odoportal.rooms.devices import room as devices
from odoportal.rooms.help import room as help_
from odoportal.rooms.invoices import room as invoices
from odoportal.rooms.notifications import room as notifications
from odoportal.rooms.orders import room as orders
from odoportal.rooms.people import room as people
from odoportal.rooms.privacy import room as privacy
from odoportal.rooms.profile import room as profile
from odoportal.rooms.referrals import room as referrals
from odoportal.rooms.renewals import room as renewals
from odoportal.rooms.sales import room as sales
from odoportal.rooms.security import room as security
from odoportal.rooms.signin import room as signin
from odoportal.rooms.statements import room as statements
from odoportal.rooms.tickets import room as tickets

ROOMS = (
    dashboard.ROOM,
    people.ROOM,
    signin.ROOM,
    addresses.ROOM,
    orders.ROOM,
    invoices.ROOM,
    statements.ROOM,
    cards.ROOM,
    activity.ROOM,
    devices.ROOM,
    notifications.ROOM,
    privacy.ROOM,
    profile.ROOM,
    security.ROOM,
    renewals.ROOM,
    sales.ROOM,
    referrals.ROOM,
    tickets.ROOM,
    help_.ROOM,
)
"""The rows of the Privacy page and the tabs of the activity list are in this order."""


def install() -> None:
    """Make the rooms known to this process. Call it before anything that asks every room (see `pages.room`)."""
    _install(ROOMS)
