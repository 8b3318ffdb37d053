"""The view of the page "Sign-in and security"."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import segno
from sqlmodel import Session

from odoportal.accounts.models import Person
from odoportal.core.i18n import Formats, t
from odoportal.core.identity import Identity
from odoportal.forms.view import Choice, FieldRow, FormView, form_view
from odoportal.rooms.signin import email_change, known_browsers, passkeys, sessions, two_factor
from odoportal.rooms.signin.models import Passkey

SESSIONS_SHOWN = 5
"""How many open sessions are shown before the others are asked for."""


@dataclass(frozen=True)
class SessionRow:
    """A row of an open session; `here` is filled for the browser that shows the page."""

    key: str
    browser: str
    place: str
    used: str
    here: str


@dataclass(frozen=True)
class SignInRow:
    """A row of the sign-in history."""

    key: str
    at: str
    browser: str
    address: str
    way: str


@dataclass(frozen=True)
class PasskeyRow:
    """A row of a passkey."""

    key: str
    name: str
    about: str


@dataclass(frozen=True)
class TwoStep:
    """The state of the authenticator app.

    Attributes:
        state: "off", "setting_up" or "on".
        key: the app's secret in groups of four characters; only while the app is set up.
        qr: the QR code as the data of an SVG path; only while the app is set up.
        box: the `viewBox` of the QR code.
        about: since when the app is on.
    """

    state: str = "off"
    key: str = ""
    qr: str = ""
    box: str = ""
    about: str = ""


@dataclass(frozen=True)
class SecurityView:
    """The view of the page: its forms, and what it shows.

    Attributes:
        task: the WebAuthn creation options as JSON; only while a passkey is added.
        codes: how many recovery codes are left.
        pending: which email waits for its confirmation.
        held: why the person must set up two-step sign-in before the account is shown.
        sessions: the present session and the most recent others; `more_sessions` has the rest.
        all_sessions: the words that show the rest.
        others: whether there are other sessions.
    """

    email: FormView = field(default_factory=FormView)
    new_password: FormView = field(default_factory=FormView)
    end_session: FormView = field(default_factory=FormView)
    end_others: FormView = field(default_factory=FormView)
    totp_begin: FormView = field(default_factory=FormView)
    totp_confirm: FormView = field(default_factory=FormView)
    totp_off: FormView = field(default_factory=FormView)
    recovery: FormView = field(default_factory=FormView)
    passkey_begin: FormView = field(default_factory=FormView)
    passkey_add: FormView = field(default_factory=FormView)
    passkey_rename: FormView = field(default_factory=FormView)
    passkey_remove: FormView = field(default_factory=FormView)
    two_step: TwoStep = field(default_factory=TwoStep)
    passkeys: list[PasskeyRow] = field(default_factory=list)
    task: str = ""
    codes: str = ""
    pending: str = ""
    held: str = ""
    sessions: list[SessionRow] = field(default_factory=list)
    more_sessions: list[SessionRow] = field(default_factory=list)
    all_sessions: str = ""
    others: bool = False
    history: list[SignInRow] = field(default_factory=list)


def security_view(session: Session, who: Identity, now: datetime) -> SecurityView:
    """Return the view of the signed-in person's page."""
    formats = Formats(who.region)
    mine = {"now": who.email}
    pending_change = email_change.find_unconfirmed(session, who.person_id, now)
    pending = ""
    if pending_change:
        until = formats.moment_in_text(pending_change.expires_at)
        pending = t(
            "Confirm {email} by {moment}, with the link that we sent to it.",
            email=pending_change.new_email,
            moment=until,
        )
    rows = _sessions(session, who, formats, now)
    known, ways = passkeys.of_person(session, who.person_id), known_browsers.method_labels()
    device = next((row.browser for row in rows if row.here), "")
    protected = bool(two_factor.people_with_second_factor(session, [who.person_id]))
    return SecurityView(
        email=form_view(who, mine),
        new_password=form_view(who, mine),
        end_session=form_view(who),
        end_others=form_view(who),
        totp_begin=form_view(who),
        totp_confirm=form_view(who),
        totp_off=form_view(who),
        recovery=form_view(who),
        passkey_begin=form_view(who),
        passkey_add=form_view(who, {"name": device}),
        passkey_rename=_choice_form(who, known, "passkey_rename", {"name": t("New name")}),
        passkey_remove=_choice_form(who, known, "passkey_remove", {"current": t("Your password")}),
        two_step=_two_step(session, who, formats, now),
        passkeys=[_passkey(found, formats) for found in known],
        task=passkeys.registration_options(session, session.get_one(Person, who.person_id), who.session, now),
        codes=t("Recovery codes left: {n}.", n=formats.number(two_factor.codes_left(session, who.person_id))) if protected else "",
        pending=pending,
        held=t("{account} requires two-step sign-in for everyone. Set it up below to see the account.", account=who.account.name)
        if who.held_back
        else "",
        sessions=rows[:SESSIONS_SHOWN],
        more_sessions=rows[SESSIONS_SHOWN:],
        all_sessions=t("Show all {n}", n=formats.number(len(rows))) if len(rows) > SESSIONS_SHOWN else "",
        others=len(rows) > 1,
        history=[
            SignInRow(str(row.id), formats.moment(row.at), known_browsers.browser_label(row.browser), row.address, ways.get(row.way, ""))
            for row in known_browsers.history(session, who.person_id, now)
        ],
    )


