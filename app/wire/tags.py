"""What only one upstream can read (signatures, encrypted reasoning), on its way through a client and back.

Rule 1: a client keeps it as an opaque string. The tag stands for the upstream that made it, so that no other is ever sent it. It
        is a digest of the upstream's name, so that a client does not read in it which vendor answered.
Rule 2: nothing in it is a secret, and nothing is trusted on its return: the upstream judges it.
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
    """`payload` under the tag of its upstream."""
    return f"{_MARK}{owner_of(upstream)}:{payload}"


def unseal(sealed: str, upstream: str) -> str | None:
    """The payload, None where it is another upstream's, or where no tag says whose it is."""
    owner, payload = split(sealed)
    return payload if owner == owner_of(upstream) else None


def split(sealed: str) -> tuple[str | None, str]:
    """The owner that it bears, as owner_of() tells it, and the payload. What bears no tag has no owner and is its own payload."""
    tag = _TAG.match(sealed)
    return (None, sealed) if tag is None else (tag[1], sealed[tag.end() :])


@functools.cache
def owner_of(upstream: str) -> str:
    """What tags have for the upstream's name: digits of its SHA-256. There are as many names as the configuration has."""
    return hashlib.sha256(upstream.encode()).hexdigest()[:_OWNER_DIGITS]
