"""Mails about invitations and memberships, each in its recipient's language."""

from datetime import datetime

from sqlmodel import Session

from odoportal.accounts.models import Person, Role
from odoportal.accounts.unsolicited import plain_name
from odoportal.core import i18n
from odoportal.core.i18n import t
from odoportal.core.identity import ActiveMembership, Identity
from odoportal.mail import outbox
from odoportal.pages.shell_view import role_labels
from odoportal.rooms.people.models import Invitation
from odoportal.rooms.signin.mails import MailContent, post
from odoportal.web.links import absolute_link


def invite(session: Session, invitation: Invitation, who: Identity, seed: str, now: datetime) -> outbox.Mail:
    """Mail an invitation. It is the same whether or not a person with the email exists, so it greets the recipient without a name."""
    language, name = invitation.language, plain_name(who.name, who.email)
    with i18n.use(language):
        letter = MailContent(
            subject=t("{name} invites you to ODOportal", name=name),
            paragraphs=[
                t(
                    "{name} ({email}) invites you to join the account {account} ({number}) in ODOportal.",
                    name=name,
                    email=who.email,
                    account=who.account.name,
                    number=who.account.number,
                ),
                t("Your role will be: {role}.", role=role_labels()[invitation.role]),
            ],
            button=t("See the invitation"),
            address=absolute_link(language, "/join", token=outbox.TOKEN_PLACEHOLDER),
            after=t("The link works once, for 7 days. If you did not expect this, do nothing."),
        )
        return post(session, invitation.email, language, "", letter, now, seed)


def role_changed(session: Session, person: Person, account: ActiveMembership, role: Role, now: datetime) -> outbox.Mail:
    """Mail a person about a changed role."""
    with i18n.use(person.language):
        letter = MailContent(
            subject=t("Your role in ODOportal was changed"),
            paragraphs=[
                t("In the account {account} ({number}), your role is now: {role}.", **_account_texts(account), role=role_labels()[role])
            ],
            button=t("See what it allows"),
            address=absolute_link(person.language, "/profile/people", account=account.number),
        )
        return post(session, person.email, person.language, person.name, letter, now)


def two_step_required(session: Session, person: Person, account: ActiveMembership, now: datetime) -> outbox.Mail:
    """Mail a person without a second factor that the account now requires one."""
    with i18n.use(person.language):
        letter = MailContent(
            subject=t("Set up two-step sign-in for ODOportal"),
            paragraphs=[
                t("The account {account} ({number}) now requires two-step sign-in for everyone.", **_account_texts(account)),
                t("Set it up under Sign-in and security; you will see the account again as soon as it is on. It takes two minutes."),
            ],
            button=t("Set it up"),
            address=absolute_link(person.language, "/profile/security", account=account.number),
        )
        return post(session, person.email, person.language, person.name, letter, now)


def removed(session: Session, person: Person, account: ActiveMembership, now: datetime) -> outbox.Mail:
    """Mail a person who no longer belongs to an account."""
    with i18n.use(person.language):
        letter = MailContent(
            subject=t("Your access to an account in ODOportal has ended"),
            paragraphs=[
                t("You no longer have access to the account {account} ({number}).", **_account_texts(account)),
                t("If you still need it, ask an owner of the account for a new invitation."),
            ],
        )
        return post(session, person.email, person.language, person.name, letter, now)


def _account_texts(account: ActiveMembership) -> dict[str, str]:
    return {"account": account.name, "number": account.number}
