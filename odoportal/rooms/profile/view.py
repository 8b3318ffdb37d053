"""The view of the profile page."""

from dataclasses import dataclass, field

from sqlmodel import Session

from odoportal.accounts.rights import Right, may
from odoportal.core.identity import Identity
from odoportal.forms.view import FormView, form_view
from odoportal.rooms.profile import service


@dataclass(frozen=True)
class ProfileView:
    """The view of the profile page; `changes` says whether the person may see the account's activity."""

    details: FormView = field(default_factory=FormView)
    changes: bool = False


def profile_view(session: Session, who: Identity) -> ProfileView:
    """Return the view of the signed-in person's profile."""
    return ProfileView(details=form_view(who, service.details(session, who.person_id)), changes=may(who.account.role, Right.CHANGES))
