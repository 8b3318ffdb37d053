"""`odoportal notices`: write the notifications of the day."""

import click

from odoportal.commands.common import Refused, data, say


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and write nothing.")
def notices(dry_run: bool) -> None:
    """Write the emails about what is new today.

    New invoices, payments, overdue invoices, agreements and cards that end soon, each reported once to everyone who wants it. Run it
    once a day, after the import; more often does no harm. The portal sends the emails.
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
