"""Passwords: argon2id, in threads, a bounded number at a time.

Rule 1: a hash is made or checked in every sign-in and sign-up, whoever is known: an answer's time tells nothing.
Rule 2: a password is 8 to 1024 characters of any kind (NIST SP 800-63B-4: length alone, no rules of composition).
Rule 3: one hash takes 64 MiB and a core: two run at a time, a few wait, and past that the server is busy.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Protocol, TypeVar

import argon2
import trio

from app.errors import Overloaded
from domain.errors import InvalidValue

LENGTH_MIN, LENGTH_MAX = 8, 1024
AT_ONCE = 2
WAITING_MAX = 32
T = TypeVar("T")


class Hasher(Protocol):
    """What argon2-cffi's PasswordHasher does."""

    def hash(self, password: str) -> str: ...

    def verify(self, hash: str, password: str) -> bool: ...

    def check_needs_rehash(self, hash: str) -> bool: ...


class Passwords:
    """The default profile of argon2-cffi is RFC 9106's second recommended one: 64 MiB, 3 passes, 4 lanes."""

    def __init__(self, hasher: Hasher | None = None) -> None:
        self._hasher: Hasher = hasher if hasher is not None else argon2.PasswordHasher()
        self._threads = trio.CapacityLimiter(AT_ONCE)
        self._dummy = ""

    async def hash(self, password: str) -> str:
        """Raises InvalidValue (its length), Overloaded."""
        return await self._in_turn(lambda: self._hasher.hash(check_length(password)))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether it is the password; the same work where nothing is stored. Raises Overloaded."""

        def check() -> bool:
            against = stored or self._stand_in()
            try:
                return self._hasher.verify(against, password[: LENGTH_MAX + 1]) and stored is not None
            except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
                return False

        return await self._in_turn(check)

    def is_outdated(self, stored: str) -> bool:
        """Whether it was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def hash_now(self, password: str) -> str:
        """As `hash`, for a command: blocks."""
        return self._hasher.hash(check_length(password))

    def _stand_in(self) -> str:
        if not self._dummy:
            self._dummy = self._hasher.hash(secrets.token_urlsafe(16))
        return self._dummy

    async def prepare(self) -> None:
        """Make the hash that stands in for unknown people, so that the first of them waits no longer than the next."""
        await trio.to_thread.run_sync(self._stand_in, limiter=self._threads)

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._threads.statistics().tasks_waiting >= WAITING_MAX:
            raise Overloaded(per_key=False)
        return await trio.to_thread.run_sync(work, limiter=self._threads)


def check_length(password: str) -> str:
    """Raises InvalidValue."""
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        raise InvalidValue("password", f"A password has {LENGTH_MIN} to {LENGTH_MAX} characters.")
    return password
