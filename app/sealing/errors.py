"""What sealing and receipts refuse."""

from __future__ import annotations


class LogDiffers(Exception):
    """The log is not the one that was signed: shorter, or with another event in it. Nothing is signed until somebody has looked."""


class NotSealedYet(Exception):
    """The event is in the ledger, and in no signed checkpoint yet."""

    def __init__(self) -> None:
        super().__init__(
            "This is in the ledger, and will be in the next signed checkpoint within seconds. Try again then."
        )


class NotSettledYet(Exception):
    """The request is open: there is nothing to prove of it."""

    def __init__(self) -> None:
        super().__init__("This request is still open. A receipt is made of its charge or of its release.")


class ExportRefused(Exception):
    """The folder holds something else, or nothing is sealed."""


class RestoreRefused(Exception):
    """There is a ledger in the place of the new one, or what was signed cannot be one."""
