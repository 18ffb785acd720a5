"""The manifest next to an exported file, with which the file can be checked and the export continued."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

import msgspec

from app.exports.kinds import FORMAT_VERSION, ExportSpec
from app.faults import ExportUnfit
from projections.exports.contract import Tally
from projections.exports.texts import fixed

MANIFEST_BYTES_MAX = 1 << 20
T = TypeVar("T", bound=msgspec.Struct)


class Manifest(msgspec.Struct, frozen=True):
    """`first_position` and `last_position`: the file has every matching event from the first to the last, both included.

    `control_total` is the sum of `control_of` over all rows, in USD. `continues`: the file has no head; it follows another file.
    `wanted` says what was exported, and `log` says from which log. `checkpoint`: a signed checkpoint that covers the last position.
    """

    format_version: int
    wanted: ExportSpec
    log: str
    first_position: int
    last_position: int
    continues: bool
    rows: int
    control_of: str
    control_total: str
    bytes: int
    sha256: str
    checkpoint: str | None = None

    def fits(self, spec: ExportSpec, log: str) -> bool:
        return (self.format_version, self.wanted, self.log) == (FORMAT_VERSION, spec, log)


class Progress(msgspec.Struct, frozen=True):
    """The durable part of a file that is being written. `sha256` is the hash of its first `bytes` bytes."""

    format_version: int
    wanted: ExportSpec
    log: str
    begins: int
    continues: bool
    position: int
    bytes: int
    sha256: str
    rows: int
    total: int


def total_text(tally: Tally) -> str:
    """The tally's total with nine decimals, because sums of cost lines are whole nanos."""
    return fixed(tally.total // 10 ** (tally.decimals - 9), 9)


def total_of(manifest: Manifest, tally: Tally) -> int:
    """The manifest's total in the units of the tally."""
    nanos = int(manifest.control_total.replace(".", ""))
    return nanos * int(10 ** (tally.decimals - 9))


def read_manifest(path: Path) -> Manifest | None:
    """The manifest, or None if there is no file. Raises ExportUnfit, OSError."""
    return _read(path, Manifest)


def read_progress(path: Path) -> Progress | None:
    """The progress note, or None if it does not exist or is truncated."""
    try:
        return _read(path, Progress)
    except ExportUnfit:
        return None


def replace_file(path: Path, content: msgspec.Struct) -> None:
    """Replace a file atomically and durably."""
    fresh = path.with_name(path.name + ".new")
    with fresh.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def sync_folder(path: Path) -> None:
    """Make renames in the file's folder durable."""
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read(path: Path, kind: type[T]) -> T | None:
    try:
        with path.open("rb") as file:
            text = file.read(MANIFEST_BYTES_MAX)
    except FileNotFoundError:
        return None
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.MsgspecError as error:
        raise ExportUnfit(f"{path.name} cannot be read: {error}") from error
