"""Cookies of the sign-in room, and the client that sent a request."""

import re
import secrets

from starlette.requests import Request
from starlette.responses import Response

from odoportal.core.i18n import LANGUAGES
from odoportal.core.identity import cookie_name, token_hash
from odoportal.rooms.signin import passkeys
from odoportal.rooms.signin.known_browsers import KNOWN_FOR
from odoportal.rooms.signin.models import LinkKind
from odoportal.rooms.signin.sessions import KEPT, Browser
from odoportal.settings import get_settings

_DEVICE = re.compile(r"[A-Za-z0-9_-]{43}")


def client(request: Request) -> str:
    """Return the client's network address. Behind a proxy, the server has already replaced it by the forwarded address."""
    return request.client.host if request.client else ""


def session_hash(request: Request) -> str | None:
    """Return the hash of a request's session token, or None without one."""
    token = request.cookies.get(cookie_name(get_settings().secure))
    return token_hash(token) if token else None


def set_session(response: Response, token: str, keep: bool) -> None:
    """Set the session cookie: HttpOnly, SameSite=Lax, and Secure with https; it outlives the browser window only with `keep`."""
    secure = get_settings().secure
    age = int(KEPT.total_seconds()) if keep else None
    response.set_cookie(cookie_name(secure), token, max_age=age, path="/", secure=secure, httponly=True, samesite="lax")


def delete_session(response: Response) -> None:
    """Delete the session cookie."""
    secure = get_settings().secure
    response.delete_cookie(cookie_name(secure), path="/", secure=secure, httponly=True, samesite="lax")


def _device_cookie() -> str:
    return "__Host-odo_device" if get_settings().secure else "odo_device"


def browser(request: Request) -> tuple[Browser, str]:
    """Return the browser that sent a request, and a new known-browser token to give it if the one it sent must be replaced."""
    brought, new = request.cookies.get(_device_cookie(), ""), secrets.token_urlsafe(32)
    device = token_hash(brought) if _DEVICE.fullmatch(brought) else ""
    return Browser(request.headers.get("user-agent", ""), client(request), device, token_hash(new)), new


def device(request: Request) -> str:
    """Return the hash of the known-browser token of a request; empty without one."""
    return browser(request)[0].device


def remember_browser(request: Request, response: Response, new: str, renewed: bool) -> None:
    """Set the known-browser cookie after a sign-in: to the `new` token if it was `renewed`, otherwise to the token of the request."""
    set_device(response, new if renewed else request.cookies[_device_cookie()])


def set_device(response: Response, token: str) -> None:
    """Set the known-browser cookie for a year from this sign-in. It cannot be used to sign in."""
    secure, age = get_settings().secure, int(KNOWN_FOR.total_seconds())
    response.set_cookie(_device_cookie(), token, max_age=age, path="/", secure=secure, httponly=True, samesite="lax")


def _passkey_cookie() -> str:
    return "__Host-odo_passkey" if get_settings().secure else "odo_passkey"


def passkey_token(request: Request) -> str:
    """Return the token that the challenge of a passkey sign-in is bound to; empty if there is none."""
    return request.cookies.get(_passkey_cookie(), "")


def set_passkey(response: Response, token: str) -> None:
    """Set the cookie that binds a passkey challenge to this browser. It cannot be used to sign in."""
    secure, age = get_settings().secure, int(passkeys.LIFE.total_seconds())
    response.set_cookie(_passkey_cookie(), token, max_age=age, path="/", secure=secure, httponly=True, samesite="strict")


def link_cookie(kind: LinkKind) -> str:
    """Return the name of the cookie that holds a link's token after it is removed from the address."""
    return f"__Secure-odo_{kind.value}" if get_settings().secure else f"odo_{kind.value}"


def link_token(request: Request, kind: LinkKind) -> str:
    """Return the token of an opened link; empty if there is none."""
    return request.cookies.get(link_cookie(kind), "")


def set_link(response: Response, kind: LinkKind, token: str, seconds: int) -> None:
    """Set the cookies with a link's token, one for its page in each language, so that the language can still be switched."""
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


def delete_link(response: Response, kind: LinkKind) -> None:
    """Delete the cookies of a link."""
    for language in LANGUAGES:
        response.delete_cookie(
            link_cookie(kind), path=f"/{language}/{kind.value}", secure=get_settings().secure, httponly=True, samesite="lax"
        )
