"""The page of an invitation, which the link in its mail opens."""

from http import HTTPStatus

from starlette.responses import Response

from odoportal.core import clock
from odoportal.core.database import read, write
from odoportal.core.i18n import t
from odoportal.forms.fields import clean_line
from odoportal.forms.handling import busy_message, read_form
from odoportal.limits.work_queue import Busy, Client
from odoportal.pages.shell_view import role_labels
from odoportal.rooms.people import accept_invitation
from odoportal.rooms.signin import attempts, cookies, passwords, security_log, view
from odoportal.rooms.signin.models import LinkKind
from odoportal.rooms.signin.routes import busy_page, form_page, redirect, resolve_link
from odoportal.rooms.signin.view import FormValues
from odoportal.web.page import PageContent, PageRequest

_LONGEST_NAME = 200


async def fill_join(page_request: PageRequest) -> PageContent | Response:
    """Show an invitation without using up its link."""
    found = await resolve_link(page_request, LinkKind.JOIN, accept_invitation.open_invitation)
    if not isinstance(found, accept_invitation.OpenInvitation):
        return found
    return form_page(_slots(found, FormValues(found.invitation.email)), HTTPStatus.OK)


async def post_join(page_request: PageRequest) -> PageContent | Response:
    """Accept an invitation. A person without a password chooses one. Accepting does not sign the person in."""
    form = await read_form(page_request.request)
    if isinstance(form, Response):
        return form
    token, client = cookies.link_token(page_request.request, LinkKind.JOIN), cookies.client(page_request.request)
    found = await read(accept_invitation.open_invitation, token, clock.now())
    if found is None:
        security_log.log_event("authn_token_reuse", kind=LinkKind.JOIN.value, address=client)
        return form_page(view.invalid_link(LinkKind.JOIN), HTTPStatus.GONE)
    typed, password = form.get("name", ""), form.get("password", "")
    try:
        name = clean_line(typed)
    except ValueError:
        name = None
    password_hash = ""
    if found.known is None:
        password_hash = await _new_password_hash(found, name, password, token, client)
        if isinstance(password_hash, PageContent):
            return password_hash
    person = await write(accept_invitation.accept, token, clock.now(), name=name or "", password_hash=password_hash, client=client)
    if person is None:
        return form_page(view.invalid_link(LinkKind.JOIN), HTTPStatus.GONE)
    number = found.account.number
    security_log.log_event(
        "user_created" if password_hash else "user_updated", person=person.id, account=number, role=found.invitation.role, address=client
    )
    if page_request.who is not None and page_request.who.person_id == person.id:
        answer = redirect(f"/{page_request.language}/?account={number}")
    else:
        answer = redirect(f"/{page_request.language}/login?{'set' if password_hash else 'joined'}=1")
    cookies.delete_link(answer, LinkKind.JOIN)
    if password_hash:
        cookies.delete_session(answer)
    return answer


async def _new_password_hash(
    found: accept_invitation.OpenInvitation, name: str | None, password: str, token: str, client: str
) -> str | PageContent:
    """Return the hash to store of a new person's password, or the page with errors."""
    email, typed, asker = found.invitation.email, (name or "")[:_LONGEST_NAME], attempts.client_asker(client)
    if password and not await attempts.count_new_password(token, client):
        return form_page(_slots(found, FormValues(email, error=view.too_many()), typed), HTTPStatus.TOO_MANY_REQUESTS)
    try:
        errors = await _errors(email, name, password, asker)
        return form_page(_slots(found, FormValues(email, errors), typed)) if errors else await passwords.hash_in_queue(password, asker)
    except Busy:
        return busy_page(_slots(found, FormValues(email, error=busy_message()), typed))


async def _errors(email: str, name: str | None, password: str, asker: Client) -> dict[str, str]:
    errors = {field: view.required() for field, value in (("name", name), ("password", password)) if not value}
    if name is None or len(name) > _LONGEST_NAME:
        errors["name"] = t("This cannot be used here.")
    if password and (weak := await passwords.weakness_in_queue(password, passwords.Owner(email, (name or "")[:_LONGEST_NAME]), asker)):
        errors["password"] = passwords.explain(weak)
    return errors


def _slots(found: accept_invitation.OpenInvitation, shown: FormValues, name: str = "") -> dict[str, str]:
    account = found.account
    about = t("{name} invites you to the account {account} ({number}).", name=found.inviter, account=account.name, number=account.number)
    role = t("Your role would be: {role}.", role=role_labels()[found.invitation.role])
    return view.slots("join", shown=shown, about=about, role=role, known=found.known is not None, name=name, rules=passwords.rules())
