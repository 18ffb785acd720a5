"""The ledger's log, decoded for read models."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol

from app.ledger.codec import Codec, UndecodableEvent
from app.ledger.store import LogReader, StoreUnavailable
from projections.contract import Fact, LogHead, Unavailable, Undecodable


class _Ledger(LogReader, Protocol):
    def now_micros(self) -> int: ...


class ViewsUnavailable(StoreUnavailable, Unavailable):
    """The read models are out of reach or locked."""


class DecodedLog:
    """A `projections.contract.Log` over a ledger. An event that cannot be decoded is told as such, in its place."""

    def __init__(self, ledger: _Ledger, *, codec: Codec | None = None) -> None:
        self._ledger = ledger
        self._codec = codec or Codec()

    def read(self, after: int, limit: int) -> Sequence[Fact]:
        try:
            stored = self._ledger.read(after, limit)
        except StoreUnavailable as error:
            raise ViewsUnavailable(str(error)) from error
        facts = []
        for row in stored:
            try:
                facts.append(Fact(row.id, row.recorded_at_micros, self._codec.decode(row.topic, row.state)))
            except UndecodableEvent as error:
                facts.append(Fact(row.id, row.recorded_at_micros, Undecodable(row.topic, str(error))))
        return facts

    def head(self) -> LogHead:
        try:
            head = self._ledger.head()
        except StoreUnavailable as error:
            raise ViewsUnavailable(str(error)) from error
        return LogHead(head.position, head.recorded_at_micros)

    def now_micros(self) -> int:
        try:
            return self._ledger.now_micros()
        except StoreUnavailable as error:
            raise ViewsUnavailable(str(error)) from error

    def identity(self) -> str:
        """The hash of event 1, which carries 16 random bytes; empty while there is none."""
        try:
            first = self._ledger.read(0, 1)
        except StoreUnavailable as error:
            raise ViewsUnavailable(str(error)) from error
        return hashlib.sha256(first[0].state).hexdigest() if first else ""
