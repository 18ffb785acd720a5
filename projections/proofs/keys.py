"""The keys of one log: the signing keys, the retired keys, and the witnesses.

Rule 1: during a key change, the new and the old key both sign, so that clients that trust either one can follow.
Rule 2: signatures of an old key stay valid, because its public key stays listed. The same applies to retired witnesses.
"""

from __future__ import annotations

from dataclasses import dataclass

from projections.proofs.checkpoint import Checkpoint, Signed, check_checkpoint
from projections.proofs.errors import ProofInvalid
from projections.proofs.note import COSIGNATURE, ED25519, Signer, Verifier, parse_signer, parse_verifier, signed


@dataclass(frozen=True, slots=True)
class LogKeys:
    """`signers`: the current one first. The name of all of them, and of `retired`, is the log's origin."""

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
        """All keys whose signatures count: the log's keys, and all its witnesses."""
        return (*self.own, *self.witnesses, *self.retired_witnesses)

    def sign(self, checkpoint: Checkpoint) -> str:
        """The signed note of a checkpoint of this log."""
        assert checkpoint.origin == self.origin, "a log signs its own checkpoints"
        return str(signed(checkpoint.text, self.signers))

    def check(self, note: str) -> Signed:
        """Verify a note. Raises ProofInvalid if none of the log's keys signed it, or if it is another log's."""
        found = check_checkpoint(note, self.known)
        if found.checkpoint.origin != self.origin:
            raise ProofInvalid(f"This checkpoint belongs to another log, {found.checkpoint.origin[:100]}.")
        return found


def own_signer(text: str, origin: str) -> Signer:
    """Parse a log's private key. Raises ProofInvalid unless it is one with this name."""
    signer = parse_signer(text)
    _check_own(signer.verifier, origin)
    return signer


def own_verifier(text: str, origin: str) -> Verifier:
    """Parse a log's public key. Raises ProofInvalid unless it is one with this name."""
    verifier = parse_verifier(text)
    _check_own(verifier, origin)
    return verifier


def witness(text: str) -> Verifier:
    """Parse a witness's public key. Raises ProofInvalid."""
    verifier = parse_verifier(text)
    if verifier.kind != COSIGNATURE:
        raise ProofInvalid("A witness's key must be of type cosignature/v1 (4).")
    return verifier


def _check_own(verifier: Verifier, origin: str) -> None:
    if verifier.kind != ED25519 or verifier.name != origin:
        raise ProofInvalid(
            f"The key {verifier.name} is not a key of this log. It must be of type Ed25519 and be named {origin}."
        )
