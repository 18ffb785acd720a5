"""Seals Anthropic's thinking on its way through a client: base64url of JSON, prefixed with the upstream's tag (tags.py).

{"thinking", "signature"} is a thinking block, {"redacted"} a redacted one. When it comes back, only its form is checked.
"""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from app.wire import tags


class _Sealed(msgspec.Struct, frozen=True, omit_defaults=True):
    thinking: str | None = None
    signature: str | None = None
    redacted: str | None = None


_sealed = msgspec.json.Decoder(_Sealed)


def seal_thinking(upstream: str, thinking: str, signature: str) -> str:
    return _seal(upstream, _Sealed(thinking=thinking, signature=signature))


def seal_redacted(upstream: str, data: str) -> str:
    return _seal(upstream, _Sealed(redacted=data))


def thinking_block(payload: str) -> dict[str, Any] | None:
    """The content block of an unsealed payload, or None if it is not valid."""
    try:
        sealed = _sealed.decode(base64.urlsafe_b64decode(payload))
    except (ValueError, RecursionError):
        return None
    if sealed.redacted is not None:
        return {"type": "redacted_thinking", "data": sealed.redacted}
    if sealed.thinking is None or sealed.signature is None:
        return None
    return {"type": "thinking", "thinking": sealed.thinking, "signature": sealed.signature}


def _seal(upstream: str, sealed: _Sealed) -> str:
    return tags.seal(upstream, base64.urlsafe_b64encode(msgspec.json.encode(sealed)).decode())
