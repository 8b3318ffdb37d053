"""HTML of the sign-in forms for the slots of the page, in the current language and fully escaped."""

from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from markupsafe import Markup

from odoportal.core.i18n import current_language, t
from odoportal.rooms.signin import passwords
from odoportal.rooms.signin.mails import templates
from odoportal.rooms.signin.models import LinkKind
from odoportal.rooms.signin.two_factor import UsableFactors
from odoportal.settings import get_settings
from odoportal.ui.icons import SPRITE
from odoportal.ui.strength import strength
from odoportal.ui.template import View


@dataclass(frozen=True)
class FormValues:
    """The values and messages shown in a form: the typed email, an error per field, one for the whole form, and a notice.

    `keep` is the state of the form's checkbox ("Keep me signed in", or "Remember this device" in the second step).
    """

    email: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    error: str = ""
    notice: str = ""
    keep: bool = False


def required() -> str:
    """Return the guide's error text for an empty field."""
    return t("This field is required.")


def refused() -> str:
    """Return the error text of every refused sign-in; it is always the same, so that it reveals nothing about the account."""
    return t("We could not sign you in. Check your email and password, or wait a few minutes if you have tried several times.")


def too_many() -> str:
    """Return the error text for new passwords submitted beyond the limit."""
    return t("That was too many tries. Wait a few minutes, then try again.")


def no_email() -> str:
    """Return the error text for an invalid email."""
    return t("Enter an email such as name@example.com.")


def notice(query: dict[str, str]) -> str:
    """Return the notice of the sign-in page, chosen by a parameter of its address; empty if there is none."""
    said = {
        "again": t("Sign in again, with your password first."),
        "out": t("You are signed out."),
        "ended": t("Your session has ended. Sign in to go on."),
        "changed": t("Your password is changed. Sign in with it."),
        "email": t("Your email is changed. Sign in with it."),
        "undone": t("The change is undone. We mailed you a link to a new password."),
        "disowned": t("Every browser is signed out. We mailed you a link to a new password."),
        "joined": t("The invitation is accepted. Sign in to see the account."),
        "set": t("Your password is set. Sign in with it."),
    }
    return next((text for name, text in said.items() if name in query), "")


def slots(template: str, **values: object) -> dict[str, str]:
    """Render a template of this room, and the parts around it, for the slots of the page."""
    context: dict[str, object] = {"icons": SPRITE, "language": current_language(), "learn_more": get_settings().learn_more_url}
    draw = templates().get_template
    context["strength"] = Markup(View(lambda _: strength("password", passwords.SHORTEST)).html(None))  # noqa: S704 - escaped by `View`
    return {
        "form": draw(f"{template}.html").render(**context, **values),
        "more": draw("more.html").render(**context),
        "foot": draw("foot.html").render(**context),
    }


def support_contact() -> str:
    """Return the support email and phone from the settings; empty if neither is set."""
    settings = get_settings()
    return ", ".join(way for way in (settings.support_email, settings.support_phone) if way)


def login(shown: FormValues, wanted: str = "") -> dict[str, str]:
    """Render the sign-in form. `wanted` is the checked return address; it is kept in the address of the form."""
    action = f"/{current_language()}/login" + (f"?next={quote(wanted, safe='')}" if wanted else "")
    return slots("login", shown=shown, action=action)


def wrong_code() -> str:
    """Return the error text of every refused code."""
    return t("This code is not right, or was used already. Wait for the next one. After several tries, wait a few minutes.")


def no_passkey() -> str:
    """Return the error text of every refused passkey in place of the password."""
    return t("We could not sign you in with a passkey. Use your password, or wait a few minutes if you have tried several times.")


def wrong_passkey() -> str:
    """Return the error text of every refused passkey as a second step."""
    return t("This passkey was not accepted. Try again, or use another way. After several tries, wait a few minutes.")


def code(shown: FormValues, wanted: str, kinds: UsableFactors, recovery: bool) -> dict[str, str]:
    """Render the form of the second step; with `recovery`, the one for a recovery code. `wanted` is the checked return address."""
    query = {"next": wanted} if wanted else {}
    here, other = ({"recovery": "1", **query}, query) if recovery else (query, {"recovery": "1", **query})
    to = [f"/{current_language()}/code" + (f"?{urlencode(q)}" if q else "") for q in (here, other)]
    return slots("code", shown=shown, kinds=kinds, recovery=recovery, reach=support_contact(), action=to[0], other=to[1])


def forgot(shown: FormValues, sent: bool = False) -> dict[str, str]:
    """Render the form that requests a reset link, or the message after it, which is the same for every email."""
    return slots("sent" if sent else "forgot", shown=shown)


def password(kind: LinkKind, shown: FormValues) -> dict[str, str]:
    """Render the form that sets a password, with the password rules."""
    return slots(
        "password", shown=shown, first=kind is LinkKind.INVITE, action=f"/{current_language()}/{kind.value}", rules=passwords.rules()
    )


def invalid_link(kind: LinkKind) -> dict[str, str]:
    """Render the message for a link that is used, expired or replaced, and how to get a new one."""
    mailed = {
        LinkKind.EMAIL: t(
            "A link that confirms an email works once, for 24 hours, and only the latest one. Ask for a new one in your profile."
        ),
        LinkKind.UNDO: t("A link that undoes a change works once, for 7 days. If you still need help, write to us."),
        LinkKind.ALERT: t("A link that reports a sign-in works once, for 7 days. If you still need help, write to us."),
        LinkKind.COPY: t(
            "A link that confirms copies of invoices works once, for 7 days, and only the latest one. Ask whoever added you for a new one."
        ),
    }.get(kind, "")
    return slots("dead", first=kind is LinkKind.INVITE, joining=kind is LinkKind.JOIN, mailed=mailed)


def link_explanation(kind: LinkKind, old: str, new: str) -> dict[str, str]:
    """Render the page that explains what the link of a security mail does; its button does it, since mail scanners open links too.

    Args:
        kind: the kind of the link.
        old: the person's email before the change; empty for an alert.
        new: the person's email after the change; empty for an alert.
    """
    ends = t("Every browser is signed out, the password no longer works, and we mail you a link to a new one.")
    back = t("Passkeys, an authenticator app and recovery codes that were set up since then are taken back.")
    if kind is LinkKind.EMAIL:
        title, button = t("Confirm your new email"), t("Confirm this email")
        paragraphs = [t("From then on, you sign in with {new} instead of {old}.", new=new, old=old)]
    elif kind is LinkKind.UNDO:
        title, button = t("Undo the change of your email"), t("Undo the change")
        paragraphs = [t("Your email becomes {old} again.", old=old), ends, back]
    else:
        title, button = t("It was somebody else"), t("It was not me")
        paragraphs = [t("You say that somebody else signed in as you."), ends, back]
    return slots(
        "mailed",
        title=title,
        notice="",
        paragraphs=paragraphs,
        button=button,
        quiet=False,
        fields={},
        action=f"/{current_language()}/{kind.value}",
    )
