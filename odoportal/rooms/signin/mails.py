"""Mails of the sign-in room, in the person's language, as text and HTML. Every link starts with the public address."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from sqlmodel import Session

from odoportal.accounts.models import Account, Person
from odoportal.accounts.unsolicited import plain_name
from odoportal.core import i18n
from odoportal.core.i18n import t
from odoportal.mail import outbox
from odoportal.rooms.signin.activity import SigninActivity
from odoportal.settings import get_settings
from odoportal.web.links import absolute_link


@lru_cache
def _templates() -> Environment:
    """Return the Jinja environment of the mails: HTML templates escape their values, and an unknown name raises an error."""
    made = Environment(
        loader=PackageLoader("odoportal.rooms.signin"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals["t"] = t
    return made


@dataclass(frozen=True)
class MailRow:
    """A line of a mail's list: the item, its description, and an amount."""

    what: str
    about: str = ""
    amount: str = ""


@dataclass(frozen=True)
class MailFooter:
    """The footer of a notification: why the recipient gets it, and where to change that (empty for recipients without access)."""

    why: str
    change: str = ""


@dataclass(frozen=True)
class MailContent:
    """The content of a mail.

    Attributes:
        subject: the subject line.
        paragraphs: the text.
        button: the text of the button; empty for a mail without one.
        address: the address the button links to.
        after: the text after the button.
        rows: a list shown above the button.
        foot: the footer of a notification; security mails have none.
    """

    subject: str
    paragraphs: list[str]
    button: str = ""
    address: str = ""
    after: str = ""
    rows: Sequence[MailRow] = ()
    foot: MailFooter | None = None


def post(
    session: Session, to: str, language: str, name: str, letter: MailContent, now: datetime, seed: str = "", **more: Any
) -> outbox.Mail:
    """Render a mail as text and HTML and put it into the outbox.

    Args:
        session: the writing database session.
        to: the recipient's email.
        language: the language of the mail, which must be the current one.
        name: the recipient's name for the greeting; may be empty.
        letter: the content.
        now: the current instant.
        seed: the seed of the one-use token that replaces `outbox.TOKEN_PLACEHOLDER`.
        more: further arguments of `outbox.enqueue`.
    """
    settings = get_settings()
    about = {
        "letter": letter,
        "language": language,
        "greeting": t("Hello {name},", name=name) if name else t("Hello,"),
        "company": settings.company_lines(language),
        "stop": outbox.UNSUBSCRIBE_PLACEHOLDER,
        "reach": [way for way in (settings.support_email, settings.support_phone) if way],
    }
    text, html = (_templates().get_template(f"mail/letter.{kind}").render(about) for kind in ("txt", "html"))
    return outbox.enqueue(session, to=to, language=language, subject=letter.subject, text=text, html=html, now=now, seed=seed, **more)


def reset(session: Session, person: Person | None, language: str, seed: str, now: datetime) -> outbox.Mail:
    """Write the mail with a password-reset link. Without a person, write the same mail to a placeholder address."""
    to, name = (person.email, person.name) if person else ("nobody@localhost", "")
    language = person.language if person else language
    with i18n.use(language):
        letter = MailContent(
            subject=t("Choose a new password for ODOportal"),
            paragraphs=[t("Someone, most likely you, asked for a new password for ODOportal.")],
            button=t("Choose a new password"),
            address=absolute_link(language, "/reset", token=outbox.TOKEN_PLACEHOLDER),
            after=t("The link works once, for 30 minutes. If you did not ask for it, do nothing: your password stays as it is."),
        )
        return post(session, to, language, name, letter, now, seed)


def locked_out(
    session: Session, person: Person, seed: str, keys: Sequence[str], more: Sequence[SigninActivity], now: datetime
) -> outbox.Mail:
    """Write the mail with a password-reset link after a person reported an intruder.

    Args:
        session: the writing database session.
        person: the recipient.
        seed: the seed of the reset link.
        keys: the names of the passkeys that were removed.
        more: the kinds of the other second factors that were removed.
        now: the current instant.
    """
    with i18n.use(person.language):
        said = [t("You told us that someone else had signed in. Every browser has been signed out, and your password no longer works.")]
        if keys or more:
            said.append(t("What was set up since then has been removed:"))
        words = {SigninActivity.TWO_STEP_OFF: t("Authenticator app"), SigninActivity.CODES_REMOVED: t("Recovery codes")}
        letter = MailContent(
            subject=t("Choose a new password for ODOportal"),
            paragraphs=said,
            rows=[*(MailRow(t("Passkey"), name) for name in keys), *(MailRow(words[what]) for what in more)],
            button=t("Choose a new password"),
            address=absolute_link(person.language, "/reset", token=outbox.TOKEN_PLACEHOLDER),
            after=t("The link works once, for 30 minutes. After that, ask for another one on the sign-in page."),
        )
        return post(session, person.email, person.language, person.name, letter, now, seed)


