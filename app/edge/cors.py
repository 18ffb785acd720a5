"""Cross-origin rules. /v1: any page may call it with a key, none with a cookie. /api: only the operator's pages, with a cookie.

Rule 1: a preflight is answered before any key or session is checked, and grants the headers it requests, up to a limit.
Rule 2: on /v1 the allowed origin is `*`, so browsers never send cookies.
Rule 3: on /api an origin that is not listed gets no CORS headers, so its browser withholds the response from the page.
"""

from __future__ import annotations

import re
from collections.abc import Collection

ALLOWED_METHODS = "GET, POST, DELETE, OPTIONS"
API_METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
REQUESTED_HEADERS_LENGTH_MAX = 1024
DEFAULT_HEADERS = "authorization, content-type, idempotency-key, x-client-request-id"
MAX_AGE_SECONDS = 7200
EXPOSED_HEADERS = ", ".join(
    [
        "x-request-id",
        "x-client-request-id",
        "retry-after",
        "x-should-retry",
        *(f"x-ratelimit-{what}-{of}" for what in ("limit", "remaining", "reset") for of in ("requests", "tokens")),
    ]
)
_HEADER_LIST = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z, \t]*")

EXPOSE: tuple[tuple[bytes, bytes], ...] = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", EXPOSED_HEADERS.encode("ascii")),
)
"""Headers of every /v1 response to another origin."""


def is_open(path: str) -> bool:
    """Whether any origin may call this path."""
    return path == "/v1" or path.startswith("/v1/")


def exposed(path: str, origin: bytes, allowed: Collection[str]) -> tuple[tuple[bytes, bytes], ...]:
    """The CORS headers of a response on this path to a page of this origin."""
    if is_open(path):
        return EXPOSE
    if not path.startswith("/api/"):
        return ()
    varies = (b"vary", b"Origin")
    if origin.decode("latin-1") not in allowed:
        return (varies,)
    return (
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", EXPOSED_HEADERS.encode("ascii")),
        varies,
    )


def answers_preflight(path: str, origin: str, allowed: Collection[str]) -> bool:
    """Whether a preflight from a page of this origin is answered."""
    return is_open(path) or (path.startswith("/api/") and origin in allowed)


def preflight(requested_headers: str | None, methods: str = ALLOWED_METHODS) -> dict[str, str]:
    """The headers of the response to a preflight."""
    requested = requested_headers or DEFAULT_HEADERS
    if len(requested) > REQUESTED_HEADERS_LENGTH_MAX or not _HEADER_LIST.fullmatch(requested):
        requested = DEFAULT_HEADERS
    return {
        "access-control-allow-methods": methods,
        "access-control-allow-headers": requested,
        "access-control-max-age": str(MAX_AGE_SECONDS),
        "vary": "Access-Control-Request-Headers",
    }
