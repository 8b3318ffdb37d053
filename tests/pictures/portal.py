"""`odoportal` with its clock stopped, so that its demonstration looks the same at every start.

python -m tests.pictures.portal demo --port …
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from odoportal.core import clock
from tests.program import main
from tests.server import Portal, running

NOW = datetime(2020, 9, 24, 14, 30, tzinfo=UTC)
"""The present instant, on the demonstration's business day: 10:30 in Toronto."""


@contextmanager
def stopped(folder: Path) -> Iterator[Portal]:
    """Serve the demonstration at `NOW`, with its data in the folder."""
    with running(folder / "data", program=(sys.executable, "-m", "tests.pictures.portal")) as portal:
        yield portal


if __name__ == "__main__":
    clock.set_source(lambda: NOW)
    main()
