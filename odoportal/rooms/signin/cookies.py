"""The cookies of this room, and who sent a form."""

import re
import secrets

from starlette.requests import Request
from starlette.responses import Response

from odoportal.core.i18n import LANGUAGES
from odoportal.core.identity import cookie_name, digest
from odoportal.rooms.signin import passkeys
from odoportal.rooms.signin.known_browsers import FORGET
from odoportal.rooms.signin.models import LinkKind
from odoportal.rooms.signin.sessions import KEPT, Browser
from odoportal.settings import get_settings

_DEVICE = re.compile(r"[A-Za-z0-9_-]{43}")


def client(request: Request) -> str:
    """The address of the client; behind proxies the server in front of the application has put it in place."""
    return request.client.host if request.client else ""


def session_hash(request: Request) -> str | None:
    """The hash of the session token that came with a request."""
    token = request.cookies.get(cookie_name(get_settings().secure))
    return digest(token) if token else None


def give_session(response: Response, token: str, keep: bool) -> None:
    """Give a browser its session: HttpOnly, SameSite=Lax, Secure with https, and beyond its closing only where it asked to stay."""
    secure = get_settings().secure
    age = int(KEPT.total_seconds()) if keep else None
    response.set_cookie(cookie_name(secure), token, max_age=age, path="/", secure=secure, httponly=True, samesite="lax")


def take_session(response: Response) -> None:
    """Take the session's cookie away."""
    secure = get_settings().secure
    response.delete_cookie(cookie_name(secure), path="/", secure=secure, httponly=True, samesite="lax")


def _device_cookie() -> str:
    return "__Host-odo_device" if get_settings().secure else "odo_device"


def browser(request: Request) -> tuple[Browser, str]:
    """Return the browser that sent a request, and the token by which it is known from now on where the one it brought is not kept."""
    brought, new = request.cookies.get(_device_cookie(), ""), secrets.token_urlsafe(32)
    device = digest(brought) if _DEVICE.fullmatch(brought) else ""
    return Browser(request.headers.get("user-agent", ""), client(request), device, digest(new)), new


def device(request: Request) -> str:
    """Return the hash of the token by which a browser is known, empty where it brought none."""
    return browser(request)[0].device


def let_be_known(request: Request, response: Response, new: str, renewed: bool) -> None:
    """Let a browser that has signed in be known again: by the token it brought, or by the new one where it is `renewed`."""
    give_device(response, new if renewed else request.cookies[_device_cookie()])


def give_device(response: Response, token: str) -> None:
    """Let a browser be known again, for a year after its last sign-in. It signs nobody in."""
    secure, age = get_settings().secure, int(FORGET.total_seconds())
    response.set_cookie(_device_cookie(), token, max_age=age, path="/", secure=secure, httponly=True, samesite="lax")


def _passkey_cookie() -> str:
    return "__Host-odo_passkey" if get_settings().secure else "odo_passkey"


def passkey_token(request: Request) -> str:
    """The token that a sign-in's challenge is bound to; empty where there is none."""
    return request.cookies.get(_passkey_cookie(), "")


def give_passkey(response: Response, token: str) -> None:
    """Bind a challenge to this browser. It signs nobody in."""
    secure, age = get_settings().secure, int(passkeys.LIFE.total_seconds())
    response.set_cookie(_passkey_cookie(), token, max_age=age, path="/", secure=secure, httponly=True, samesite="strict")


def link_cookie(kind: LinkKind) -> str:
    """The name of the cookie that holds a link's token once it is out of the address."""
    return f"__Secure-odo_{kind.value}" if get_settings().secure else f"odo_{kind.value}"


def link_token(request: Request, kind: LinkKind) -> str:
    """The token of an opened link; empty where there is none."""
    return request.cookies.get(link_cookie(kind), "")


def give_link(response: Response, kind: LinkKind, token: str, seconds: int) -> None:
    """Keep a link's token for its own page, in both languages, so that the other one is still a click away."""
    for language in LANGUAGES:
        response.set_cookie(
            link_cookie(kind),
            token,
            max_age=seconds,
            path=f"/{language}/{kind.value}",
            secure=get_settings().secure,
            httponly=True,
            samesite="lax",
        )


def take_link(response: Response, kind: LinkKind) -> None:
    """Take a link's cookies away."""
    for language in LANGUAGES:
        response.delete_cookie(
            link_cookie(kind), path=f"/{language}/{kind.value}", secure=get_settings().secure, httponly=True, samesite="lax"
        )
