"""The portal's public address in the one form in which browsers write it in the Origin header (WHATWG URL; RFC 6454, 6.1)."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import SplitResult, urlsplit

import idna

_DEFAULT_PORTS = {"https": 443, "http": 80}
_EXAMPLE = "an address such as https://portal.example.com"
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_LONGEST_HOST = 253


def origin_of(url: str) -> str:
    """Return scheme, host and port of a web address as browsers write them.

    The scheme and the host are in lower case, a host in other letters is in Punycode (UTS #46, as browsers do it), a default port and a
    final dot of the host are left out.

    Args:
        url: what an operator wrote, such as `HTTPS://Portal.Example.com:443/`.

    Raises:
        ValueError: when it is no such address, or has a path, query, fragment, user or password; the text is the predicate of a sentence.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise ValueError(f"must be {_EXAMPLE}") from error
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or port == 0:
        raise ValueError(f"must be {_EXAMPLE}")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"must be {_EXAMPLE}, without a user or password")
    if parts.path.strip("/") or "?" in url or "#" in url:
        raise ValueError(f"must be {_EXAMPLE}, without a path")
    host = _host(parts)
    return f"{parts.scheme}://{host}" if port in {None, _DEFAULT_PORTS[parts.scheme]} else f"{parts.scheme}://{host}:{port}"


def _host(parts: SplitResult) -> str:
    name = parts.hostname or ""
    try:
        # No browser takes a zone, and Python's releases disagree about how an IPv4 address is written in there.
        if "[" in parts.netloc and (parsed := IPv6Address(name)).scope_id is None and parsed.ipv4_mapped is None:
            return f"[{parsed.compressed}]"
        ascii_ = name.lower() if name.isascii() else idna.encode(name, uts46=True).decode("ascii")
        ascii_ = ascii_.removesuffix(".")
        labels = ascii_.split(".")
        if _NUMBER.fullmatch(labels[-1]):
            # Browsers read a host whose last label is a number as an IPv4 address.
            return str(IPv4Address(ascii_))
    except (idna.IDNAError, AddressValueError, UnicodeError) as error:
        raise ValueError(f"must be {_EXAMPLE}; {name[:100]!r} is not a host name") from error
    if len(ascii_) > _LONGEST_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"must be {_EXAMPLE}; {name[:100]!r} is not a host name")
    return ascii_
