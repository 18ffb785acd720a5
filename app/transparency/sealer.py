"""Seals the log: turns new events into leaves, tiles and a signed checkpoint, in the background.

Rule 1: only committed events are sealed. Positions have no gaps, so a read up to n returns all events that will ever be up to n.
Rule 2: before signing, the log is compared with the newest checkpoints in the database and in the file outside it. A log that is
shorter, ends in another event or has another root is refused. If the file is ahead of the database, the log is hashed up to the
file's size before anything smaller is signed, so a log that was rolled back and continued is never signed. The file is created,
with a checkpoint of no events, before the first seal. If it is missing later, nothing is signed until it is restored.
Rule 3: no state in memory matters. The sealer may die at any point, run twice, or run in several processes at once.
Rule 4: events that a checkpoint covers are not hashed again here; `audit verify` does that for the whole log.
Rule 5: others may seal meanwhile. The database's checkpoint, the file and the log's head are read in this order, so that nothing
read later is older than what was read before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
import trio

from app.faults import AdoptRefused, LogDiffers
from app.ledger.store import Ledger
from app.payments.chores import claim
from app.transparency.events import read_entries
from app.transparency.file import CheckpointFile
from app.transparency.trees import KeptCheckpoint, Trees
from projections.proofs.checkpoint import Checkpoint
from projections.proofs.errors import ProofInvalid
from projections.proofs.keys import LogKeys
from projections.proofs.leaf import Entry, leaf_bytes
from projections.proofs.merkle import HASH_BYTES, leaf_hash, root
from projections.proofs.tiles import WIDTH, Growth, Tile, edge_of, reader

SEAL_SECONDS = 1.0
PAGE_EVENTS = 1_000
PAGES_PER_TURN = 50
_CHORE = "seal"
_log = structlog.get_logger("sealing")


@dataclass(frozen=True, slots=True)
class SealState:
    """The verified state: the newest note in the database (None before the first), its size, and the length of the log."""

    note: str | None
    size: int
    head: int


class Sealer:
    """The sealer of one log in one process. Raises StoreUnavailable, LogDiffers, OSError. `alone`: no other process seals it."""

    def __init__(
        self, ledger: Ledger, keys: LogKeys, file: CheckpointFile, *, alone: bool, page_events: int = PAGE_EVENTS
    ) -> None:
        self._ledger, self._keys, self._file = ledger, keys, file
        self._trees = Trees(ledger, keys.origin)
        self._alone = alone
        self._page_events = page_events
        self._thread = trio.CapacityLimiter(1)
        self._compared: str | None = None
        self.refused: str | None = None
        """Why sealing is refused, or None while it works."""
        self.unsealed = 0
        """The number of events after the newest checkpoint, as last seen."""

    async def turn(self) -> None:
        """Seal new events. If sealing is refused, the reason is logged once, and the next turn tries again."""
        try:
            await trio.to_thread.run_sync(self.seal, limiter=self._thread)
            self.refused = None
        except (LogDiffers, OSError) as error:
            if self.refused != str(error):
                _log.error("sealing refused", reason=str(error))
            self.refused = str(error)

    def seal(self) -> None:
        """One turn. Blocks."""
        standing, growth = self._state()
        if standing.size < standing.head and (self._alone or claim(self._ledger, _CHORE, SEAL_SECONDS / 2)):
            for _ in range(PAGES_PER_TURN):
                if not self._seal_page(growth, standing.head):
                    break
        self._write_file()

    def check(self) -> SealState:
        """Compare the log with the newest checkpoints. Raises LogDiffers. Blocks."""
        return self._state()[0]

    def step(self) -> int:
        """Seal a page of events. Returns how many; 0 if all are sealed."""
        standing, growth = self._state()
        return self._seal_page(growth, standing.head)

    def adopt(self) -> Checkpoint:
        """Replace a lost file by the database's newest checkpoint. Raises AdoptRefused, LogDiffers."""
        kept = self._trees.newest()
        if kept is None:
            raise AdoptRefused(
                "The database has no checkpoint with this origin, so there is nothing to adopt. Sealing the log creates the file."
            )
        if self._file.read() is not None:
            raise AdoptRefused(
                f"{self._file.path} already exists. It is only replaced by checkpoints that continue it."
            )
        self._grown(kept, self._ledger.head().position)
        self._file.write(kept.note)
        return self._checked(kept.note, "in the database")

    def _seal_page(self, growth: Growth, head: int) -> int:
        page = self._page(growth.size, min(head, growth.size + self._page_events))
        for entry in page:
            growth.append(_leaf_hash(entry))
        if page:
            if growth.size == len(page) and self._file.read() is None:
                self._file.write(self._keys.sign(Checkpoint(self._keys.origin, 0, Growth().root())))
            note = self._keys.sign(Checkpoint(self._keys.origin, growth.size, growth.root()))
            self._trees.save(growth.size, note, growth.take())
        self.unsealed = head - growth.size
        return len(page)

    def _state(self) -> tuple[SealState, Growth]:
        size, kept, outside = self._trees.size(), self._trees.newest(), self._file.read()
        head = self._ledger.head().position
        self.unsealed = head - (0 if kept is None else kept.size)
        if size > (0 if kept is None else kept.size):
            raise LogDiffers(
                f"The tree has {size} events, but the checkpoint at that size is missing from the database."
            )
        growth = Growth() if kept is None else self._grown(kept, head)
        self._compare_file(outside, growth, head, kept)
        return SealState(None if kept is None else kept.note, growth.size, head), growth

    def _grown(self, kept: KeptCheckpoint, head: int) -> Growth:
        """The tree of the database's newest checkpoint, verified against its tiles and the log."""
        checkpoint = self._checked(kept.note, "in the database")
        if checkpoint.size != kept.size:
            raise LogDiffers(
                f"The checkpoint that the database stores for {kept.size} events states a size of {checkpoint.size} events."
            )
        _at_least(head, checkpoint, "in the database")
        growth = self._growth(kept.size)
        if growth.root() != checkpoint.root:
            raise LogDiffers(f"The tiles in the database do not match the root that was signed at {kept.size} events.")
        if kept.size and _leaf_hash(self._page(kept.size - 1, kept.size)[0]) != self._sealed_leaf(kept.size):
            raise LogDiffers(f"Event {kept.size} differs from the one that was sealed.")
        return growth

    def _compare_file(self, note: str | None, growth: Growth, head: int, kept: KeptCheckpoint | None) -> None:
        if note is None and growth.size:
            raise LogDiffers(
                f"The checkpoint file {self._file.path} is missing, and {growth.size} events are sealed. Without it, a rolled-back "
                "database cannot be detected. Restore the file; if no copy is left, see `realrouter audit adopt`."
            )
        if note is None or note == self._compared or (kept is not None and note == kept.note):
            return
        where = f"in {self._file.path}"
        checkpoint = self._checked(note, where)
        _at_least(head, checkpoint, where)
        found = self._root_at(checkpoint.size, growth)
        if found != checkpoint.root:
            raise LogDiffers(
                f"The log does not match the checkpoint {where}, signed at {checkpoint.size} events: it was rolled back "
                "and continued, or changed."
            )
        self._compared = note

    def _root_at(self, size: int, growth: Growth) -> bytes:
        """The root of the log's first `size` events, computed from the tiles and, beyond the tiles, by hashing events."""
        if size <= growth.size:
            try:
                return root(size, reader(self._trees.tile))
            except ProofInvalid as error:
                raise LogDiffers(f"The tiles in the database are incomplete: {error}") from error
        ahead = self._growth(growth.size)
        while ahead.size < size:
            for entry in self._page(ahead.size, min(size, ahead.size + self._page_events)):
                ahead.append(_leaf_hash(entry))
            ahead.take()
        return ahead.root()

    def _growth(self, size: int) -> Growth:
        """A tree of `size` that can grow further, from its partial tiles."""
        unfinished = ((each, self._trees.tile(each.level, each.number)) for each in edge_of(size))
        return Growth(size, {each.level: hashes[: each.width * HASH_BYTES] for each, hashes in unfinished})

    def _page(self, after: int, until: int) -> Sequence[Entry]:
        """All events after `after`, up to `until`."""
        page = read_entries(self._ledger, after, until, until - after) if until > after else ()
        if [entry.position for entry in page] != list(range(after + 1, until + 1)):
            raise LogDiffers(f"The log has a gap between {after + 1} and {until}.")
        return page

    def _sealed_leaf(self, position: int) -> bytes:
        tile = Tile(0, (position - 1) // WIDTH)
        offset = (position - 1) % WIDTH * HASH_BYTES
        return self._trees.tile(tile.level, tile.number)[offset : offset + HASH_BYTES]

    def _checked(self, note: str, where: str) -> Checkpoint:
        try:
            return self._keys.check(note).checkpoint
        except ProofInvalid as error:
            raise LogDiffers(f"The checkpoint {where} is not valid: {error}") from error

    def _write_file(self) -> None:
        """Update the file from the database. If the database lost checkpoints, the file is kept until the database catches up."""
        kept, note = self._trees.newest(), self._file.read()
        if kept is None or note == kept.note:
            return
        if note is None or self._checked(note, f"in {self._file.path}").size <= kept.size:
            self._file.write(kept.note)


def _at_least(head: int, checkpoint: Checkpoint, where: str) -> None:
    if head < checkpoint.size:
        raise LogDiffers(
            f"The log ends at event {head}, but the checkpoint {where} covers {checkpoint.size} events: the log was rolled back. "
            "After recovery from a backup, start a new origin: see the runbook."
        )


def _leaf_hash(entry: Entry) -> bytes:
    try:
        return leaf_hash(leaf_bytes(entry))
    except ProofInvalid as error:
        raise LogDiffers(str(error)) from error
