"""Throttling of attempts: fixed windows in a table, exact across any number of processes.

Rule 1: an attempt is counted before it is made, so concurrent attempts cannot exceed the limit.
Rule 2: names are digests, so the table contains no IP address and no e-mail.
These functions block.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from app.faults import TooManyAttempts
from app.ledger.store import Tables
from domain.buckets import MICROS_PER_SECOND


@dataclass(frozen=True, slots=True)
class AttemptLimit:
    """At most `attempts` in each window of `seconds`. `name` separates the counters."""

    name: str
    attempts: int
    seconds: int


SIGN_IN_OF_EMAIL = AttemptLimit("sign-in of an e-mail", 10, 900)
SIGN_IN_FROM_ADDRESS = AttemptLimit("sign-in from an address", 100, 900)
SIGN_UP_FROM_ADDRESS = AttemptLimit("sign-up from an address", 20, 3600)
PASSWORD_OF_ACCOUNT = AttemptLimit("password of an account", 10, 900)
_COUNT = (
    "INSERT INTO throttles (name, ends_at_micros, attempts) VALUES (?, ?, 1) ON CONFLICT (name) DO UPDATE SET "
    "attempts = CASE WHEN throttles.ends_at_micros <= ? THEN 1 ELSE throttles.attempts + 1 END, "
    "ends_at_micros = CASE WHEN throttles.ends_at_micros <= ? THEN excluded.ends_at_micros ELSE throttles.ends_at_micros END "
    "WHERE throttles.ends_at_micros <= ? OR throttles.attempts < ?"
)


class Throttle:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def attempt(self, rate: AttemptLimit, subject: str) -> None:
        """Count an attempt. Raises TooManyAttempts if it exceeds the limit, StoreUnavailable."""
        name, now = _name(rate, subject), self._tables.now_micros()
        counted = (name, now + rate.seconds * MICROS_PER_SECOND, now, now, now, rate.attempts)
        if not self._tables.change((_COUNT, counted)):
            rows = self._tables.select("SELECT ends_at_micros FROM throttles WHERE name = ?", (name,))
            ends_at = rows[0][0] if rows else now
            raise TooManyAttempts(max(1, -(-(ends_at - now) // MICROS_PER_SECOND)))

    def forget(self, rate: AttemptLimit, subject: str) -> None:
        """Reset the count."""
        self._tables.change(("DELETE FROM throttles WHERE name = ?", (_name(rate, subject),)))

    def purge(self) -> int:
        """Delete windows that have ended. Returns how many."""
        return self._tables.change(("DELETE FROM throttles WHERE ends_at_micros <= ?", (self._tables.now_micros(),)))


def _name(rate: AttemptLimit, subject: str) -> str:
    return hashlib.sha256(f"{rate.name}\0{subject}".encode()).hexdigest()
