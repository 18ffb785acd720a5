"""A hasher that counts, and is cheap: real argon2id with the smallest parameters that it accepts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import argon2

CHEAP = argon2.profiles.CHEAPEST


class CountingHasher:
    """argon2-cffi's hasher. `hashed` and `verified` count its calls; `most` is the largest number that ran at once."""

    def __init__(self, parameters: argon2.Parameters = CHEAP) -> None:
        self._hasher = argon2.PasswordHasher.from_parameters(parameters)
        self._lock = threading.Lock()
        self._running = 0
        self.hashed = self.verified = self.most = 0
        self.broken = False

    @property
    def work(self) -> tuple[int, int]:
        return self.hashed, self.verified

    def hash(self, password: str) -> str:
        with self._counted():
            self.hashed += 1
            return self._hasher.hash(password)

    def verify(self, hash: str, password: str) -> bool:
        with self._counted():
            self.verified += 1
            if self.broken:
                raise RuntimeError("hashing failed")
            return self._hasher.verify(hash, password)

    def check_needs_rehash(self, hash: str) -> bool:
        return self._hasher.check_needs_rehash(hash)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self._running += 1
            self.most = max(self.most, self._running)
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1
