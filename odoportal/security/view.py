"""What the page shows of how a person gets in."""

from dataclasses import dataclass, field
from datetime import datetime

import segno
from sqlmodel import Session

from odoportal.foundation.forms import FormView, form_view
from odoportal.foundation.i18n import Formats, t
from odoportal.foundation.identity import Who
from odoportal.signin import browsers, emails, second, sessions


@dataclass(frozen=True)
class SessionRow:
    """A signed-in browser; `here` is filled for the one that asks."""

    key: str
    browser: str
    about: str
    here: str


@dataclass(frozen=True)
class SignInRow:
    """A sign-in."""

    key: str
    at: str
    browser: str
    address: str


@dataclass(frozen=True)
class TwoStep:
    """`state` is "off", "setting_up" or "on". `key` and `qr` (a path in a square of `side`) are there while the app is set up."""

    state: str = "off"
    key: str = ""
    qr: str = ""
    box: str = ""
    about: str = ""


@dataclass(frozen=True)
class SecurityView:
    """The forms; `pending` says which email waits for its confirmation, `others` whether there are other sessions."""

    email: FormView = field(default_factory=FormView)
    new_password: FormView = field(default_factory=FormView)
    end_session: FormView = field(default_factory=FormView)
    end_others: FormView = field(default_factory=FormView)
    totp_begin: FormView = field(default_factory=FormView)
    totp_confirm: FormView = field(default_factory=FormView)
    totp_off: FormView = field(default_factory=FormView)
    recovery: FormView = field(default_factory=FormView)
    two_step: TwoStep = field(default_factory=TwoStep)
    pending: str = ""
    sessions: list[SessionRow] = field(default_factory=list)
    others: bool = False
    history: list[SignInRow] = field(default_factory=list)


def security_view(session: Session, who: Who, now: datetime) -> SecurityView:
    """The page of the signed-in person."""
    formats = Formats(who.region)
    mine = {"now": who.email}
    asked = emails.waiting(session, who.person_id, now)
    pending = ""
    if asked:
        until = formats.moment(asked.expires_at)
        pending = t(
            "{email} waits for your confirmation, by the link that we mailed to it, until {moment}.", email=asked.new_email, moment=until
        )
    rows = _sessions(session, who, formats, now)
    return SecurityView(
        email=form_view(who, mine),
        new_password=form_view(who, mine),
        end_session=form_view(who),
        end_others=form_view(who),
        totp_begin=form_view(who),
        totp_confirm=form_view(who),
        totp_off=form_view(who),
        recovery=form_view(who),
        two_step=_two_step(session, who, formats, now),
        pending=pending,
        sessions=rows,
        others=len(rows) > 1,
        history=[
            SignInRow(str(row.id), formats.moment(row.at), browsers.words(row.browser), row.address)
            for row in browsers.history(session, who.person_id, now)
        ],
    )


def _two_step(session: Session, who: Who, formats: Formats, now: datetime) -> TwoStep:
    if (on := second.in_force(session, who.person_id)) is not None and on.confirmed_at is not None:
        left = second.codes_left(session, who.person_id)
        about = t("On since {moment}. Recovery codes left: {n}.", moment=formats.moment(on.confirmed_at), n=formats.number(left))
        return TwoStep("on", about=about)
    if (begun := second.setting_up(session, who.person_id, now)) is None:
        return TwoStep()
    secret = second.secret_of(begun.seed)
    path, side = _qr(second.uri_of(begun.seed, who.email))
    return TwoStep("setting_up", " ".join(secret[i : i + 4] for i in range(0, len(secret), 4)), path, f"0 0 {side} {side}")


def _qr(text: str) -> tuple[str, int]:
    """A QR code as the path of its dark modules, and the length of its side with the quiet zone."""
    rows = [list(row) for row in segno.make(text, error="m", micro=False).matrix_iter(border=4)]
    dark = [f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, module in enumerate(row) if module]
    return "".join(dark), len(rows)


def _sessions(session: Session, who: Who, formats: Formats, now: datetime) -> list[SessionRow]:
    found = browsers.open_sessions(session, who.person_id, now)
    return [
        SessionRow(
            key=sessions.key_of(row.hash),
            browser=browsers.words(row.browser),
            about=t("Network address {address}. Last used {moment}.", address=row.address, moment=formats.moment(row.seen_at)),
            here=t("This browser") if row.hash == who.session else "",
        )
        for row in sorted(found, key=lambda row: row.hash != who.session)
    ]
