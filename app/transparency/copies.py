"""The copies that `verify` can check: the log in a database, with the checkpoint file outside it, or an exported folder.

Rule 1: a folder has `checkpoint`, `keys`, `tile/<level>/<number>[.p/<width>]` as defined by C2SP tlog-tiles, and
`entries/<number>[.p/<width>]`: the leaves of 256 events, each preceded by its length (4 bytes, big-endian).
Rule 2: the checkpoint is written last. A folder with a checkpoint has everything that it covers.
Rule 3: an export continues where an earlier one of the same log ended. Full bundles and tiles are not written again.
Rule 4: a folder is untrusted input. A leaf that is not an event, or states another position, is reported even if it is signed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from app.faults import ExportRefused
from app.ledger.store import StoreUnavailable, Tables
from app.transparency.events import read_entries
from app.transparency.file import CheckpointFile
from app.transparency.trees import Trees
from app.transparency.verify import FoundCheckpoint, Progress
from domain.buckets import MICROS_PER_SECOND
from projections.proofs.checkpoint import Checkpoint, parse_checkpoint
from projections.proofs.errors import ProofInvalid
from projections.proofs.keys import LogKeys
from projections.proofs.leaf import Entry, leaf_bytes, parse_leaf
from projections.proofs.merkle import HASH_BYTES
from projections.proofs.note import parse_note
from projections.proofs.tiles import WIDTH, Tile, tiles_of, width_at

PAGE_EVENTS = 16 * WIDTH
ODD_MAX = 10_000
_UNSEALED = "SELECT count(*), min(recorded_at_micros) FROM stored_events WHERE notification_id > ?"
_LENGTH_BYTES = 4
NO_FILE = "no file: it cannot be determined whether the database was rolled back"
Page = Sequence[tuple[int, bytes]]


class DatabaseCopy:
    """The log in a database, its tiles and checkpoints, and the checkpoint file outside it. Raises StoreUnavailable, OSError."""

    def __init__(self, tables: Tables, origin: str, file: CheckpointFile | None = None) -> None:
        self._tables, self._file = tables, file
        self._unread: dict[int, str] = {}
        self.trees = Trees(tables, origin)

    def checkpoints(self) -> Iterator[FoundCheckpoint]:
        for kept in self.trees.kept():
            yield FoundCheckpoint(f"at {kept.size} in the database", kept.note, kept.size, kept.witnesses)
        note = None if self._file is None else self._file.read()
        if self._file is not None and note is not None:
            yield FoundCheckpoint(f"in {self._file.path}", note)

    def leaves(self, until: int, after: int = 0) -> Iterator[Page]:
        """Events that the database cannot read are left out, and reported by `oddities`."""
        for start in range(after, until, PAGE_EVENTS):
            yield [(entry.position, _leaf(entry)) for entry in self._entries(start, min(start + PAGE_EVENTS, until))]

    def _entries(self, after: int, until: int) -> Sequence[Entry]:
        """The readable events. If a read fails, for example because a flipped bit makes text invalid, each half is read alone."""
        try:
            return read_entries(self._tables, after, until, until - after)
        except StoreUnavailable as error:
            self.trees.size()  # raises if the store itself is unavailable
            if until - after == 1:
                self._unread[until] = str(error)
                return ()
        middle = (after + until) // 2
        return [*self._entries(after, middle), *self._entries(middle, until)]

    def tile(self, level: int, number: int) -> bytes:
        return self.trees.tile(level, number)

    def unsealed_after(self, size: int) -> tuple[int, int]:
        [(count, oldest)] = self._tables.select(_UNSEALED, (size,))
        return count, max(0, self._tables.now_micros() - oldest) // MICROS_PER_SECOND if count else 0

    def oddities(self) -> Iterator[tuple[str, str, str, str]]:
        """Reports unreadable events, hashes beyond the sealed size, missing checkpoints between others or at the end, and, for a
        sealed log, a missing checkpoint file."""
        for position, problem in self._unread.items():
            yield "event", str(position), "a readable event", problem
        widths = list(self.trees.widths())
        size, newest = self.trees.size(), self.trees.newest()
        for level, number, found in widths:
            width = width_at(level, number, size)
            if found > width * HASH_BYTES:
                yield "tile", Tile(level, number, width or WIDTH).path, f"{width} hashes", f"{found} bytes"
        before = 0
        for kept in self.trees.kept():
            if kept.previous_size != before:
                where = f"at {kept.size} in the database"
                yield "checkpoint", where, f"one after that at {kept.previous_size}", f"one after that at {before}"
            before = kept.size
        if size and self._file is not None and self._file.read() is None:
            yield "checkpoint file", str(self._file.path), "a checkpoint outside the database", NO_FILE
        if (0 if newest is None else newest.size) < size:
            yield "checkpoint", "the newest in the database", f"one at {size}", f"one at {before}"


class FolderCopy:
    """An exported copy in a folder. Raises OSError, and ProofInvalid if its checkpoint is not valid."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._note = (path / "checkpoint").read_bytes().decode()
        except UnicodeDecodeError as error:
            raise ProofInvalid("The copy's checkpoint is not UTF-8.") from error
        self.size = parse_checkpoint(parse_note(self._note).text).size
        self._odd: dict[int, str] = {}

    def checkpoints(self) -> Iterator[FoundCheckpoint]:
        yield FoundCheckpoint(f"in {self.path / 'checkpoint'}", self._note)

    def leaves(self, until: int) -> Iterator[Page]:
        for number in range(-(-until // WIDTH)):
            data = _read(self.path / _bundle(number, width_at(0, number, until)))
            page = list(enumerate(_leaves(data), number * WIDTH + 1))
            self._look(page)
            yield page

    def _look(self, page: Page) -> None:
        """Check that each leaf is an event with the right position. At most `ODD_MAX` errors are recorded."""
        for position, leaf in page:
            problem = _problem(position, leaf)
            if problem is not None and len(self._odd) < ODD_MAX:
                self._odd[position] = problem

    def tile(self, level: int, number: int) -> bytes:
        width = width_at(level, number, self.size)
        return _read(self.path / "tile" / Tile(level, number, width).path)[: width * HASH_BYTES]

    def unsealed_after(self, size: int) -> tuple[int, int]:
        return 0, 0

    def oddities(self) -> Iterator[tuple[str, str, str, str]]:
        """Errors that the hashes do not reveal: files that are too long, and leaves that are not the event of their position."""
        for position, problem in self._odd.items():
            yield "event", str(position), "the event of this position", problem
        for tile in tiles_of(self.size):
            file = self.path / "tile" / tile.path
            if file.is_file() and file.stat().st_size > tile.width * HASH_BYTES:
                yield "tile", tile.path, f"{tile.width} hashes", f"{file.stat().st_size} bytes"


def export(
    stored: DatabaseCopy, keys: LogKeys, folder: Path, progress: Progress = lambda _done, _of: None
) -> Checkpoint:
    """Write the sealed log to a folder, or continue an earlier export there. Raises ExportRefused, ProofInvalid, OSError."""
    newest = stored.trees.newest()
    if newest is None:
        raise ExportRefused(
            "Nothing is sealed yet. Start the gateway with [log] configured, and try again a few seconds later."
        )
    checkpoint = keys.check(newest.note).checkpoint
    done = _exported(folder, keys)
    for page in stored.leaves(newest.size, after=done):
        _whole(page, done)
        done += len(page)
        for at in range(0, len(page), WIDTH):
            leaves = [leaf for _, leaf in page[at : at + WIDTH]]
            _write(folder / _bundle((page[at][0] - 1) // WIDTH, len(leaves)), _bundled(leaves))
        progress(page[-1][0], newest.size)
    if done != newest.size:
        raise ExportRefused(f"The log ends at event {done}, but its checkpoint covers {newest.size} events.")
    for tile in tiles_of(newest.size):
        file = folder / "tile" / tile.path
        if tile.width < WIDTH or not file.exists():
            _write(file, stored.tile(tile.level, tile.number)[: tile.width * HASH_BYTES])
    _write(folder / "keys", "".join(f"{key}\n" for key in keys.own).encode())
    CheckpointFile(folder / "checkpoint").write(newest.note)
    return checkpoint


def _leaf(entry: Entry) -> bytes:
    """The event's leaf, or b"" if the event contains a value that no leaf can hold. b"" never matches a sealed hash."""
    try:
        return leaf_bytes(entry)
    except ProofInvalid:
        return b""


def _whole(page: Page, after: int) -> None:
    """Raises ExportRefused unless these are valid events, in order, starting after a position."""
    wrong = next(
        (number for number, (position, leaf) in enumerate(page, after + 1) if number != position or not leaf), 0
    )
    if wrong or not page:
        raise ExportRefused(f"Event {wrong or after + 1} is missing or cannot be read. Run `audit verify` for details.")


def _exported(folder: Path, keys: LogKeys) -> int:
    """The number of events in full bundles of an earlier export in this folder."""
    if not folder.exists() or not any(folder.iterdir()):
        return 0
    try:
        before = keys.check((folder / "checkpoint").read_bytes().decode(errors="replace")).checkpoint
    except FileNotFoundError:
        raise ExportRefused(
            f"{folder} contains something else or an incomplete export. Name an empty folder."
        ) from None
    except ProofInvalid as error:
        raise ExportRefused(f"{folder} contains a different log: {error}") from error
    return before.size // WIDTH * WIDTH


def _bundle(number: int, width: int) -> str:
    """The path `entries/...` of a bundle, formed like that of the tile of the same events."""
    return "entries" + Tile(0, number, width).path.removeprefix("0")


def _bundled(leaves: Sequence[bytes]) -> bytes:
    return b"".join(len(leaf).to_bytes(_LENGTH_BYTES) + leaf for leaf in leaves)


def _leaves(data: bytes) -> Iterator[bytes]:
    """The leaves of a bundle; no bytes for a leaf that is shorter than its stated length."""
    at = 0
    while at < len(data):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(data[at:start])
        yield data[start:at] if at <= len(data) else b""


def _problem(position: int, leaf: bytes) -> str | None:
    try:
        stated = parse_leaf(leaf).position
    except ProofInvalid as error:
        return str(error)
    return None if stated == position else f"an event that states position {stated}"


def _read(path: Path) -> bytes:
    """The file's bytes, empty if it does not exist: the caller reports what is missing."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _write(path: Path, data: bytes) -> None:
    """Write a file atomically, so that the remains of an interrupted export are never taken for complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data)
    part.replace(path)
