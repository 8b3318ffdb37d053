"""The page "Sign-in and security": email, password, two-step sign-in, passkeys, recovery codes, open sessions and history."""

from typing import Any, ClassVar

import reflex as rx

from odoportal.accounts.rights import Right
from odoportal.core import clock, database
from odoportal.core.i18n import t
from odoportal.core.identity import Identity, require_identity
from odoportal.forms.view import with_form_feedback
from odoportal.pages.layout import shown_page
from odoportal.pages.state import SessionState
from odoportal.pages.view_state import PageState, unfilled
from odoportal.rooms.security.forms import FirstCode, NewEmail, NewPassword
from odoportal.rooms.security.passkey_forms import NewPasskey, RemovePasskey, RenamePasskey
from odoportal.rooms.security.view import SecurityView, security_view
from odoportal.rooms.signin import passwords
from odoportal.rooms.signin.confirmation import Confirmation
from odoportal.ui.form import Confirm, Field, Form, Rows, current_password, section
from odoportal.ui.page import current_path, page_url
from odoportal.ui.passkey import Passkeys
from odoportal.ui.server_slots import live
from odoportal.ui.strength import Strength, strength
from odoportal.ui.template import Bound, Node, View, choose, each, el, icon, when
from odoportal.web.page import PageRequest


class Security(PageState, SessionState):
    """The state of the page "Sign-in and security"."""

    view: SecurityView = unfilled(SecurityView())
    needs: ClassVar[Right] = Right.ENTER

    async def _fetch(self, who: Identity) -> Any:
        return await database.read(security_view, who, clock.now())


def _removal_form(name: str, model: type[Confirmation], *rows: Rows, button: str, question: str, words: str) -> Form:
    """Build a form that deletes something permanently: it needs the password and a confirmation dialog."""
    confirm = Confirm(question, words, button)
    return Form(name, (*rows, current_password()), button, model=model, reset=True, variant="button-danger", confirm=confirm)


def _email() -> Form:
    hint = t("We will send a link to it. Nothing changes until you confirm.")
    return Form(
        "email",
        (
            Field("now", t("Current email address"), "fixed"),
            Field("address", t("New email address"), hint=hint, autocomplete="email"),
            current_password(),
        ),
        t("Change the email address"),
        model=NewEmail,
        reset=True,
    )


def _password() -> Form:
    rules = el("ul", *(el("li", rule) for rule in passwords.rules()), cls="field-hint field-rules")
    return Form(
        "new_password",
        (
            # Tells password managers whose password is changed; without a name attribute it is not submitted.
            lambda form: el("input", type="text", value=form.initial.now, autoComplete="username", readOnly=True, hidden=True),
            current_password(),
            Field("password", t("New password"), hint=rules, autocomplete="new-password"),
            lambda _: strength("new_password-password", passwords.SHORTEST),
        ),
        t("Change the password"),
        model=NewPassword,
        reset=True,
    )


def _two_step(view: Bound) -> Node:
    """Draw the section in the state "off", "setting_up" or "on".

    The form that shows new recovery codes does not reload the page, so that they stay visible.
    """
    begin = Form("totp_begin", (current_password(),), t("Set it up"), model=Confirmation, reset=True, variant="button-second")
    steps = el(
        "ol",
        el("li", t("Open an authenticator app on your phone and add an account with this QR code, or enter the key by hand.")),
        el("li", t("Enter the 6-digit code that the app shows.")),
        cls="security-howto",
    )
    state = view.two_step
    picture = el(
        "svg", el("path", d=state.qr), viewBox=state.box, cls="security-qr", role="img", aria_label=t("QR code with the key, for the app")
    )
    key = el("p", t("Key"), " ", el("code", state.key), cls="security-key")
    confirm = Form(
        "totp_confirm",
        (lambda _: (steps, picture, key), Field("code", t("Code"), "code", autocomplete="one-time-code")),
        t("Turn it on"),
        model=FirstCode,
        aside=_codes_kept_link(),
        cls="form security-codes",
    )
    off = _removal_form(
        "totp_off",
        Confirmation,
        button=t("Turn it off"),
        question=t("Turn off two-step sign-in?"),
        words=t("From then on, anyone who knows your password can sign in as you. Your recovery codes will no longer work."),
    )
    on = (
        el("p", icon("circle-check"), el("span", state.about), cls="notice"),
        # Without script, this page is the answer to the form that switched it on, and the only place that shows the codes.
        when(view.totp_confirm.notice, el("p", view.totp_confirm.notice, cls="b")),
        el("h3", t("Turn it off")),
        off.draw(view, on_done=Security.retry),
    )
    shown = {"on": on, "setting_up": confirm.draw(view)}
    return choose(state.state, shown, begin.draw(view, on_done=Security.retry))


def _recovery(view: Bound) -> Node:
    again = Form(
        "recovery",
        (current_password(),),
        t("Create new recovery codes"),
        model=Confirmation,
        reset=True,
        variant="button-second",
        aside=_codes_kept_link(),
        cls="form security-codes",
    )
    text = t("Each can be used once instead of your second step, when you do not have your phone or your passkey at hand.")
    return when(view.codes, section(t("Recovery codes"), el("p", view.codes), again.draw(view), text=text))


