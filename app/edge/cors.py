"""Cross-origin rules of /v1: any page may call it with a key, none with a cookie.

Rule 1: a preflight is answered before any key is looked at, for any origin, and grants what it asks for, bounded.
Rule 2: `*` is the origin that is allowed, so no browser ever sends credentials of its own along.
"""

from __future__ import annotations

import re

ALLOWED_METHODS = "GET, POST, DELETE, OPTIONS"
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


def preflight(asked_headers: str | None) -> dict[str, str]:
    """The headers of the answer to a preflight."""
    asked = asked_headers or DEFAULT_HEADERS
    if len(asked) > ASKED_HEADERS_LENGTH_MAX or not _HEADER_LIST.fullmatch(asked):
        asked = DEFAULT_HEADERS
    return {
        "access-control-allow-methods": ALLOWED_METHODS,
        "access-control-allow-headers": asked,
        "access-control-max-age": str(MAX_AGE_SECONDS),
        "vary": "Access-Control-Request-Headers",
    }
