"""What sealing and receipts refuse."""

from __future__ import annotations


class LogDiffers(Exception):
    """The log is not the one that was signed: shorter, or with another event in it. Nothing is signed until somebody has looked."""


class NotSealedYet(Exception):
    """The event is in the ledger, and in no signed checkpoint yet. `refused`: nothing is being signed at present."""

    def __init__(self, *, refused: bool = False) -> None:
        when = (
            "nothing is signed at present, until the operator has looked at the log"
            if refused
            else "will be in the next signed checkpoint within seconds. Try again then"
        )
        super().__init__(f"This is in the ledger, and {when}.")


class NotSettledYet(Exception):
    """The request is open: there is nothing to prove of it."""

    def __init__(self) -> None:
        super().__init__("This request is still open. A receipt is made of its charge or of its release.")


class ExportRefused(Exception):
    """The folder holds something else, or nothing is sealed."""


class RestoreRefused(Exception):
    """There is a ledger in the place of the new one, or what was signed cannot be one."""


class AdoptRefused(Exception):
    """There is a checkpoint file already, or no checkpoint that it could begin with."""
