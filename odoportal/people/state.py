"""The people of an account on the screen."""

from typing import Any

from odoportal.accounts.showing import PageState, unfilled
from odoportal.accounts.state import SessionState
from odoportal.foundation import clock, database
from odoportal.foundation.identity import Identity
from odoportal.people.view import PeopleView, people_view


class People(PageState, SessionState):
    """Everybody of the account, what can be changed, and the open one."""

    view: PeopleView = unfilled(PeopleView())

    async def _look(self, who: Identity) -> Any:
        return await database.read(people_view, who, dict(self.router.url.query_parameters), clock.now())
