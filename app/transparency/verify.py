"""Verifies the whole log: every event's hash, every tile, every checkpoint's signature and root.

Rule 1: nothing is repaired and nothing is trusted: the signed hashes are compared with the stored data.
Rule 2: a difference names its place: the event, the tile, or the two checkpoints around it.
Rule 3: memory does not grow with the log: events are read in pages, and only the tree's right edge is kept.
Rule 4: new events do not disturb verification. It checks up to the newest checkpoint that it found, and counts later events before
it starts. If those have been unsealed for long, that is a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple, Protocol

import msgspec

from app.replay.findings import DIFFERENCES_MAX, Difference, Findings
from projections.proofs.checkpoint import Signed, check_checkpoint
from projections.proofs.errors import ProofInvalid
from projections.proofs.merkle import HASH_BYTES, leaf_hash, root
from projections.proofs.note import COSIGNATURE, Verifier
from projections.proofs.tiles import TILE_BYTES, WIDTH, Growth, Tile, edge_of, reader

Progress = Callable[[int, int], None]
WRONG_MAX = 10_000
UNSEALED_SECONDS_MAX = 600
_NOTHING = bytes(HASH_BYTES)
"""Replaces the hash of a missing event. No real hash has this value."""


class FoundCheckpoint(NamedTuple):
    """A checkpoint's text and where it was found. `size` and `witnesses` are from its database row, or None without one."""

    where: str
    note: str
    size: int | None = None
    witnesses: int | None = None


class Copy(Protocol):
    """A log to verify: in a database, or an exported copy."""

    def checkpoints(self) -> Iterable[FoundCheckpoint]: ...

    def leaves(self, until: int) -> Iterator[Sequence[tuple[int, bytes]]]:
        """(position, leaf) of every event up to a position, in pages, in order."""
        ...

    def tile(self, level: int, number: int) -> bytes: ...

    def unsealed_after(self, size: int) -> tuple[int, int]:
        """The number of events after the first `size`, and the age of the oldest of them in seconds."""
        ...

    def oddities(self) -> Iterable[tuple[str, str, str, str]]:
        """Errors that hashing does not reveal: (what, where, expected, found)."""
        ...


class Report(msgspec.Struct, frozen=True):
    """`events` were hashed, up to the checkpoint at `size`. `unsealed` events came after it when verification began.
    `differences` are the first of `differences_count`."""

    origin: str
    size: int
    root: str
    events: int
    unsealed: int
    tiles: int
    checkpoints: int
    differences_count: int
    differences: tuple[Difference, ...]

    @property
    def ok(self) -> bool:
        return self.differences_count == 0


def verify(
    copy: Copy,
    keys: Sequence[Verifier],
    progress: Progress = lambda _done, _of: None,
    *,
    earlier: Iterable[FoundCheckpoint] = (),
    differences_max: int = DIFFERENCES_MAX,
) -> Report:
    """Verify a copy. `keys`: the trusted keys of the log and of witnesses. `earlier`: checkpoints kept by others, each of which the
    log must continue. Raises StoreUnavailable, OSError."""
    check = _Check(copy, Findings(differences_max), progress)
    check.signatures(chain(copy.checkpoints(), earlier), keys)
    check.unsealed_events()
    check.events()
    return check.report()


