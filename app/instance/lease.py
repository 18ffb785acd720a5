"""This process: its name in the ledger, its lease, and the completions that live in it.

Rule 1: an instance may admit only while its lease is good; it stops its streams before the lease can be over for anyone else.
Rule 2: completions run in a nursery of the process, not of the request: a client that goes takes none of the books with it.
Rule 3: shutting down takes no new request, lets what runs finish within the grace period, releases the rest.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import structlog
import trio

from app.faults import Overloaded, ShuttingDown
from app.ledger.store import Ledger, StoreUnavailable

RENEWALS_PER_LEASE = 4
READERS_MAX = 4
_log = structlog.get_logger("lifetime")


class Stoppable(Protocol):
    """A running completion."""

    def stop(self, reason: str) -> None: ...


class Slots:
    """How many requests run: in this process, and per key. Taken before a body byte is read."""

    def __init__(self, process_max: int, key_max: int) -> None:
        self._process_max = process_max
        self._key_max = key_max
        self._running = 0
        self._by_key: dict[str, int] = {}

    @property
    def running(self) -> int:
        return self._running

    def take(self, key_id: str) -> Slot:
        """Raises Overloaded."""
        if self._running >= self._process_max:
            raise Overloaded(per_key=False, limit=self._process_max)
        held = self._by_key.get(key_id, 0)
        if held >= self._key_max:
            raise Overloaded(per_key=True, limit=self._key_max)
        self._running += 1
        self._by_key[key_id] = held + 1
        return Slot(self, key_id)

    def give_back(self, key_id: str) -> None:
        self._running -= 1
        left = self._by_key[key_id] - 1
        if left:
            self._by_key[key_id] = left
        else:
            del self._by_key[key_id]


class Slot:
    """One running request's place. Giving it back twice is giving it back once."""

    __slots__ = ("_key_id", "_slots")

    def __init__(self, slots: Slots, key_id: str) -> None:
        self._slots: Slots | None = slots
        self._key_id = key_id

    def give_back(self) -> None:
        if self._slots is not None:
            self._slots.give_back(self._key_id)
            self._slots = None


class Lifetime:
    """The process as its completions see it."""

    def __init__(self, ledger: Ledger, *, lease_seconds: float) -> None:
        self.instance_id = f"inst_{secrets.token_hex(8)}"
        self._ledger = ledger
        self._lease_seconds = lease_seconds
        self._lease_until = float("-inf")
        self._draining = False
        self._running: set[Stoppable] = set()
        self._nursery: trio.Nursery | None = None
        self._tasks = 0
        self._renewing = trio.CapacityLimiter(RENEWALS_PER_LEASE)
        self.reading = trio.CapacityLimiter(READERS_MAX)
        """Threads for what requests ask of the store besides their appends."""
        self._idle = trio.Event()
        self._idle.set()

    @property
    def draining(self) -> bool:
        return self._draining

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def lease_good(self) -> bool:
        return trio.current_time() < self._lease_until

    def check(self) -> None:
        """Whether a request may begin now. Raises ShuttingDown, StoreUnavailable."""
        if self._draining or self._nursery is None:
            raise ShuttingDown
        if not self.lease_good:
            raise StoreUnavailable("this process could not renew its lease")

    def start(self, task: Callable[[], Awaitable[None]]) -> None:
        """Run `task` to its end, whatever becomes of the request that it is for."""
        assert self._nursery is not None, "the process runs"
        self._tasks += 1
        if self._tasks == 1:
            self._idle = trio.Event()
        self._nursery.start_soon(self._tracked, task)

    async def _tracked(self, task: Callable[[], Awaitable[None]]) -> None:
        try:
            await task()
        except Exception:  # noqa: BLE001 - one request's bug does not end the others
            _log.exception("a task of the process failed in a way that has no name")
        finally:
            self._tasks -= 1
            if not self._tasks:
                self._idle.set()

    @contextmanager
    def registered(self, completion: Stoppable) -> Iterator[None]:
        """Known to `stop_all` meanwhile."""
        self._running.add(completion)
        try:
            yield
        finally:
            self._running.discard(completion)

    def stop_all(self, reason: str) -> None:
        for completion in list(self._running):
            completion.stop(reason)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Own the completions and the lease; returns when cancelled, or after `drain`. Raises StoreUnavailable at the start."""
        await self._renew()
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            await self._keep_lease()

    async def drain(self, grace_seconds: float, settle_seconds: float) -> None:
        """Take nothing new; wait for what runs, at most the grace period; then release the rest, and wait for that."""
        self._draining = True
        with trio.move_on_after(grace_seconds):
            await self._idle.wait()
        if self._running:
            _log.info("releasing what did not finish in the grace period", requests=len(self._running))
            self.stop_all("shutdown")
        with trio.move_on_after(settle_seconds):
            await self._idle.wait()

    async def end_lease(self) -> None:
        """Nothing of this instance is open any more; whatever is left is for the reaper at once."""
        with trio.move_on_after(self._lease_seconds):
            try:
                await trio.to_thread.run_sync(
                    self._ledger.end_lease, self.instance_id, abandon_on_cancel=True, limiter=self._renewing
                )
            except StoreUnavailable as error:
                _log.warning("the lease could not be ended; it will run out", error=str(error))

    async def _keep_lease(self) -> None:
        interval = self._lease_seconds / RENEWALS_PER_LEASE
        turn_at = trio.current_time()
        while True:
            turn_at = max(turn_at + interval, trio.current_time())  # a turn that the store held up is not waited after
            await trio.sleep_until(turn_at)
            try:
                await self._renew()
            except StoreUnavailable as error:
                _log.warning("the lease could not be renewed", error=str(error), running=len(self._running))
            if trio.current_time() >= self._lease_until - interval and self._running:
                self.stop_all("lease_lost")

    async def _renew(self) -> None:
        before = trio.current_time()
        with trio.move_on_after(self._lease_seconds / RENEWALS_PER_LEASE) as scope:
            await trio.to_thread.run_sync(
                self._ledger.renew_lease,
                self.instance_id,
                self._lease_seconds,
                abandon_on_cancel=True,
                limiter=self._renewing,
            )
            self._lease_until = before + self._lease_seconds
        if scope.cancelled_caught:
            raise StoreUnavailable("the store did not answer in time")
