"""Reflex states without a browser: the state tree of a tab, at an address, for a person."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import reflex as rx

from odoportal.core.identity import Identity, current_identity


def new_state(address: str = "/en/orders", cookie: str = "", ip: str = "203.0.113.5") -> Any:
    """Return a root state whose browser is at an address."""
    root = rx.State(_reflex_internal_init=True)  # pyright: ignore[reportCallIssue]
    set_address(root, address, cookie, ip)
    return root


def set_address(root: Any, address: str, cookie: str = "", ip: str = "203.0.113.5") -> None:
    """Set the address of the browser."""
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
    """Set the identity as the event gate does before a handler."""
    token = current_identity.set(who)
    try:
        yield
    finally:
        current_identity.reset(token)