def _two_step(session: Session, who: Identity, formats: Formats, now: datetime) -> TwoStep:
    if (on := two_factor.active_app(session, who.person_id)) is not None and on.confirmed_at is not None:
        return TwoStep("on", about=t("On since {moment}", moment=formats.moment_in_text(on.confirmed_at)))
    if (begun := two_factor.pending_app(session, who.person_id, now)) is None:
        return TwoStep()
    secret = two_factor.secret_of(begun.seed)
    path, side = _qr(two_factor.uri_of(begun.seed, who.email))
    return TwoStep("setting_up", " ".join(secret[i : i + 4] for i in range(0, len(secret), 4)), path, f"0 0 {side} {side}")


def _passkey(found: Passkey, formats: Formats) -> PasskeyRow:
    added = t("Added on {moment}", moment=formats.moment_in_text(found.added_at))
    used = t("Last used on {moment}", moment=formats.moment_in_text(found.used_at)) if found.used_at else t("Not used yet")
    return PasskeyRow(str(found.id), found.name, f"{added} · {used}")


def _choice_form(who: Identity, known: Sequence[Passkey], name: str, others: dict[str, str]) -> FormView:
    """Return the view of a form about one of the passkeys, with a field to choose which; `others` labels its other fields."""
    id_, label = f"{name}-which", t("Passkey")
    options = [Choice(str(found.id), found.name, at == 0) for at, found in enumerate(known)]
    row = FieldRow("which", id_, f"{id_}-note", f"#{id_}", label, True, select=True, options=options)
    labels = [[key, t("{name}: {error}", name=text, error=""), f"{name}-{key}"] for key, text in ({"which": label} | others).items()]
    initial = {"which": options[0].key} if options else {}
    return replace(form_view(who, initial), rows=[row], labels=labels)


def _qr(text: str) -> tuple[str, int]:
    """Return a QR code as the SVG path data of its dark modules, and the length of its side in modules, with the quiet zone."""
    rows = [list(row) for row in segno.make(text, error="m", micro=False).matrix_iter(border=4)]
    dark = [f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, module in enumerate(row) if module]
    return "".join(dark), len(rows)


def _sessions(session: Session, who: Identity, formats: Formats, now: datetime) -> list[SessionRow]:
    found = known_browsers.open_sessions(session, who.person_id, now)
    return [
        SessionRow(
            key=sessions.key_of(row.hash),
            browser=known_browsers.browser_label(row.browser),
            place=t("Network address {address}", address=row.address),
            used=t("Last used {moment}", moment=formats.moment_in_text(row.seen_at)),
            here=t("This browser") if row.hash == who.session else "",
        )
        for row in sorted(found, key=lambda row: row.hash != who.session)
    ]
