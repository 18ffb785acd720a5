"""Exports to a file.

Rule 1: the file is replaced as a whole or not at all: it is written under another name, made durable, and renamed.
Rule 2: a manifest is stored next to it. A continued export (`after`) extends only the file that the manifest describes.
Rule 3: an interrupted run is not lost. At intervals the part written so far is made durable, with a progress note that has its
SHA-256, and the same export resumes there. The note is deleted before anything else overwrites that part.
Rule 4: one run at a time writes a file. A second run is refused until the first has written its manifest.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from app.exports.kinds import FORMAT_VERSION, ExportSpec
from app.exports.manifest import (
    Manifest,
    Progress,
    read_manifest,
    read_progress,
    replace_file,
    sync_folder,
    total_of,
    total_text,
)
from app.exports.run import chunks
from app.exports.source import Source, Span, span_of
from app.faults import ExportUnfit
from app.ledger.store import Ledger
from projections.exports.contract import Encoder

DURABLE_EVERY_BYTES = 16 << 20
READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that determines the content of an export. `log`: the identity of the log that it is taken from."""

    source: Source
    encoder: Encoder
    spec: ExportSpec
    log: str


class FileExport:
    """One export to one file. Blocks. Raises ExportUnfit, ExportStopped, StoreUnavailable, OSError."""

    def __init__(
        self,
        ledger: Ledger,
        job: Job,
        out: Path,
        *,
        on_progress: Callable[[int, int], None] = lambda _done, _of: None,
        checkpoint_of: Callable[[int], str | None] = lambda _position: None,
        durable_every: int = DURABLE_EVERY_BYTES,
    ) -> None:
        self._ledger, self._out = ledger, out
        self._source, self._encoder, self._spec, self._log = job.source, job.encoder, job.spec, job.log
        self._on_progress, self._checkpoint_of, self._durable_every = on_progress, checkpoint_of, durable_every
        self._manifest_path, self._part = _with_suffix(out, ".manifest.json"), _with_suffix(out, ".part")
        self._progress_path = _with_suffix(out, ".part.json")
        self._hash = hashlib.sha256()
        self._bytes = 0

    def write(self, *, after: int | None = None) -> Manifest:
        """`after`: continue after this position, in the existing file if it ends there, otherwise in a new file without a head."""
        span = span_of(self._ledger, self._source, self._spec, after)
        if after is not None and after > span.until:
            raise ExportUnfit(f"There is nothing after position {after}: the export ends at position {span.until}.")
        with self._alone() as file:
            grown = None if after is None else self._grown(after)
            first = span.after + 1 if grown is None else grown.first_position
            headless = (after is not None and self._encoder.appends) if grown is None else grown.continues
            cut = self._cut_short(file, first - 1, headless) if self._encoder.appends else None
            if cut is not None:
                span = span._replace(after=cut.position)
            self._take_up(file, cut, grown)
            self._fill(file, span, first - 1, headless=headless, continues=headless or bool(cut or grown))
            _durable(file)
            return self._finish(first, span.until, headless)

    @contextmanager
    def _alone(self) -> Iterator[BinaryIO]:
        """The locked part file, as an earlier run left it. It is reopened if another run finished and renamed it before it was
        locked."""
        while True:
            with open(os.open(self._part, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:  # noqa: PTH123 - of a handle
                self._lock(file, fcntl.LOCK_EX)
                if self._is_part(file):
                    self._refuse_unfinished()
                    yield file
                    return

    def _lock(self, file: BinaryIO, how: int) -> None:
        """Lock the file while it is open, even if it is renamed."""
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ExportUnfit(f"Another export is writing {self._part.name}. Wait for it to finish.") from error

    def _is_part(self, file: BinaryIO) -> bool:
        try:
            return os.path.samestat(os.fstat(file.fileno()), self._part.stat())
        except FileNotFoundError:
            return False

    def _refuse_unfinished(self) -> None:
        """Refuse if another run still holds the lock: it has renamed its file but not yet written the manifest."""
        if self._out.is_file():
            with self._out.open("rb") as there:
                self._lock(there, fcntl.LOCK_SH)

    def _grown(self, after: int) -> Manifest | None:
        """The manifest of the existing file, which is to be continued, or None if there is no file."""
        if not self._out.exists():
            return None
        if not self._encoder.appends:
            raise ExportUnfit(f"{self._out.name} already exists and cannot be continued. Choose another file name.")
        there = read_manifest(self._manifest_path)
        if there is None or not there.fits(self._spec, self._log):
            raise ExportUnfit(f"{self._out.name} already exists and is not an earlier part of this export.")
        if there.last_position != after:
            raise ExportUnfit(f"{self._out.name} ends at position {there.last_position}. Continue after that position.")
        return there

    def _cut_short(self, file: BinaryIO, begins: int, headless: bool) -> Progress | None:
        """The progress of an interrupted run of the same export, if the part it wrote is unchanged."""
        there = read_progress(self._progress_path)
        this = (FORMAT_VERSION, self._spec, self._log, begins, headless)
        if there is None or (there.format_version, there.wanted, there.log, there.begins, there.continues) != this:
            return None
        self._count(file, there.bytes)
        return there if (self._bytes, self._hash.hexdigest()) == (there.bytes, there.sha256) else None

    def _take_up(self, file: BinaryIO, cut: Progress | None, grown: Manifest | None) -> None:
        """Keep the part that is already written, and truncate the file after it."""
        tally = self._encoder.tally
        if cut is not None:
            tally.rows, tally.total = cut.rows, cut.total
        else:
            self._forget()
            self._copy(file, grown)
            if grown is not None:
                tally.rows, tally.total = grown.rows, total_of(grown, tally)
        file.seek(self._bytes)
        file.truncate()

    def _forget(self) -> None:
        """Delete the progress note of another export, before overwriting the part it describes."""
        self._progress_path.unlink(missing_ok=True)
        sync_folder(self._part)

    def _copy(self, file: BinaryIO, grown: Manifest | None) -> None:
        """Copy the content of the file that is continued, if any."""
        file.truncate(0)
        if grown is not None:
            file.seek(0)
            with self._out.open("rb") as whole:
                shutil.copyfileobj(whole, file, READ_BYTES)
        self._count(file, 0 if grown is None else grown.bytes)
        if grown is not None and (self._bytes, self._hash.hexdigest()) != (grown.bytes, grown.sha256):
            raise ExportUnfit(f"{self._out.name} does not match its manifest.")

    def _count(self, file: BinaryIO, size: int) -> None:
        """Hash and count the first `size` bytes of the file, or fewer if it is shorter."""
        file.seek(0)
        self._hash, self._bytes = hashlib.sha256(), 0
        while data := file.read(min(READ_BYTES, size - self._bytes)):
            self._hash.update(data)
            self._bytes += len(data)

    def _fill(self, file: BinaryIO, span: Span, begins: int, *, headless: bool, continues: bool) -> None:
        durable_at = self._bytes
        for chunk in chunks(self._source, self._encoder, span, continues=continues):
            file.write(chunk.data)
            self._hash.update(chunk.data)
            self._bytes += len(chunk.data)
            self._on_progress(chunk.position, span.until)
            if self._encoder.appends and self._bytes - durable_at >= self._durable_every:
                _durable(file)
                durable_at = self._bytes
                self._note(begins, chunk.position, headless=headless)

    def _note(self, begins: int, position: int, *, headless: bool) -> None:
        tally = self._encoder.tally
        noted: dict[str, Any] = {"begins": begins, "continues": headless, "position": position, "bytes": self._bytes}
        noted |= {"sha256": self._hash.hexdigest(), "rows": tally.rows, "total": tally.total}
        fresh = Progress(FORMAT_VERSION, self._spec, self._log, **noted)
        replace_file(self._progress_path, fresh)

    def _finish(self, first: int, last: int, headless: bool) -> Manifest:
        tally = self._encoder.tally
        manifest = Manifest(
            FORMAT_VERSION,
            self._spec,
            self._log,
            first,
            last,
            headless,
            tally.rows,
            tally.of,
            total_text(tally),
            self._bytes,
            self._hash.hexdigest(),
            self._checkpoint_of(last),
        )
        self._part.replace(self._out)
        replace_file(self._manifest_path, manifest)
        self._progress_path.unlink(missing_ok=True)
        sync_folder(self._out)
        return manifest


def _with_suffix(out: Path, suffix: str) -> Path:
    return out.with_name(out.name + suffix)


def _durable(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
