"""The sources of an export's facts, read page by page.

Rule 1: a page is one short read; no transaction is open between two pages.
Rule 2: for one account, an index gives the positions, and only the account's own events are read, however long the log is.
Rule 3: a span of positions always contains the same facts.
Rule 4: if an expected position is missing, reading stops, so an export never has a gap.
These functions block. They raise StoreUnavailable, ExportStopped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple, Protocol

from app.exports.kinds import ExportSpec
from app.ledger.codec import Codec, UndecodableEvent
from app.ledger.store import Ledger
from app.read_models import DecodedLog, ReadModels
from projections.contract import Fact, Undecodable
from projections.exports.contract import ExportStopped

PAGE = 1_000
_EVENT = "SELECT notification_id, recorded_at_micros, topic, state FROM stored_events WHERE notification_id"


class Source(Protocol):
    """`page`: at most PAGE facts after one position and up to another; empty at the end."""

    def page(self, after: int, until: int) -> Sequence[Fact]: ...

    def end(self) -> int:
        """The last position that can be exported now."""
        ...


class Span(NamedTuple):
    """The positions after `begins` up to `until` are exported. Positions up to `after` have already been exported."""

    begins: int
    after: int
    until: int


class WholeLog:
    def __init__(self, ledger: Ledger, codec: Codec) -> None:
        self._log = DecodedLog(ledger, codec=codec)

    def page(self, after: int, until: int) -> Sequence[Fact]:
        expected = range(after + 1, min(after + PAGE, until) + 1)
        return _whole(self._log.read(after, len(expected)), expected) if expected else []

    def end(self) -> int:
        return self._log.head().position


class OneAccount:
    """The events that moved an account's money, up to the position of the balances projection."""

    def __init__(self, ledger: Ledger, codec: Codec, read_models: ReadModels, account_id: str) -> None:
        self._ledger, self._codec, self._read_models, self._account_id = ledger, codec, read_models, account_id

    def page(self, after: int, until: int) -> Sequence[Fact]:
        positions = self._read_models.moved_positions(self._account_id, after=after, until=until, limit=PAGE)
        return self._facts(positions) if positions else []

    def end(self) -> int:
        return self._read_models.tracked()["balances"].position

    def _facts(self, positions: Sequence[int]) -> Sequence[Fact]:
        marks = ", ".join("?" * len(positions))
        rows = self._ledger.select(f"{_EVENT} IN ({marks}) ORDER BY notification_id", positions)
        return _whole([self._fact(*row) for row in rows], positions)

    def _fact(self, position: int, micros: int, topic: str, state: bytes) -> Fact:
        try:
            return Fact(position, micros, self._codec.decode(topic, bytes(state)))
        except UndecodableEvent as error:
            return Fact(position, micros, Undecodable(topic, str(error)))


def span_of(ledger: Ledger, source: Source, spec: ExportSpec, after: int | None) -> Span:
    """The span to export from the log as it is now, from the start if `after` is None."""
    until = source.end()
    if spec.to_micros is not None:
        until = min(until, position_before(ledger, spec.to_micros, until))
    begins = 0 if spec.from_micros is None else position_before(ledger, spec.from_micros, until)
    return Span(begins, begins if after is None else max(begins, after), until)


def position_before(ledger: Ledger, micros: int, until: int) -> int:
    """The last position, up to `until`, recorded before an instant; 0 if there is none. Instants never decrease."""
    low, high = 0, until
    while low < high:
        middle = (low + high + 1) // 2
        read = ledger.read(middle - 1, 1)
        if not read or read[0].id != middle:
            raise _missing(middle)
        if read[0].recorded_at_micros < micros:
            low = middle
        else:
            high = middle - 1
    return low


def pages(source: Source, after: int, until: int) -> Iterator[Sequence[Fact]]:
    while after < until and (page := source.page(after, until)):
        yield page
        after = page[-1].position


def _whole(facts: Sequence[Fact], expected: Sequence[int]) -> Sequence[Fact]:
    """The facts, if they have exactly these positions. Raises ExportStopped."""
    found = [fact.position for fact in facts]
    for position, there in zip_longest(expected, found):
        if position != there:
            raise _missing(position)
    return facts


def _missing(position: int) -> ExportStopped:
    return ExportStopped(f"The event at position {position} is missing.")
