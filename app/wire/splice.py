"""One member of a JSON object replaced, all other bytes kept.

Rule: the bytes are spliced where the member's place is beyond doubt; else the top level is written again from its raw members,
which keeps their order and their bytes and loses only the blanks between them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

import msgspec

Members = dict[str, msgspec.Raw]

members: msgspec.json.Decoder[Members] = msgspec.json.Decoder(Members)
_encode = msgspec.json.Encoder().encode


def replace_string(payload: bytes, key: str, value: bytes) -> bytes:
    """`payload`, a well-formed JSON object whose member `key` (lower-case letters) is a string, with the JSON `value` there.

    The quoted key that stands once, where no letter is escaped, can only be the member itself: the object is known to have it.
    """
    literal, pattern = _patterns(key)
    place = payload.find(literal)
    if payload.find(literal, place + 1) < 0 and b"\\u006" not in payload and b"\\u007" not in payload:
        found = pattern.match(payload, place)
        if found:
            return payload[: found.start(1)] + value + payload[found.end(1) :]
    return with_members(members.decode(payload), {key: msgspec.Raw(value)})


def with_members(fields: Mapping[str, msgspec.Raw], changes: Mapping[str, msgspec.Raw]) -> bytes:
    """The object of `fields` with `changes` in their places, new members last."""
    return _encode({**fields, **changes})


@lru_cache
def _patterns(key: str) -> tuple[bytes, re.Pattern[bytes]]:
    quoted = b'"%s"' % key.encode()
    return quoted, re.compile(quoted + rb'\s*:\s*("[^"\\]*")')
