"""The page of an invitation, which the link in its mail opens."""

from collections.abc import Mapping
from http import HTTPStatus

from pydantic import Field as Limits
from starlette.responses import Response

from odoportal.core import clock
from odoportal.core.database import write
from odoportal.core.i18n import t
from odoportal.forms.fields import Line, validate
from odoportal.forms.handling import busy_message
from odoportal.forms.view import FormView
from odoportal.limits.work_queue import Busy
from odoportal.pages.shell_view import role_labels
from odoportal.rooms.people import accept_invitation
from odoportal.rooms.people.accept_invitation import OpenInvitation
from odoportal.rooms.signin import attempts, cookies, passwords, public_pages, security_log, view
from odoportal.rooms.signin.forms import NewPassword
from odoportal.rooms.signin.link_pages import PostedLink, read_posted_link, resolve_link, used_link
from odoportal.rooms.signin.models import LinkKind
from odoportal.rooms.signin.routes import busy_page, form_page, redirect
from odoportal.ui.form import Field
from odoportal.ui.page import page_url
from odoportal.ui.public_form import PublicForm
from odoportal.ui.template import el
from odoportal.web.links import page_link
from odoportal.web.page import PageContent, PageRequest

_LONGEST_NAME = 200


class Join(NewPassword):
    """The name and the password that a new person chooses."""

    name: Line = Limits(min_length=1, max_length=_LONGEST_NAME)


async def fill_join(page_request: PageRequest) -> PageContent | Response:
    """Show an invitation without using up its link."""
    found = await resolve_link(page_request, LinkKind.JOIN, accept_invitation.open_invitation)
    if not isinstance(found, OpenInvitation):
        return found
    return form_page(_slots(found), HTTPStatus.OK)


async def post_join(page_request: PageRequest) -> PageContent | Response:
    """Accept an invitation. A person without a password chooses one. Accepting does not sign the person in."""
    posted = await read_posted_link(page_request, LinkKind.JOIN, accept_invitation.open_invitation)
    if not isinstance(posted, PostedLink):
        return posted
    name, password_hash, found = "", "", posted.found
    if found.known is None:
        chosen = await _new_person(posted)
        if isinstance(chosen, PageContent):
            return chosen
        name, password_hash = chosen
    person = await write(accept_invitation.accept, posted.token, clock.now(), name=name, password_hash=password_hash, client=posted.client)
    if person is None:
        return used_link(LinkKind.JOIN, posted.client)
    number = found.account.number
    event = "user_created" if password_hash else "user_updated"
    security_log.log_event(event, person=person.id, account=number, role=found.invitation.role, address=posted.client)
    if page_request.who is not None and page_request.who.person_id == person.id:
        answer = redirect(page_link(page_request.language, "/", account=number))
    else:
        answer = redirect(f"/{page_request.language}/login?{'set' if password_hash else 'joined'}=1")
    cookies.delete_link(answer, LinkKind.JOIN)
    if password_hash:
        cookies.delete_session(answer)
    return answer


async def _new_person(posted: PostedLink[OpenInvitation]) -> tuple[str, str] | PageContent:
    """Return the name of a new person and the hash to store of the password, or the page with errors."""
    found, typed = posted.found, posted.form.get("name", "")[:_LONGEST_NAME]
    sent, password = validate(Join, posted.form), posted.form.get("password", "")
    errors = sent if isinstance(sent, dict) else {}
    name = typed if isinstance(sent, dict) else sent.name
    if password and not await attempts.count_new_password(posted.token, posted.client):
        return form_page(_slots(found, name, error=view.too_many()), HTTPStatus.TOO_MANY_REQUESTS)
    email, asker = found.invitation.email, attempts.client_asker(posted.client)
    try:
        if password and (weak := await passwords.weakness_in_queue(password, passwords.Owner(email, name), asker)):
            errors["password"] = passwords.explain(weak)
        return form_page(_slots(found, name, errors)) if errors else (name, await passwords.hash_in_queue(password, asker))
    except Busy:
        return busy_page(_slots(found, name, error=busy_message()))


def _slots(found: OpenInvitation, name: str = "", errors: Mapping[str, str] | None = None, error: str = "") -> dict[str, str]:
    account = found.account
    about = t(
        "{name} invites you to join the account {account} ({number}).", name=found.inviter, account=account.name, number=account.number
    )
    role = t("Your role will be: {role}.", role=role_labels()[found.invitation.role])
    kept = el("p", t("You already have a password; it stays the same."), cls="field-hint")
    name_field = Field("name", t("Name"), autocomplete="name")
    form = PublicForm(
        "join",
        (public_pages.email_shown, *((name_field, public_pages.new_password()) if found.known is None else (lambda _: kept,))),
        t("Accept the invitation"),
        model=Join,
        title=t("You are invited"),
        text=(about, role),
        action=page_url("/join"),
    )
    return public_pages.slots(
        form, FormView(initial={"email": found.invitation.email, "name": name}, errors=dict(errors or {}), error=error)
    )
