"""Seals the log: new events become leaves, tiles and a signed checkpoint, off the hot path.

Rule 1: only what is committed is sealed; positions have no gap, so what is read up to n is all that there will ever be up to n.
Rule 2: before anything is signed, the log is compared with the newest checkpoint in the database and in the file outside it:
shorter, or with another event at its end, or with another root, is refused. What the file says is hashed again up to its size
before a size below it is signed: a log that was put back and written on signs nothing. The file is begun, by a checkpoint of no
events, before anything is sealed: where it is missing later, nothing is signed until somebody has put one there.
Rule 3: it keeps nothing in memory that counts. It may die anywhere, run twice, or in several processes at once.
Rule 4: what a checkpoint covers is not hashed again here; `audit verify` does that for the whole log.
Rule 5: others seal meanwhile. What is compared is read in the order in which it never looks older than what was read before:
the database's checkpoint, the file, the log's head.
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
    """What the newest checkpoint covers, checked: the note in the database (None before the first), and how long the log is."""

    note: str | None
    size: int
    head: int


class Sealer:
    """Of one log, in one process. Raises StoreUnavailable, LogDiffers, OSError. `alone`: no other process seals it."""

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
        """Why nothing is sealed; None while it is."""
        self.unsealed = 0
        """Events behind the newest checkpoint, as last seen."""

    async def turn(self) -> None:
        """Seal what is there. A log that differs is told once, and looked at again in the next turn."""
        try:
            await trio.to_thread.run_sync(self.seal, limiter=self._thread)
            self.refused = None
        except (LogDiffers, OSError) as error:
            if self.refused != str(error):
                _log.error("nothing is sealed", reason=str(error))
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
        """Seal a page of events. Returns how many; 0 where all are sealed."""
        standing, growth = self._state()
        return self._seal_page(growth, standing.head)

    def adopt(self) -> Checkpoint:
        """Begin a lost file with the newest checkpoint of the database. Raises AdoptRefused, LogDiffers."""
        kept = self._trees.newest()
        if kept is None:
            raise AdoptRefused("The database has no checkpoint of this origin: the file is begun when it is sealed.")
        if self._file.read() is not None:
            raise AdoptRefused(f"{self._file.path} is there already. It is never replaced but by what continues it.")
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
            raise LogDiffers(f"The tree has grown to {size}, and its newest checkpoint is gone from the database.")
        growth = Growth() if kept is None else self._grown(kept, head)
        self._compare_file(outside, growth, head, kept)
        return SealState(None if kept is None else kept.note, growth.size, head), growth

    def _grown(self, kept: KeptCheckpoint, head: int) -> Growth:
        """The tree of the database's newest checkpoint, after it was compared with its tiles and with the log."""
        checkpoint = self._checked(kept.note, "in the database")
        if checkpoint.size != kept.size:
            raise LogDiffers(f"The checkpoint in the database is kept as of {kept.size}, and says {checkpoint.size}.")
        _at_least(head, checkpoint, "in the database")
        growth = self._growth(kept.size)
        if growth.root() != checkpoint.root:
            raise LogDiffers(f"The tiles in the database do not lead to the root that was signed at {kept.size}.")
        if kept.size and _leaf_hash(self._page(kept.size - 1, kept.size)[0]) != self._sealed_leaf(kept.size):
            raise LogDiffers(f"Event {kept.size} is not the one that was sealed.")
        return growth

    def _compare_file(self, note: str | None, growth: Growth, head: int, kept: KeptCheckpoint | None) -> None:
        if note is None and growth.size:
            raise LogDiffers(
                f"There is no checkpoint file {self._file.path}, and {growth.size} events are sealed: nothing tells whether the "
                "database was put back to an older state. Put the file there; where none is left, see `realrouter audit adopt`."
            )
        if note is None or note == self._compared or (kept is not None and note == kept.note):
            return
        where = f"in {self._file.path}"
        checkpoint = self._checked(note, where)
        _at_least(head, checkpoint, where)
        found = self._root_at(checkpoint.size, growth)
        if found != checkpoint.root:
            raise LogDiffers(
                f"The log does not begin as the checkpoint {where} was signed, at {checkpoint.size} events: it was put back "
                "to an older state and written on, or changed."
            )
        self._compared = note

    def _root_at(self, size: int, growth: Growth) -> bytes:
        """The root of the log's first `size` events: from tiles as far as there are any, else by hashing on."""
        if size <= growth.size:
            try:
                return root(size, reader(self._trees.tile))
            except ProofInvalid as error:
                raise LogDiffers(f"The tiles in the database are not whole: {error}") from error
        ahead = self._growth(growth.size)
        while ahead.size < size:
            for entry in self._page(ahead.size, min(size, ahead.size + self._page_events)):
                ahead.append(_leaf_hash(entry))
            ahead.take()
        return ahead.root()

    def _growth(self, size: int) -> Growth:
        """A tree of `size` that can grow on, from its unfinished tiles."""
        unfinished = ((each, self._trees.tile(each.level, each.number)) for each in edge_of(size))
        return Growth(size, {each.level: hashes[: each.width * HASH_BYTES] for each, hashes in unfinished})

    def _page(self, after: int, until: int) -> Sequence[Entry]:
        """All events behind `after`, up to `until`."""
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
            raise LogDiffers(f"The checkpoint {where} does not hold: {error}") from error

    def _write_file(self) -> None:
        """The file follows the database. Behind a database that lost checkpoints it stays, until that has caught up."""
        kept, note = self._trees.newest(), self._file.read()
        if kept is None or note == kept.note:
            return
        if note is None or self._checked(note, f"in {self._file.path}").size <= kept.size:
            self._file.write(kept.note)


def _at_least(head: int, checkpoint: Checkpoint, where: str) -> None:
    if head < checkpoint.size:
        raise LogDiffers(
            f"The log ends at {head}, and the checkpoint {where} was signed over {checkpoint.size} events: it was put back to an "
            "older state. Recovery from a backup opens a new origin: see the runbook."
        )


def _leaf_hash(entry: Entry) -> bytes:
    try:
        return leaf_hash(leaf_bytes(entry))
    except ProofInvalid as error:
        raise LogDiffers(str(error)) from error
