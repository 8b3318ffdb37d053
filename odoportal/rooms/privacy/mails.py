"""Mails about data exports and closing requests."""

from datetime import datetime

from sqlmodel import Session

from odoportal.accounts.models import Account, Person
from odoportal.core import i18n
from odoportal.core.i18n import t
from odoportal.core.identity import Identity
from odoportal.mail import outbox
from odoportal.rooms.signin.mails import MailContent, post
from odoportal.settings import get_settings
from odoportal.web.links import absolute_link


def data_ready(session: Session, person: Person, account: Account, now: datetime) -> outbox.Mail:
    """Mail the person that their data export is ready. The file itself is never mailed."""
    with i18n.use(person.language):
        letter = MailContent(
            subject=t("Your data is ready"),
            paragraphs=[t("The file of your data that you asked for is ready. Sign in to download it.")],
            button=t("Download my data"),
            address=absolute_link(person.language, "/profile/data", account=account.number),
            after=t("You have 24 hours to download it. If you did not ask for it, choose a new password at once and write to us."),
        )
        return post(session, person.email, person.language, person.name, letter, now)


def closing_requested(session: Session, who: Identity, reason: str, now: datetime) -> None:
    """Mail Odotrack the request to close an account, and confirm it to the person who asked."""
    account = {"account": who.account.name, "number": who.account.number}
    with i18n.use(who.language):
        asked = t("{name} ({email}) asks to close the account {account} ({number}).", name=who.name, email=who.email, **account)
        _to_odotrack(
            session, who, t("Request to close the account {number}", number=who.account.number), [asked, *([reason] if reason else [])], now
        )
        letter = MailContent(
            subject=t("You asked to close an account"),
            paragraphs=[
                t("You asked us to close the account {account} ({number}). We will write to you within one business day.", **account),
                t("Until it is closed, everything continues as before, and you can withdraw the request."),
            ],
            button=t("See the request"),
            address=absolute_link(who.language, "/profile/data", account=who.account.number),
        )
        post(session, who.email, who.language, who.name, letter, now)


def closing_taken_back(session: Session, who: Identity, now: datetime) -> None:
    """Mail Odotrack that the request to close an account was withdrawn."""
    with i18n.use(who.language):
        text = t("{name} ({email}) withdraws the request to close the account {account} ({number}).", name=who.name, email=who.email,
                 account=who.account.name, number=who.account.number)  # fmt: skip
        _to_odotrack(session, who, t("Request to close the account {number} withdrawn", number=who.account.number), [text], now)


def closing_lapsed(session: Session, person: Person, account: Account, now: datetime) -> None:
    """Mail Odotrack that a closing request was withdrawn because the person who asked is no longer an owner."""
    about = {"name": person.name, "email": person.email, "account": account.name, "number": account.number}
    with i18n.use(person.language):
        text = t(
            "{name} ({email}) is no longer an owner of the account {account} ({number}): the request to close it is withdrawn.", **about
        )
        _to_odotrack(session, person, t("Request to close the account {number} withdrawn", number=account.number), [text], now)


def _to_odotrack(session: Session, who: Identity | Person, subject: str, paragraphs: list[str], now: datetime) -> None:
    if to := get_settings().support_email:
        post(session, to, who.language, "", MailContent(subject=subject, paragraphs=paragraphs), now)
