"""The reasons why the domain refuses a command.

Rule 1: a domain error states a fact about the state, with its figures. It is never a bug.
Rule 2: its text may be shown to the caller. It says what to do next and contains no secret.
"""

from __future__ import annotations

from domain.decimals import format_usd


class Fault(Exception):
    """A failure caused by the outside world, not a bug: the base of every error type of the product. `str(error)` is one line."""


class DomainError(Fault):
    """The state does not allow this command. `str(error)` may be shown to the caller."""


class InvalidValue(DomainError):
    """A value that is never valid, such as a malformed amount or a name that is too long. `field` names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class AlreadyExists(DomainError):
    """The object to create already exists, or its id is already used."""


class NotFound(DomainError):
    """The account or key that a command names does not exist."""


class ModelNotFound(DomainError):
    """No model with this name is offered."""

    def __init__(self, model: str) -> None:
        super().__init__(f"The model `{model[:200]}` does not exist or you do not have access to it.")
        self.model = model


class ModelNotAllowed(DomainError):
    """The key is limited to other models."""

    def __init__(self, model: str) -> None:
        super().__init__(
            f"This API key is not allowed to use the model `{model}`. Allow the model on the key, or use another key."
        )
        self.model = model


class InsufficientQuota(DomainError):
    """The available balance or the key's monthly budget does not cover the hold. Amounts are in nanos."""

    def __init__(self, needed_nanos: int, available_nanos: int, *, budget: bool = False) -> None:
        what = "This API key's monthly budget" if budget else "Your available balance"
        super().__init__(
            f"{what} does not cover this request: it needs a hold of ${format_usd(needed_nanos)}, and "
            f"${format_usd(available_nanos)} is available. "
            + ("Raise the budget, or wait until next month." if budget else "Add credit, or lower the output limit.")
        )
        self.needed_nanos = needed_nanos
        self.available_nanos = available_nanos
        self.budget = budget


class FilesFull(DomainError):
    """The account has reached its limit on the number or total size of files. `what` is "files" or "bytes"."""

    def __init__(self, what: str, limit: int, needed: int, available: int) -> None:
        super().__init__(
            f"This account's file storage is limited to {limit} {what}: {max(0, available)} {what} are left, and this "
            f"upload needs {needed}. Delete files you no longer need, or set expires_after on uploads."
        )
        self.what = what
        self.limit = limit
        self.needed = needed
        self.available = available


class AccountIsFrozen(DomainError):
    """The account is frozen and accepts no new requests."""

    def __init__(self) -> None:
        super().__init__(
            "This account is frozen and accepts no new requests. Pay off the negative balance, or contact the operator."
        )


class KeyIsRevoked(DomainError):
    """The key was revoked."""

    def __init__(self) -> None:
        super().__init__("This API key has been revoked. Create a new key and use it instead.")


class KeyIsExpired(DomainError):
    """The key has expired."""

    def __init__(self) -> None:
        super().__init__("This API key has expired. Create a new key and use it instead.")


class RateLimited(DomainError):
    """The key has used up a rate limit. `retry_after_seconds` is None if the request alone exceeds the limit."""

    def __init__(self, what: str, limit: int, needed: int, available: int, retry_after_seconds: int | None) -> None:
        wait = (
            f"Try again in {retry_after_seconds} s."
            if retry_after_seconds is not None
            else "This request alone exceeds the limit: make it smaller, or raise the limit."
        )
        super().__init__(
            f"Rate limit reached for {what}: limit {limit}, needed {needed}, available {available}. {wait}"
        )
        self.what = what
        self.limit = limit
        self.needed = needed
        self.available = available
        self.retry_after_seconds = retry_after_seconds


class PaymentMismatch(DomainError):
    """The payment does not match the checkout: `what` should be `expected` but is `found`. Nothing is credited."""

    def __init__(self, what: str, expected: str | None, found: str | None) -> None:
        shown = "nothing" if found is None else str(found)[:100]
        super().__init__(
            f"This payment's {what} is {shown}, but the checkout expects {expected}. Nothing was credited."
        )
        self.what = what
        self.expected = expected
        self.found = found


class TooManyCheckouts(DomainError):
    """The account has reached its limit of checkouts per day."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"This account has reached its limit of {limit} checkouts per day. Try again tomorrow (UTC).")
        self.limit = limit


class AutomaticCeilingReached(DomainError):
    """Another automatic top-up would exceed the account's monthly ceiling."""

    def __init__(self) -> None:
        super().__init__(
            "Another automatic top-up would exceed this month's ceiling. Raise the ceiling, or buy a pack yourself."
        )
