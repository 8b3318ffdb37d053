"""The pages before sign-in: each is one form, drawn as the slots of the page around it (`page.page`), in the current language."""

from odoportal.core.i18n import current_language, t
from odoportal.forms.view import FormView
from odoportal.rooms.signin import forms, passwords, view
from odoportal.rooms.signin.models import LinkKind
from odoportal.rooms.signin.two_factor import UsableFactors
from odoportal.settings import get_settings
from odoportal.ui.form import Field
from odoportal.ui.page import page_url
from odoportal.ui.public_form import PublicForm
from odoportal.ui.strength import strength
from odoportal.ui.template import Bound, El, Node, View, el, icon
from odoportal.web.links import page_link


def slots(form: PublicForm, values: FormView | None = None) -> dict[str, str]:
    """Render a form with its values and errors, and the parts around it, for the slots of the page."""
    learn_more = get_settings().learn_more_url
    more = (
        el("p", t("You are not a customer and want to learn more?")),
        el("a", t("Learn more"), href=learn_more, rel="noopener", cls="button button-onbar button-caps", data_out=True),
    )
    foot = el(
        "p",
        el("span", t("Your email address is used only to sign you in and to write to you about your account.")),
        " ",
        el("a", t("Privacy"), href=page_url("/privacy"), data_out=True),
        cls="small muted signin-foot",
    )
    # Without a link, the slot is quite empty: style sheets then hide its line.
    return {"form": form.html(values or FormView()), "more": _html(more) if learn_more else "", "foot": _html(foot)}


def _html(node: Node) -> str:
    return View(lambda _: node).html(None)


def leave(text: str, to: str) -> El:
    """Return a link to another of these pages. It loads a new document, because the server fills the slots."""
    return el("a", text, href=to, cls="button button-plain button-block button-caps", data_out=True)


def _back_to_sign_in() -> El:
    return leave(t("Back to sign-in"), page_url("/login"))


def email_shown(form: Bound) -> El:
    """Draw the email that a password is chosen for. It cannot be changed; password managers read it."""
    box = el(
        "input", id="email", name="email", type="email", value=form.initial.email, autoComplete="username", readOnly=True, cls="field-input"
    )
    return el("div", el("label", t("Email"), for_="email"), box, cls="field")


def new_password() -> Field:
    """Return the field for a new password, with its strength and its rules."""
    rules = el("ul", *(el("li", rule) for rule in passwords.rules()), cls="field-hint field-rules")
    hint = (strength("password", passwords.SHORTEST), rules)
    return Field("password", t("Password"), hint=hint, autocomplete="new-password")


def _email() -> Field:
    return Field("email", t("Email"), autocomplete="username")


def _passkey(text: str, look: str) -> tuple[Node, ...]:
    failed = t("No passkey was used. Try again, or choose another way.")
    button = el(
        "button",
        icon("key-round", small=True),
        el("span", text),
        type="button",
        cls=f"button {look} button-block button-caps",
        data_passkey="get",
    )
    return button, el("p", role="status", cls="field-hint", data_passkey_said=True, data_failed=failed)


def login(values: FormView, wanted: str = "") -> dict[str, str]:
    """Render the sign-in form. `wanted` is the checked return address; it is kept in the address of the form."""
    keep_hint = t("For 30 days, on your own device.")
    form = PublicForm(
        "login",
        (
            _email(),
            Field("password", t("Password"), autocomplete="current-password"),
            Field("keep", t("Keep me signed in"), hint=keep_hint, cls="field-helped"),
        ),
        t("Login"),
        model=forms.SignIn,
        title=t("Sign In"),
        action=page_link(current_language(), "/login", next=wanted),
        aside=(*_passkey(t("Sign in with a passkey"), "button-second"), leave(t("Forgot password?"), page_url("/forgot"))),
    )
    return slots(form, values)


def code(values: FormView, wanted: str, factors: UsableFactors, recovery: bool) -> dict[str, str]:
    """Render the form of the second step; with `recovery`, the one for a recovery code. `wanted` is the checked return address."""
    by_recovery = recovery or (factors.dead_app and not factors.keys)
    typed = by_recovery or factors.app or not factors.keys
    if by_recovery:
        text = t("Enter one of the recovery codes that you saved. Each works once.")
        field = Field("code", t("Recovery code"), "recovery", autocomplete="one-time-code")
    else:
        text = t("Enter the 6-digit code that your authenticator app shows.")
        field = Field("code", t("Code"), "code", autocomplete="one-time-code")
    remember_hint = t("No second step for 30 days, on your own device.")
    remember = Field("remember", t("Remember this device"), hint=remember_hint, cls="field-helped")
    form = PublicForm(
        "code",
        (field, remember) if typed else (remember,),
        t("Login") if typed else "",
        model=forms.Code,
        title=t("Two-step sign-in"),
        text=((view.dead_app(),) if factors.dead_app else ()) + (text if typed else t("Confirm with your passkey that it is you."),),
        action=_code_url(wanted, recovery),
        focus="code",
        aside=(*_other_factors(wanted, factors, recovery), _back_to_sign_in()),
    )
    return slots(form, values)


