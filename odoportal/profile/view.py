"""What the profile shows."""

from dataclasses import dataclass, field

from sqlmodel import Session

from odoportal.foundation.forms import FormView, form_view
from odoportal.foundation.identity import Who
from odoportal.profile import service


@dataclass(frozen=True)
class ProfileView:
    """The forms of the profile."""

    details: FormView = field(default_factory=FormView)


def profile_view(session: Session, who: Who) -> ProfileView:
    """The profile of the signed-in person."""
    return ProfileView(details=form_view(who, service.details(session, who.person_id)))
