"""Chores: periodic work that one process at a time does for all. A process claims a turn and does it.

Rule 1: a claim is one guarded update. If the process dies, that turn is lost and the next one is due as usual.
"""

from __future__ import annotations

from app.ledger.store import Tables
from domain.buckets import MICROS_PER_SECOND


def claim(tables: Tables, name: str, every_seconds: float) -> bool:
    """Claim this turn of the chore. Returns whether the caller has it. Blocks."""
    now = tables.now_micros()
    after = now + int(every_seconds * MICROS_PER_SECOND)
    if tables.change(
        ("INSERT INTO chores (name, next_at_micros) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", (name, after))
    ):
        return True
    sql = "UPDATE chores SET next_at_micros = ? WHERE name = ? AND next_at_micros <= ?"
    return bool(tables.change((sql, (after, name, now))))
