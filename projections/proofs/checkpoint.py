"""Checkpoints, as C2SP tlog-checkpoint has them: which log, how long, and its root, as the text of a signed note.

Rule 1: a log signs one root for each size, for ever: two checkpoints of one origin are always consistent.
Rule 2: a key speaks for the log whose origin is its name, and where it is bounded up to a size of it; witnesses have names of
their own.
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
    """A log's head: the root of its first `size` events. `extensions` are kept, and mean nothing here."""

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
    """The checkpoint of a note's text. Raises ProofInvalid."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]) or len(lines) > 4 + EXTENSIONS_MAX:
        raise ProofInvalid("This is no checkpoint: an origin, a size and a root, each on its line, are wanted.")
    origin, size, root, *extensions = lines[:-1]
    if not _SIZE.fullmatch(size) or int(size) > SIZE_MAX:
        raise ProofInvalid("The checkpoint's size is no number in its usual spelling.")
    return Checkpoint(origin, int(size), decode_base64(root, length=HASH_BYTES), tuple(extensions))


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint whose signatures were checked: by which keys of the log, and by which witnesses when (seconds since 1970)."""

    note: Note
    checkpoint: Checkpoint
    keys: tuple[Verifier, ...]
    witnesses: tuple[tuple[Verifier, int], ...]


def check_checkpoint(text: str, verifiers: Sequence[Verifier]) -> Signed:
    """Raises ProofInvalid unless a key of its own log signed it, and no known signature is wrong. `verifiers` may be of several
    logs, and of witnesses."""
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
    """The note with those signatures of `other` that are of these keys, hold, and are not in it. Raises ProofInvalid."""
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
