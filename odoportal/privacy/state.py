"""One's own data on the screen."""

from typing import Any

from odoportal.accounts.showing import Shown, unfilled
from odoportal.accounts.state import Signed
from odoportal.foundation import clock, database
from odoportal.foundation.i18n import current
from odoportal.foundation.identity import Who
from odoportal.privacy.view import DataView, data_view


class MyData(Shown, Signed):
    """The file of one's own data, and the wish to close the account."""

    view: DataView = unfilled(DataView())

    async def _look(self, who: Who) -> Any:
        return await database.read(data_view, who, current(), clock.now())
