"""`odoportal user | mail`: people who can sign in, and the mails in the outbox."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import click

from odoportal.commands.common import Refused, data, format_instant, say

T = TypeVar("T")
ROLES = click.Choice(["owner", "billing", "operations", "read_only"])


@click.group()
def user() -> None:
    """Manage the people who sign in."""


@user.command()
@click.argument("email")
@click.option("--account", "number", required=True, help="Number of the account.")
@click.option("--name", default=None, help="The person's name; the email's first part where it is not known yet.")
@click.option("--role", type=ROLES, default="owner", show_default=True, help="What the person may do.")
@click.option(
    "--language", type=click.Choice(["fr", "en"]), default="fr", show_default=True, help="Language of the email, for a new person."
)
def invite(email: str, number: str, name: str | None, role: str, language: str) -> None:
    """Give EMAIL access to an account.

    The email has a link that sets the first password, or says where to sign in if there is a password already.
    """
    with data(mails=True):
        from odoportal.accounts.service import UnknownAccount, UnusableEmail
        from odoportal.core import clock, database
        from odoportal.rooms.signin import service

        try:
            with database.write_session() as session:
                person = service.invite(session, email, number, clock.now(), name=name, role=role, language=language)
                address = person.email
        except (UnknownAccount, UnusableEmail) as error:
            raise Refused(str(error)) from error
    say(f"{address} has access to account {number}; the email goes out while the portal runs.")


def _run_for_person(work: Callable[..., T], *args: object, mails: bool = False) -> T:
    """Run `work(session, …)`, a function of `signin.staff`, and return its result; refuse an unknown email in one sentence."""
    with data(mails=mails):
        from odoportal.core import database
        from odoportal.rooms.signin import staff

        try:
            with database.write_session() as session:
                return work(session, *args)
        except staff.NoSuchPerson as error:
            raise Refused(str(error)) from error


def _now() -> datetime:
    from odoportal.core import clock

    return clock.now()


@user.command()
@click.argument("email")
def disable(email: str) -> None:
    """Block EMAIL: every session ends at once."""
    from odoportal.rooms.signin import staff

    ended = _run_for_person(staff.disable, email, _now())
    say(f"{email} is disabled. Sessions ended: {ended}.")


@user.command()
@click.argument("email")
def enable(email: str) -> None:
    """Let EMAIL sign in again, with the same password."""
    from odoportal.rooms.signin import staff

    say(f"{email} may sign in again." if _run_for_person(staff.enable, email, _now()) else f"{email} was not disabled.")


@user.command("reset-two-factor")
@click.argument("email")
def reset_two_factor(email: str) -> None:
    """Turn off EMAIL's two-step sign-in.

    For someone who has lost the app, the passkeys and the recovery codes; the person is notified by email.

    Make sure first that it is the person who asks.
    """
    from odoportal.rooms.signin import staff

    if not _run_for_person(staff.reset_two_factor, email, _now(), mails=True):
        raise Refused(f"{email} has no two-step sign-in.")
    say(f"Two-step sign-in of {email} is off, and every session ended; the email goes out while the portal runs.")


@user.command("sign-out-everywhere")
@click.argument("email")
def sign_out_everywhere(email: str) -> None:
    """End every session of EMAIL.

    Also forgets which browsers need no second step.
    """
    from odoportal.rooms.signin import staff

    say(f"Sessions of {email} ended: {_run_for_person(staff.sign_out_everywhere, email, _now())}.")


@user.command()
@click.argument("email")
def roles(email: str) -> None:
    """List the accounts of EMAIL, and the role in each."""
    from odoportal.rooms.signin import staff

    found = _run_for_person(staff.roles, email)
    for membership in found:
        say(f"{membership.number:>8}  {membership.role:<10}  {membership.name}")
    if not found:
        say(f"{email} belongs to no account.")


@click.group(invoke_without_command=True)
@click.pass_context
def mail(context: click.Context) -> None:
    """List emails that are waiting or were given up.

    What an email says is never shown.
    """
    if context.invoked_subcommand is None:
        _list_mails()


def _list_mails() -> None:
    with data():
        from odoportal.core import database
        from odoportal.mail import outbox_admin

        with database.read_session() as session:
            mails, more = outbox_admin.waiting(session)
    for mail_ in mails:
        when = (
            f"tried again {format_instant(mail_.next_try_at)}"
            if mail_.next_try_at
            else f"given up {format_instant(mail_.failed_at or mail_.created_at)}"
        )
        say(f"{mail_.id:>6}  {mail_.to}  {mail_.subject}")
        say(
            f"        written {format_instant(mail_.created_at)}, {when}, {mail_.attempts} tries"
            + (f": {mail_.error}" if mail_.error else "")
        )
    if more:
        say(f"and {more} more")
    if not mails:
        say("No email is waiting, and none was given up.")


@mail.command()
@click.argument("number", type=click.IntRange(1), required=False)
@click.option("--dead", is_flag=True, help="All emails that were given up.")
def retry(number: int | None, dead: bool) -> None:
    """Send email NUMBER again, or all that were given up.

    It leaves at once if the portal is running, otherwise when it starts.
    """
    if (number is None) != dead:
        raise Refused("Give the number of an email, or --dead for all that were given up.")
    with data():
        from odoportal.core import clock, database
        from odoportal.mail import outbox_admin

        with database.write_session() as session:
            tried = outbox_admin.retry(session, clock.now(), number)
    if number is not None and not tried:
        raise Refused(f"No email {number} is waiting or was given up.")
    say(f"{tried} emails are tried again." if tried != 1 else "1 email is tried again.")
