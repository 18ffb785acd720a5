"""The reaper releases the requests that a dead or disconnected process left open.

Rule 1: it acts only a margin after an instance's lease has expired, or a grace period after a request's deadline: a process that
cannot renew has stopped its streams by then.
Rule 2: it may run in every process at once: a release can take only one place in its stream, so a second attempt does nothing.
"""

from __future__ import annotations

import structlog
import trio

from app.instance.lease import Lease
from app.ledger.codec import Codec, UndecodableEvent
from app.ledger.group_commit import GroupCommit
from app.ledger.store import WINDOWS_KEPT_DAYS, Append, CommandFailed, Committed, Ledger, OpenRequest, StoreUnavailable
from domain.buckets import MICROS_PER_DAY, minute_of
from domain.events import RequestAdmitted, request_stream
from domain.request import Hold, release

INTERVAL_SECONDS = 5.0
MARGIN_SECONDS = 10.0
GRACE_SECONDS = 60.0
ORPHANS_MAX = 5_000
TOGETHER_MAX = 100
PRUNE_SECONDS = 3600.0
_log = structlog.get_logger("reaper")


class Reaper:
    """Sweeps as long as its process runs."""

    def __init__(self, ledger: Ledger, writer: GroupCommit, codec: Codec, lease: Lease) -> None:
        self._ledger = ledger
        self._writer = writer
        self._codec = codec
        self._lease = lease
        self._suspects: frozenset[str] = frozenset()
        self._reading = trio.CapacityLimiter(2)
        self._prune_at = float("-inf")

    async def turn(self) -> None:
        """One sweep, and every PRUNE_SECONDS a pruning. Raises StoreUnavailable."""
        await self.sweep()
        if trio.current_time() >= self._prune_at:
            await self.prune()
            self._prune_at = trio.current_time() + PRUNE_SECONDS

    async def sweep(self) -> int:
        """Release the requests that were orphaned at the previous sweep and still are. Returns how many. Raises StoreUnavailable.

        Seeing it once is not enough: a step of the store's clock makes every lease look expired until its next renewal.
        """
        if not self._lease.good:
            return 0
        orphans = await trio.to_thread.run_sync(self._orphans, limiter=self._reading)
        confirmed = [orphan for orphan in orphans if orphan.request_id in self._suspects]
        self._suspects = frozenset(orphan.request_id for orphan in orphans)
        released = 0
        for start in range(0, len(confirmed), TOGETHER_MAX):
            results: list[bool] = []
            async with trio.open_nursery() as nursery:
                for orphan in confirmed[start : start + TOGETHER_MAX]:
                    nursery.start_soon(self._release, orphan, results)
            released += sum(results)
        return released

    async def prune(self) -> None:
        """Delete windows that no further event can move. Raises StoreUnavailable."""
        now = await trio.to_thread.run_sync(self._ledger.now_micros, limiter=self._reading)
        before = minute_of(now - WINDOWS_KEPT_DAYS * MICROS_PER_DAY)
        await trio.to_thread.run_sync(lambda: self._ledger.prune(minutes_before=before), limiter=self._reading)

    def _orphans(self) -> list[OpenRequest]:
        return list(self._ledger.orphans(margin_seconds=MARGIN_SECONDS, grace_seconds=GRACE_SECONDS, limit=ORPHANS_MAX))

    async def _release(self, orphan: OpenRequest, results: list[bool]) -> None:
        try:
            results.append(await self._release_one(orphan))
        except (StoreUnavailable, CommandFailed, UndecodableEvent) as error:
            _log.warning(
                "an orphaned request could not be released yet", request_id=orphan.request_id, error=str(error)
            )

    async def _release_one(self, orphan: OpenRequest) -> bool:
        [recorded] = await trio.to_thread.run_sync(self._ledger.read, orphan.position - 1, 1, limiter=self._reading)
        admitted = self._codec.decode(recorded.topic, recorded.state)
        if not isinstance(admitted, RequestAdmitted):
            _log.warning(
                "an orphaned request was admitted by a newer version: only that version can release it",
                request_id=orphan.request_id,
                topic=recorded.topic,
            )
            return False
        event = release(Hold(admitted, recorded.recorded_at_micros), reason="orphaned")
        stream = request_stream(orphan.request_id)
        verdict = await self._writer.append(Append(f"reap_{orphan.request_id}", stream, 1, (event,), first=True))
        if isinstance(verdict, Committed) and not verdict.repeated:
            _log.info("released an orphaned request", request_id=orphan.request_id, instance_id=orphan.instance_id)
            return True
        return False
