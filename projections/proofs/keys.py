"""The keys of one log: those that sign, those that have signed, and its witnesses.

Rule 1: while a key is being changed, the new and the old one both sign: whoever trusts either can follow.
Rule 2: what an old key has signed stays good: its public key stays listed. So does a witness's, whose signatures are taken no more.
"""

from __future__ import annotations

from dataclasses import dataclass

from projections.proofs.checkpoint import Checkpoint, Signed, check_checkpoint
from projections.proofs.errors import ProofInvalid
from projections.proofs.note import COSIGNATURE, ED25519, Signer, Verifier, parse_signer, parse_verifier, signed


@dataclass(frozen=True, slots=True)
class LogKeys:
    """`signers`: the current one first. All of them, and `retired`, bear the log's origin as their name."""

    origin: str
    signers: tuple[Signer, ...]
    retired: tuple[Verifier, ...] = ()
    witnesses: tuple[Verifier, ...] = ()
    retired_witnesses: tuple[Verifier, ...] = ()

    @property
    def own(self) -> tuple[Verifier, ...]:
        """The log's public keys, the current one first."""
        return (*(signer.verifier for signer in self.signers), *self.retired)

    @property
    def known(self) -> tuple[Verifier, ...]:
        """Whose signatures mean something: the log's keys, and all its witnesses."""
        return (*self.own, *self.witnesses, *self.retired_witnesses)

    def sign(self, checkpoint: Checkpoint) -> str:
        """The signed note of a checkpoint of this log."""
        assert checkpoint.origin == self.origin, "a log signs its own checkpoints"
        return str(signed(checkpoint.text, self.signers))

    def check(self, note: str) -> Signed:
        """Raises ProofInvalid unless one of the log's keys signed it, and for another log's."""
        found = check_checkpoint(note, self.known)
        if found.checkpoint.origin != self.origin:
            raise ProofInvalid(f"This is a checkpoint of another log, {found.checkpoint.origin[:100]}.")
        return found


def own_signer(text: str, origin: str) -> Signer:
    """Raises ProofInvalid unless it is a log's private key of this name."""
    signer = parse_signer(text)
    _check_own(signer.verifier, origin)
    return signer


def own_verifier(text: str, origin: str) -> Verifier:
    """Raises ProofInvalid unless it is a log's public key of this name."""
    verifier = parse_verifier(text)
    _check_own(verifier, origin)
    return verifier


def witness(text: str) -> Verifier:
    """Raises ProofInvalid unless it is a witness's public key."""
    verifier = parse_verifier(text)
    if verifier.kind != COSIGNATURE:
        raise ProofInvalid("A witness's key is of the kind cosignature/v1 (4).")
    return verifier


def _check_own(verifier: Verifier, origin: str) -> None:
    if verifier.kind != ED25519 or verifier.name != origin:
        raise ProofInvalid(
            f"The key is of {verifier.name}, or of another kind: a log's key bears the log's origin as its name."
        )
