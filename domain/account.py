"""Accounts: opening, manual credit, freezing and unfreezing.

Rule: a decision checks its command and returns events; `evolve` only assigns. Ids come from the caller, so a retry is safe.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from domain.errors import AlreadyExists, InvalidValue, NotFound
from domain.events import (
    AccountFrozen,
    AccountOpened,
    AccountUnfrozen,
    AdjustmentPosted,
    Event,
    KeyCreated,
    KeyLimits,
    KeyLimitsChanged,
    KeyRevoked,
)
from domain.money import AMOUNT_NANOS_MAX

NAME_LENGTH_MAX = 200
REASON_LENGTH_MAX = 500
OPERATOR = "operator"
NEGATIVE_BALANCE = "negative_balance"
"""The causes of a freeze: the operator's decision, and a refund or dispute larger than the remaining balance."""
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)


@dataclass(frozen=True, slots=True)
class KeyState:
    """The part of an account's key that decisions need."""

    limits: KeyLimits
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """An account folded from its stream. `version` is the version of its newest event, or 0 if it has no events."""

    account_id: str
    version: int = 0
    name: str = ""
    causes: frozenset[str] = frozenset()
    """Why it is frozen; empty if it accepts requests."""
    keys: dict[str, KeyState] = field(default_factory=dict)
    adjustments: dict[str, AdjustmentPosted] = field(default_factory=dict)

    @property
    def exists(self) -> bool:
        return self.version > 0

    @property
    def frozen(self) -> bool:
        return bool(self.causes)


def fold(account_id: str, events: Iterable[Event]) -> Account:
    """The account after its events, in order."""
    account = Account(account_id)
    for event in events:
        account = evolve(account, event)
    return account


def evolve(account: Account, event: Event) -> Account:
    """The account after one more event."""
    account = replace(account, version=account.version + 1)
    match event:
        case AccountOpened():
            return replace(account, name=event.name)
        case AccountFrozen():
            return replace(account, causes=account.causes | {event.cause})
        case AccountUnfrozen():
            return replace(account, causes=account.causes - {event.cause})
        case AdjustmentPosted():
            return replace(account, adjustments={**account.adjustments, event.adjustment_id: event})
        case KeyCreated():
            return replace(account, keys={**account.keys, event.key_id: KeyState(event.limits)})
        case KeyLimitsChanged():
            revoked = account.keys[event.key_id].revoked
            return replace(account, keys={**account.keys, event.key_id: KeyState(event.limits, revoked)})
        case KeyRevoked():
            limits = account.keys[event.key_id].limits
            return replace(account, keys={**account.keys, event.key_id: KeyState(limits, revoked=True)})
        case _:
            return account


def open_account(account: Account, *, name: str) -> list[Event]:
    """No events if it is already open under this name: a retry of the same command. Raises AlreadyExists, InvalidValue."""
    check_identifier("account_id", account.account_id)
    if account.exists and account.name == name:
        return []
    if account.exists:
        raise AlreadyExists(f"The account {account.account_id} already exists with another name.")
    return [AccountOpened(account.account_id, check_text("name", name, NAME_LENGTH_MAX))]


def post_adjustment(
    account: Account, *, adjustment_id: str, kind: str, amount_nanos: int, reason: str, reference: str | None
) -> list[Event]:
    """A grant (positive) or a correction of either sign. No events if the same adjustment is posted already.

    Raises NotFound, AlreadyExists (a different adjustment has this id), InvalidValue.
    """
    require(account)
    check_identifier("adjustment_id", adjustment_id)
    if kind not in ("grant", "correction"):
        raise InvalidValue("kind", "kind must be grant or correction.")
    if amount_nanos == 0 or abs(amount_nanos) > AMOUNT_NANOS_MAX or (kind == "grant" and amount_nanos < 0):
        raise InvalidValue("amount", "amount must not be zero, and a grant must be positive.")
    check_text("reason", reason, REASON_LENGTH_MAX)
    if reference is not None:
        check_text("reference", reference, REASON_LENGTH_MAX)
    posting = AdjustmentPosted(account.account_id, adjustment_id, kind, amount_nanos, reason, reference)
    there = account.adjustments.get(adjustment_id)
    if there not in (None, posting):
        raise AlreadyExists(f"A different adjustment already has the ID {adjustment_id}.")
    return [] if there else [posting]


def freeze(account: Account, *, reason: str, cause: str = OPERATOR) -> list[Event]:
    """No events if it is already frozen for this cause. Raises NotFound, InvalidValue."""
    require(account)
    check_text("reason", reason, REASON_LENGTH_MAX)
    return [] if cause in account.causes else [AccountFrozen(account.account_id, reason, cause)]


def unfreeze(account: Account, *, reason: str, cause: str | None = None) -> list[Event]:
    """End the freeze for this cause (None: every cause). No events if there is no such freeze. Raises NotFound, InvalidValue."""
    require(account)
    check_text("reason", reason, REASON_LENGTH_MAX)
    ended = sorted(account.causes if cause is None else account.causes & {cause})
    return [AccountUnfrozen(account.account_id, reason, each) for each in ended]


def require(account: Account) -> None:
    """Raises NotFound if the account does not exist."""
    if not account.exists:
        raise NotFound(f"There is no account {account.account_id[:100]}. `realrouter account list` lists all accounts.")


def check_identifier(name: str, value: str) -> str:
    """An id: 1 to 100 letters, digits, dots, underscores and hyphens. Raises InvalidValue."""
    if not _IDENTIFIER.fullmatch(value):
        raise InvalidValue(
            name, f"{name} must be 1 to 100 letters, digits, '.', '_' or '-', starting with a letter or digit."
        )
    return value


def check_text(name: str, value: str, length_max: int) -> str:
    """A line of text for people: not blank, printable, bounded. Raises InvalidValue."""
    if not value.strip() or len(value) > length_max or not value.isprintable():
        raise InvalidValue(name, f"{name} must be 1 to {length_max} printable characters on one line.")
    return value
