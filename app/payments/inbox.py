"""The inbox of the processor's webhooks: stored before they are acknowledged, processed afterwards, and purged after KEPT_DAYS.

Rule 1: a webhook is one row, keyed by its own id, however often it arrives. If it arrives again before it was processed, it becomes
due again, so an old row never blocks a retry.
Rule 2: a process claims a row for a limited time. If the process dies, the row becomes due again.
Rule 3: the payloads contain personal data. They are kept here for KEPT_DAYS, and never in the ledger or a log.
These functions block.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.ledger.store import Tables
from app.payments.vendor import Notice
from domain.buckets import MICROS_PER_SECOND

KEPT_DAYS = 90
CLAIM_SECONDS = 120
RETRY_SECONDS_FIRST, RETRY_SECONDS_MAX = 5, 3600
OUTCOME_LENGTH_MAX = 500
_DAY_MICROS = 86_400 * MICROS_PER_SECOND
_PUT = (
    "INSERT INTO payment_inbox (event_id, type, payload, received_at_micros, next_at_micros) "
    "VALUES (?, ?, ?, ?, ?) ON CONFLICT (event_id) DO NOTHING"
)
_SOONER = (
    "UPDATE payment_inbox SET next_at_micros = ? "
    "WHERE event_id = ? AND processed_at_micros IS NULL AND next_at_micros > ?"
)


@dataclass(frozen=True, slots=True)
class ClaimedWebhook:
    """A claimed webhook. `attempts` is the number of earlier attempts."""

    event_id: str
    type: str
    payload: bytes
    attempts: int


class Inbox:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def put(self, notice: Notice, payload: bytes) -> bool:
        """Store a webhook. Returns whether it is new. Raises StoreUnavailable: then it must not be acknowledged."""
        now = self._tables.now_micros()
        new = self._tables.change((_PUT, (notice.event_id, notice.type, payload, now, now)))
        if not new:
            soon = now + CLAIM_SECONDS * MICROS_PER_SECOND
            self._tables.change((_SOONER, (soon, notice.event_id, soon)))
        return bool(new)

    def claim(self, limit: int) -> list[ClaimedWebhook]:
        """Claim due webhooks, the oldest first, for CLAIM_SECONDS."""
        now = self._tables.now_micros()
        due = self._tables.select(
            "SELECT event_id, type, payload, attempts, next_at_micros FROM payment_inbox "
            "WHERE processed_at_micros IS NULL AND next_at_micros <= ? ORDER BY next_at_micros, received_at_micros LIMIT ?",
            (now, limit),
        )
        until = now + CLAIM_SECONDS * MICROS_PER_SECOND
        take = (
            "UPDATE payment_inbox SET next_at_micros = ?, attempts = attempts + 1 "
            "WHERE event_id = ? AND processed_at_micros IS NULL AND next_at_micros = ?"
        )
        return [
            ClaimedWebhook(event_id, type_, bytes(payload), attempts)
            for event_id, type_, payload, attempts, next_at in due
            if self._tables.change((take, (until, event_id, next_at)))
        ]

    def done(self, event_id: str, outcome: str) -> None:
        """Mark it as processed, with its outcome."""
        self._tables.change(
            (
                "UPDATE payment_inbox SET processed_at_micros = ?, outcome = ? WHERE event_id = ?",
                (self._tables.now_micros(), outcome[:OUTCOME_LENGTH_MAX], event_id),
            )
        )

    def postpone(self, waiting: ClaimedWebhook, reason: str) -> None:
        """Schedule the next attempt, with a growing pause."""
        pause = min(RETRY_SECONDS_MAX, RETRY_SECONDS_FIRST * 2 ** min(waiting.attempts, 20))
        self._tables.change(
            (
                "UPDATE payment_inbox SET next_at_micros = ?, outcome = ? WHERE event_id = ? AND processed_at_micros IS NULL",
                (self._tables.now_micros() + pause * MICROS_PER_SECOND, reason[:OUTCOME_LENGTH_MAX], waiting.event_id),
            )
        )

    def waiting(self) -> int:
        """The number of unprocessed webhooks."""
        [(count,)] = self._tables.select("SELECT count(*) FROM payment_inbox WHERE processed_at_micros IS NULL")
        return int(count)

    def purge(self) -> int:
        """Delete webhooks older than KEPT_DAYS. Returns how many."""
        before = self._tables.now_micros() - KEPT_DAYS * _DAY_MICROS
        return self._tables.change(("DELETE FROM payment_inbox WHERE received_at_micros < ?", (before,)))
