"""Stored events as the entries from which leaves are made."""

from __future__ import annotations

from collections.abc import Sequence

from app.ledger.store import RecordedEvent, Tables
from projections.proofs.leaf import Entry

_SELECT = (
    "SELECT notification_id, originator_id, originator_version, topic, state, command_id, recorded_at_micros "
    "FROM stored_events WHERE notification_id > ? AND notification_id <= ? ORDER BY notification_id LIMIT ?"
)


def read_entries(tables: Tables, after: int, until: int, limit: int) -> Sequence[Entry]:
    """At most `limit` events after `after`, up to `until`, in order. Raises StoreUnavailable."""
    return [Entry(*row) for row in tables.select(_SELECT, (after, until, limit))]


def entry_of(event: RecordedEvent) -> Entry:
    return Entry(
        event.id,
        str(event.originator_id),
        event.originator_version,
        event.topic,
        event.state,
        event.command_id,
        event.recorded_at_micros,
    )