def changed(session: Session, person: Person, now: datetime, here: bool = False) -> outbox.Mail:
    """Write the notice about a changed password; with `here`, it was changed in a browser that stays signed in."""
    with i18n.use(person.language):
        moment = i18n.written_moment(now)
        done = (
            t("Your password was changed on {moment}, and every other browser was signed out.", moment=moment)
            if here
            else t("Your password was changed on {moment}, and every browser was signed out.", moment=moment)
        )
        letter = MailContent(
            subject=t("Your ODOportal password was changed"),
            paragraphs=[done, t("If it was not you, choose a new password at once and write to us.")],
            button=t("Choose a new password"),
            address=absolute_link(person.language, "/forgot"),
        )
        return post(session, person.email, person.language, person.name, letter, now)


def email_confirm(session: Session, person: Person, to: str, seed: str, now: datetime) -> outbox.Mail:
    """Write the mail to a new mailbox with the link that confirms the email."""
    with i18n.use(person.language):
        letter = MailContent(
            subject=t("Confirm your new email address for ODOportal"),
            paragraphs=[
                t("You asked to sign in to ODOportal with this email address, {email}. Nothing changes until you confirm it.", email=to)
            ],
            button=t("Confirm this address"),
            address=absolute_link(person.language, "/email", token=outbox.TOKEN_PLACEHOLDER),
            after=t("The link works once, for 24 hours. If you did not ask for it, do nothing."),
        )
        return post(session, to, person.language, plain_name(person.name, ""), letter, now, seed)


def email_known(session: Session, person: Person, now: datetime) -> outbox.Mail:
    """Write the mail to a person whose email another person tried to use."""
    with i18n.use(person.language):
        letter = MailContent(
            subject=t("You already have access to ODOportal"),
            paragraphs=[
                t(
                    "Someone asked to use your email address for another access to ODOportal. It already belongs to "
                    "yours, so nothing was changed."
                ),
                t("If it was you, sign in with this email address, or ask to be invited to the other account."),
            ],
            button=t("Sign in"),
            address=absolute_link(person.language, "/login"),
        )
        return post(session, person.email, person.language, person.name, letter, now)


def email_changed(session: Session, person: Person, old: str, seed: str, now: datetime) -> outbox.Mail:
    """Write the notice about a changed email to the old mailbox, with the link that undoes the change."""
    with i18n.use(person.language):
        letter = MailContent(
            subject=t("Your email address for ODOportal was changed"),
            paragraphs=[
                t(
                    "On {moment}, your email address was changed from {old} to {new}.",
                    moment=i18n.written_moment(now),
                    old=old,
                    new=person.email,
                ),
                t("If it was not you, undo it: every browser will be signed out, and we will send you a link to choose a new password."),
            ],
            button=t("It was not me"),
            address=absolute_link(person.language, "/undo", token=outbox.TOKEN_PLACEHOLDER),
            after=t("The link works once, for 7 days. If it was you, do nothing."),
        )
        return post(session, old, person.language, person.name, letter, now, seed)


def email_in_force(session: Session, person: Person, now: datetime) -> outbox.Mail:
    """Write the notice about a changed email to the new mailbox."""
    with i18n.use(person.language):
        letter = MailContent(
            subject=t("Your email address for ODOportal was changed"),
            paragraphs=[t("From now on, you sign in with {email}. Your password stays the same.", email=person.email)],
        )
        return post(session, person.email, person.language, person.name, letter, now)


def new_browser(
    session: Session, person: Person, describe: Callable[[str], str], agent: str, network: str, seed: str, now: datetime
) -> outbox.Mail:
    """Write the notice about a sign-in with a new browser, with a link to report it.

    Args:
        session: the writing database session.
        person: the recipient.
        describe: describes a User-Agent header in the current language.
        agent: the browser's User-Agent header.
        network: the browser's network address.
        seed: the seed of the report link.
        now: the current instant.
    """
    with i18n.use(person.language):
        letter = MailContent(
            subject=t("New sign-in to ODOportal"),
            paragraphs=[
                t("On {moment}, someone signed in as you with a browser that we do not recognize:", moment=i18n.written_moment(now)),
                t("{browser}, network address {address}", browser=describe(agent), address=network),
                t("If it was not you, tell us: every browser will be signed out, and we will send you a link to choose a new password."),
            ],
            button=t("It was not me"),
            address=absolute_link(person.language, "/alert", token=outbox.TOKEN_PLACEHOLDER),
            after=t("The link works once, for 7 days. If it was you, do nothing."),
        )
        return post(session, person.email, person.language, person.name, letter, now, seed)


