"""Shared fixtures: people of the demonstration data, signed in once, with the data that belongs to each of them."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Engine, text

from odoportal.frontend import builder
from tests.inside import Inside, serving_inside
from tests.server import FLEET, GUIDE, Portal

Cookies = Callable[[str], str]
USES = 200
_REGISTRY = """
import inspect
import json
from odoportal.web.event_gate import EventGate
from odoportal.odoportal import NEEDED, PAGES, app, http
from reflex_base.registry import RegistrationContext
gate = next(m for m in app._middlewares if isinstance(m, EventGate))
handlers = RegistrationContext.get().event_handlers
print(json.dumps({
    "handlers": NEEDED,
    "arguments": {name: list(inspect.signature(held.handler.fn).parameters)[1:] for name, held in handlers.items()},
    "payloads": {name: model.model_json_schema() for name, model in gate.payloads.items()},
    "pages": [[p.path, p.right] for p in PAGES if p.private],
    "forms": [[p.path, name, rule.right] for p in PAGES for name, rule in getattr(p.post, "handlers", {}).items()],
    "routes": [[r.path, sorted(r.methods), getattr(r.endpoint, "needs", "")] for r in http.routes],
}))
"""


@pytest.fixture(scope="session")
def registry() -> dict[str, Any]:
    """Return the handlers, pages, forms and routes of the assembled portal with the right each needs, and the gate's payload schemas."""
    environment = {**os.environ, "ODOPORTAL_MODE": "demo"}
    command = [sys.executable, "-c", _REGISTRY]
    ran = subprocess.run(command, cwd=builder.root(), env=environment, capture_output=True, text=True, check=True)
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def cookie_of(portal: Portal) -> Cookies:
    """Return a function that gives a person's session cookie, for tests that neither end nor change the session.

    A cookie is replaced by a new one after `USES` uses, before its rate limits are reached.
    """
    known: dict[str, str] = {}
    uses: Counter[str] = Counter()

    def of(email: str) -> str:
        if uses[email] % USES == 0:
            known[email] = portal.sign_in(email, keep="1")
        uses[email] += 1
        return known[email]

    return of


@pytest.fixture(scope="session")
def rows(portal: Portal) -> Iterator[Engine]:
    """Yield an engine for the portal's own database."""
    made = portal.engine()
    yield made
    made.dispose()


@dataclass(frozen=True)
class Victim:
    """A person, the numbers of their records, and texts that no other person may receive."""

    email: str
    account: str
    order: str
    invoice: str
    markers: tuple[str, ...]


def _victim(rows: Engine, email: str) -> Victim:
    with rows.connect() as connection:
        person = connection.execute(text("SELECT id, name FROM person WHERE email = :e"), {"e": email}).one()
        held = connection.execute(
            text("SELECT a.id, a.number, a.name FROM account a JOIN membership m ON m.account_id = a.id WHERE m.person_id = :p"),
            {"p": person.id},
        ).one()
        order = connection.scalar(text("SELECT number FROM orders WHERE account_id = :a ORDER BY start_on DESC"), {"a": held.id})
        invoice = connection.scalar(text("SELECT number FROM invoice WHERE account_id = :a ORDER BY issued_on DESC"), {"a": held.id})
    return Victim(email, held.number, order, invoice, (person.name, held.name, email))


@pytest.fixture(scope="session")
def victim(rows: Engine) -> Victim:
    """Return the fleet customer, whose data the attacks are after."""
    return _victim(rows, FLEET)


@pytest.fixture(scope="session")
def attacker(rows: Engine) -> Victim:
    """Return the customer of the guide, who plays the attacker."""
    return _victim(rows, GUIDE)


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """Yield the portal running in this process, with two customers."""
    with serving_inside(tmp_path_factory.mktemp("inside")) as started:
        yield started
