"""Reflex state of the page of people."""

from typing import Any

from odoportal.core import clock, database
from odoportal.core.identity import Identity
from odoportal.pages.state import SessionState
from odoportal.pages.view_state import PageState, unfilled
from odoportal.rooms.people.view import PeopleView, people_view


class People(PageState, SessionState):
    """The state of the page: the account's members, what can be changed, and the person in the dialog."""

    view: PeopleView = unfilled(PeopleView())

    async def _fetch(self, who: Identity) -> Any:
        return await database.read(people_view, who, dict(self.router.url.query_parameters), clock.now())
