"""Views of the page of people.

Owners see all members and open invitations and can change them; other members see the owners. Everyone sees what each role may do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlmodel import Session

from odoportal.accounts.models import Role
from odoportal.accounts.rights import ROLES_BY_RIGHT, Right, may
from odoportal.core.i18n import Formats, current_language, t
from odoportal.core.identity import Identity
from odoportal.documents.view import TextLine, text_lines
from odoportal.forms.view import FieldRow, FormView, form_view
from odoportal.lists.view import DetailsView
from odoportal.pages.shell_view import right_labels, role_labels
from odoportal.rooms.notifications.copies import key_of
from odoportal.rooms.notifications.service import added_by
from odoportal.rooms.people import service
from odoportal.rooms.people.models import Invitation
from odoportal.rooms.people.service import Member
from odoportal.rooms.signin import sessions
from odoportal.web.links import link_to


@dataclass(frozen=True)
class PersonRow:
    """A member of the account; `details` is the address of the dialog with what can be changed."""

    key: str
    name: str
    email: str
    you: bool
    blocked: bool
    role: str
    seen: str
    two_step: bool
    details: str


@dataclass(frozen=True)
class InvitationRow:
    """An open invitation; `over` if its link has expired. It can still be sent again or withdrawn."""

    key: str
    role: str
    over: bool
    until: str


@dataclass(frozen=True)
class PersonDetails(DetailsView):
    """The person in the dialog. `number` is empty if the account has no such person.

    `leaving` is for people who look at themselves: what happens to the invoice-copy addresses they added if they leave.
    """

    name: str = ""
    email: str = ""
    you: bool = False
    blocked: bool = False
    role_text: str = ""
    seen: str = ""
    two_step: bool = False
    role: FormView = field(default_factory=FormView)
    remove: FormView = field(default_factory=FormView)
    leaving: str = ""


@dataclass(frozen=True)
class Cell:
    """A cell of the table of rights: whether a role has a right."""

    key: str
    yes: bool


@dataclass(frozen=True)
class RightRow:
    """A row of the table of rights: a right, and for each role whether the role has it."""

    key: str
    text: str
    cells: list[Cell]


@dataclass(frozen=True)
class RoleCard:
    """A role, with what it may do and what it may not do."""

    key: str
    name: str
    mine: bool
    can: list[TextLine]
    cannot: list[TextLine]


@dataclass(frozen=True)
class PeopleView:
    """The page of people. `may` says whether the person may make changes; if not, the fields about members and invitations are empty.

    `required`: the account requires a second factor; `mine`: the signed-in person has one; `fresh`: the password need not be confirmed.
    """

    may: bool = False
    role: str = ""
    count: str = ""
    said: str = ""
    wrong: str = ""
    owners: list[PersonRow] = field(default_factory=list)
    people: list[PersonRow] = field(default_factory=list)
    invitations: list[InvitationRow] = field(default_factory=list)
    invite: FormView = field(default_factory=FormView)
    required: bool = False
    fresh: bool = False
    mine: bool = False
    require: FormView = field(default_factory=FormView)
    release: FormView = field(default_factory=FormView)
    roles: list[RoleCard] = field(default_factory=list)
    rights: list[RightRow] = field(default_factory=list)
    details: PersonDetails = field(default_factory=PersonDetails)


def people_view(session: Session, who: Identity, query: Mapping[str, str], now: datetime) -> PeopleView:
    """Return the view of the page in the current language.

    Args:
        session: a reading session.
        who: the identity.
        query: the query of the page's address: `open` is the id of the person to show, `done` names the change just made.
        now: the instant, which decides what has expired.
    """
    account_id, formats = who.account.account_id, Formats(who.region)
    members = service.members(session, account_id)
    base = PeopleView(
        role=t("Your role is {role}.", role=role_labels()[who.account.role]),
        owners=[_row(m, who, formats) for m in members if m.role is Role.OWNER and not m.blocked],
        roles=_roles(who),
        rights=_rights(),
    )
    if not may(who.account.role, Right.PEOPLE):
        return base
    return PeopleView(
        may=True,
        role=base.role,
        count=formats.number(len(members)),
        said=_done_messages().get(query.get("done", ""), ""),
        people=[_row(m, who, formats) for m in members],
        invitations=[_invitation(i, formats, now) for i in service.invitations(session, account_id)],
        invite=form_view(who, {"email": "", "role": Role.READ_ONLY, "language": current_language()}),
        required=service.requires_two_step(session, who),
        fresh=sessions.is_fresh(session, who.session, now),
        mine=any(m.two_step for m in members if m.person_id == who.person_id),
        require=form_view(who),
        release=form_view(who),
        roles=base.roles,
        rights=base.rights,
        details=_details(session, members, who, formats, query),
    )


def _done_messages() -> dict[str, str]:
    return {
        "removed": t("This person no longer belongs to the account."),
        "withdrawn": t("The invitation has been withdrawn. Its link no longer works."),
        "require": t(
            "From now on, only people with two-step sign-in can see this account. Anyone who has not set it up is notified by email."
        ),
        "release": t("Two-step sign-in is no longer required in this account."),
        "resend": t("The invitation has been sent again, for another 7 days."),
    }


def _row(member: Member, who: Identity, formats: Formats) -> PersonRow:
    return PersonRow(
        key=str(member.person_id),
        name=member.name,
        email=member.email,
        you=member.person_id == who.person_id,
        blocked=member.blocked,
        role=role_labels()[member.role],
        seen=_seen(member, formats),
        two_step=member.two_step,
        details=_address(who, open=str(member.person_id)),
    )


def _address(who: Identity, **query: str) -> str:
    return link_to(who, current_language(), "/profile/people", **query)


def _seen(member: Member, formats: Formats) -> str:
    return formats.moment(member.signed_in_at) if member.signed_in_at else t("Never")


def _invitation(invitation: Invitation, formats: Formats, now: datetime) -> InvitationRow:
    over = invitation.expires_at <= now
    until = t("until {moment}", moment=formats.moment_in_text(invitation.expires_at))
    return InvitationRow(invitation.email, role_labels()[invitation.role], over, t("Expired") if over else until)


def _details(session: Session, members: Sequence[Member], who: Identity, formats: Formats, query: Mapping[str, str]) -> PersonDetails:
    open_id = query.get("open", "")
    close = _address(who)
    index = next((i for i, m in enumerate(members) if str(m.person_id) == open_id), None)
    if index is None:
        return PersonDetails(asked=open_id, close=close)
    is_self = members[index].person_id == who.person_id
    copies = [copy.email for copy in added_by(session, who.account.account_id, members[index].person_id)]
    member, addresses = members[index], {i: _address(who, open=str(m.person_id)) for i, m in enumerate(members)}
    return PersonDetails(
        asked=open_id,
        number=open_id,
        name=member.name,
        title=member.name,
        email=member.email,
        you=is_self,
        blocked=member.blocked,
        role_text=role_labels()[member.role],
        seen=_seen(member, formats),
        two_step=member.two_step,
        previous=addresses.get(index - 1, ""),
        next=addresses.get(index + 1, ""),
        close=close,
        role=_with_copy_boxes(
            form_view(who, {"role": member.role}, member.email), "role", copies if not is_self and may(member.role, Right.BILLING) else ()
        ),
        remove=_with_copy_boxes(form_view(who, key=member.email), "remove", () if is_self else copies),
        leaving=_copies_pause_note(copies) if is_self else "",
    )


def _with_copy_boxes(form: FormView, name: str, copies: Sequence[str]) -> FormView:
    """Add to a form an unticked box for each address that would stop getting copies. See `people.page` for why none is ticked."""
    rows = [FieldRow(f"keep-{key}", f"{name}-keep-{key}", "", "", email) for email in copies for key in (key_of(email),)]
    return replace(form, initial={**form.initial, **{row.key: "" for row in rows}}, rows=rows)


def _copies_pause_note(copies: Sequence[str]) -> str:
    if not copies:
        return ""
    return t("Copies of invoices to {emails} will be paused once you are gone, until someone who manages billing resumes them.",
             emails=", ".join(copies))  # fmt: skip


def _rights() -> list[RightRow]:
    labels = right_labels()
    return [
        RightRow(right, labels[right], [Cell(role, role in held) for role in Role])
        for right, held in ROLES_BY_RIGHT.items()
        if right in labels
    ]


def _roles(who: Identity) -> list[RoleCard]:
    labels = right_labels()

    def allowed(role: Role, granted: bool) -> list[TextLine]:
        return text_lines(labels[right] for right, held in ROLES_BY_RIGHT.items() if right in labels and (role in held) is granted)

    return [RoleCard(r, role_labels()[r], r == who.account.role, allowed(r, True), allowed(r, False)) for r in Role]
