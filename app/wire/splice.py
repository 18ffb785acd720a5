"""One member of a JSON object replaced, all other bytes kept.

Rule: the bytes are spliced where the member's place is beyond doubt; else the top level is written again from its raw members,
which keeps their order and their bytes and loses only the blanks between them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

Members = dict[str, msgspec.Raw]

members: msgspec.json.Decoder[Members] = msgspec.json.Decoder(Members)
_encode = msgspec.json.Encoder().encode


class StringSplicer:
    """Sets the member `key` (lower-case letters) of many payloads to one string.

    The frames of a stream begin alike, and so does most of their splicing: the last head is remembered.
    """

    def __init__(self, key: str, value: str) -> None:
        self._key = key
        self._value = msgspec.json.encode(value)
        self._literal = b'"%s"' % key.encode()
        self._member = re.compile(self._literal + rb'\s*:\s*("[^"\\]*")')
        self._head: bytes | None = None
        self._new_head = b""

    def replace(self, payload: bytes) -> bytes:
        """`payload` is a well-formed JSON object whose member is a string.

        The quoted key that stands once, where no letter is escaped, can only be the member itself: the object is known to have it.
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
    """The object of `fields` with `changes` in their places, new members last."""
    return _encode({**fields, **changes})
