"""What an export is made of.

Rule 1: an encoder turns facts, in order, into bytes; it keeps no row that it has written, so that its memory is flat.
Rule 2: bytes depend on facts alone: an export that goes on behind a position writes what the whole one has there, byte by byte.
Rule 3: an encoder that must know what was before is shown it (`see`), and writes nothing of it.
Rule 4: an amount of money has nine decimals, always; where a price of a single token needs more, twelve.
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
"""Of a cost line: a price per million tokens may have six decimals."""
Kind = Literal["text", "int", "flag", "decimal", "instant"]
Row = tuple[Any, ...]


class ExportStopped(Fault):
    """An event is missing or cannot be read: what is written ends before it. `realrouter audit verify` and `replay` say more."""


@dataclass(frozen=True, slots=True)
class Column:
    """A cell is a string, a whole number, a bool, a whole number of 10^-`decimals`, or of microseconds since 1970 UTC; or None."""

    name: str
    kind: Kind = "text"
    decimals: int = MONEY_DECIMALS


class Sheet(Protocol):
    """A table of an export. `control` is the column whose sum is told beside the file."""

    @property
    def name(self) -> str: ...

    @property
    def columns(self) -> tuple[Column, ...]: ...

    @property
    def control(self) -> str: ...

    @property
    def remembers(self) -> bool:
        """Whether it must see what was before its first row."""
        ...

    def rows(self, fact: Fact) -> Iterator[Row]: ...


@dataclass(slots=True)
class Tally:
    """What was written: rows (or transactions), and the sum of what `of` names, in units of 10^-`decimals` USD."""

    of: str
    decimals: int = MONEY_DECIMALS
    rows: int = 0
    total: int = 0


class Encoder(Protocol):
    """Facts to the bytes of one file. `appends`: its files may be taken further; one that does not has an end of its own."""

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
        """What stands before the first row of a whole file."""
        ...

    def see(self, fact: Fact) -> None: ...

    def encode(self, facts: Sequence[Fact]) -> bytes: ...

    def tail(self) -> bytes: ...


def event_of(fact: Fact) -> Event | None:
    """The event, None where this version does not know its topic. Raises ExportStopped."""
    if isinstance(fact.event, Undecodable):
        raise ExportStopped(f"The event at position {fact.position} cannot be read: {fact.event.problem}.")
    return fact.event if isinstance(fact.event, Event) else None


def id_of(event: Event) -> str:
    """Of what the event tells: the request, payment, refund, dispute or adjustment."""
    for name in ("request_id", "refund_id", "dispute_id", "payment_id", "adjustment_id"):
        found: str | None = getattr(event, name, None)
        if found is not None:
            return found
    return ""
