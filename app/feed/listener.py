"""One who listens: what waits to be told, bounded.

Rule 1: the feed puts and never waits; the stream's task takes all that is there. Past its bound a listener is cut at once,
whatever it is in the middle of sending.
Rule 2: of a balance only the newest waits, and only where it differs from the one before.
Rule 3: what is taken together comes with the position up to which nothing is missing: so a client may come back with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import trio

from app.feed.balance import Figures
from projections.contract import Fact

END_SECONDS = 1.0
"""How long a stream that is ended may take over its last words."""


@dataclass(frozen=True, slots=True)
class Told:
    """Events in order, then the balance where it changed. `ended` says why nothing more will come."""

    facts: list[Fact]
    figures: Figures | None
    position: int
    ended: str | None


@dataclass(eq=False, slots=True)
class Listener:
    """`begins`: everything up to there was told before, by another stream. `joined`: up to there the log has to be read for what
    was missed; what comes after is put here. `reset`: too much was missed for that. The session or the key that it is there for
    is named by its digest or id."""

    account_id: str
    begins: int
    joined: int
    reset: bool
    session_digest: str | None
    key_id: str | None
    facts_max: int
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    """That of the task which sends."""
    _facts: list[Fact] = field(default_factory=list)
    _figures: Figures | None = None
    _last: tuple[int, int, bool] | None = None
    _position: int = 0
    _ended: str | None = None
    _changed: trio.Event = field(default_factory=trio.Event)

    def put(self, fact: Fact) -> None:
        """Tell an event of the account, unless it was told before."""
        if fact.position <= self.begins or self._ended is not None:
            return
        if len(self._facts) >= self.facts_max:
            self._ended = "too slow"
            self._facts.clear()
            self.scope.cancel()
            return
        self._facts.append(fact)
        self._changed.set()

    def note(self, figures: Figures) -> None:
        """This balance is told before anything that waits here."""
        if self._figures is None:
            self._last = figures.standing

    def reached(self, position: int) -> None:
        """All of the log up to there has been put."""
        self._position = position

    def put_figures(self, figures: Figures) -> None:
        if figures.standing != self._last:
            self._last, self._figures = figures.standing, figures
            self._changed.set()

    def end(self, why: str) -> None:
        """No more than this is told."""
        if self._ended is None:
            self._ended = why
            self.scope.deadline = trio.current_time() + END_SECONDS
            self._changed.set()

    async def take(self) -> Told:
        """All that waits, or the end, once there is something."""
        await self._changed.wait()
        self._changed = trio.Event()
        told = Told(self._facts, self._figures, max(self.begins, self._position), self._ended)
        self._facts, self._figures = [], None
        return told
