"""The download of a data export, for a signed-in person."""

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from odoportal.core import clock, database, i18n
from odoportal.core.i18n import t
from odoportal.core.identity import require_identity
from odoportal.documents import routes
from odoportal.lists.download import attachment
from odoportal.observability import logs
from odoportal.rooms.privacy import service


async def download(request: Request) -> Response:
    """Send the person's newest data export in the account of the address; 404 if there is none, or it has expired."""
    language, who = request.path_params["language"], require_identity()
    if language not in i18n.LANGUAGES:
        return routes.not_found()
    file = await database.read(service.ready, who, clock.now())
    path = service.folder() / file.name if file else None
    if path is None or not path.is_file():
        return routes.not_found()
    logs.log_security_event("personal_data_downloaded", person=who.person_id, account=who.account.account_id)
    with i18n.use(language):
        headers = attachment(f"{t('My data')}-{clock.today().isoformat()}.zip")
    return FileResponse(path, headers={**headers, "content-security-policy": routes.FILE_CSP}, media_type="application/zip")


ROUTES = (Route("/{language}/profile/data.zip", download),)
