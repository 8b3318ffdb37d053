"""`odoportal` with database faults injected from outside: each connection executes the pragma in a file at checkout.

python -m tests.faults.injected FILE demo --port …
"""

import sys
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.pool import Pool

from tests.program import main


def _execute_pragma_on_checkout(pragma_file: Path) -> None:
    def on_checkout(dbapi: Any, _record: object, _proxy: object) -> None:
        dbapi.execute(f"PRAGMA {pragma_file.read_text() if pragma_file.exists() else 'query_only=OFF'}")

    event.listen(Pool, "checkout", on_checkout)


if __name__ == "__main__":
    _execute_pragma_on_checkout(Path(sys.argv.pop(1)))
    main()
