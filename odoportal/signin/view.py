"""What these pages show: HTML for the slots of the page around it, in the language in use, everything escaped."""

from dataclasses import dataclass, field
from urllib.parse import quote

from odoportal.foundation.i18n import current, t
from odoportal.settings import get_settings
from odoportal.signin import passwords
from odoportal.signin.letters import templates
from odoportal.signin.models import LinkKind
from odoportal.ui.icons import SPRITE


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


def no_email() -> str:
    """For what cannot be an email."""
    return t("Enter an email such as name@example.com.")


def notice(query: dict[str, str]) -> str:
    """What happened just before the sign-in page was opened, from its address."""
    if "out" in query:
        return t("You are signed out.")
    if "ended" in query:
        return t("Your session has ended. Sign in to go on.")
    if "changed" in query:
        return t("Your password is changed. Sign in with it.")
    if "joined" in query:
        return t("The invitation is accepted. Sign in to see the account.")
    if "set" in query:
        return t("Your password is set. Sign in with it.")
    return ""


def slots(template: str, **values: object) -> dict[str, str]:
    """A template of this room in the page's slots, with what stands around every form here."""
    about = {"icons": SPRITE, "language": current(), "learn_more": get_settings().learn_more_url}
    draw = templates().get_template
    return {
        "form": draw(f"{template}.html").render(**about, **values),
        "more": draw("more.html").render(**about),
        "foot": draw("foot.html").render(**about),
    }


def login(shown: Shown, wanted: str = "") -> dict[str, str]:
    """The sign-in form. `wanted` is the checked address to go on to; it stays in the address of the page."""
    action = f"/{current()}/login" + (f"?next={quote(wanted, safe='')}" if wanted else "")
    return slots("login", shown=shown, action=action)


def forgot(shown: Shown, sent: bool = False) -> dict[str, str]:
    """The form that asks for a reset link, or what is said afterwards, the same for every email."""
    return slots("sent" if sent else "forgot", shown=shown)


def password(kind: LinkKind, shown: Shown) -> dict[str, str]:
    """The form that sets a password, with the rules."""
    return slots("password", shown=shown, first=kind is LinkKind.INVITE, action=f"/{current()}/{kind.value}", rules=passwords.rules())


def dead(kind: LinkKind) -> dict[str, str]:
    """What is said of a link that is used, over or replaced, with the way to a new one."""
    return slots("dead", first=kind is LinkKind.INVITE, joining=kind is LinkKind.JOIN)
