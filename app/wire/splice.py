"""Replaces one member of a JSON object and keeps all other bytes.

Rule: if the member's position is certain, its bytes are spliced. Otherwise the top level is rewritten from its raw members, which
keeps their order and bytes and loses only the whitespace between them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

Members = dict[str, msgspec.Raw]

members: msgspec.json.Decoder[Members] = msgspec.json.Decoder(Members)
_encode = msgspec.json.Encoder().encode


class StringSplicer:
    """Sets the member `key` (lower-case letters) to the same string in many payloads.

    The frames of a stream start alike, so the last head is cached together with its replacement.
    """

    def __init__(self, key: str, value: str) -> None:
        self._key = key
        self._value = msgspec.json.encode(value)
        self._literal = b'"%s"' % key.encode()
        self._member = re.compile(self._literal + rb'\s*:\s*("[^"\\]*")')
        self._head: bytes | None = None
        self._new_head = b""

    def replace(self, payload: bytes) -> bytes:
        """The payload, a well-formed JSON object whose member `key` is a string, with that string replaced.

        A quoted key that occurs once, in a payload without escaped letters, must be the member itself.
        """
        if self._head is not None and payload.startswith(self._head):
            return self._new_head + payload[len(self._head) :]
        literal = self._literal
        place = payload.find(literal)
        if payload.find(literal, place + 1) < 0 and b"\\u006" not in payload and b"\\u007" not in payload:
            found = self._member.match(payload, place)
            if found:
                self._head = payload[: found.end()]
                self._new_head = payload[: found.start(1)] + self._value
                return self._new_head + payload[found.end() :]
        return with_members(members.decode(payload), {self._key: msgspec.Raw(self._value)})


def with_members(fields: Mapping[str, msgspec.Raw], changes: Mapping[str, msgspec.Raw]) -> bytes:
    """The object made of `fields` with `changes` applied in place; new members come last."""
    return _encode({**fields, **changes})
