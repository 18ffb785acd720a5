"""The keys of an account, read from its stream, so that a change is visible at once. These functions block."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from app.accounts.commands import known, on_account
from app.ledger.codec import Codec
from app.ledger.store import Ledger
from domain import account as accounts
from domain import api_key
from domain.events import KeyCreated, KeyLimits, KeyLimitsChanged, KeyRevoked, account_stream


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key's record, without the secret. `hint` is the part shown in lists."""

    key_id: str
    name: str
    hint: str
    limits: KeyLimits
    created_at_micros: int
    revoked_at_micros: int | None = None


def keys_of(ledger: Ledger, codec: Codec, account_id: str) -> dict[str, KeyRecord]:
    """The account's keys by id, oldest first, including revoked ones. Raises NotFound (no such account), StoreUnavailable."""
    stored = ledger.stream(account_stream(account_id))
    events = known(codec, stored)
    accounts.require(accounts.fold(account_id, events))
    keys: dict[str, KeyRecord] = {}
    for event, at in zip(events, (row.recorded_at_micros for row in stored), strict=True):
        match event:
            case KeyCreated():
                keys[event.key_id] = KeyRecord(event.key_id, event.name, event.hint, event.limits, at)
            case KeyLimitsChanged():
                keys[event.key_id] = replace(keys[event.key_id], limits=event.limits)
            case KeyRevoked():
                keys[event.key_id] = replace(keys[event.key_id], revoked_at_micros=at)
            case _:
                pass
    return keys


def make_key(ledger: Ledger, codec: Codec, account_id: str, *, key_id: str, name: str, limits: KeyLimits) -> str:
    """Create a key. Returns the secret, which is not stored. Raises NotFound, AlreadyExists, InvalidValue, StoreUnavailable."""
    secret = api_key.make_key(os.urandom(api_key.RANDOM_BYTES))
    on_account(
        ledger,
        codec,
        account_id,
        lambda state: api_key.create_key(
            state,
            key_id=key_id,
            name=name,
            digest=api_key.digest(secret),
            hint=api_key.hint(secret),
            limits=limits,
        ),
    )
    return secret
