"""`odoportal notices`: write the notifications of the day."""

import sys

import click

from odoportal.commands.common import Refused, data, say


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would be told, and write nothing.")
def notices(dry_run: bool) -> None:
    """Write the mails about what is new today.

    New invoices, payments, overdue invoices, agreements and cards that end soon, each told once to whoever wants it. To be run once a
    day, after the import: more often does no harm. The portal sends the mails.

    Ends with 1 when an account or an invoice failed; the others are told all the same.
    """
    with data(mails=True):
        from odoportal.core import clock, database
        from odoportal.importing import locks, merge
        from odoportal.rooms.cards import flow
        from odoportal.rooms.notifications import send

        provider = flow.provider()
        # No import may run meanwhile: between its parts, an invoice may be in the database without its payment.
        with locks.importing(database.engine()):
            with database.read_session() as session:
                if merge.unfinished(session):
                    raise Refused("An import was interrupted; `odoportal import` or `odoportal run` finishes it first.")
            done = send.run(provider.name if provider else "", clock.today(), clock.now(), dry=dry_run)
    for kind, count in sorted(done.things.items()):
        say(f"{kind.value:<8}  {count}")
    say(f"{done.mails} emails {'would be written' if dry_run else 'written'}.")
    if done.failed:
        say(*(f"Failed, and tried again by the next run: {item}" for item in done.failed), err=True)
        sys.exit(1)
