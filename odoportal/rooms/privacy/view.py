"""View of the page "My data"."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from sqlmodel import Session

from odoportal.accounts.rights import Right, may
from odoportal.core.i18n import Formats, t
from odoportal.core.identity import Identity
from odoportal.forms.view import FormView, form_view
from odoportal.rooms.privacy import service
from odoportal.web.links import page_link

SMALLEST = 10_000
"""The smallest file size shown, in bytes; smaller files are shown with this size."""


@dataclass(frozen=True)
class DataView:
    """The data export, and the request to close the account.

    At most one of `waiting` and `failed` is set. `until` and `href` belong to the newest export if it can be downloaded. `whole` is true
    for an owner, whose file includes the account's data.
    """

    prepare: FormView = field(default_factory=FormView)
    close: FormView = field(default_factory=FormView)
    keep: FormView = field(default_factory=FormView)
    waiting: str = ""
    until: str = ""
    failed: str = ""
    href: str = ""
    whole: bool = False
    closing: str = ""


def data_view(session: Session, who: Identity, language: str, now: datetime) -> DataView:
    """Return the view for a member of an account; `language` must be the current language."""
    formats, form = Formats(who.region), form_view(who)
    file, ready = service.latest(session, who), service.ready(session, who, now)
    waiting = until = failed = ""
    if ready is not None and ready.ready_at is not None:
        size = formats.number(Decimal(max(ready.size, SMALLEST)).scaleb(-6).quantize(Decimal("0.01")))
        until = t(
            "Ready: {size} MB, to download by {moment}",
            size=size,
            moment=formats.moment_in_text(ready.ready_at + service.KEEP_FILES),
        )
    if file is not None and file.failed_at is not None:
        failed = t("The file could not be created. Nothing was lost. Ask for it again, or write to us.")
    elif file is not None and file.ready_at is None:
        moment = formats.moment_in_text(file.asked_at)
        waiting = t("We are preparing your file ({moment}). We will write to you when it is ready; you can leave this page.", moment=moment)
    whole = may(who.account.role, Right.ACCOUNT)
    request = service.closing_request(session, who.account.account_id) if whole else None
    return DataView(
        prepare=form,
        close=form,
        keep=form,
        waiting=waiting,
        until=until,
        failed=failed,
        href=page_link(language, "/profile/data.zip", account=who.account.number) if until else "",
        whole=whole,
        closing=t("Requested by {name}, {moment}", name=request[1], moment=formats.moment_in_text(request[0].asked_at)) if request else "",
    )
