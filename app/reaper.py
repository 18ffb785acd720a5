"""The reaper: it releases what a dead process, or a lost one, left open.

Rule 1: it acts only after an instance's lease is over by a margin, or a request's deadline by a grace: a process that cannot
renew has stopped its streams by then.
Rule 2: it may run in every process at once: each release has one place in its stream, and whoever comes second does nothing.
"""

from __future__ import annotations

import structlog
import trio

from app.ledger.codec import Codec
from app.ledger.store import Append, Committed, Ledger, OpenRequest, StoreUnavailable
from app.ledger.writer import Writer
from domain.buckets import MICROS_PER_DAY, minute_of
from domain.events import RequestAdmitted, request_stream
from domain.request import Hold, release

INTERVAL_SECONDS = 5.0
MARGIN_SECONDS = 10.0
GRACE_SECONDS = 60.0
PAGE = 200
PRUNE_SECONDS = 3600.0
WINDOWS_KEPT_DAYS = 2
"""Minute windows older than this are forgotten; no request lives so long."""
_log = structlog.get_logger("reaper")


class Reaper:
    """Runs for as long as its process."""

    def __init__(self, ledger: Ledger, writer: Writer, codec: Codec) -> None:
        self._ledger = ledger
        self._writer = writer
        self._codec = codec

    async def run(self) -> None:
        """Sweep, for ever; a store that is out of reach is asked again at the next turn."""
        prune_at = trio.current_time()
        while True:
            try:
                while await self.sweep() == PAGE:
                    pass
                if trio.current_time() >= prune_at:
                    await self.prune()
                    prune_at = trio.current_time() + PRUNE_SECONDS
            except StoreUnavailable as error:
                _log.warning("the store is out of reach; the next turn tries again", error=str(error))
            await trio.sleep(INTERVAL_SECONDS)

    async def sweep(self) -> int:
        """Release what is orphaned, up to a page of it. Returns how many were found. Raises StoreUnavailable."""
        orphans = await trio.to_thread.run_sync(self._orphans)
        async with trio.open_nursery() as nursery:
            for orphan in orphans:
                nursery.start_soon(self._release, orphan)
        return len(orphans)

    async def prune(self) -> None:
        """Forget windows that nothing moves any more. Raises StoreUnavailable."""
        now = await trio.to_thread.run_sync(self._ledger.now_micros)
        before = minute_of(now - WINDOWS_KEPT_DAYS * MICROS_PER_DAY)
        await trio.to_thread.run_sync(lambda: self._ledger.prune(minutes_before=before))

    def _orphans(self) -> list[OpenRequest]:
        return list(self._ledger.orphans(margin_seconds=MARGIN_SECONDS, grace_seconds=GRACE_SECONDS, limit=PAGE))

    async def _release(self, orphan: OpenRequest) -> None:
        try:
            await self._release_one(orphan)
        except StoreUnavailable as error:
            _log.warning("an orphan could not be released yet", request_id=orphan.request_id, error=str(error))

    async def _release_one(self, orphan: OpenRequest) -> None:
        [recorded] = await trio.to_thread.run_sync(self._ledger.read, orphan.position - 1, 1)
        admitted = self._codec.decode(recorded.topic, recorded.state)
        assert isinstance(admitted, RequestAdmitted), "an open request points at its admission"
        event = release(Hold(admitted, recorded.recorded_at_micros), reason="orphaned")
        stream = request_stream(orphan.request_id)
        verdict = await self._writer.append(Append(f"reap_{orphan.request_id}", stream, 1, (event,), first=True))
        if isinstance(verdict, Committed) and not verdict.repeated:
            _log.info("released an orphan", request_id=orphan.request_id, instance_id=orphan.instance_id)
