"""The current state of all accounts and API keys. It has a key's digest; the key itself is in no event."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from domain.events import (
    AccountFrozen,
    AccountOpened,
    AccountUnfrozen,
    KeyCreated,
    KeyLimitsChanged,
    KeyRevoked,
)
from projections.contract import Fact, Read
from projections.tables import Change, Key, Row, Table, integer, text

ACCOUNTS = Table(
    "accounts",
    1,
    (
        text("account_id"),
        text("name"),
        integer("opened_at_micros"),
        text("freezes"),
    ),
)
"""`freezes`: JSON of the current Freezes, in order; an empty list if the account accepts requests."""
KEYS = Table(
    "keys",
    2,
    (
        text("account_id"),
        text("key_id"),
        text("name"),
        text("hint"),
        text("digest"),
        text("limits"),
        integer("created_at_micros"),
        integer("revoked_at_micros", nullable=True),
    ),
)
"""`limits`: JSON of KeyLimits."""
_KEY_EVENTS = (KeyCreated, KeyLimitsChanged, KeyRevoked)
_ACCOUNT_EVENTS = (AccountOpened, AccountFrozen, AccountUnfrozen)


class Freeze(msgspec.Struct, frozen=True, gc=False):
    """Why an account accepts no requests, and since when."""

    cause: str
    reason: str
    at_micros: int


_freezes = msgspec.json.Decoder(list[Freeze])


class Keys:
    name = "keys"
    version = 1
    tables = (ACCOUNTS, KEYS)
    families = frozenset(
        {
            "account.opened",
            "account.key_created",
            "account.key_limits_changed",
            "account.key_revoked",
            "account.frozen",
            "account.unfrozen",
        }
    )

    def apply(self, facts: Sequence[Fact], read: Read) -> list[Change]:
        of_keys = [fact for fact in facts if isinstance(fact.event, _KEY_EVENTS)]
        of_accounts = [fact for fact in facts if isinstance(fact.event, _ACCOUNT_EVENTS)]
        return [*_folded(KEYS, of_keys, read), *_folded(ACCOUNTS, of_accounts, read)]


def _folded(table: Table, facts: Sequence[Fact], read: Read) -> list[Change]:
    if not facts:
        return []
    rows = dict(read(table, _keys_of(table, facts)))
    for fact in facts:
        key = _key_of(table, fact)
        rows[key] = _key_row(fact, rows.get(key)) if table is KEYS else _account_row(fact, rows.get(key))
    return [Change(table, "put", list(rows.values()))]


def _keys_of(table: Table, facts: Sequence[Fact]) -> Collection[Key]:
    return {_key_of(table, fact) for fact in facts}


def _key_of(table: Table, fact: Fact) -> Key:
    event = fact.event
    if table is KEYS:
        assert isinstance(event, _KEY_EVENTS)
        return event.account_id, event.key_id
    assert isinstance(event, _ACCOUNT_EVENTS)
    return (event.account_id,)


def _key_row(fact: Fact, before: Row | None) -> Row:
    event, at = fact.event, fact.recorded_at_micros
    if isinstance(event, KeyCreated):
        limits = msgspec.json.encode(event.limits).decode()
        return event.account_id, event.key_id, event.name, event.hint, event.digest, limits, at, None
    row = _standing(fact, before)
    if isinstance(event, KeyLimitsChanged):
        return *row[:5], msgspec.json.encode(event.limits).decode(), *row[6:]
    return *row[:7], at


def _account_row(fact: Fact, before: Row | None) -> Row:
    event, at = fact.event, fact.recorded_at_micros
    if isinstance(event, AccountOpened):
        return event.account_id, event.name, at, "[]"
    row = _standing(fact, before)
    assert isinstance(event, AccountFrozen | AccountUnfrozen)
    freezes = [freeze for freeze in _freezes.decode(row[3]) if freeze.cause != event.cause]
    if isinstance(event, AccountFrozen):
        freezes.append(Freeze(event.cause, event.reason, at))
    return *row[:3], msgspec.json.encode(freezes).decode()


def _standing(fact: Fact, before: Row | None) -> Row:
    if before is None:
        raise ValueError(f"event {fact.position} changes something that no event has created")
    return before
