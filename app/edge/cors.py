"""Cross-origin rules. /v1: any page may call it with a key, none with a cookie. /api: the operator's pages, with theirs.

Rule 1: a preflight is answered before any key or session is looked at, and grants what it asks for, bounded.
Rule 2: on /v1 `*` is the origin that is allowed, so no browser ever sends credentials of its own along.
Rule 3: on /api an origin that is not on the list gets no such header at all: its browser keeps the answer from it.
"""

from __future__ import annotations

import re
from collections.abc import Collection

ALLOWED_METHODS = "GET, POST, DELETE, OPTIONS"
API_METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
ASKED_HEADERS_LENGTH_MAX = 1024
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
"""What every answer of /v1 to another origin carries."""


def is_open(path: str) -> bool:
    """Whether any origin may call this path."""
    return path == "/v1" or path.startswith("/v1/")


def exposed(path: str, origin: bytes, allowed: Collection[str]) -> tuple[tuple[bytes, bytes], ...]:
    """What an answer on this path to a page of this origin carries."""
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
    """Whether a preflight of a page of this origin is answered here."""
    return is_open(path) or (path.startswith("/api/") and origin in allowed)


def preflight(asked_headers: str | None, methods: str = ALLOWED_METHODS) -> dict[str, str]:
    """The headers of the answer to a preflight."""
    asked = asked_headers or DEFAULT_HEADERS
    if len(asked) > ASKED_HEADERS_LENGTH_MAX or not _HEADER_LIST.fullmatch(asked):
        asked = DEFAULT_HEADERS
    return {
        "access-control-allow-methods": methods,
        "access-control-allow-headers": asked,
        "access-control-max-age": str(MAX_AGE_SECONDS),
        "vary": "Access-Control-Request-Headers",
    }
