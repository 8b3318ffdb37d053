"""What these pages show: HTML for the slots of the page around it, in the language in use, everything escaped."""

from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from markupsafe import Markup

from odoportal.core.i18n import current, t
from odoportal.rooms.signin import passwords
from odoportal.rooms.signin.mails import templates
from odoportal.rooms.signin.models import LinkKind
from odoportal.rooms.signin.two_factor import Kinds
from odoportal.settings import get_settings
from odoportal.ui.icons import SPRITE
from odoportal.ui.strength import strength
from odoportal.ui.template import View


@dataclass(frozen=True)
class Shown:
    """What is written into a form that comes back: the typed email, an error per field, one for the whole form, a notice."""

    email: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    error: str = ""
    notice: str = ""
    keep: bool = False


def required() -> str:
    """The guide's words for an empty field."""
    return t("This field is required.")


def refused() -> str:
    """The one wording for every refusal of a sign-in."""
    return t("We could not sign you in. Check your email and password, or wait a few minutes if you have tried several times.")


def too_many() -> str:
    """For tries of a new password beyond the limit."""
    return t("That was too many tries. Wait a few minutes, then try again.")


def no_email() -> str:
    """For what cannot be an email."""
    return t("Enter an email such as name@example.com.")


def notice(query: dict[str, str]) -> str:
    """What happened just before the sign-in page was opened, from its address."""
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
    """A template of this room in the page's slots, with what stands around every form here."""
    about: dict[str, object] = {"icons": SPRITE, "language": current(), "learn_more": get_settings().learn_more_url}
    draw = templates().get_template
    about["strength"] = Markup(View(lambda _: strength("password", passwords.SHORTEST)).html(None))  # noqa: S704 - escaped by `View`
    return {
        "form": draw(f"{template}.html").render(**about, **values),
        "more": draw("more.html").render(**about),
        "foot": draw("foot.html").render(**about),
    }


def reach() -> str:
    """How Odotrack is reached, as the settings say; empty where they do not."""
    settings = get_settings()
    return ", ".join(way for way in (settings.support_email, settings.support_phone) if way)


def login(shown: Shown, wanted: str = "") -> dict[str, str]:
    """The sign-in form. `wanted` is the checked address to go on to; it stays in the address of the page."""
    action = f"/{current()}/login" + (f"?next={quote(wanted, safe='')}" if wanted else "")
    return slots("login", shown=shown, action=action)


def wrong_code() -> str:
    """The one wording for every code that is not taken."""
    return t("This code is not right, or was used already. Wait for the next one. After several tries, wait a few minutes.")


def no_passkey() -> str:
    """The one wording for every refusal of a passkey in place of the password."""
    return t("We could not sign you in with a passkey. Use your password, or wait a few minutes if you have tried several times.")


def wrong_passkey() -> str:
    """The one wording for every passkey that is not taken as a second step."""
    return t("This passkey was not accepted. Try again, or use another way. After several tries, wait a few minutes.")


def code(shown: Shown, wanted: str, kinds: Kinds, recovery: bool) -> dict[str, str]:
    """The second step; `recovery`: for one of the recovery codes. `wanted` is the checked address to go on to."""
    query = {"next": wanted} if wanted else {}
    here, other = ({"recovery": "1", **query}, query) if recovery else (query, {"recovery": "1", **query})
    to = [f"/{current()}/code" + (f"?{urlencode(q)}" if q else "") for q in (here, other)]
    return slots("code", shown=shown, kinds=kinds, recovery=recovery, reach=reach(), action=to[0], other=to[1])


def forgot(shown: Shown, sent: bool = False) -> dict[str, str]:
    """The form that asks for a reset link, or what is said afterwards, the same for every email."""
    return slots("sent" if sent else "forgot", shown=shown)


def password(kind: LinkKind, shown: Shown) -> dict[str, str]:
    """The form that sets a password, with the rules."""
    return slots("password", shown=shown, first=kind is LinkKind.INVITE, action=f"/{current()}/{kind.value}", rules=passwords.rules())


def dead(kind: LinkKind) -> dict[str, str]:
    """What is said of a link that is used, over or replaced, with the way to a new one."""
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


def mailed(kind: LinkKind, old: str, new: str) -> dict[str, str]:
    """What the link of a security letter does, before it does it: mail scanners open links, too. `old` and `new` are emails."""
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
        "mailed", title=title, notice="", paragraphs=paragraphs, button=button, quiet=False, fields={}, action=f"/{current()}/{kind.value}"
    )
