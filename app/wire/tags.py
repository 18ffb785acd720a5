"""Seals content that only one upstream can read (signatures, encrypted reasoning) on its way through a client and back.

Rule 1: to the client it is an opaque string. The tag identifies the upstream that produced it, so that it is never sent to another
        one. The tag is a digest of the upstream's name, so that clients cannot see which vendor answered.
Rule 2: it contains no secrets and is not trusted when it comes back: the upstream validates it.
"""

from __future__ import annotations

import functools
import hashlib
import re
from typing import Final

_MARK: Final = "rr1."
_OWNER_DIGITS: Final = 8
_TAG: Final = re.compile(rf"{re.escape(_MARK)}([0-9a-f]{{{_OWNER_DIGITS}}}):")


def seal(upstream: str, payload: str) -> str:
    """`payload` prefixed with its upstream's tag."""
    return f"{_MARK}{owner_of(upstream)}:{payload}"


def unseal(sealed: str, upstream: str) -> str | None:
    """The payload, or None if it belongs to another upstream or has no tag."""
    owner, payload = split(sealed)
    return payload if owner == owner_of(upstream) else None


def split(sealed: str) -> tuple[str | None, str]:
    """The owner, as owner_of() spells it, and the payload. Text without a tag has owner None and is its own payload."""
    tag = _TAG.match(sealed)
    return (None, sealed) if tag is None else (tag[1], sealed[tag.end() :])


@functools.cache
def owner_of(upstream: str) -> str:
    """The upstream's name as it appears in tags: hex digits of its SHA-256. The cache has one entry per configured name."""
    return hashlib.sha256(upstream.encode()).hexdigest()[:_OWNER_DIGITS]
