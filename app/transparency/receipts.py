"""Receipts of events, and the cosignatures of witnesses.

Rule 1: a receipt uses the newest checkpoint that covers the event and is signed by a witness, or else the newest that covers it.
Rule 2: a cosignature is accepted for any size that the tree has had, because witnesses are slower than the log. It is stored when
`cosign` returns; concurrent cosignatures are merged.
Rule 3: if only older keys have signed a receipt's checkpoint, the current keys sign it too, so that one public key checks
everything. They sign a checkpoint only if a checkpoint that they have signed continues it.
"""

from __future__ import annotations

from app.faults import NotSealedYet
from app.ledger.store import Ledger, RecordedEvent, StoreUnavailable
from app.transparency.events import entry_of
from app.transparency.trees import KeptCheckpoint, Trees
from projections.proofs.checkpoint import Checkpoint, merged, parse_checkpoint
from projections.proofs.errors import ProofInvalid
from projections.proofs.keys import LogKeys
from projections.proofs.leaf import leaf_bytes
from projections.proofs.merkle import check_consistency, prove_consistency, prove_inclusion, root
from projections.proofs.note import Verifier, parse_note
from projections.proofs.receipt import Receipt, check_receipt
from projections.proofs.tiles import reader

_TRIES = 100


class Receipts:
    """The receipts of one log. Blocks. Raises StoreUnavailable."""

    def __init__(self, ledger: Ledger, keys: LogKeys) -> None:
        self.keys = keys
        self.trees = Trees(ledger, keys.origin)

    def of(self, event: RecordedEvent) -> str:
        """The receipt of an event, verified before it is returned. Raises NotSealedYet, ProofInvalid."""
        kept = self.trees.covering(event.id)
        if kept is None:
            raise NotSealedYet
        index = event.id - 1
        proof = prove_inclusion(index, kept.size, reader(self.trees.tile))
        text = str(Receipt(leaf_bytes(entry_of(event)), index, tuple(proof), self._signed_today(kept)))
        check_receipt(text, self.keys.own)
        return text

    def _signed_today(self, kept: KeptCheckpoint) -> str:
        """The checkpoint, with the signatures of all current keys. Raises ProofInvalid."""
        known, newest, today = self.keys.check(kept.note), self.trees.newest(), set(self._signers)
        if newest is None or today <= set(known.keys):
            return kept.note
        old, last = known.checkpoint, self.keys.check(newest.note)
        new = last.checkpoint
        if today.isdisjoint(last.keys) or new.size < old.size:
            return kept.note
        proof = prove_consistency(old.size, new.size, reader(self.trees.tile))
        check_consistency(old.size, new.size, old.root, new.root, proof)
        again = self.keys.sign(Checkpoint(old.origin, old.size, old.root))
        return str(merged(known.note, parse_note(again), self._signers))

    @property
    def _signers(self) -> tuple[Verifier, ...]:
        return tuple(signer.verifier for signer in self.keys.signers)

    def cosign(self, text: str) -> int:
        """Add witnesses' signatures to a checkpoint of this log. Returns how many witnesses have signed it now. Raises ProofInvalid
        if it is not a checkpoint of this log, or if no configured witness has signed it."""
        offered = parse_note(text)
        checkpoint = parse_checkpoint(offered.text)
        self._of_this_log(checkpoint)
        for _ in range(_TRIES):
            kept = self.trees.at(checkpoint.size)
            base = parse_note(self.keys.sign(checkpoint) if kept is None else kept.note)
            note = str(merged(base, offered, self.keys.witnesses))
            witnesses = len({verifier.key_id for verifier, _ in self.keys.check(note).witnesses})
            if kept is not None and (kept.note, kept.witnesses) == (note, witnesses):
                return witnesses
            self.trees.save_cosigned(checkpoint.size, note, witnesses, before=None if kept is None else kept.note)
        raise StoreUnavailable("another process is changing this checkpoint")

    def _of_this_log(self, checkpoint: Checkpoint) -> None:
        if checkpoint.origin != self.keys.origin or checkpoint.extensions:
            raise ProofInvalid("This is not a checkpoint of this log.")
        if checkpoint.size > self.trees.size():
            raise ProofInvalid(f"The log has not signed a checkpoint at {checkpoint.size} events.")
        if root(checkpoint.size, reader(self.trees.tile)) != checkpoint.root:
            raise ProofInvalid("The checkpoint's root differs from the log's root at this size.")
