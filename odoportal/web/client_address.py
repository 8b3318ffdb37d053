"""The client's own address, where a known number of our proxies stands in front."""

import re
from ipaddress import IPv6Address, ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

# What proxies write: an address alone, one with a port (Azure Application Gateway), in brackets or not.
_BRACKETED = re.compile(r"\[([^][]*)\](?::\d{1,5})?")
_IPV4_WITH_PORT = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}")
_LONGEST = 100
"""Characters; an address with brackets, zone and port has fewer."""


def canonical(text: str) -> str | None:
    """Return an IP address in its one usual form, without port, brackets and zone; None where the text is no address.

    An IPv4 address that is written as an IPv6 one (`::ffff:192.0.2.1`, RFC 4291, 2.5.5.2) is returned as the IPv4 address.

    Args:
        text: such as `192.0.2.1:4001`, `[2001:DB8::1]:4001` or `fe80::1%eth0`.
    """
    if len(text) > _LONGEST:
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
    """Return the address that the outermost of our proxies saw, in its canonical form.

    None where the header holds fewer entries than we have proxies, or where that entry is no address: then the peer's own counts, and
    never a text that a stranger may have made up.

    Args:
        forwarded: X-Forwarded-For; each proxy adds the address it saw at the right, so what a client forged stands at the left.
        hops: how many proxies are ours.
    """
    entries = [entry.strip() for entry in forwarded.split(",") if entry.strip()]
    return canonical(entries[-hops]) if 0 < hops <= len(entries) else None


class BehindProxies:
    """Puts the client's address into the scope, in its canonical form.

    Args:
        app: the application behind it.
        hops: how many proxies are ours; with none, the header is what anybody wrote and is not read.
    """

    def __init__(self, app: ASGIApp, hops: int) -> None:
        self.app, self.hops = app, hops

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] in {"http", "websocket"}:
            lines = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"x-forwarded-for"]
            peer, port = scope.get("client") or ("", 0)
            if address := client_address(",".join(lines), self.hops):
                scope = {**scope, "client": (address, 0)}
            elif (own := canonical(peer)) not in {None, peer}:
                scope = {**scope, "client": (own, port)}
        await self.app(scope, receive, send)
