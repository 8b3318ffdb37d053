"""The rows that were selected in a list, as the page posts them for a file of them (see `SelectionBar` in `ui/client.js`)."""

from starlette.requests import Request

from odoportal.web.sent_fields import decode_fields

MAX_ROWS = 10_000
MAX_BODY_BYTES = 128 * 1024
_FORM = "application/x-www-form-urlencoded"


async def read_selection(request: Request) -> dict[str, list[str]]:
    """Return all values of each posted field that are not empty: `number` (repeated), or `all=1` and the list's `query`.

    Raises:
        ValueError: If the form is malformed (400), too large (413) or of another type (415); the argument is the status.
    """
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != _FORM:
        raise ValueError(415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise ValueError(413)
    try:
        fields = decode_fields(body, MAX_ROWS)
    except ValueError as error:
        raise ValueError(400) from error
    values: dict[str, list[str]] = {}
    for name, value in fields:
        if value:
            values.setdefault(name, []).append(value)
    return values
