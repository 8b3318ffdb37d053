"""Native forms of the header."""

import re
from http import HTTPStatus
from urllib.parse import urlsplit

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from odoportal.accounts.models import Person
from odoportal.core.database import write
from odoportal.core.i18n import REGIONS
from odoportal.core.identity import current_identity
from odoportal.forms.handling import FORMS_PER_PERSON
from odoportal.limits import rate_limits
from odoportal.settings import get_settings

_SHORT = re.compile(r"\d{1,3}")
"""The length of a form with one choice: whatever is longer, or does not say, is not read into memory."""


def _choose(session: Session, person_id: int, region: str) -> None:
    person = session.get_one(Person, person_id)
    person.region = region


async def region(request: Request) -> Response:
    """Change the person's format of numbers and dates, and go back to the page the form was on."""
    who = current_identity.get()
    short = _SHORT.fullmatch(request.headers.get("content-length", ""))
    chosen = (await request.form()).get("region") if who and short else None
    if who is not None and chosen in REGIONS and await rate_limits.hit(FORMS_PER_PERSON, str(who.person_id), alone=True):
        await write(_choose, who.person_id, str(chosen))
    came_from = urlsplit(request.headers.get("referer", ""))
    ours = f"{came_from.scheme}://{came_from.netloc}".lower() == get_settings().origin
    back = came_from.path if ours and not came_from.path.startswith(("//", "/\\")) else "/"
    return RedirectResponse(
        back + (f"?{came_from.query}" if came_from.query and back != "/" else ""), HTTPStatus.SEE_OTHER, {"cache-control": "no-store"}
    )