def _security(session: Session, person: Person, subject: str, paragraphs: list[str], now: datetime) -> outbox.Mail:
    """Write a notice with a button to the page "Sign-in and security"; the person's language must be the current one."""
    where = absolute_link(person.language, "/profile/security")
    return post(
        session, person.email, person.language, person.name, MailContent(subject, paragraphs, t("Sign-in and security"), where), now
    )


def passkey(session: Session, person: Person, name: str, added: bool, now: datetime) -> outbox.Mail:
    """Write the notice about an added or removed passkey."""
    with i18n.use(person.language):
        moment = i18n.written_moment(now)
        if added:
            subject = t("A passkey was added")
            said = t("On {moment}, the passkey “{name}” was added. Anyone who has it can sign in as you.", moment=moment, name=name)
        else:
            subject = t("A passkey was removed")
            said = t("On {moment}, the passkey “{name}” was removed. It can no longer be used to sign in.", moment=moment, name=name)
        return _security(session, person, subject, [said, t("If it was not you, choose a new password at once and write to us.")], now)


def two_step(session: Session, person: Person, on: bool, now: datetime, staff: bool = False, keys: bool = False) -> outbox.Mail:
    """Write the notice that two-step sign-in was switched on or off.

    Args:
        session: the writing database session.
        person: the recipient.
        on: whether it was switched on.
        now: the current instant.
        staff: whether Odotrack's staff switched it off.
        keys: whether the person still has passkeys.
    """
    with i18n.use(person.language):
        moment = i18n.written_moment(now)
        if on:
            subject = t("Two-step sign-in is on")
            said = t("Since {moment}, you are asked for a code from your authenticator app after your password.", moment=moment)
        else:
            subject = t("Two-step sign-in is off")
            said = (
                t("On {moment}, Odotrack turned it off at your request. From now on, only your password is required.", moment=moment)
                if staff
                else t(
                    "Since {moment}, you are asked for one of your passkeys after your password, and no longer for a code from an app.",
                    moment=moment,
                )
                if keys
                else t("Since {moment}, only your password is required.", moment=moment)
            )
        return _security(session, person, subject, [said, t("If it was not you, choose a new password at once and write to us.")], now)


def step_failed(session: Session, person: Person, now: datetime) -> outbox.Mail:
    """Write the notice about a sign-in with the correct password and several wrong codes."""
    with i18n.use(person.language):
        paragraphs = [
            t("On {moment}, someone entered your password and then several incorrect codes.", moment=i18n.written_moment(now)),
            t("If it was not you, someone knows your password: choose a new one at once."),
        ]
        return _security(session, person, t("Several incorrect codes when signing in"), paragraphs, now)


def recovery_used(session: Session, person: Person, left: int, now: datetime) -> outbox.Mail:
    """Write the notice about a used recovery code, with the number of codes left."""
    with i18n.use(person.language):
        paragraphs = [
            t("On {moment}, someone signed in as you with a recovery code. Codes left: {n}.", moment=i18n.written_moment(now), n=left),
            t("If it was not you, choose a new password at once and write to us."),
        ]
        return _security(session, person, t("A recovery code was used"), paragraphs, now)


def invited(session: Session, person: Person, account: Account, seed: str, now: datetime) -> outbox.Mail:
    """Write the invitation mail: with a `seed` its link sets the first password, otherwise it leads to the sign-in page."""
    with i18n.use(person.language):
        about = t(
            "{company} invites you to ODOportal, for the account {account} ({number}).",
            company=get_settings().company_name,
            account=account.name,
            number=account.number,
        )
        if seed:
            letter = MailContent(
                subject=t("Your access to ODOportal"),
                paragraphs=[about, t("You will see your orders and invoices there. To begin, choose a password.")],
                button=t("Choose a password"),
                address=absolute_link(person.language, "/invite", token=outbox.TOKEN_PLACEHOLDER),
                after=t("The link works once, for 7 days. If you did not expect this, do nothing."),
            )
        else:
            letter = MailContent(
                subject=t("Your access to ODOportal"),
                paragraphs=[about, t("Sign in with your email address and the password you already have.")],
                button=t("Sign in"),
                address=absolute_link(person.language, "/login"),
            )
        return post(session, person.email, person.language, person.name, letter, now, seed)
