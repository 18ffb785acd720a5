"""Group commit: one task drains a bounded queue into one append, and each waiting caller gets its verdict.

Rule 1: no timer. Commands that arrive while a batch is committing form the next batch, up to BATCH_MAX.
Rule 2: a full queue is refused at once (StoreBusy). A settlement is never refused because of admissions: it has the same room
again, and there are no more settlements than requests in flight.
Rule 3: a commit runs in a worker thread and is never abandoned. A cancelled caller withdraws its command if the commit has not
begun; otherwise it waits for the verdict, which an engine gives in bounded time.
Rule 4: if a batch's outcome is unknown, every caller gets StoreUnavailable and may retry with the same command id.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

import structlog
import trio

from app.ledger.store import (
    BATCH_MAX,
    Append,
    CommandFailed,
    Committed,
    Conflict,
    Failed,
    GuardRefused,
    Ledger,
    StoreBusy,
    StoreUnavailable,
    Verdict,
)

QUEUE_MAX = 5_000
_log = structlog.get_logger("ledger.group_commit")


class Watch(Protocol):
    """Receives measurements: seconds and counts."""

    def committed(self, *, size: int, seconds: float) -> None: ...

    def commit_waited(self, seconds: float) -> None: ...


class _Waiting:
    __slots__ = ("append", "done", "since", "verdict")

    def __init__(self, append: Append, since: float) -> None:
        self.append = append
        self.since = since
        self.done = trio.Event()
        self.verdict: Verdict | StoreUnavailable | None = None


class GroupCommit:
    """The only way into the log for a process's tasks. `run` is started once, in a nursery that outlives all callers."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        watch: Watch | None = None,
        queue_max: int = QUEUE_MAX,
        poke: Callable[[], None] = lambda: None,
    ) -> None:
        """`poke` is called after each batch, when there may be new events to read."""
        self.ledger = ledger
        self._watch = watch
        self._poke = poke
        self._queue_max = queue_max
        self._queue: deque[_Waiting] = deque()
        self._arrived = trio.Event()
        self._thread = trio.CapacityLimiter(1)
        self._closing = False

    async def append(self, append: Append) -> Committed | Conflict | GuardRefused:
        """The verdict on one command. Raises StoreBusy, StoreUnavailable, CommandFailed."""
        room = self._queue_max * 2 if append.first else self._queue_max
        if len(self._queue) >= room or self._closing:
            raise StoreBusy("too many commands are waiting for the store")
        waiting = _Waiting(append, trio.current_time())
        self._queue.append(waiting)
        self._arrived.set()
        try:
            await waiting.done.wait()
        except trio.Cancelled:
            if waiting in self._queue:
                self._queue.remove(waiting)
                raise
            with trio.CancelScope(shield=True):
                await waiting.done.wait()
        if self._watch is not None:
            self._watch.commit_waited(trio.current_time() - waiting.since)
        verdict = waiting.verdict
        if isinstance(verdict, Failed):
            raise CommandFailed(verdict.message)
        if isinstance(verdict, StoreUnavailable):
            raise StoreUnavailable(str(verdict)) from verdict
        assert verdict is not None
        return verdict

    async def run(self) -> None:
        """Commit batches until `close`, then the rest of the queue."""
        while True:
            await self._arrived.wait()
            if not self._queue:
                if self._closing:
                    return
                self._arrived = trio.Event()
                continue
            await self._commit([self._queue.popleft() for _ in range(min(BATCH_MAX, len(self._queue)))])

    def close(self) -> None:
        """Accept no more commands; `run` returns when the queue is empty."""
        self._closing = True
        self._arrived.set()

    async def _commit(self, batch: list[_Waiting]) -> None:
        started = trio.current_time()
        appends = [waiting.append for waiting in batch]
        verdicts: list[Verdict] | list[StoreUnavailable]
        try:
            with trio.CancelScope(shield=True):
                verdicts = await trio.to_thread.run_sync(self.ledger.append, appends, limiter=self._thread)
        except StoreUnavailable as error:
            verdicts = [error] * len(batch)
        except Exception as error:  # noqa: BLE001 - no caller may wait for ever
            _log.exception("unexpected error in append", commands=len(batch))
            verdicts = [StoreUnavailable(f"the store failed: {type(error).__name__}")] * len(batch)
        for waiting, verdict in zip(batch, verdicts, strict=True):
            waiting.verdict = verdict
            waiting.done.set()
        self._poke()
        if self._watch is not None:
            self._watch.committed(size=len(batch), seconds=trio.current_time() - started)
