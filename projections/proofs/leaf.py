"""A stored event as the bytes of a leaf of the Merkle tree.

Rule 1: the leaf contains everything that the store keeps of an event, so any change is detected.
Rule 2: events and leaves correspond one to one: `leaf_bytes` reproduces, byte for byte, every leaf that `parse_leaf` accepts.
Rule 3: the leaf's index in the tree is the event's position minus one.

Layout, numbers big-endian: version (1 byte, 1); position, stream version, recorded_at in microseconds since 1970 (8 bytes each,
unsigned); then stream, topic, command id and state, each as its length in bytes (4 bytes, unsigned) and its bytes. Text is UTF-8;
the state is the JSON from the store, with its 16 random bytes.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from projections.proofs.errors import ProofInvalid

LEAF_VERSION = 1
_NUMBERS = struct.Struct(">BQQQ")
_LENGTH = struct.Struct(">I")
_PARTS = 4


class Entry(NamedTuple):
    """An event as stored."""

    position: int
    stream: str
    version: int
    topic: str
    state: bytes
    command_id: str
    recorded_at_micros: int


def leaf_bytes(entry: Entry) -> bytes:
    """The leaf of an event. Raises ProofInvalid if a value is not possible in an event: a database may contain anything."""
    position, stream, version, topic, state, command_id, recorded_at_micros = entry
    length = _LENGTH.pack
    try:
        first, second, third = stream.encode(), topic.encode(), command_id.encode()
        return b"".join(
            (
                _NUMBERS.pack(LEAF_VERSION, position, version, recorded_at_micros),
                length(len(first)),
                first,
                length(len(second)),
                second,
                length(len(third)),
                third,
                length(len(state)),
                state,
            )
        )
    except (struct.error, AttributeError, TypeError) as error:
        raise ProofInvalid(f"Event {position} contains an impossible value: {error}") from error


def parse_leaf(data: bytes) -> Entry:
    """The event in a leaf. Raises ProofInvalid."""
    if len(data) < _NUMBERS.size:
        raise ProofInvalid("The event's bytes are truncated.")
    leaf_version, position, version, recorded_at_micros = _NUMBERS.unpack_from(data)
    if leaf_version != LEAF_VERSION:
        raise ProofInvalid(f"The event's bytes have version {leaf_version}; only version {LEAF_VERSION} is supported.")
    stream, topic, command_id, state = _parts(data)
    try:
        return Entry(position, stream.decode(), version, topic.decode(), state, command_id.decode(), recorded_at_micros)
    except UnicodeDecodeError as error:
        raise ProofInvalid("A name in the event's bytes is not UTF-8.") from error


def _parts(data: bytes) -> list[bytes]:
    at, parts = _NUMBERS.size, []
    for _ in range(_PARTS):
        start = at + _LENGTH.size
        if start > len(data):
            raise ProofInvalid("The event's bytes are truncated.")
        at = start + _LENGTH.unpack_from(data, at)[0]
        parts.append(data[start:at])
    if at != len(data):
        raise ProofInvalid("The event's bytes do not have the length that they state.")
    return parts
