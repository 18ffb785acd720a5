"""A sealed log in memory: what receipts and checks are made from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from projections.proofs.checkpoint import Checkpoint
from projections.proofs.leaf import Entry, leaf_bytes
from projections.proofs.merkle import leaf_hash, prove_inclusion
from projections.proofs.note import Signer, parse_signer, signed
from projections.proofs.receipt import Receipt
from projections.proofs.tiles import Growth, reader

ORIGIN = "log.example/realrouter"
SIGNER = parse_signer(f"PRIVATE+KEY+{ORIGIN}+db59201e+AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB")
WITNESS = parse_signer("PRIVATE+KEY+witness.example/w1+df1c0a35+BAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC")
"""Keys of tests: they have been published here."""


def entry(position: int) -> Entry:
    """An event like those of the store."""
    state = b'{"nonce":"%032x","request_id":"req_%d","cost_nanos":%d}' % (position, position, position * 7)
    return Entry(position, f"request:req_{position}", 2, "request.debited.v1", state, f"cmd_{position}", 1_764_000_000)


class SealedLog:
    """`size` events, their tiles, and a checkpoint that `signers` have signed."""

    def __init__(self, size: int, signers: Sequence[Signer] = (SIGNER,)) -> None:
        self.leaves = [leaf_bytes(entry(position)) for position in range(1, size + 1)]
        growth = Growth()
        for leaf in self.leaves:
            growth.append(leaf_hash(leaf))
        self.tiles = growth.take()
        self.checkpoint = Checkpoint(ORIGIN, size, growth.root())
        self.note = str(signed(self.checkpoint.text, signers))

    def receipt(self, position: int) -> str:
        read = reader(lambda level, number: self.tiles.get((level, number), b""))
        proof = prove_inclusion(position - 1, len(self.leaves), read)
        return str(Receipt(self.leaves[position - 1], position - 1, tuple(proof), self.note))


def written(folder: Path, *leaves: bytes) -> Path:
    """A copy of at most 256 leaves, whatever they are, which the log's key has signed."""
    growth = Growth()
    for leaf in leaves:
        growth.append(leaf_hash(leaf))
    bundle = b"".join(len(leaf).to_bytes(4) + leaf for leaf in leaves)
    note = str(signed(Checkpoint(ORIGIN, len(leaves), growth.root()).text, (SIGNER,)))
    for name, data in (("entries", bundle), ("tile/0", growth.take()[0, 0])):
        (folder / name / "000.p").mkdir(parents=True)
        (folder / name / f"000.p/{len(leaves)}").write_bytes(data)
    (folder / "checkpoint").write_text(note)
    return folder
