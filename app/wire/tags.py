"""What only one upstream can read (signatures, encrypted reasoning), on its way through a client and back.

Rule 1: a client keeps it as an opaque string. The tag names the upstream that made it, so that no other is ever sent it.
Rule 2: nothing in it is a secret, and nothing is trusted on its return: the upstream judges it.
"""

from __future__ import annotations

_MARK = "rr1."
_NAME_LENGTH_MAX = 64


def seal(upstream: str, payload: str) -> str:
    """`payload` under the name of its upstream. A name holds no colon."""
    return f"{_MARK}{upstream}:{payload}"


def unseal(sealed: str, upstream: str) -> str | None:
    """The payload, None where it is another upstream's, or where no tag says whose it is."""
    owner, payload = split(sealed)
    return payload if owner == upstream else None


def split(sealed: str) -> tuple[str | None, str]:
    """The upstream that it names, and the payload. What bears no tag names None and is its own payload."""
    if not sealed.startswith(_MARK):
        return None, sealed
    name, colon, payload = sealed[len(_MARK) :].partition(":")
    if not colon or not 0 < len(name) <= _NAME_LENGTH_MAX:
        return None, sealed
    return name, payload
