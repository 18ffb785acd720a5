"""The parts of an export.

Rule 1: an encoder turns facts, in order, into bytes. It keeps no rows that it has written, so its memory use is constant.
Rule 2: bytes depend only on facts: an export continued after a position has the same bytes there as a complete one.
Rule 3: if an encoder needs earlier facts, it gets them through `see`, and writes nothing for them.
Rule 4: amounts always have nine decimals, or twelve if the price of a single token needs more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from domain.errors import Fault
from domain.events import Event
from projections.contract import Fact, Undecodable

MONEY_DECIMALS = 9
LINE_DECIMALS = 12
"""Decimals of a cost line: a price per million tokens may have six decimals."""
Kind = Literal["text", "int", "flag", "decimal", "instant"]
Row = tuple[Any, ...]


class ExportStopped(Fault):
    """An event is missing or cannot be decoded. The output ends before it. See `realrouter audit verify` and `audit replay`."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of strings, whole numbers, bools, whole numbers of 10^-`decimals` or of microseconds since 1970 UTC; or None."""

    name: str
    kind: Kind = "text"
    decimals: int = MONEY_DECIMALS


class Sheet(Protocol):
    """A table of an export. `control` is the column whose sum is in the manifest."""

    @property
    def name(self) -> str: ...

    @property
    def columns(self) -> tuple[Column, ...]: ...

    @property
    def control(self) -> str: ...

    @property
    def remembers(self) -> bool:
        """Whether it needs the facts before its first row."""
        ...

    def rows(self, fact: Fact) -> Iterator[Row]: ...


@dataclass(slots=True)
class Tally:
    """Counts of the output: rows (or transactions), and the sum of the column `of`, in units of 10^-`decimals` USD."""

    of: str
    decimals: int = MONEY_DECIMALS
    rows: int = 0
    total: int = 0


class Encoder(Protocol):
    """Encodes facts into one file. `appends`: whether its files can be continued (not if they end with a footer)."""

    @property
    def suffix(self) -> str: ...

    @property
    def media_type(self) -> str: ...

    @property
    def appends(self) -> bool: ...

    @property
    def remembers(self) -> bool: ...

    @property
    def tally(self) -> Tally: ...

    def head(self) -> bytes:
        """The bytes before the first row of a complete file."""
        ...

    def see(self, fact: Fact) -> None: ...

    def encode(self, facts: Sequence[Fact]) -> bytes: ...

    def tail(self) -> bytes: ...


def event_of(fact: Fact) -> Event | None:
    """The fact's event, or None if its topic is unknown to this version. Raises ExportStopped."""
    if isinstance(fact.event, Undecodable):
        raise ExportStopped(f"The event at position {fact.position} cannot be decoded: {fact.event.problem}.")
    return fact.event if isinstance(fact.event, Event) else None


def id_of(event: Event) -> str:
    """The id of the event's request, payment, refund, dispute or adjustment."""
    for name in ("request_id", "refund_id", "dispute_id", "payment_id", "adjustment_id"):
        found: str | None = getattr(event, name, None)
        if found is not None:
            return found
    return ""
