"""The commands `odoportal demo | run | build | check | import | user | mail | notices | backup | …`; see `commands`."""

import sys
from pathlib import Path

import click

from odoportal.commands.common import BAD_REQUEST, FILE, load_env_file, say
from odoportal.commands.importing import import_
from odoportal.commands.jobs import jobs
from odoportal.commands.keeping import backup, copy_to, database_url, restore
from odoportal.commands.notices import notices
from odoportal.commands.people import mail, user
from odoportal.commands.portal import build_only, check, demo, run


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="odoportal", message="odoportal %(version)s")
@click.option("--env-file", type=FILE, help="Read the settings from this file, one NAME=value on each line.")
def commands(env_file: Path | None) -> None:
    """ODOportal, the customer portal of Odotrack.

    `odoportal demo` shows it on this machine and needs nothing; `odoportal run` serves customers. README.md and
    docs/operations.md say how to set each up.
    """
    if env_file is not None:
        load_env_file(env_file)


for command in (demo, run, build_only, check, import_, backup, restore, copy_to, database_url, user, mail, jobs, notices):
    commands.add_command(command)


def main() -> None:
    """Run the `odoportal` command. Failures are one sentence on standard error."""
    try:
        sys.exit(commands.main(standalone_mode=False))
    except click.exceptions.NoArgsIsHelpError as error:
        say(*error.format_message().splitlines())
        sys.exit(BAD_REQUEST)
    except click.ClickException as error:
        say(" ".join(error.format_message().split()), err=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
