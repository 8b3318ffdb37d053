"""The view of the header and the menu: the signed-in person, the account, and counts of records."""

from dataclasses import dataclass, field
from datetime import date
from urllib.parse import urlencode

from sqlmodel import Session

from odoportal.accounts.models import Role
from odoportal.accounts.rights import Right, may
from odoportal.core.i18n import Formats, t
from odoportal.core.identity import Identity
from odoportal.pages import room
from odoportal.settings import Settings


def role_labels() -> dict[str, str]:
    """Return the names of the roles in the current language."""
    return {Role.OWNER: t("Owner"), Role.BILLING: t("Billing"), Role.OPERATIONS: t("Operations"), Role.READ_ONLY: t("Read-only")}


def right_labels() -> dict[str, str]:
    """Return what each right allows, in the current language."""
    return {
        Right.SEE: t("See orders, invoices, statements and devices"),
        Right.OWN: t("Manage your own profile"),
        Right.ADDRESSES: t("Add, change and remove addresses"),
        Right.DELIVERY: t("Manage deliveries"),
        Right.VEHICLES: t("Assign vehicles to devices"),
        Right.BILLING: t("Manage billing and payments"),
        Right.PEOPLE: t("Invite and remove people, change roles"),
        Right.CHANGES: t("See who changed what in the account"),
        Right.ACCOUNT: t("Download the account’s data, ask to close the account"),
    }


@dataclass(frozen=True)
class AccountChoice:
    """An account the person may act for, and the query string that shows it."""

    key: str
    name: str
    url: str
    current: bool


@dataclass(frozen=True)
class ShellView:
    """Ready strings for header and menu. `counts` are by the path of the menu's entry; a count is empty where there is nothing to count."""

    name: str = ""
    initials: str = ""
    email: str = ""
    account: str = ""
    here: str = ""
    zone: str = ""
    region_en: bool = False
    launch_url: str = ""
    beta: bool = False
    demo_day: str = ""
    several: bool = False
    accounts: list[AccountChoice] = field(default_factory=list)
    counts: dict[str, str] = field(default_factory=dict)
    support_email: str = ""
    support_mailto: str = ""
    support_phone: str = ""
    support_tel: str = ""


def shell_view(session: Session, who: Identity, here: str, today: date, settings: Settings) -> ShellView:
    """Return the header and the menu's counts.

    Args:
        session: a reading session.
        who: the signed-in person.
        here: path and query of the page, where a change of formats comes back to.
        today: the business day.
        settings: addresses of other places.
    """
    formats = Formats(who.region)
    shown = room.counts(session, who.account.account_id, today) if may(who.account.role, Right.SEE) else {}
    counted = {path: formats.number(n) if n else "" for path, n in shown.items()}
    choices = [
        AccountChoice(m.number, m.name, "?" + urlencode({"account": m.number}), m.account_id == who.account.account_id)
        for m in who.memberships
    ]
    return ShellView(
        name=who.name,
        initials="".join(word[0] for word in who.name.split()[:2]).upper(),
        email=who.email,
        account=who.account.name,
        here=here,
        zone=settings.zone,
        region_en=who.region == "en-CA",
        launch_url=settings.launch_url,
        beta=settings.beta,
        demo_day=formats.day(settings.today) if settings.today else "",
        several=len(choices) > 1,
        accounts=choices,
        counts=counted,
        support_email=settings.support_email,
        support_mailto=f"mailto:{settings.support_email}",
        support_phone=settings.support_phone,
        support_tel="tel:" + "".join(c for c in settings.support_phone if c.isdigit() or c == "+"),
    )
