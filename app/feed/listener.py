"""One listener: the events waiting to be sent to it, bounded.

Rule 1: the feed queues events and never waits. The stream's task takes everything that is waiting. A listener that exceeds its
bound is cut off at once, even in the middle of a send.
Rule 2: only the newest balance waits, and only if it differs from the last one sent.
Rule 3: each batch carries a position up to which nothing is missing, so that a client can resume from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import trio

from app.feed.balance import Balance
from projections.contract import Fact

END_SECONDS = 1.0
"""How long an ended stream may take to send its remaining events."""


@dataclass(frozen=True, slots=True)
class News:
    """One batch for the client: events in order, then the balance if it changed. `ended`: why nothing more will come."""

    facts: list[Fact]
    balance: Balance | None
    position: int
    ended: str | None


@dataclass(eq=False, slots=True)
class Listener:
    """`begins`: everything up to this position was sent on an earlier stream. `joined`: events up to this position must be read
    from the log; later events are queued here. `reset`: too many events were missed to read them from the log. The listener ends
    with its session or key, identified by `session_digest` or `key_id`."""

    account_id: str
    begins: int
    joined: int
    reset: bool
    session_digest: str | None
    key_id: str | None
    facts_max: int
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    """The scope of the sending task."""
    _facts: list[Fact] = field(default_factory=list)
    _balance: Balance | None = None
    _last: tuple[int, int, bool] | None = None
    _position: int = 0
    _ended: str | None = None
    _changed: trio.Event = field(default_factory=trio.Event)

    def put(self, fact: Fact) -> None:
        """Queue an event of the account, unless it was sent before."""
        if fact.position <= self.begins or self._ended is not None:
            return
        if len(self._facts) >= self.facts_max:
            self._ended = "too slow"
            self._facts.clear()
            self.scope.cancel()
            return
        self._facts.append(fact)
        self._changed.set()

    def note(self, balance: Balance) -> None:
        """Record that this balance is sent before everything that is waiting here."""
        if self._balance is None:
            self._last = balance.amounts

    def reached(self, position: int) -> None:
        """Every event up to this position has been put."""
        self._position = position

    def put_balance(self, balance: Balance) -> None:
        if balance.amounts != self._last:
            self._last, self._balance = balance.amounts, balance
            self._changed.set()

    def end(self, why: str) -> None:
        """End the stream, with the reason as its last comment."""
        if self._ended is None:
            self._ended = why
            self.scope.deadline = trio.current_time() + END_SECONDS
            self._changed.set()

    async def take(self) -> News:
        """Wait until there is something to send, and return all of it, or the end."""
        await self._changed.wait()
        self._changed = trio.Event()
        news = News(self._facts, self._balance, max(self.begins, self._position), self._ended)
        self._facts, self._balance = [], None
        return news