def _code_url(wanted: str, recovery: bool) -> str:
    query = ({"recovery": "1"} if recovery else {}) | ({"next": wanted} if wanted else {})
    return page_link(current_language(), "/code", **query)


def _other_factors(wanted: str, factors: UsableFactors, recovery: bool) -> tuple[Node, ...]:
    """Return what leads to the factors that the form itself does not ask for."""
    if recovery:
        if not (factors.app or factors.keys or not factors.dead_app):
            return ()
        return (leave(t("Use the app’s code") if factors.app else t("Use a passkey"), _code_url(wanted, recovery=False)),)
    other: tuple[Node, ...] = ()
    if factors.keys:
        other = _passkey(t("Use a passkey"), "button-second" if factors.app else "button-primary")
        if not factors.app:
            other += (
                el(
                    "p",
                    t("Passkeys need a recent browser with JavaScript turned on. Use a recovery code."),
                    cls="field-hint passkey-lacking",
                ),
            )
    if factors.app or factors.keys or not factors.dead_app:
        other += (leave(t("Use a recovery code"), _code_url(wanted, recovery=True)),)
    return other


def forgot(values: FormView) -> dict[str, str]:
    """Render the form that requests a reset link."""
    form = PublicForm(
        "forgot",
        (_email(),),
        t("Send the link"),
        model=forms.Forgot,
        title=t("Forgot your password?"),
        text=(t("Enter your email address. We will send you a link to choose a new password."),),
        action=page_url("/forgot"),
        aside=_back_to_sign_in(),
    )
    return slots(form, values)


def reset_requested() -> dict[str, str]:
    """Render the message after a request for a reset link, which is the same for every email."""
    text = t(
        "The link works once, for 30 minutes. Nothing after a few minutes? Look in your junk folder, or check "
        "that you entered the email address of your account."
    )
    form = PublicForm(
        "sent",
        (),
        t("Back to sign-in"),
        title=t("Check your email"),
        text=(text,),
        action=page_url("/login"),
        method="get",
        aside=leave(t("Send another link"), page_url("/forgot")),
    )
    return slots(form, FormView(notice=t("If the email address you entered has access to ODOportal, a link is on its way to it.")))


def password(kind: LinkKind, values: FormView) -> dict[str, str]:
    """Render the form that sets a password, with the password rules."""
    first = kind is LinkKind.INVITE
    form = PublicForm(
        "password",
        (email_shown, new_password()),
        t("Save the password"),
        model=forms.NewPassword,
        title=t("Choose your password") if first else t("Choose a new password"),
        text=() if first else (t("Afterwards, you will be signed out everywhere and can sign in with the new password."),),
        action=page_url(f"/{kind.value}"),
    )
    return slots(form, values)


def invalid_link(kind: LinkKind) -> dict[str, str]:
    """Render the message for a link that is used, expired or replaced, and how to get a new one."""
    title = t("This invitation is no longer valid") if kind is LinkKind.JOIN else t("This link no longer works")
    return _dead_end(title, view.invalid_link(kind), t("Ask for a new link") if kind in {LinkKind.RESET, LinkKind.INVITE} else "")


def invalid_unsubscribe_link() -> dict[str, str]:
    """Render the message for an unsubscribe link that the portal did not make, or whose reader is gone."""
    return _dead_end(t("This link no longer works"), t("Sign in and choose in your profile, under Notices, which emails you receive."))


def _dead_end(title: str, text: str, ask: str = "") -> dict[str, str]:
    form = PublicForm(
        "dead", (), ask, title=title, text=(text,), action=page_url("/forgot"), method="get", aside=_back_to_sign_in()
    )  # fmt: skip
    return slots(form)


def link_explanation(kind: LinkKind, old: str, new: str) -> dict[str, str]:
    """Render the page that explains what the link of a security mail does; its button does it, since mail scanners open links too.

    Args:
        kind: the kind of the link.
        old: the person's email before the change; empty for an alert.
        new: the person's email after the change; empty for an alert.
    """
    ends = t("Every browser will be signed out, the password will no longer work, and we will send you a link to choose a new one.")
    back = t("Passkeys, an authenticator app and recovery codes that were set up since then will be removed.")
    if kind is LinkKind.EMAIL:
        title, button = t("Confirm your new email address"), t("Confirm this address")
        text = (t("From then on, you will sign in with {new} instead of {old}.", new=new, old=old),)
    elif kind is LinkKind.UNDO:
        title, button = t("Undo the change of your email address"), t("Undo the change")
        text = (t("Your email address becomes {old} again.", old=old), ends, back)
    else:
        title, button = t("It was someone else"), t("It was not me")
        text = (t("You are reporting that someone else signed in as you."), ends, back)
    return slots(PublicForm("link", (), button, title=title, text=text, action=page_url(f"/{kind.value}")))
