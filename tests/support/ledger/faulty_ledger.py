"""A ledger that is out of reach, or loses acknowledgements, or waits, when a test says so; otherwise the real one.

Only `append` misbehaves, as the writer calls it: in a worker thread, with a whole batch.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from app.ledger.store import Append, Ledger, StoreUnavailable, Verdict

Concerns = Callable[[Append], bool]
WAIT_SECONDS = 120


def admissions(append: Append) -> bool:
    return append.expected_version == 0


def settlements(append: Append) -> bool:
    return append.expected_version == 1


def debits(append: Append) -> bool:
    return append.command_id.startswith("debit_")


class FaultyLedger:
    """Wraps `ledger`; everything but `append` passes through."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._down: Concerns | None = None
        self._lose: list[Concerns] = []
        self._hold: Concerns | None = None
        self._gate = threading.Event()
        self.reached = threading.Event()
        """Set when a command that is to be held has arrived."""
        self.refused = 0
        self.seen: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def down_for(self, concerns: Concerns) -> None:
        """Such commands fail, undone, until `up`."""
        self._down = concerns

    def up(self) -> None:
        self._down = None

    def lose_one_answer_to(self, concerns: Concerns) -> None:
        """The next such command is committed, and its caller told that nothing is known."""
        self._lose.append(concerns)

    def hold(self, concerns: Concerns) -> None:
        """Such commands wait, not yet done, until `let_go`."""
        self._hold = concerns

    def let_go(self) -> None:
        self._hold = None
        self._gate.set()

    def append(self, batch: Sequence[Append]) -> list[Verdict]:
        self.seen += [append.command_id for append in batch]
        if self._hold is not None and any(map(self._hold, batch)):
            self.reached.set()
            assert self._gate.wait(WAIT_SECONDS), "the test let go"
        if self._down is not None and any(map(self._down, batch)):
            self.refused += 1
            raise StoreUnavailable("the test took the store away")
        verdicts = self._ledger.append(batch)
        if self._lose and any(map(self._lose[0], batch)):
            del self._lose[0]
            raise StoreUnavailable("the test lost the answer")
        return verdicts
