"""Where the content of files is kept: one contract, two engines (local.py, s3.py), chosen in opening.py.

Rule 1: an upload is collected in a spool, of which nothing is left once it is discarded. `keep` makes it a file, whole or not at
all, and durable before it returns.
Rule 2: a file is its content and its details, under its id, and is never changed. Its details hold what the ledger must not: the
name that the client gave it.
Rule 3: the ledger says which files there are. What the ledger does not know is left over from a crash, and a sweep removes it.
Engines block: they are called from worker threads. Whatever goes wrong is a StorageUnavailable; a file that is not there is None.
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
"""What ids look like: safe as the name of a file, and of an object."""


class Details(msgspec.Struct, frozen=True, gc=False):
    """What is kept beside a content."""

    filename: str
    media_type: str


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that is kept, and when it was put there (seconds since 1970, by the storage's clock)."""

    file_id: str
    modified_at: float


class Spool:
    """A file on this machine that an upload is collected in. It is gone once discarded, unless it was kept before."""

    def __init__(self, file: BinaryIO, path: Path | None = None) -> None:
        self.file = file
        self.path = path

    def write(self, data: bytes | bytearray) -> None:
        """Raises StorageUnavailable: the disk is full, or gone."""
        try:
            self.file.write(data)
        except OSError as error:
            raise StorageUnavailable(f"an upload cannot be collected: {error.strerror or error}") from error

    def discard(self) -> None:
        """May be called again and again."""
        self.file.close()
        if self.path is not None:
            with suppress(OSError):  # a sweep finds it
                self.path.unlink(missing_ok=True)
            self.path = None


class Content(Protocol):
    """A file's content, being read. Raises StorageUnavailable."""

    size: int

    def read(self, size: int) -> bytes:
        """At most `size` bytes; b"" at the end."""
        ...

    def close(self) -> None: ...


class Storage(Protocol):
    """One engine."""

    def spool(self) -> Spool: ...

    def keep(self, spool: Spool, file_id: str, details: Details) -> None:
        """Everything in the spool is the content of this file from now on."""
        ...

    def details(self, file_id: str) -> Details | None: ...

    def open(self, file_id: str) -> Content | None: ...

    def delete(self, file_id: str) -> None:
        """Nothing to do where it is not there."""
        ...

    def entries(self) -> Iterator[Sequence[Entry]]:
        """All that is kept, page by page, in no order."""
        ...

    def tidy(self, before: float) -> int:
        """Remove spools that a process which is gone has left before that instant. Returns how many."""
        ...

    def close(self) -> None: ...
