"""This process's lease in the ledger, the work that runs under it, and the slots that bound it.

Rule 1: an instance admits requests only while its lease is good, and stops its streams before anyone else can see it expire.
Rule 2: completions run in a nursery of the process, not of the request: a client that leaves does not interrupt accounting.
Rule 3: on shutdown nothing new is accepted; running requests may finish within the grace period; the rest are released.
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
_log = structlog.get_logger("lease")


class Stoppable(Protocol):
    """A running completion."""

    def stop(self, reason: str) -> None: ...


class Slots:
    """Bounds the running requests, per process and per key. A slot is taken before a body byte is read."""

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
    """One running request's place. Giving it back a second time has no effect."""

    __slots__ = ("_key_id", "_slots")

    def __init__(self, slots: Slots, key_id: str) -> None:
        self._slots: Slots | None = slots
        self._key_id = key_id

    def give_back(self) -> None:
        if self._slots is not None:
            self._slots.give_back(self._key_id)
            self._slots = None


class Lease:
    """The process's lease and the tasks that run under it. `instance_id` names the process in the ledger."""

    def __init__(self, ledger: Ledger, *, lease_seconds: float) -> None:
        self.instance_id = f"inst_{secrets.token_hex(8)}"
        self._ledger = ledger
        self._lease_seconds = lease_seconds
        self._good_until = float("-inf")
        self._draining = False
        self._running: set[Stoppable] = set()
        self._nursery: trio.Nursery | None = None
        self._tasks = 0
        self._renewing = trio.CapacityLimiter(RENEWALS_PER_LEASE)
        self.reading = trio.CapacityLimiter(READERS_MAX)
        """Threads in which requests use the store for anything but an append."""
        self._idle = trio.Event()
        self._idle.set()

    @property
    def draining(self) -> bool:
        return self._draining

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def good(self) -> bool:
        return trio.current_time() < self._good_until

    def check(self) -> None:
        """Returns if a request may begin now. Raises ShuttingDown, StoreUnavailable."""
        if self._draining or self._nursery is None:
            raise ShuttingDown
        if not self.good:
            raise StoreUnavailable("this process could not renew its lease")

    def start(self, task: Callable[[], Awaitable[None]]) -> None:
        """Run `task` in the background, to its end, even if the request that it serves is cancelled."""
        assert self._nursery is not None, "the lease runs"
        self._tasks += 1
        if self._tasks == 1:
            self._idle = trio.Event()
        self._nursery.start_soon(self._tracked, task)

    async def _tracked(self, task: Callable[[], Awaitable[None]]) -> None:
        try:
            await task()
        except Exception:  # noqa: BLE001 - one request's bug does not end the others
            _log.exception("unexpected error in a task of the process")
        finally:
            self._tasks -= 1
            if not self._tasks:
                self._idle.set()

    @contextmanager
    def registered(self, completion: Stoppable) -> Iterator[None]:
        """Within this context, `stop_all` stops the completion."""
        self._running.add(completion)
        try:
            yield
        finally:
            self._running.discard(completion)

    def stop_all(self, reason: str) -> None:
        for completion in list(self._running):
            completion.stop(reason)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Take the lease and keep it until cancelled; own the tasks. Raises StoreUnavailable if it cannot be taken."""
        await self._renew()
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            await self._keep_lease()

    async def drain(self, grace_seconds: float, settle_seconds: float) -> None:
        """Accept nothing new, wait up to the grace period for running requests, then release the rest and wait for the releases."""
        self._draining = True
        with trio.move_on_after(grace_seconds):
            await self._idle.wait()
        if self._running:
            _log.info("releasing requests that did not finish in the grace period", requests=len(self._running))
            self.stop_all("shutdown")
        with trio.move_on_after(settle_seconds):
            await self._idle.wait()

    async def end(self) -> None:
        """End the lease. This instance has no open requests any more, so the reaper may release anything that is left at once."""
        with trio.move_on_after(self._lease_seconds):
            try:
                await trio.to_thread.run_sync(
                    self._ledger.end_lease, self.instance_id, abandon_on_cancel=True, limiter=self._renewing
                )
            except StoreUnavailable as error:
                _log.warning("the lease could not be ended; it will expire", error=str(error))

    async def _keep_lease(self) -> None:
        interval = self._lease_seconds / RENEWALS_PER_LEASE
        turn_at = trio.current_time()
        while True:
            turn_at = max(turn_at + interval, trio.current_time())  # a late renewal does not delay the next one
            await trio.sleep_until(turn_at)
            try:
                await self._renew()
            except StoreUnavailable as error:
                _log.warning("the lease could not be renewed", error=str(error), running=len(self._running))
            if trio.current_time() >= self._good_until - interval and self._running:
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
            self._good_until = before + self._lease_seconds
        if scope.cancelled_caught:
            raise StoreUnavailable("the store did not answer in time")
