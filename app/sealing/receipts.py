"""Receipts of events, and cosignatures of witnesses.

Rule 1: a receipt is made under the newest checkpoint that a witness has signed and the event is in; else under the newest.
Rule 2: a cosignature is taken for any size that the tree has: witnesses are slower than the log.
"""

from __future__ import annotations

from app.ledger.store import Ledger, RecordedEvent
from app.sealing.errors import NotSealedYet
from app.sealing.events import entry_of
from app.sealing.trees import Trees
from projections.proofs.checkpoint import Checkpoint, merged, parse_checkpoint
from projections.proofs.errors import ProofInvalid
from projections.proofs.keys import LogKeys
from projections.proofs.leaf import leaf_bytes
from projections.proofs.merkle import prove_inclusion, root
from projections.proofs.note import parse_note
from projections.proofs.receipt import Receipt, check_receipt
from projections.proofs.tiles import reader


class Receipts:
    """Of one log. Blocks. Raises StoreUnavailable."""

    def __init__(self, ledger: Ledger, keys: LogKeys) -> None:
        self.keys = keys
        self.trees = Trees(ledger, keys.origin)

    def of(self, event: RecordedEvent) -> str:
        """The receipt of an event. It is checked before it leaves. Raises NotSealedYet, ProofInvalid."""
        kept = self.trees.covering(event.id)
        if kept is None:
            raise NotSealedYet
        index = event.id - 1
        proof = prove_inclusion(index, kept.size, reader(self.trees.tile))
        text = str(Receipt(leaf_bytes(entry_of(event)), index, tuple(proof), kept.note))
        check_receipt(text, self.keys.own)
        return text

    def cosign(self, text: str) -> int:
        """Take the signatures of witnesses under a checkpoint of this log. Returns how many witnesses have signed it now. Raises
        ProofInvalid where it is none, or none of the witnesses that are configured has signed it."""
        offered = parse_note(text)
        checkpoint = parse_checkpoint(offered.text)
        self._of_this_log(checkpoint)
        kept = self.trees.at(checkpoint.size)
        base = parse_note(self.keys.sign(checkpoint) if kept is None else kept.note)
        note = str(merged(base, offered, self.keys.witnesses))
        witnesses = len({verifier.key_id for verifier, _ in self.keys.check(note).witnesses})
        self.trees.save_cosigned(checkpoint.size, note, witnesses)
        return witnesses

    def _of_this_log(self, checkpoint: Checkpoint) -> None:
        if checkpoint.origin != self.keys.origin or checkpoint.extensions:
            raise ProofInvalid("This is not a checkpoint of this log.")
        if checkpoint.size > self.trees.size():
            raise ProofInvalid(f"The log has not signed a checkpoint of {checkpoint.size} events.")
        if root(checkpoint.size, reader(self.trees.tile)) != checkpoint.root:
            raise ProofInvalid("This is not the root that the log has at this size.")
