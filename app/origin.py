"""Decides which requests may change something with a cookie: those from our own pages, from origins the operator allows, and from
non-browsers.

Rule 1: a browser names the source of a request in Sec-Fetch-Site, an older one in Origin. A request with neither comes from no
recent browser but from another program, which sends only cookies that it was given.
Rule 2: origins are compared as browsers spell them: in lower case, and without the default port of their scheme.
Source: Go, net/http CrossOriginProtection (filippo.io/csrf).
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN = frozenset({"same-origin", "none"})
_IMPLIED_PORTS = {"http": 80, "https": 443}


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL, as a browser spells them in Origin."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    named = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{named}" + ("" if port in (None, _IMPLIED_PORTS.get(parts.scheme)) else f":{port}")


def may_change(
    method: str, *, site: str | None, origin: str | None, host: str | None, allowed: Collection[str]
) -> bool:
    """Whether a request with this method, Sec-Fetch-Site, Origin and Host may act for the user that its cookie names. `allowed`
    are origins: our own, and those of pages hosted elsewhere."""
    if method in SAFE_METHODS or site in _OWN:
        return True
    if origin is None:
        return site is None
    if origin in allowed:
        return True
    return site is None and bool(host) and origin.partition("://")[2] == host
