"""The ledger's log, decoded for the read models."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from app.faults import ReadModelsUnavailable
from app.ledger.codec import Codec, UndecodableEvent
from app.ledger.store import LogReader, RecordedEvent, StoreUnavailable
from projections.contract import Fact, LogHead, Undecodable


class _Ledger(LogReader, Protocol):
    def now_micros(self) -> int: ...


class DecodedLog:
    """A `projections.contract.Log` over a ledger. An event that cannot be decoded is returned as Undecodable."""

    def __init__(self, ledger: _Ledger, *, codec: Codec | None = None) -> None:
        self._ledger = ledger
        self._codec = codec or Codec()

    def read(self, after: int, limit: int) -> Sequence[Fact]:
        with _mapped():
            stored = self._ledger.read(after, limit)
        return [self._fact(row) for row in stored]

    def head(self) -> LogHead:
        with _mapped():
            head = self._ledger.head()
        return LogHead(head.position, head.recorded_at_micros)

    def now_micros(self) -> int:
        with _mapped():
            return self._ledger.now_micros()

    def identity(self) -> str:
        """The hash of event 1, which carries 16 random bytes. Empty while the log has no events."""
        with _mapped():
            first = self._ledger.read(0, 1)
        return hashlib.sha256(first[0].state).hexdigest() if first else ""

    def _fact(self, row: RecordedEvent) -> Fact:
        try:
            return Fact(row.id, row.recorded_at_micros, self._codec.decode(row.topic, row.state))
        except UndecodableEvent as error:
            return Fact(row.id, row.recorded_at_micros, Undecodable(row.topic, str(error)))


@contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    except StoreUnavailable as error:
        raise ReadModelsUnavailable(str(error)) from error
