"""`odoportal notices`: write the notifications of the day."""

import sys

import click

from odoportal.commands.common import Refused, data, say


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and write nothing.")
def notices(dry_run: bool) -> None:
    """Write the emails about what is new today.

    New invoices, payments, overdue invoices, agreements and cards that end soon, each told once to whoever wants it. The
    portal does this by itself every day at 7:30; run it after an import to write them at once. The portal sends the mails.

    Ends with 1 when an account or an invoice failed; the others are told all the same.
    """
    with data(mails=True):
        from odoportal import background_jobs

        try:
            done = background_jobs.write_notices(dry=dry_run)
        except background_jobs.ImportUnfinished as error:
            raise Refused("An import was interrupted; `odoportal import` or `odoportal run` finishes it first.") from error
    for kind, count in sorted(done.things.items()):
        say(f"{kind.value:<8}  {count}")
    say(f"{done.mails} emails {'would be written' if dry_run else 'written'}.")
    if done.failed:
        say(*(f"Failed, and tried again by the next run: {item}" for item in done.failed), err=True)
        sys.exit(1)
