"""What an outsider saw of a sealed log over time: whatever he sees later must continue all of it.

Rule 1: a checkpoint that was seen once, in the database or in the file outside it, is never gone back on: each later one has a
proof of consistency with it, made from the tiles of now.
Rule 2: the file is never ahead of the database.
Rule 3: a receipt that was made once holds for good, and each later checkpoint continues its own.
Rule 4: what is compared is read in one statement: PostgreSQL may still commit what a process asked for before it died.
"""

from __future__ import annotations

import random

from app.ledger.store import Ledger
from app.transparency.file import CheckpointFile
from app.transparency.receipts import Receipts
from app.transparency.trees import Trees
from projections.proofs.checkpoint import Checkpoint
from projections.proofs.keys import LogKeys
from projections.proofs.merkle import check_consistency, prove_consistency, root
from projections.proofs.receipt import check_receipt
from projections.proofs.tiles import reader

_BOTH = "SELECT (SELECT size FROM log_trees WHERE origin = ?), (SELECT max(size) FROM log_checkpoints WHERE origin = ?)"


class Continuation:
    """`look` as often as there is something to see, `check` at the end."""

    def __init__(self, ledger: Ledger, keys: LogKeys, file: CheckpointFile, seed: int = 1) -> None:
        self._ledger, self._keys, self._file = ledger, keys, file
        self._trees, self._receipts = Trees(ledger, keys.origin), Receipts(ledger, keys)
        self._draw = random.Random(seed)
        self.checkpoints: list[Checkpoint] = []
        self.receipts: list[str] = []

    def newest(self) -> int:
        """How far the log is sealed."""
        kept = self._trees.newest()
        return 0 if kept is None else kept.size

    def look(self) -> None:
        """See what stands there now, and take a receipt of any one event."""
        outside = self._file.read()
        origin = self._keys.origin
        [(grown, signed)] = self._ledger.select(_BOTH, (origin, origin))
        assert grown == signed, "a tree without its checkpoint, or the other way about"
        kept = self._trees.newest()
        if kept is None:
            assert outside is None or self._keys.check(outside).checkpoint.size == 0
            assert not self.checkpoints
            return
        newest = self._keys.check(kept.note).checkpoint
        assert newest.size == kept.size
        assert root(newest.size, reader(self._trees.tile)) == newest.root
        for seen in self.checkpoints[-2:]:
            self._consistent(seen, newest)
        if outside is not None:
            self._see(self._keys.check(outside).checkpoint, newest)
        self._see(newest, newest)
        [event] = self._ledger.read(self._draw.randrange(newest.size), 1)
        self.receipts.append(self._receipts.of(event))

    def check(self) -> None:
        """All that was ever seen, against what stands there now."""
        kept = self._trees.newest()
        assert kept is not None
        newest = self._keys.check(kept.note).checkpoint
        for seen in self.checkpoints:
            self._consistent(seen, newest)
        for text in self.receipts:
            proven = check_receipt(text, self._keys.own)
            self._consistent(proven.signed.checkpoint, newest)

    def _see(self, checkpoint: Checkpoint, newest: Checkpoint) -> None:
        self._consistent(checkpoint, newest)
        if checkpoint not in self.checkpoints[-2:]:
            self.checkpoints.append(checkpoint)

    def _consistent(self, old: Checkpoint, new: Checkpoint) -> None:
        assert old.size <= new.size
        proof = prove_consistency(old.size, new.size, reader(self._trees.tile))
        check_consistency(old.size, new.size, old.root, new.root, proof)
