"""The sweep: records expired files, and removes content that belongs to no file.

Rule 1: it may run in every process at once. A file's deletion has one version in its stream, and removing content is idempotent.
Rule 2: content is removed only if it is old and the ledger itself shows that no file owns it. An upload in progress or a lagging
read model therefore loses nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import structlog
import trio

from app.files.service import Files
from app.files.storage import Entry
from app.ledger.store import CommandFailed
from app.read_models import ReadModels

T = TypeVar("T")
SWEEP_SECONDS = 60.0
COLLECT_SECONDS = 3600.0
"""The interval between scans of the whole storage."""
ORPHAN_SECONDS = 3600.0
"""Newer content may belong to an upload that is not in the ledger yet."""
EXPIRED_MAX = 500
LOOK_MAX = 500
_log = structlog.get_logger("files.sweep")


class FileSweep:
    """Sweeps while its process runs. `wall_clock` returns seconds since 1970, like the storage's timestamps."""

    def __init__(
        self,
        files: Files,
        read_models: ReadModels,
        reading: trio.CapacityLimiter,
        *,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._files = files
        self._read_models = read_models
        self._reading = reading
        self._wall_clock = wall_clock
        self._working = trio.CapacityLimiter(1)
        self._collect_at = float("-inf")

    async def turn(self) -> None:
        """End expired files and, every COLLECT_SECONDS, remove orphans. Raises StoreUnavailable, StorageUnavailable."""
        await self.expire()
        if trio.current_time() >= self._collect_at:
            self._collect_at = trio.current_time() + COLLECT_SECONDS
            await self.collect()

    async def expire(self) -> int:
        """End expired files. Returns how many files this sweep ended. Raises StoreUnavailable."""
        now = self._files.now_micros()
        look = partial(self._read_models.expired_files, now, limit=EXPIRED_MAX)
        found = (await trio.to_thread.run_sync(look, limiter=self._reading)).value
        ended = 0
        for row in found:
            try:
                file = await self._files.load(row.file_id)
                ended += await self._files.end(file, reason="expired")
            except CommandFailed as error:
                _log.warning("an expired file cannot be removed", file_id=row.file_id, error=str(error))
        return ended

    async def collect(self) -> int:
        """Remove stored content that belongs to no file. Returns how many. Raises StoreUnavailable, StorageUnavailable."""
        before = self._wall_clock() - ORPHAN_SECONDS
        removed = await self._work(self._files.storage.tidy, before)
        pages = self._files.storage.entries()
        while (page := await self._work(_next, pages)) is not None:
            old = list({entry.file_id for entry in page if entry.modified_at < before})
            for start in range(0, len(old), LOOK_MAX):
                removed += await self._remove_unowned(old[start : start + LOOK_MAX])
        if removed:
            _log.info("orphaned file contents removed", count=removed)
        return removed

    async def _remove_unowned(self, file_ids: Sequence[str]) -> int:
        there = (await trio.to_thread.run_sync(self._read_models.files_there, file_ids, limiter=self._reading)).value
        removed = 0
        for file_id in file_ids:
            if file_id in there:
                continue
            file = await self._files.load(file_id)
            if file.uploaded is None or file.deleted:
                await self._files.remove(file_id)
                removed += 1
        return removed

    async def _work(self, ask: Callable[..., T], *arguments: object) -> T:
        return await trio.to_thread.run_sync(ask, *arguments, limiter=self._working)


def _next(pages: Iterator[Sequence[Entry]]) -> Sequence[Entry] | None:
    return next(pages, None)
