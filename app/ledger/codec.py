"""Events to bytes and back.

Rule 1: a stored event is its topic and its state: the JSON of its fields, preceded by 16 random bytes, so that a published hash
reveals nothing.
Rule 2: an older version of a known topic is upcast, version by version, before it is decoded.
Rule 3: an unknown topic decodes to an UnknownEvent, which readers keep, skip and report.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from domain.errors import Fault
from domain.events import EVENTS, Event, UnknownEvent

NONCE_BYTES = 16
Upcast = Callable[[dict[str, Any]], dict[str, Any]]
UPCASTS: Mapping[str, tuple[str, Upcast]] = {}
"""Older topic -> (the next version's topic, the function that converts its fields to that version)."""


class UndecodableEvent(Fault):
    """A stored event's state does not fit its known topic: the store was tampered with, or a version is missing."""


class UnencodableEvent(Exception):
    """An event has a field whose value JSON cannot represent."""


class Codec:
    """Encodes and decodes the events of one registry. Thread-safe."""

    def __init__(
        self, events: Iterable[type[Event]] = EVENTS, upcasts: Mapping[str, tuple[str, Upcast]] = UPCASTS
    ) -> None:
        self._decoders = {event.TOPIC: msgspec.json.Decoder(event) for event in events}
        self._encode = msgspec.json.Encoder().encode
        self._upcasts = upcasts

    def encode(self, event: Event) -> bytes:
        """The event's state as it is stored; its random bytes are new in each call. Raises UnencodableEvent."""
        try:
            fields = self._encode(event)
        except (msgspec.MsgspecError, TypeError, ValueError, OverflowError) as error:
            raise UnencodableEvent(f"cannot encode an event of topic {event.TOPIC}: {error}") from error
        return b'{"nonce":"%b",%b' % (os.urandom(NONCE_BYTES).hex().encode(), fields[1:])

    def decode(self, topic: str, state: bytes) -> Event | UnknownEvent:
        """The event in its newest version. Raises UndecodableEvent."""
        decoder = self._decoders.get(topic)
        try:
            if decoder is not None:
                return decoder.decode(state)
            if topic in self._upcasts:
                return self._upcast(topic, state)
        except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
            raise UndecodableEvent(f"cannot decode an event of topic {topic}: {error}") from error
        return UnknownEvent(topic, state)

    def _upcast(self, topic: str, state: bytes) -> Event | UnknownEvent:
        fields: dict[str, Any] = msgspec.json.decode(state)
        while topic in self._upcasts:
            topic, upcast = self._upcasts[topic]
            fields = upcast(fields)
        return self.decode(topic, self._encode(fields))
