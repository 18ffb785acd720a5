"""The error of all proofs."""

from __future__ import annotations

from domain.errors import Fault


class ProofInvalid(Fault):
    """A proof is wrong or malformed. `str(error)` says why, and may be shown to the user who requested the check."""
