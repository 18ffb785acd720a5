"""Passwords: argon2id, in a bounded number of threads.

Rule 1: every sign-in and sign-up makes or checks a hash, whether or not the e-mail is known, so response times reveal nothing.
Rule 2: a password is 8 to 1024 characters of any kind (NIST SP 800-63B-4: length only, no composition rules), in Unicode's
composed form, because one keyboard sends é as one character and another as two.
Rule 3: one hash takes 64 MiB and a core. AT_ONCE run at a time and WAITING_MAX wait; beyond that the server is overloaded.
"""

from __future__ import annotations

import base64
import secrets
import unicodedata
from collections.abc import Callable
from typing import Protocol, TypeVar

import argon2
import trio

from app.faults import Overloaded
from domain.errors import InvalidValue

LENGTH_MIN, LENGTH_MAX = 8, 1024
AT_ONCE = 2
WAITING_MAX = 32
PARAMETERS = argon2.profiles.RFC_9106_LOW_MEMORY
T = TypeVar("T")


class Hasher(Protocol):
    """The interface of argon2-cffi's PasswordHasher."""

    def hash(self, password: str) -> str: ...

    def verify(self, hash: str, password: str) -> bool: ...

    def check_needs_rehash(self, hash: str) -> bool: ...


class Passwords:
    """By default RFC 9106's second recommended profile, argon2-cffi's own default: 64 MiB, 3 passes, 4 lanes."""

    def __init__(self, hasher: Hasher | None = None, parameters: argon2.Parameters = PARAMETERS) -> None:
        self._hasher: Hasher = hasher if hasher is not None else argon2.PasswordHasher.from_parameters(parameters)
        self._threads = trio.CapacityLimiter(AT_ONCE)
        self._stand_in = _hash_of_nothing(parameters)

    async def hash(self, password: str) -> str:
        """Raises InvalidValue, Overloaded."""
        return await self._in_turn(lambda: self.hash_now(password))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether the password matches. If no hash is stored, it does the same work. Raises Overloaded."""

        def check() -> bool:
            try:
                return self._hasher.verify(stored or self._stand_in, composed(password)) and bool(stored)
            except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
                return False

        return await self._in_turn(check)

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made with parameters other than the current ones."""
        return self._hasher.check_needs_rehash(stored)

    def hash_now(self, password: str) -> str:
        """Like `hash`, for commands: blocks."""
        return self._hasher.hash(composed(check_password(password)))

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._threads.statistics().tasks_waiting >= WAITING_MAX:
            raise Overloaded(per_key=False)
        return await trio.to_thread.run_sync(work, limiter=self._threads)


def check_password(password: str, param: str = "password") -> str:
    """Check a new password, from the parameter `param`. Raises InvalidValue."""
    if not LENGTH_MIN <= len(composed(password)) <= LENGTH_MAX:
        raise InvalidValue(param, f"The password must be {LENGTH_MIN} to {LENGTH_MAX} characters long.")
    if not password.isascii() and any("\ud800" <= letter <= "\udfff" for letter in password):
        raise InvalidValue(param, "The password must be valid UTF-8 text.")
    return password


def composed(password: str) -> str:
    """The password in composed form, as it is counted and hashed. Overlong input is cut, but stays too long to be valid."""
    return unicodedata.normalize("NFC", password[: 4 * (LENGTH_MAX + 1)])[: LENGTH_MAX + 1]


def _hash_of_nothing(parameters: argon2.Parameters) -> str:
    """A hash that matches no password and takes as long to check as any other. Used if there is no person or no password."""
    salt, tag = (
        base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=")
        for length in (parameters.salt_len, parameters.hash_len)
    )
    cost = f"m={parameters.memory_cost},t={parameters.time_cost},p={parameters.parallelism}"
    return f"$argon2id$v={parameters.version}${cost}${salt}${tag}"