class _Check:
    def __init__(self, copy: Copy, findings: Findings, progress: Progress) -> None:
        self.copy, self.findings, self.progress = copy, findings, progress
        self.signed: dict[int, list[tuple[str, Signed]]] = {}
        self.size = 0
        self.growth = Growth()
        self.tiles = self.events_count = self.unsealed = 0
        self.wrong: list[int] = []
        self.wrong_more = 0
        self.wrong_tiles: list[Tile] = []
        self.agreed_at = 0
        self.differs: tuple[int, str] | None = None

    def signatures(self, checkpoints: Iterable[FoundCheckpoint], keys: Sequence[Verifier]) -> None:
        """Check that every checkpoint is signed by the log, matches the size it is stored under, and is of the same log."""
        origins = set()
        for found in checkpoints:
            try:
                signed = check_checkpoint(found.note, keys)
            except ProofInvalid as error:
                self.findings.differ("checkpoint", found.where, "a valid checkpoint", error)
                continue
            size, witnesses = signed.checkpoint.size, len({key.key_id for key, _ in signed.witnesses})
            if found.size is not None:
                self.findings.compare("checkpoint", found.where, f"size {found.size}", f"size {size}")
            if found.witnesses is not None and any(key.kind == COSIGNATURE for key in keys):
                self.findings.compare(
                    "witnesses", found.where, f"{found.witnesses} with known keys", f"{witnesses} with known keys"
                )
            self.signed.setdefault(size, []).append((found.where, signed))
            origins.add(signed.checkpoint.origin)
        if not self.signed:
            self.findings.differ("checkpoint", "the log", "a signed checkpoint", "no valid one")
        if len(origins) > 1:
            self.findings.differ("checkpoint", "the log", "checkpoints of one log", ", ".join(sorted(origins)))
        self.size = max(self.signed, default=0)

    def unsealed_events(self) -> None:
        """Newer events are not a difference, unless they have been unsealed for UNSEALED_SECONDS_MAX."""
        self.unsealed, seconds = self.copy.unsealed_after(self.size)
        if self.signed and seconds > UNSEALED_SECONDS_MAX:
            expected, found = (
                f"events sealed within {UNSEALED_SECONDS_MAX} s",
                f"{self.unsealed} unsealed, for {seconds} s",
            )
            self.findings.differ("log", f"after event {self.size}", expected, found)

    def events(self) -> None:
        self._roots(0)
        chunk: list[bytes] = []
        for page in self.copy.leaves(self.size):
            for position, leaf in page:
                self._fill(chunk, position)
                if position != self.growth.size + len(chunk) + 1 or position > self.size:
                    self.findings.differ("event", position, "one event at this position", "an extra event")
                    continue
                self.events_count += 1
                self._add(chunk, leaf_hash(leaf))
            self.progress(self.growth.size, self.size)
        missing = self.size - self.growth.size - len(chunk)
        if missing:
            self.findings.differ("log", f"after event {self.size - missing}", f"{self.size} events", f"{missing} fewer")
        if chunk:
            self._close(chunk)
        if not missing:
            self._edge()
        for oddity in self.copy.oddities():
            self.findings.differ(*oddity)
        self._report_differences()

    def report(self) -> Report:
        signed = self.signed[self.size][0][1].checkpoint if self.signed else None
        return Report(
            "" if signed is None else signed.origin,
            self.size,
            "" if signed is None else signed.root.hex(),
            self.events_count,
            self.unsealed,
            self.tiles,
            sum(len(each) for each in self.signed.values()),
            self.findings.count,
            tuple(self.findings.first),
        )

    def _fill(self, chunk: list[bytes], position: int) -> None:
        """Fill the chunk up to a position with placeholders for missing events."""
        while self.growth.size + len(chunk) + 1 < min(position, self.size + 1):
            self.findings.differ("event", self.growth.size + len(chunk) + 1, "an event", "none")
            self._add(chunk, _NOTHING)

    def _add(self, chunk: list[bytes], value: bytes) -> None:
        chunk.append(value)
        if len(chunk) == WIDTH:
            self._close(chunk)
            chunk.clear()

    def _close(self, chunk: list[bytes]) -> None:
        """Compare a tile's worth of leaves with the stored tile, then add them to the tree."""
        start, hashes = self.growth.size, b"".join(chunk)
        stored = self.copy.tile(0, start // WIDTH)[: len(hashes)]
        self.tiles += 1
        if stored != hashes:
            self._differing(start, hashes, stored)
        for value in chunk:
            self.growth.append(value)
            if self.growth.size in self.signed:
                self._roots(self.growth.size)
        for (level, number), made in sorted(self.growth.take().items()):
            if level and len(made) == TILE_BYTES:
                self._compare(Tile(level, number), made)

    def _differing(self, start: int, hashes: bytes, stored: bytes) -> None:
        """Record the leaves that differ from the tile. Beyond WRONG_MAX they are only counted."""
        for at in range(0, len(hashes), HASH_BYTES):
            value = hashes[at : at + HASH_BYTES]
            if value in (stored[at : at + HASH_BYTES], _NOTHING):
                continue
            if len(self.wrong) < WRONG_MAX:
                self.wrong.append(start + at // HASH_BYTES + 1)
            else:
                self.wrong_more += 1

    def _edge(self) -> None:
        """Compare the partial tiles above level 0, recomputed from the full tiles below."""
        for tile in edge_of(self.size):
            if tile.level:
                self._compare(tile, self.growth.edge(tile.level))

    def _compare(self, tile: Tile, made: bytes) -> None:
        self.tiles += 1
        if self.copy.tile(tile.level, tile.number)[: len(made)] != made:
            self.wrong_tiles.append(tile)

    def _roots(self, size: int) -> None:
        """Compare the root of the events so far with the checkpoints signed at this size."""
        for where, signed in self.signed.get(size, ()):
            if self.differs is not None:
                return
            if signed.checkpoint.root == self.growth.root():
                self.agreed_at = size
            else:
                self.differs = size, where

    def _report_differences(self) -> None:
        """Report the differences. If events and tiles disagree, the signed root shows which of them is wrong."""
        if self.differs is None and self.signed and self.growth.size == self.size:
            self._report_tiles()
        else:
            self._report_events()
        self.findings.count += self.wrong_more
        if self.differs is not None:
            size, where = self.differs
            span = f"a different root: something in events {self.agreed_at + 1} to {size} was changed"
            self.findings.differ("root", where, f"the root signed at {size} events", span)

    def _report_tiles(self) -> None:
        first = {Tile(0, (position - 1) // WIDTH): position for position in reversed(self.wrong)}
        for tile, position in sorted(first.items()):
            self.findings.differ(
                "tile", tile.path, "the hashes of its events", f"a different hash for event {position}"
            )
        for tile in self.wrong_tiles:
            self.findings.differ("tile", tile.path, "the roots of the tiles below it", "different hashes")

    def _report_events(self) -> None:
        tiles_hold = self._tiles_hold()
        for position in self.wrong:
            tile = Tile(0, (position - 1) // WIDTH).path
            found = (
                "a different event" if tiles_hold else f"a different event than in tile {tile}, which may be wrong too"
            )
            self.findings.differ("event", position, "the event that was sealed", found)
        for each in () if self.wrong else self.wrong_tiles:
            self.findings.differ("tile", each.path, "the roots of the tiles below it", "different hashes")

    def _tiles_hold(self) -> bool:
        if not self.signed:
            return False
        try:
            return root(self.size, reader(self.copy.tile)) == self.signed[self.size][0][1].checkpoint.root
        except ProofInvalid:
            return False
