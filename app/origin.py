"""Who may change something with a cookie: our own pages, those that the operator allows, and programs that are no browsers.

Rule 1: a browser says in Sec-Fetch-Site where a request comes from; older ones in Origin. What says neither comes from no browser
of the last years, and such a program sends no cookie that it was not given.
Rule 2: an origin is compared as browsers spell it: lower case, and without the port that its scheme implies.
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
    """Whether a request with this method, Sec-Fetch-Site, Origin and Host may act for whoever its cookie names. `allowed` are
    origins: our own, and those of pages that stand elsewhere."""
    if method in SAFE_METHODS or site in _OWN:
        return True
    if origin is None:
        return site is None
    if origin in allowed:
        return True
    return site is None and bool(host) and origin.partition("://")[2] == host
