"""The storage of file contents: one contract, two engines (local.py, s3.py), selected in opening.py.

Rule 1: an upload is collected in a spool. Discarding a spool removes all of its bytes. `keep` turns a spool into a file atomically,
and the file is durable when `keep` returns.
Rule 2: a file is its content and its details, stored by id and never changed. The details contain what the ledger must not: the
name that the client gave.
Rule 3: the ledger determines which files exist. Content that the ledger does not know remains from a crash, and a sweep removes it.
Engines block, so worker threads call them. Every failure is a StorageUnavailable; a missing file is None.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec

from app.faults import StorageUnavailable

FILE_ID = re.compile(r"file-[0-9a-f]{32}", re.ASCII)
"""The format of ids: safe as a file name and as an object name."""


class Details(msgspec.Struct, frozen=True, gc=False):
    """The metadata stored with a content."""

    filename: str
    media_type: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored item, and when it was stored (seconds since 1970, by the storage's clock)."""

    file_id: str
    modified_at: float


class Spool:
    """A local file that collects an upload. Discarding it removes it unless it was kept before."""

    def __init__(self, file: BinaryIO, path: Path | None = None) -> None:
        self.file = file
        self.path = path

    def write(self, data: bytes | bytearray) -> None:
        """Raises StorageUnavailable if the disk is full or fails."""
        try:
            self.file.write(data)
        except OSError as error:
            raise StorageUnavailable(f"cannot write the upload: {error.strerror or error}") from error

    def discard(self) -> None:
        """May be called more than once."""
        self.file.close()
        if self.path is not None:
            with suppress(OSError):  # a sweep will remove it
                self.path.unlink(missing_ok=True)
            self.path = None


class Content(Protocol):
    """A file's content, opened for reading. Raises StorageUnavailable."""

    size: int

    def read(self, size: int) -> bytes:
        """At most `size` bytes; b"" at the end."""
        ...

    def close(self) -> None: ...


class Storage(Protocol):
    """A storage engine."""

    def spool(self) -> Spool: ...

    def keep(self, spool: Spool, file_id: str, details: Details) -> None:
        """Make the spool's bytes the content of this file."""
        ...

    def details(self, file_id: str) -> Details | None: ...

    def open(self, file_id: str) -> Content | None: ...

    def delete(self, file_id: str) -> None:
        """Does nothing if the file does not exist."""
        ...

    def entries(self) -> Iterator[Sequence[Entry]]:
        """All stored items, in pages, in no particular order."""
        ...

    def tidy(self, before: float) -> int:
        """Remove spools older than `before`, left by processes that ended. Returns how many."""
        ...

    def close(self) -> None: ...
