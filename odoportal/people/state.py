"""The people of an account on the screen."""

from typing import Any

from odoportal.accounts.showing import Shown, unfilled
from odoportal.accounts.state import Signed
from odoportal.foundation import clock, database
from odoportal.foundation.identity import Who
from odoportal.people.view import PeopleView, people_view


class People(Shown, Signed):
    """Everybody of the account, what can be changed, and the open one."""

    view: PeopleView = unfilled(PeopleView())

    async def _look(self, who: Who) -> Any:
        return await database.read(people_view, who, dict(self.router.url.query_parameters), clock.now())
