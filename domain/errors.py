"""What a decision may refuse, and why.

Rule 1: a domain error is a fact about the state, with the figures in it; it is never a bug.
Rule 2: its text is fit for the person who asked: it says what to do, and carries no secret.
"""

from __future__ import annotations

from domain.decimals import format_usd


class Fault(Exception):
    """What the world gets wrong, and no programmer: every error type of the product is one. `str(error)` is one readable line."""


class DomainError(Fault):
    """A command that the state does not allow. `str(error)` is fit for the caller's eyes."""


class InvalidValue(DomainError):
    """A value that can never be right: an amount that is no amount, a name that is too long. `field` names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class AlreadyExists(DomainError):
    """The thing to be made is there already."""


class NotFound(DomainError):
    """The account or key that a command names does not exist."""


class ModelNotFound(DomainError):
    """No model of this name is offered."""

    def __init__(self, model: str) -> None:
        super().__init__(f"The model `{model[:200]}` does not exist or you do not have access to it.")
        self.model = model


class ModelNotAllowed(DomainError):
    """The key is limited to other models."""

    def __init__(self, model: str) -> None:
        super().__init__(f"This API key may not use the model `{model}`. Allow it on the key, or use another key.")
        self.model = model


class InsufficientQuota(DomainError):
    """The available balance, or a key's monthly budget, does not cover the hold. Amounts in nanos."""

    def __init__(self, needed_nanos: int, available_nanos: int, *, budget: bool = False) -> None:
        what = "This API key's monthly budget" if budget else "Your available balance"
        super().__init__(
            f"{what} does not cover this request: it needs a hold of ${format_usd(needed_nanos)}, and "
            f"${format_usd(available_nanos)} is available. "
            + ("Raise the budget, or wait for the next month." if budget else "Add credit, or lower the output limit.")
        )
        self.needed_nanos = needed_nanos
        self.available_nanos = available_nanos
        self.budget = budget


class FilesFull(DomainError):
    """The account's files are as many, or as large together, as they may be. `what` is "files" or "bytes"."""

    def __init__(self, what: str, limit: int, needed: int, available: int) -> None:
        super().__init__(
            f"The files of this account may be at most {limit} {what} together: {max(0, available)} {what} are left, and this "
            f"upload needs {needed}. Delete files that are no longer needed, or upload with expires_after."
        )
        self.what = what
        self.limit = limit
        self.needed = needed
        self.available = available


class AccountIsFrozen(DomainError):
    """The account takes no new requests."""

    def __init__(self) -> None:
        super().__init__(
            "This account is frozen and takes no new requests. Contact the operator, or settle its balance."
        )


class KeyIsRevoked(DomainError):
    """The key was revoked."""

    def __init__(self) -> None:
        super().__init__("This API key has been revoked. Create a new key, and use that one.")


class KeyIsExpired(DomainError):
    """The key's expiry has passed."""

    def __init__(self) -> None:
        super().__init__("This API key has expired. Create a new key, and use that one.")


class RateLimited(DomainError):
    """A rate of the key is used up. `retry_after_seconds` is None where no wait can help (larger than a whole window)."""

    def __init__(self, what: str, limit: int, needed: int, available: int, retry_after_seconds: int | None) -> None:
        wait = (
            f"Try again in {retry_after_seconds} s."
            if retry_after_seconds is not None
            else "It is larger than the whole limit: make it smaller, or raise the limit."
        )
        super().__init__(f"Rate limit on {what}: limit {limit}, needed {needed}, available {available}. {wait}")
        self.what = what
        self.limit = limit
        self.needed = needed
        self.available = available
        self.retry_after_seconds = retry_after_seconds


class PaymentMismatch(DomainError):
    """What a payment says is not what was ordered: `what` was `expected` and is `found`. Nothing is credited for it."""

    def __init__(self, what: str, expected: str | None, found: str | None) -> None:
        said = "nothing" if found is None else str(found)[:100]
        super().__init__(f"The {what} of this payment is {said}, where our order has {expected}. Nothing was credited.")
        self.what = what
        self.expected = expected
        self.found = found


class TooManyCheckouts(DomainError):
    """The account has begun as many checkouts today as it may."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"This account has begun {limit} checkouts today, which is the most. Try again tomorrow (UTC)."
        )
        self.limit = limit


class AutomaticCeilingReached(DomainError):
    """One more automatic top-up would pass the ceiling that the account has set for the month."""

    def __init__(self) -> None:
        super().__init__("Another automatic top-up would pass this month's ceiling. Raise it, or buy a pack yourself.")
