"""Texts of the pages before sign-in, in the current language."""

from collections.abc import Mapping

from odoportal.core.i18n import t
from odoportal.rooms.signin.models import LinkKind
from odoportal.settings import get_settings


def refused() -> str:
    """Return the error text of every refused sign-in; it is always the same, so that it reveals nothing about the account."""
    return t("We could not sign you in. Check your email address and password, or wait a few minutes if you have tried several times.")


def too_many() -> str:
    """Return the error text for new passwords submitted beyond the limit."""
    return t("Too many tries. Wait a few minutes, then try again.")


def wrong_code() -> str:
    """Return the error text of every refused code."""
    return t("Incorrect code, or already used. Wait for the next one. After several tries, wait a few minutes.")


def no_passkey() -> str:
    """Return the error text of every refused passkey in place of the password."""
    return t("We could not sign you in with a passkey. Use your password, or wait a few minutes if you have tried several times.")


def wrong_passkey() -> str:
    """Return the error text of every refused passkey as a second step."""
    return t("This passkey was not accepted. Try again, or use another way. After several tries, wait a few minutes.")


def notice(query: Mapping[str, str]) -> str:
    """Return the notice of the sign-in page, chosen by a parameter of its address; empty if there is none."""
    said = {
        "again": t("Sign in again, with your password first."),
        "out": t("You are signed out."),
        "ended": t("Your session has ended. Sign in to continue."),
        "changed": t("Your password has been changed. Sign in with the new one."),
        "email": t("Your email address has been changed. Sign in with the new one."),
        "undone": t("The change has been undone. We sent you a link to choose a new password."),
        "disowned": t("Every browser has been signed out. We sent you a link to choose a new password."),
        "joined": t("The invitation has been accepted. Sign in to see the account."),
        "set": t("Your password has been saved. Sign in with it."),
    }
    return next((text for name, text in said.items() if name in query), "")


def dead_app() -> str:
    """Return the text about an authenticator app that the portal's new secret has made useless, with the support contact if it is set."""
    settings = get_settings()
    ways = ", ".join(way for way in (settings.support_email, settings.support_phone) if way)
    contact = t("If you have neither, contact Odotrack: {ways}.", ways=ways) if ways else t("If you have neither, contact Odotrack.")
    text = t(
        "Your authenticator app no longer works with the portal because the portal’s security key was "
        "changed. Use a recovery code or a passkey, then remove the app under Sign-in and security and set it "
        "up again."
    )
    return f"{text} {contact}"


def invalid_link(kind: LinkKind) -> str:
    """Return why a link no longer works: it is used, expired or replaced; and how to get a new one."""
    texts = {
        LinkKind.RESET: t("A link works once, for 30 minutes, and only the latest one. Signing in ends it too."),
        LinkKind.INVITE: t(
            "A link for first access works once, for 7 days, and only the latest one. Ask for a new link with your email address."
        ),
        LinkKind.JOIN: t(
            "It was used or withdrawn, it has expired, or the person who sent it can no longer invite. Ask an "
            "owner of the account for a new one."
        ),
        LinkKind.EMAIL: t(
            "A link that confirms an email address works once, for 24 hours, and only the latest one. Ask for a new one in your profile."
        ),
        LinkKind.UNDO: t("A link that undoes a change works once, for 7 days. If you still need help, write to us."),
        LinkKind.ALERT: t("A link that reports a sign-in works once, for 7 days. If you still need help, write to us."),
        LinkKind.COPY: t(
            "A link that confirms copies of invoices works once, for 7 days, and only the latest one. Ask the "
            "person who added you for a new one."
        ),
    }
    return texts[kind]
