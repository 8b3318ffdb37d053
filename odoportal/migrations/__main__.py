"""Writes the next migration: `python -m odoportal.migrations "what changes"`. Read it before you commit it."""

import re
import sys
from tempfile import TemporaryDirectory

from alembic import command
from sqlalchemy import URL

from odoportal.core.database import make_engine
from odoportal.migrations import FOLDER, configuration, metadata, migrate


def draft(message: str) -> str:
    """Compare the models with an empty database after all migrations, and write the missing migration.

    Args:
        message: what changes, in a few words; it becomes part of the file name.

    Returns:
        The path of the new file.
    """
    number = f"{len(list((FOLDER / 'versions').glob('[0-9]*.py'))) + 1:04d}"
    with TemporaryDirectory() as folder:
        engine = make_engine(URL.create("sqlite", database=f"{folder}/empty.db"))
        if int(number) > 1:
            migrate(engine)
        with engine.connect() as connection:
            config = configuration(connection)
            config.attributes["metadata"] = metadata()
            config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
            script = command.revision(config, message, autogenerate=True, rev_id=number)
        engine.dispose()
    if script is None or isinstance(script, list):
        raise RuntimeError("Alembic wrote no step")
    return script.path


if __name__ == "__main__":
    words = " ".join(sys.argv[1:])
    if not re.fullmatch(r"[A-Za-z][\w ,-]+", words):
        sys.exit('Say what changes: python -m odoportal.migrations "devices get a colour"')
    sys.stdout.write(draft(words) + "\n")