def _new_passkey_form(view: Bound) -> Form:
    """Build the form of a new passkey; its button lets the device create the passkey and submits the form."""
    hint = t("A name to recognize it by, such as the name of the device.")
    about = {"type": "button", "cls": "button button-primary", "data_passkey": "create", "data_task": view.task}
    make = el("button", icon("key-round"), t("Create the passkey"), **about)
    failed = t("No passkey was created. Try again; a device can hold only one of your passkeys.")
    said = el("p", role="status", cls="field-hint", data_passkey_said=True, data_failed=failed)
    lacking = el("p", t("Passkeys need a recent browser with JavaScript turned on."), cls="field-hint passkey-lacking")
    return Form(
        "passkey_add",
        (
            Field("name", t("Name of the passkey"), hint=hint),
            lambda _: (el("input", type="hidden", name="credential"), el("p", make), said, lacking),
        ),
        t("Keep the passkey"),
        model=NewPasskey,
        aside=_codes_kept_link(),
        cls="form security-codes passkey-making",
    )


def _passkeys(view: Bound) -> Node:
    """Draw the passkeys with the forms to rename and remove one, and the form for the current step of adding another."""
    begin = Form("passkey_begin", (current_password(),), t("Add a passkey"), model=Confirmation, reset=True, variant="button-second")
    name = Field("name", t("New name"))
    rename = Form("passkey_rename", (Rows(), name), t("Rename"), model=RenamePasskey, reset=True, variant="button-second")
    remove = _removal_form(
        "passkey_remove",
        RemovePasskey,
        Rows(),
        button=t("Remove the passkey"),
        question=t("Remove this passkey?"),
        words=t("It can no longer be used to sign in. It stays on your device until you delete it there too."),
    )

    def row(one: Bound) -> Node:
        return el("li", el("div", el("p", one.name, cls="b"), el("p", one.about, cls="small muted")))

    there = (
        el("ul", each(view.passkeys, row), cls="security-list"),
        el("h3", t("Rename")),
        rename.draw(view, on_done=Security.retry),
        el("h3", t("Remove")),
        remove.draw(view, on_done=Security.retry),
        el("h3", t("Another passkey")),
    )
    next_ = when(view.task, _new_passkey_form(view).draw(view, on_done=Security.retry), begin.draw(view, on_done=Security.retry))
    return when(view.passkeys, there), next_


def _codes_kept_link() -> Node:
    # A plain link loads a new document: the socket of the current one still has the old session token.
    return el("a", t("I have saved them"), href=page_url("/profile/security"), cls="button button-primary security-done")


def _sessions(view: Bound) -> Node:
    end = Form("end_session", (), t("End the session"), variant="button-second button-small", cls="layout-inline")
    others = Form(
        "end_others",
        (),
        t("End all other sessions"),
        variant="button-second",
        confirm=Confirm(
            t("End all other sessions?"),
            t("Every other browser is signed out immediately. You stay signed in here."),
            t("End them"),
        ),
    )

    def row(one: Bound) -> Node:
        mark = when(one.here, el("span", icon("circle-check", small=True), one.here, cls="badge ok"))
        lines = (el("p", line, cls="small muted") for line in (one.place, one.used))
        said = el("div", el("p", one.browser, " ", mark, cls="b layout-row"), *lines)
        return el("li", said, when(one.here, None, end.button(one.key, view.end_session, on_done=Security.retry)))

    return (
        el("ul", each(view.sessions, row), cls="security-list"),
        when(
            view.all_sessions,
            el(
                "details",
                el("summary", view.all_sessions),
                el("ul", each(view.more_sessions, row), cls="security-list"),
                cls="section-unfold",
            ),
        ),
        when(view.others, others.draw(view, on_done=Security.retry)),
    )


def _history(view: Bound) -> Node:
    def row(one: Bound) -> Node:
        browser = el("td", one.browser, when(one.way, el("p", one.way, cls="small muted")))
        return el("tr", el("th", one.at, scope="row"), browser, el("td", one.address))

    heads = (el("th", name, scope="col") for name in (t("When"), t("Browser"), t("Network address")))
    return el("table", el("thead", el("tr", *heads)), el("tbody", each(view.history, row)), cls="security-table")


def _draw(view: Bound) -> Node:
    pending = when(view.pending, el("p", icon("clock"), el("span", view.pending), cls="notice notice-quiet"))
    codes = t("After your password, you are asked for a code from an app on your phone. Knowing your password alone is no longer enough.")
    keys = t(
        "A passkey is kept by your phone, your computer or a security key, which asks for your fingerprint, "
        "your face or a PIN. You sign in with it without a password, or after it as the second step. It works "
        "on this site only, so that no other site can ask for it."
    )
    sessions = t("Where you are signed in. If you do not recognize a browser, end its session and change your password.")
    past = t("The latest sign-ins; we keep them for 90 days.")
    again = t("You stay signed in here. Every other browser is signed out.")
    held = when(view.held, el("p", icon("circle-alert"), el("span", view.held), cls="form-summary security-held"))
    return (
        held,
        section(t("Email"), pending, _email().draw(view, on_done=Security.retry)),
        section(t("Password"), _password().draw(view, on_done=Security.retry), text=again),
        section(t("Two-step sign-in"), _two_step(view), text=codes),
        section(t("Passkeys"), _passkeys(view), text=keys),
        _recovery(view),
        section(t("Open sessions"), _sessions(view), text=sessions),
        section(t("Sign-in history"), _history(view), text=past),
    )


def page() -> rx.Component:
    """Build the page in the current language."""
    head = View(lambda _: el("div", el("h1", t("Sign-in and security")), cls="layout-head"))
    content = live("security", View(_draw), Security.view, Security.filled)
    trail = [("/profile", t("Profile")), (current_path(), t("Sign-in and security"))]
    return shown_page(Security, head.component(None), content, Passkeys.create(), Strength.create(), trail=trail)


async def slots(page_request: PageRequest) -> dict[str, str]:
    """Render the page's slots for the document."""
    view = await database.read(security_view, require_identity(), clock.now())
    return {"security": View(_draw).html(with_form_feedback(view, page_request))}
