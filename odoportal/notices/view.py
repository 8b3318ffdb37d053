"""What the page of notices shows."""

from dataclasses import dataclass, field

from sqlmodel import Session

from odoportal.foundation.forms import FormView, form_view
from odoportal.foundation.i18n import t
from odoportal.foundation.identity import Who
from odoportal.notices import service


@dataclass(frozen=True)
class NoticesView:
    """The forms; `about` says for which account, and to which email."""

    choices: FormView = field(default_factory=FormView)
    about: str = ""


def notices_view(session: Session, who: Who) -> NoticesView:
    """The page of the signed-in person, in the language in use."""
    account = who.account
    return NoticesView(
        choices=form_view(who, service.choices(session, account.account_id, who.person_id, account.role)),
        about=t("For the account {account} ({number}), to {email}.", account=account.name, number=account.number, email=who.email),
    )
