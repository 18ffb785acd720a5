"""Files in a folder on this machine or on a shared file system.

Rule 1: a file is `ID` (its content) and `ID.json` (its details), readable only by this user. Paths contain no client input.
Rule 2: the content is written, synced and renamed last. If it exists, the file is complete.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import msgspec

from app.faults import StorageUnavailable
from app.files.storage import FILE_ID, Content, Details, Entry, Spool

PAGE = 500
_SPOOL = ".incoming-"
_details = msgspec.json.Decoder(Details)


class LocalStorage:
    """The files in `folder`, which is created for the first upload."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def spool(self) -> Spool:
        with _mapped():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return self._spool()

    def keep(self, spool: Spool, file_id: str, details: Details) -> None:
        with _mapped():
            written = self._spool()
            try:
                written.file.write(msgspec.json.encode(details))
                self._move(written, f"{file_id}.json")
                self._move(spool, file_id)
            finally:
                written.discard()
            self._sync()

    def details(self, file_id: str) -> Details | None:
        with _mapped():
            try:
                return _details.decode((self._folder / f"{file_id}.json").read_bytes())
            except FileNotFoundError:
                return None
            except msgspec.MsgspecError as error:
                raise StorageUnavailable(f"cannot read the details of {file_id}: {error}") from error

    def open(self, file_id: str) -> Content | None:
        with _mapped():
            try:
                return _LocalContent((self._folder / file_id).open("rb"))
            except FileNotFoundError:
                return None

    def delete(self, file_id: str) -> None:
        with _mapped():
            for name in (file_id, f"{file_id}.json"):
                (self._folder / name).unlink(missing_ok=True)

    def entries(self) -> Iterator[Sequence[Entry]]:
        """Content without details, and details without content, are entries too."""
        with _mapped():
            names = self._names()
            while page := list(islice(names, PAGE)):
                stats = [(name.removesuffix(".json"), self._modified(name)) for name in page]
                yield [Entry(name, at) for name, at in stats if FILE_ID.fullmatch(name) and at is not None]

    def tidy(self, before: float) -> int:
        removed = 0
        with _mapped():
            for name in self._names():
                at = self._modified(name) if name.startswith(_SPOOL) else None
                if at is not None and at < before:
                    (self._folder / name).unlink(missing_ok=True)
                    removed += 1
        return removed

    def close(self) -> None:
        """Does nothing: no resource is kept open."""

    def _spool(self) -> Spool:
        handle, path = tempfile.mkstemp(prefix=_SPOOL, dir=self._folder)
        return Spool(os.fdopen(handle, "w+b"), Path(path))

    def _move(self, spool: Spool, name: str) -> None:
        spool.file.flush()
        os.fsync(spool.file.fileno())
        assert spool.path is not None, "a spool of this storage"
        spool.path.rename(self._folder / name)

    def _sync(self) -> None:
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _names(self) -> Iterator[str]:
        try:
            with os.scandir(self._folder) as found:
                yield from (entry.name for entry in found)
        except FileNotFoundError:
            return

    def _modified(self, name: str) -> float | None:
        try:
            return (self._folder / name).stat().st_mtime
        except FileNotFoundError:
            return None


class _LocalContent:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = os.fstat(file.fileno()).st_size

    def read(self, size: int) -> bytes:
        with _mapped():
            return self._file.read(size)

    def close(self) -> None:
        self._file.close()


@contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageUnavailable(f"the files folder: {error.strerror or error}") from error
