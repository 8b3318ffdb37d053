"""What ends with somebody's access: one call for every way in which a person loses a right, or the access as a whole.

Whatever takes a right away calls `end` (one account) or `end_everywhere` in its own transaction: removal and another role on the page of
people, `odoportal user disable`, the roles of an import, and the report that somebody else was signed in. Each room says in its
`ending.py` what a person can set up in it that would outlive the access:

- people: open invitations are withdrawn;
- notices: addresses for copies of invoices, also those not confirmed yet;
- privacy: a request to close the account.

What needs no `ending.py`, because it is asked for the right whenever it is used, or is the person's own:

- sessions: `signin.sessions.resolve` reads the membership at every request and event;
- a card that is being added: `cards.service.settle` asks for the right of whoever began it;
- files of one's own data: `privacy.service.ready` asks for the role, and the file is gone after a day;
- links that stop notices: `notices.stopping.look` asks for the membership; choices of notices count for members only;
- the password, passkeys, other second factors, remembered browsers, another email that waits for its confirmation, links to a password:
  they are the person's, open no account without a membership, and end with `signin.staff.disable`;
- cards on file, addresses, the account's own settings: they are the account's, stand on its pages, and stay.

`tests/accounts/test_ending.py` holds every column that refers to a person against this list.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from importlib import import_module
from pathlib import Path

from sqlmodel import Session, col, select

from odoportal.accounts.activity_log import Actor
from odoportal.accounts.models import Membership
from odoportal.accounts.rights import Right, may


@dataclass(frozen=True)
class Lost:
    """Which access of whom ended.

    Attributes:
        account_id: in which account.
        person_id: whose.
        role: what the person still is in the account; empty for nobody.
        by: who ended it, for the account's changes.
        keeper: the id of the signed-in person who decided what is kept; None where nobody was asked.
        kept: keys of what the keeper takes over, as the room that owns it makes them.
        since: everything that was set up from this instant on ends, whatever the role: somebody else was signed in.
    """

    account_id: int
    person_id: int
    by: Actor
    role: str = ""
    keeper: int | None = None
    kept: frozenset[str] = frozenset()
    since: datetime | None = None

    def ends(self, right: Right, at: datetime) -> bool:
        """Whether something ends that needs a right and was set up at an instant."""
        return at >= self.since if self.since is not None else not may(self.role, right)


End = Callable[[Session, Lost, datetime], None]


@lru_cache
def _rooms() -> tuple[End, ...]:
    """The `end` of every room that has an `ending.py`. Found by name, since `accounts` knows no room above it."""
    package = Path(__file__).parents[1]
    found = sorted(path.parent.name for path in package.glob("rooms/*/ending.py"))
    return tuple(import_module(f"odoportal.rooms.{room}.ending").end for room in found)


def end(session: Session, lost: Lost, now: datetime) -> None:
    """End what a person set up in one account and has no right to any more.

    Args:
        session: the session that takes the access away.
        lost: whose access, and what is left of it.
        now: the instant.
    """
    for room in _rooms():
        room(session, lost, now)


def end_everywhere(session: Session, person_id: int, by: Actor, now: datetime, since: datetime | None = None) -> None:
    """End what a person set up in every account the person belongs to; with `since`, only what was set up from then on."""
    accounts = select(Membership.account_id).where(Membership.person_id == person_id).order_by(col(Membership.account_id))
    for account_id in session.exec(accounts).all():
        end(session, Lost(account_id, person_id, by, since=since), now)


def loses(before: str, after: str) -> bool:
    """Whether somebody whose role changes has fewer rights than before."""
    return any(may(before, right) and not may(after, right) for right in Right)
