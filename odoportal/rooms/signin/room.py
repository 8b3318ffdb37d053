"""The sign-in room: sign-in, links by mail, sessions."""

from odoportal.accounts import unsolicited
from odoportal.core.i18n import t
from odoportal.forms import handling
from odoportal.pages.room import KeptData, Room, Web
from odoportal.rooms.signin import email_change, known_browsers, links, passkeys, sessions, two_factor
from odoportal.rooms.signin.activity import ACTIVITY


def _web() -> Web:
    from starlette.routing import Route

    from odoportal.rooms.signin import link_pages, routes
    from odoportal.rooms.signin.page import page
    from odoportal.web.page import Page

    return Web(
        pages=[
            Page("/login", "Sign In", page, fill=routes.fill_login, post=routes.post_login, private=False),
            Page("/code", "Two-step sign-in", page, fill=routes.fill_code, post=routes.post_code, private=False),
            Page("/forgot", "Forgot your password?", page, fill=routes.fill_forgot, post=routes.post_forgot, private=False),
            Page("/reset", "Choose a new password", page, fill=link_pages.fill_reset, post=link_pages.post_reset, private=False),
            Page("/invite", "Choose your password", page, fill=link_pages.fill_invite, post=link_pages.post_invite, private=False),
            Page("/email", "Confirm your new email address", page, fill=link_pages.fill_email, post=link_pages.post_email, private=False),
            Page(
                "/undo", "Undo the change of your email address", page, fill=link_pages.fill_undo, post=link_pages.post_undo, private=False
            ),
            Page("/alert", "It was someone else", page, fill=link_pages.fill_alert, post=link_pages.post_alert, private=False),
        ],
        routes=[Route("/auth/sign-out", routes.sign_out, methods=["POST"])],
    )


def _kept() -> list[KeptData]:
    return [
        KeptData(t("Name, email, phone, language"), t("To give you access and to write to you"), t("As long as you have access")),
        KeptData(
            t("Email addresses you used before"),
            t("To recognize you in Odotrack’s files, and to let you go back to them for 7 days"),
            t("As long as you have access"),
        ),
        KeptData(t("Password"), t("To give you access. Only an irreversible (hashed) value is kept"), t("Until you choose another")),
        KeptData(
            t("Open sessions: browser, address, last use"),
            t("To protect your access"),
            t("Until they end: 12 hours, or 30 days where you stay signed in"),
        ),
        KeptData(
            t("Browsers you have signed in with: an identifier, last use"),
            t("To notify you of a sign-in with a new one, and to remember a trusted device"),
            t("12 months from the last sign-in"),
        ),
        KeptData(t("Sign-ins: when, browser, address"), t("So that you can spot sign-ins that are not yours"), t("90 days")),
        KeptData(
            t("Authenticator app, recovery codes, passkeys"),
            t("To make sure that it is you. What is kept here is not enough to sign in as you"),
            t("Until you remove them"),
        ),
    ]


# Sent forms and unsolicited emails are of every room; they are purged here.
_PURGES = tuple(
    module.purge_expired for module in (sessions, links, email_change, known_browsers, two_factor, passkeys, unsolicited, handling)
)
ROOM = Room("signin", _web, activity=ACTIVITY, kept=_kept, purges=_PURGES)
