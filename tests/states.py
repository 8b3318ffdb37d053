"""States without a browser: a tree as Reflex makes it for a tab, on an address, for somebody."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import reflex as rx

from odoportal.core.identity import Identity, asker


def tree(address: str = "/en/orders", cookie: str = "", ip: str = "203.0.113.5") -> Any:
    """A root state whose browser is on an address."""
    root = rx.State(_reflex_internal_init=True)  # pyright: ignore[reportCallIssue]
    go(root, address, cookie, ip)
    return root


def go(root: Any, address: str, cookie: str = "", ip: str = "203.0.113.5") -> None:
    """Navigate."""
    headers = {"cookie": cookie, "origin": "http://localhost:3000"}
    data = {
        "asPath": address,
        "pathname": address.partition("?")[0],
        "query": {},
        "headers": headers,
        "ip": ip,
        "sid": "sid",
        "token": "token",
    }
    root.router_data = root._update_router_vars(data, root.router_data)


@contextmanager
def signed_in(who: Identity | None) -> Iterator[None]:
    """What the gate does before a handler."""
    token = asker.set(who)
    try:
        yield
    finally:
        asker.reset(token)
