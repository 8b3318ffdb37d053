"""The client's own address, where a known number of our proxies stands in front."""

from starlette.types import ASGIApp, Receive, Scope, Send


def client_address(forwarded: str, hops: int) -> str | None:
    """The address that the outermost of our proxies saw, None where the header holds fewer entries than we have proxies.

    Args:
        forwarded: X-Forwarded-For; each proxy adds the address it saw at the right, so what a client forged stands at the left.
        hops: how many proxies are ours.
    """
    entries = [entry.strip() for entry in forwarded.split(",") if entry.strip()]
    return entries[-hops] if 0 < hops <= len(entries) else None


class BehindProxies:
    """Puts the client's address into the scope.

    Args:
        app: the application behind it.
        hops: how many proxies are ours; with none, the header is what anybody wrote and is not read.
    """

    def __init__(self, app: ASGIApp, hops: int) -> None:
        self.app, self.hops = app, hops

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if self.hops and scope["type"] in {"http", "websocket"}:
            lines = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"x-forwarded-for"]
            if address := client_address(",".join(lines), self.hops):
                scope = {**scope, "client": (address, 0)}
        await self.app(scope, receive, send)
