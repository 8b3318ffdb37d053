"""The client's real address behind a known number of our own proxies."""

import re
from ipaddress import IPv6Address, ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

# Proxies write a bare address, an address with a port (Azure Application Gateway), or an address in brackets.
_BRACKETED = re.compile(r"\[([^][]*)\](?::\d{1,5})?")
_IPV4_WITH_PORT = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}")
_MAX_LENGTH = 100
"""Characters. An address with brackets, zone and port is shorter."""


def canonical(text: str) -> str | None:
    """Return an IP address in its canonical form, without port, brackets or zone, or None if the text is not an address.

    An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`, RFC 4291, section 2.5.5.2) is returned as IPv4.

    Args:
        text: such as `192.0.2.1:4001`, `[2001:DB8::1]:4001` or `fe80::1%eth0`.
    """
    if len(text) > _MAX_LENGTH:
        return None
    bare = text.strip()
    if found := _BRACKETED.fullmatch(bare) or _IPV4_WITH_PORT.fullmatch(bare):
        bare = found[1]
    try:
        parsed = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(parsed)


def client_address(forwarded: str, hops: int) -> str | None:
    """Return the address seen by the outermost of our proxies, in its canonical form.

    Args:
        forwarded: the X-Forwarded-For header. Each proxy appends the address it saw, so forged entries are on the left.
        hops: how many proxies are ours.

    Returns:
        None if the header has fewer entries than we have proxies, or if the entry is not an address. The peer's own address then counts,
        never a text that the client may have forged.
    """
    entries = [entry.strip() for entry in forwarded.split(",") if entry.strip()]
    return canonical(entries[-hops]) if 0 < hops <= len(entries) else None


class ClientAddressMiddleware:
    """Middleware that sets the scope's client to the real client address, in its canonical form.

    Args:
        app: the wrapped application.
        hops: how many proxies are ours. With 0 the header is ignored, because any client can write it.
    """

    def __init__(self, app: ASGIApp, hops: int) -> None:
        self.app, self.hops = app, hops

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Set the client address of a request or websocket and call the application."""
        if scope["type"] in {"http", "websocket"}:
            lines = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"x-forwarded-for"]
            peer, port = scope.get("client") or ("", 0)
            if address := client_address(",".join(lines), self.hops):
                scope = {**scope, "client": (address, 0)}
            elif (peer_address := canonical(peer)) not in {None, peer}:
                scope = {**scope, "client": (peer_address, port)}
        await self.app(scope, receive, send)
