"""Checkpoints, as defined by C2SP tlog-checkpoint: a log's origin, size and root, as the text of a signed note.

Rule 1: a log only ever signs one root for each size, so two checkpoints of the same origin are always consistent.
Rule 2: the name of a log's key is the log's origin; witnesses' keys have other names. A key may be limited to checkpoints up to
        a certain size.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from projections.proofs.errors import ProofInvalid
from projections.proofs.merkle import HASH_BYTES, SIZE_MAX
from projections.proofs.note import ED25519, Note, Verifier, check_note, decode_base64, parse_note

EXTENSIONS_MAX = 16
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's head: the root of its first `size` events. `extensions` are kept but not interpreted."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return "".join(
            f"{line}\n" for line in (self.origin, self.size, b64encode(self.root).decode(), *self.extensions)
        )


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint in a note's text. Raises ProofInvalid."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]) or len(lines) > 4 + EXTENSIONS_MAX:
        raise ProofInvalid("This is not a checkpoint: it must have an origin, a size and a root, each on its own line.")
    origin, size, root, *extensions = lines[:-1]
    if not _SIZE.fullmatch(size) or int(size) > SIZE_MAX:
        raise ProofInvalid("The checkpoint's size is not a valid number.")
    return Checkpoint(origin, int(size), decode_base64(root, length=HASH_BYTES), tuple(extensions))


@dataclass(frozen=True, slots=True)
class Signed:
    """A verified checkpoint: the log's keys that signed it, and its witnesses with the time of each (seconds since 1970)."""

    note: Note
    checkpoint: Checkpoint
    keys: tuple[Verifier, ...]
    witnesses: tuple[tuple[Verifier, int], ...]


def check_checkpoint(text: str, verifiers: Sequence[Verifier]) -> Signed:
    """Verify a checkpoint. Raises ProofInvalid unless a key of the checkpoint's log signed it and no known signature is wrong.
    `verifiers` may be keys of several logs and of witnesses."""
    note = parse_note(text)
    checkpoint = parse_checkpoint(note.text)
    found = [
        (verifier, seconds) for verifier, seconds in check_note(note, verifiers) if verifier.speaks_for(checkpoint.size)
    ]
    keys = tuple(verifier for verifier, _ in found if verifier.kind == ED25519 and verifier.name == checkpoint.origin)
    if not keys:
        raise ProofInvalid(f"No known key of the log {checkpoint.origin[:100]} has signed this checkpoint.")
    return Signed(note, checkpoint, keys, tuple((key, seconds) for key, seconds in found if seconds is not None))


def merged(note: Note, other: Note, verifiers: Sequence[Verifier]) -> Note:
    """The note, with the signatures of `other` added that are by these keys, valid and new. Raises ProofInvalid."""
    if note.text != other.text:
        raise ProofInvalid("These are not signatures of the same checkpoint.")
    check_note(other, verifiers)
    known = {(signature.name, signature.key_id) for signature in note.signatures}
    new = [
        signature
        for signature in other.signatures
        if (signature.name, signature.key_id) not in known and any(verifier.made(signature) for verifier in verifiers)
    ]
    return Note(note.text, (*note.signatures, *dict.fromkeys(new)))
