"""Files as clients see them: the ledger's facts, and the name that is stored with the content.

Rule: a name never changes, so it is read once and cached. If the storage has lost it, the name is derived from the id.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import structlog
import trio

from app.faults import StorageUnavailable
from app.files.storage import Storage
from app.read_models.answers import File as Listed
from domain.buckets import MICROS_PER_SECOND
from domain.file import File

NAMES_KEPT = 20_000
TOGETHER_MAX = 16
_log = structlog.get_logger("files")


@dataclass(frozen=True, slots=True)
class Described:
    """A file as clients see it. Instants in seconds since 1970."""

    id: str
    bytes: int
    created_at: int
    expires_at: int | None
    filename: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list."""

    files: Sequence[Described]
    has_more: bool


def described(file: File, filename: str) -> Described:
    assert file.uploaded is not None, "it was found"
    created, expires = _seconds(file.created_at_micros), file.expires_at_micros
    ends = None if expires is None else _seconds(expires)
    return Described(file.file_id, file.uploaded.bytes, created, ends, filename, file.uploaded.purpose)


def listed(row: Listed, filename: str) -> Described:
    ends = None if row.expires_at_micros is None else _seconds(row.expires_at_micros)
    return Described(row.file_id, row.bytes, _seconds(row.created_at_micros), ends, filename, row.purpose)


class Names:
    """The names of files, with a bounded cache."""

    def __init__(self, storage: Storage, threads: trio.CapacityLimiter) -> None:
        self._storage = storage
        self._threads = threads
        self._kept: OrderedDict[str, str] = OrderedDict()

    def learn(self, file_id: str, name: str) -> None:
        self._kept[file_id] = name
        self._kept.move_to_end(file_id)
        if len(self._kept) > NAMES_KEPT:
            self._kept.popitem(last=False)

    def forget(self, file_id: str) -> None:
        self._kept.pop(file_id, None)

    async def of(self, file_ids: Iterable[str]) -> dict[str, str]:
        """The name of each file. Raises StorageUnavailable."""
        names = {file_id: self._kept.get(file_id, "") for file_id in file_ids}
        unknown = [file_id for file_id, name in names.items() if not name]
        found: dict[str, str] = {}
        failed: list[StorageUnavailable] = []
        share = -(-len(unknown) // TOGETHER_MAX) or 1
        async with trio.open_nursery() as nursery:
            for start in range(0, len(unknown), share):
                nursery.start_soon(self._look_up, unknown[start : start + share], found, failed)
        if failed:
            raise failed[0]
        for file_id, name in found.items():
            self.learn(file_id, name)
        return names | found

    async def _look_up(self, file_ids: Sequence[str], found: dict[str, str], failed: list[StorageUnavailable]) -> None:
        def look_up() -> dict[str, str]:
            details = {file_id: self._storage.details(file_id) for file_id in file_ids}
            return {name: f"{name}.pdf" if each is None else each.filename for name, each in details.items()}

        try:
            found.update(await trio.to_thread.run_sync(look_up, limiter=self._threads))
        except StorageUnavailable as error:
            _log.warning("the file storage is unreachable", error=str(error))
            failed.append(error)


def _seconds(micros: int) -> int:
    return micros // MICROS_PER_SECOND
