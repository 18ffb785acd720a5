"""What is wrong with something that is to be proven."""

from __future__ import annotations

from domain.errors import Fault


class ProofInvalid(Fault):
    """It does not hold, or is not of its form. `str(error)` says what, in words for whoever asked for the check."""
