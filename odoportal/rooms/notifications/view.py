"""The view of the notifications page."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session

from odoportal.accounts.rights import Right, may, people_with_right
from odoportal.core.i18n import Formats, current_language, t
from odoportal.core.identity import Identity
from odoportal.forms.view import FormView, form_view
from odoportal.rooms.notifications import service
from odoportal.rooms.notifications.models import InvoiceCopy


@dataclass(frozen=True)
class CopyRow:
    """An address for copies; exactly one of `on`, `waits` and `off` is set, to the text of its status.

    If `asks`, a new link can be mailed to it. If `held`, which is the reason, it gets nothing until a person keeps it.
    """

    key: str
    language: str
    on: str = ""
    waits: str = ""
    off: str = ""
    asks: bool = False
    held: str = ""


@dataclass(frozen=True)
class NoticesView:
    """The notifications page; `about` names the account and the email. Copies are shown to people with the billing right (`may`)."""

    choices: FormView = field(default_factory=FormView)
    about: str = ""
    may: bool = False
    copies: list[CopyRow] = field(default_factory=list)
    copy: FormView = field(default_factory=FormView)
    copy_again: FormView = field(default_factory=FormView)
    copy_keep: FormView = field(default_factory=FormView)
    copy_remove: FormView = field(default_factory=FormView)


def notices_view(session: Session, who: Identity, now: datetime) -> NoticesView:
    """Return the view of the page for the signed-in person, in the current language."""
    account = who.account
    allowed = may(account.role, Right.BILLING)
    rows = service.copies(session, account.account_id) if allowed else ()
    entitled = people_with_right(session, account.account_id, Right.BILLING) if rows else set[int]()
    return NoticesView(
        choices=form_view(who, service.choices(session, account.account_id, who.person_id, account.role)),
        about=t("For the account {account} ({number}), to {email}.", account=account.name, number=account.number, email=who.email),
        may=allowed,
        copies=[_copy_row(row, Formats(who.region), now, row.asked_by in entitled) for row in rows],
        copy=form_view(who, {"email": "", "language": current_language()}),
        copy_again=form_view(who),
        copy_keep=form_view(who),
        copy_remove=form_view(who),
    )


def _copy_row(row: InvoiceCopy, formats: Formats, now: datetime, entitled: bool) -> CopyRow:
    language = {"fr": "Français", "en": "English"}[row.language]
    if row.stopped_at is not None:
        return CopyRow(row.email, language, off=t("Stopped by the recipient"))
    if row.confirmed_at is not None and not entitled:
        return CopyRow(row.email, language, off=t("Paused"), held=t("The person who added it no longer manages billing."))
    if row.confirmed_at is not None:
        return CopyRow(row.email, language, on=t("Confirmed"))
    if row.expires_at <= now or not entitled:
        return CopyRow(row.email, language, off=t("Expired"), asks=True)
    return CopyRow(row.email, language, waits=t("To be confirmed by {moment}", moment=formats.moment_in_text(row.expires_at)), asks=True)
