"""Receipts: an event, its inclusion proof and a signed checkpoint in one text, as defined by C2SP tlog-proof.

Rule 1: the `extra` line has the event's own bytes, so verification needs only the receipt and the log's public key.
Rule 2: nothing in it is trusted until the proof leads from the hash of those bytes to a root that the log's key has signed.
Rule 3: only its canonical form is accepted.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from projections.proofs.checkpoint import Signed, check_checkpoint
from projections.proofs.errors import ProofInvalid
from projections.proofs.leaf import Entry, parse_leaf
from projections.proofs.merkle import HASH_BYTES, check_inclusion, leaf_hash
from projections.proofs.note import Verifier, decode_base64

FIRST_LINE = "c2sp.org/tlog-proof@v1"
RECEIPT_LENGTH_MAX = 24 << 20
PROOF_HASHES_MAX = 63
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Receipt:
    """The claims of a receipt. `leaf`: the event's bytes; `note`: the signed checkpoint, as it was served."""

    leaf: bytes
    index: int
    proof: tuple[bytes, ...]
    note: str

    def __str__(self) -> str:
        lines = [FIRST_LINE, f"extra {_base64(self.leaf)}", f"index {self.index}", *map(_base64, self.proof)]
        return "\n".join((*lines, "", self.note))


@dataclass(frozen=True, slots=True)
class Proven:
    """What a receipt has proven: the log with this signed checkpoint contains this event."""

    entry: Entry
    signed: Signed


def parse_receipt(text: str) -> Receipt:
    """Raises ProofInvalid."""
    head, separator, note = text[:RECEIPT_LENGTH_MAX].partition("\n\n")
    first, *lines = head.split("\n")
    if len(text) > RECEIPT_LENGTH_MAX or not separator or first != FIRST_LINE:
        raise ProofInvalid(f"This is not a receipt: a receipt starts with the line {FIRST_LINE}.")
    if len(lines) < 2 or not lines[0].startswith("extra "):
        raise ProofInvalid("The receipt has no event: its second line must start with `extra`.")
    index, hashes = _INDEX.fullmatch(lines[1]), lines[2:]
    if index is None or len(hashes) > PROOF_HASHES_MAX:
        raise ProofInvalid("The receipt's index is not a valid number, or its proof is too long.")
    leaf = decode_base64(lines[0].removeprefix("extra "))
    return Receipt(leaf, int(index[1]), tuple(decode_base64(line, length=HASH_BYTES) for line in hashes), note)


def check_receipt(text: str, verifiers: Sequence[Verifier]) -> Proven:
    """Verify a receipt. Raises ProofInvalid with the reason."""
    receipt = parse_receipt(text)
    entry = parse_leaf(receipt.leaf)
    signed = check_checkpoint(receipt.note, verifiers)
    if entry.position != receipt.index + 1:
        raise ProofInvalid(f"The event states position {entry.position}, but the receipt states {receipt.index + 1}.")
    checkpoint = signed.checkpoint
    check_inclusion(receipt.index, checkpoint.size, leaf_hash(receipt.leaf), receipt.proof, checkpoint.root)
    return Proven(entry, signed)


def _base64(data: bytes) -> str:
    return b64encode(data).decode()
