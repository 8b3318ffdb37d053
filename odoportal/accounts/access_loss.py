"""Revocation of what a person has set up in an account, when the person loses a right or the whole access.

Code that removes a right calls `pages.room.revoke` (one account) or `revoke_everywhere` in the same transaction: the removal of a person
and the change of a role on the People page, `odoportal user disable`, the roles of an import, and a report that another person was signed
in. A room in which a person can set up something that would outlive the access revokes it (`Room.revoke`, in its `revoke.py`):

- people: open invitations are withdrawn;
- notifications: addresses for copies of invoices are removed or paused, including unconfirmed ones;
- privacy: a request to close the account is withdrawn.

The following need no `revoke.py`, because the right is checked on every use, or because they belong to the person or the account:

- sessions: `signin.sessions.resolve` reads the membership at every request and event;
- a card that is being added: `cards.service.settle` checks the right of the person who started it;
- files with a person's own data: `privacy.service.ready` checks the role, and the file is deleted after a day;
- unsubscribe links: `notifications.unsubscribe.read_link` checks the membership; notification choices count for members only;
- the password, passkeys, other second factors, known browsers, an unconfirmed new email, and password links: they belong to the person,
  open no account without a membership, and end with `signin.staff.disable`;
- cards on file, addresses and account settings: they belong to the account, are visible on its pages, and remain.

`tests/accounts/test_access_loss.py` checks every column that refers to a person against this list.
"""

from dataclasses import dataclass
from datetime import datetime

from odoportal.accounts.activity_log import Actor
from odoportal.accounts.rights import Right, may


@dataclass(frozen=True)
class AccessLoss:
    """A person's loss of rights, or of all access, in one account.

    Attributes:
        account_id: The account.
        person_id: The person who loses the rights.
        role: The role the person still has in the account; empty when the person is no longer a member.
        by: The actor who ended the access, for the account's activity.
        keeper: The id of the signed-in person who decided what to keep; None when no one was asked.
        kept: Keys of the items the keeper takes over, in the format of the room that owns them.
        since: When set, everything set up at or after this instant (UTC) ends, whatever the role: another person was signed in.
    """

    account_id: int
    person_id: int
    by: Actor
    role: str = ""
    keeper: int | None = None
    kept: frozenset[str] = frozenset()
    since: datetime | None = None

    def ends(self, right: Right, at: datetime) -> bool:
        """Return whether an item that requires `right` and was set up at the instant `at` must end."""
        return at >= self.since if self.since is not None else not may(self.role, right)


def loses(before: str, after: str) -> bool:
    """Return whether a change of role from `before` to `after` removes any right."""
    return any(may(before, right) and not may(after, right) for right in Right)
