"""API keys: their format, creation, limits and revocation.

Rule 1: a key is `sk-rr-`, 32 random characters and a checksum of 6, all base 62. A mistyped key is detected without the store,
and secret scanners can recognise a key (`sk-rr-[0-9A-Za-z]{38}`).
Rule 2: events contain the key's SHA-256, never the key. It has 190 random bits, so a plain digest is enough.
"""

from __future__ import annotations

import hashlib
import re
import zlib

from domain.account import NAME_LENGTH_MAX, Account, check_identifier, check_text, require
from domain.errors import AlreadyExists, InvalidValue, NotFound
from domain.events import Event, KeyCreated, KeyLimits, KeyLimitsChanged, KeyRevoked

PREFIX = "sk-rr-"
RANDOM_BYTES = 32
_BODY_LENGTH = 32
_CHECKSUM_LENGTH = 6
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_FORM = re.compile(r"sk-rr-[0-9A-Za-z]{38}", re.ASCII)
KEYS_PER_ACCOUNT_MAX = 1000
MODELS_PER_KEY_MAX = 100


def make_key(random: bytes) -> str:
    """A key from 32 random bytes: the low 32 base-62 digits of that number, 190 bits, with negligible bias."""
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"a key is made from {RANDOM_BYTES} random bytes")
    body = _base62(int.from_bytes(random, "big"), _BODY_LENGTH)
    return f"{PREFIX}{body}{_checksum(body)}"


def well_formed(key: str) -> bool:
    """Whether `key` has the right format and checksum."""
    return (
        _FORM.fullmatch(key) is not None and _checksum(key[len(PREFIX) : -_CHECKSUM_LENGTH]) == key[-_CHECKSUM_LENGTH:]
    )


def digest(key: str) -> str:
    """The hex SHA-256 that events and stores keep in place of the key."""
    return hashlib.sha256(key.encode()).hexdigest()


def hint(key: str) -> str:
    """The form shown in lists: the prefix and the last four characters."""
    return f"{PREFIX}...{key[-4:]}"


def create_key(account: Account, *, key_id: str, name: str, digest: str, hint: str, limits: KeyLimits) -> list[Event]:
    """Raises NotFound, AlreadyExists, InvalidValue."""
    require(account)
    check_identifier("key_id", key_id)
    if key_id in account.keys:
        raise AlreadyExists(f"The key {key_id} already exists.")
    if len(account.keys) >= KEYS_PER_ACCOUNT_MAX:
        raise InvalidValue("key", f"An account can have at most {KEYS_PER_ACCOUNT_MAX} keys, including revoked ones.")
    check_text("name", name, NAME_LENGTH_MAX)
    return [KeyCreated(account.account_id, key_id, name, digest, hint, check_limits(limits))]


def change_limits(account: Account, *, key_id: str, limits: KeyLimits) -> list[Event]:
    """No events if the limits stay the same. Raises NotFound, InvalidValue."""
    before = limits_of(account, key_id)
    if account.keys[key_id].revoked:
        raise InvalidValue("key_id", f"The key {key_id} is revoked: its limits cannot be changed.")
    check_limits(limits)
    return [] if limits == before else [KeyLimitsChanged(account.account_id, key_id, limits)]


def limits_of(account: Account, key_id: str) -> KeyLimits:
    """A key's current limits. Raises NotFound."""
    require(account)
    state = account.keys.get(key_id)
    if state is None:
        raise NotFound(f"The account {account.account_id} has no key {key_id[:100]}.")
    return state.limits


def revoke_key(account: Account, *, key_id: str) -> list[Event]:
    """No events if it is already revoked. Raises NotFound."""
    require(account)
    state = account.keys.get(key_id)
    if state is None:
        raise NotFound(f"The account {account.account_id} has no key {key_id[:100]}. List its keys to see their IDs.")
    return [] if state.revoked else [KeyRevoked(account.account_id, key_id)]


def check_limits(limits: KeyLimits) -> KeyLimits:
    """Raises InvalidValue if a limit is not positive or lists too many models."""
    for name in (
        "budget_nanos_per_month",
        "requests_per_minute",
        "tokens_per_minute",
        "concurrency",
        "expires_at_micros",
    ):
        value = getattr(limits, name)
        if value is not None and value <= 0:
            raise InvalidValue(name, f"{name} must be positive; omit it for no limit.")
    if limits.models is not None and not 0 < len(limits.models) <= MODELS_PER_KEY_MAX:
        raise InvalidValue("models", f"models must list 1 to {MODELS_PER_KEY_MAX} models; omit it to allow all.")
    return limits


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(f"{PREFIX}{body}".encode()), _CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
