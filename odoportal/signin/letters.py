"""The mails of this room, in the person's language, as text and HTML. Every link starts with the public address."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from sqlmodel import Session

from odoportal.accounts.models import Account, Person
from odoportal.foundation import clock, i18n, mail
from odoportal.foundation.i18n import t
from odoportal.settings import get_settings


@lru_cache
def templates() -> Environment:
    """The templates of this room: HTML escapes what it is given, an unknown name is an error."""
    made = Environment(
        loader=PackageLoader("odoportal.signin"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals["t"] = t
    return made


@dataclass(frozen=True)
class Letter:
    """What a letter says: the button leads to `address`."""

    subject: str
    paragraphs: list[str]
    button: str = ""
    address: str = ""
    after: str = ""


def address(path: str, language: str) -> str:
    """The whole address of a page."""
    return f"{get_settings().public_url.rstrip('/')}/{language}/{path}"


def post(session: Session, to: str, language: str, name: str, letter: Letter, now: datetime, seed: str = "") -> mail.Mail:
    """Put a letter into the outbox as text and HTML; `language` must be the one in use."""
    settings = get_settings()
    about = {
        "letter": letter,
        "language": language,
        "greeting": t("Hello {name},", name=name) if name else t("Hello,"),
        "company": settings.company_lines,
        "reach": [way for way in (settings.support_email, settings.support_phone) if way],
    }
    text, html = (templates().get_template(f"mail/letter.{kind}").render(about) for kind in ("txt", "html"))
    return mail.post(session, to=to, language=language, subject=letter.subject, text=text, html=html, now=now, seed=seed)


def reset(session: Session, person: Person | None, language: str, seed: str, now: datetime) -> mail.Mail:
    """The letter with the link to a new password. Without a person it is written all the same, to nobody."""
    to, name = (person.email, person.name) if person else ("nobody@localhost", "")
    language = person.language if person else language
    with i18n.use(language):
        letter = Letter(
            subject=t("Choose a new password for ODOportal"),
            paragraphs=[t("Somebody, most likely you, asked for a new password for ODOportal.")],
            button=t("Choose a new password"),
            address=address(f"reset?token={mail.MARK}", language),
            after=t("The link works once, for 30 minutes. If you did not ask for it, do nothing: your password stays as it is."),
        )
        return post(session, to, language, name, letter, now, seed)


def changed(session: Session, person: Person, now: datetime) -> mail.Mail:
    """The notice that the password was changed."""
    formats = i18n.Formats(person.region)
    with i18n.use(person.language):
        letter = Letter(
            subject=t("Your ODOportal password was changed"),
            paragraphs=[
                t("Your password was changed on {moment}. Every browser was signed out.", moment=formats.moment(clock.local(now))),
                t("If it was not you, choose a new password at once and write to us."),
            ],
            button=t("Choose a new password"),
            address=address("forgot", person.language),
        )
        return post(session, person.email, person.language, person.name, letter, now)


def invited(session: Session, person: Person, account: Account, seed: str, now: datetime) -> mail.Mail:
    """The letter of first access: a link to set a password, or to sign in where there is one already (no seed)."""
    with i18n.use(person.language):
        about = t(
            "{company} invites you to ODOportal, for the account {account} ({number}).",
            company=get_settings().company_name,
            account=account.name,
            number=account.number,
        )
        if seed:
            letter = Letter(
                subject=t("Your access to ODOportal"),
                paragraphs=[about, t("You will see your orders and invoices there. To begin, choose a password.")],
                button=t("Choose a password"),
                address=address(f"invite?token={mail.MARK}", person.language),
                after=t("The link works once, for 7 days. If you did not expect this, do nothing."),
            )
        else:
            letter = Letter(
                subject=t("Your access to ODOportal"),
                paragraphs=[about, t("Sign in with your email and the password you have.")],
                button=t("Sign in"),
                address=address("login", person.language),
            )
        return post(session, person.email, person.language, person.name, letter, now, seed)
