"""Tiles and checkpoints, in tables next to the log.

Rule 1: a seal is one transaction: the tiles that grew, and the checkpoint over them.
Rule 2: everything follows from the log, so any process that seals the same events writes the same bytes. A late process changes
nothing: tiles only grow, and a checkpoint is only added after the newest.
Rule 3: of the checkpoints that no witness has signed, the last of each hour is kept. Each names its predecessor, so that a removed
one is detected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from app.ledger.store import Tables

CHECKPOINTS_PER_PAGE = 500
HOUR_MICROS = 3_600_000_000
_GROW_TREE = (
    "INSERT INTO log_trees (origin, size) VALUES (?, ?) ON CONFLICT (origin) DO UPDATE SET size = "
    "CASE WHEN log_trees.size < excluded.size THEN excluded.size ELSE log_trees.size END"
)
"""The first statement of each transaction: concurrent sealers wait for its row."""
_PUT_TILE = (
    "INSERT INTO log_tiles (origin, level, tile, hashes) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (origin, level, tile) DO UPDATE SET hashes = excluded.hashes "
    "WHERE length(excluded.hashes) > length(log_tiles.hashes)"
)
_THIN = (
    "DELETE FROM log_checkpoints WHERE origin = ? AND size < ? AND witnesses = 0 AND sealed_at_micros >= ? "
    "AND size = (SELECT max(size) FROM log_checkpoints WHERE origin = ?)"
)
_ADD_CHECKPOINT = (
    "INSERT INTO log_checkpoints (origin, size, previous_size, note, sealed_at_micros) "
    "SELECT ?, ?, (SELECT coalesce(max(size), 0) FROM log_checkpoints WHERE origin = ?), ?, ? "
    "WHERE NOT EXISTS (SELECT 1 FROM log_checkpoints WHERE origin = ? AND size >= ?)"
)
_PUT_COSIGNED = (
    "INSERT INTO log_checkpoints (origin, size, previous_size, note, sealed_at_micros, witnesses) "
    "SELECT ?, ?, (SELECT coalesce(max(size), 0) FROM log_checkpoints WHERE origin = ? AND size < ?), ?, ?, ? "
    "WHERE true ON CONFLICT (origin, size) DO UPDATE SET note = excluded.note, witnesses = excluded.witnesses "
    "WHERE log_checkpoints.note = ?"
)
_LINK_NEXT = (
    "UPDATE log_checkpoints SET previous_size = ? WHERE origin = ? "
    "AND size = (SELECT min(size) FROM log_checkpoints WHERE origin = ? AND size > ?)"
)
_KEPT = "SELECT size, note, previous_size, witnesses FROM log_checkpoints WHERE origin = ? "


class KeptCheckpoint(NamedTuple):
    """A stored checkpoint. Nothing in it has been verified."""

    size: int
    note: str
    previous_size: int
    witnesses: int


class Trees:
    """The stored tree of one origin. Raises StoreUnavailable."""

    def __init__(self, tables: Tables, origin: str) -> None:
        self._tables = tables
        self.origin = origin

    def size(self) -> int:
        """The size of the tree."""
        rows = self._tables.select("SELECT size FROM log_trees WHERE origin = ?", (self.origin,))
        return rows[0][0] if rows else 0

    def newest(self) -> KeptCheckpoint | None:
        return self._one("ORDER BY size DESC LIMIT 1")

    def at(self, size: int) -> KeptCheckpoint | None:
        return self._one("AND size = ?", size)

    def covering(self, position: int) -> KeptCheckpoint | None:
        """A checkpoint that covers this position: the newest that a witness has signed, or else the newest."""
        witnessed = self._one("AND size >= ? AND witnesses > 0 ORDER BY size DESC LIMIT 1", position)
        return witnessed or self._one("AND size >= ? ORDER BY size DESC LIMIT 1", position)

    def kept(self) -> Iterator[KeptCheckpoint]:
        """Every stored checkpoint, by size, up to the current newest."""
        newest, after = self.newest(), -1
        until = -1 if newest is None else newest.size
        while rows := self._rows(
            "AND size > ? AND size <= ? ORDER BY size LIMIT ?", after, until, CHECKPOINTS_PER_PAGE
        ):
            yield from rows
            after = rows[-1].size

    def tile(self, level: int, number: int) -> bytes:
        """The existing hashes of the tile; empty if it has none."""
        sql = "SELECT hashes FROM log_tiles WHERE origin = ? AND level = ? AND tile = ?"
        rows = self._tables.select(sql, (self.origin, level, number))
        return bytes(rows[0][0]) if rows else b""

    def widths(self) -> Iterator[tuple[int, int, int]]:
        """The level, number and length in bytes of every tile."""
        sql = "SELECT level, tile, length(hashes) FROM log_tiles WHERE origin = ? AND (level > ? OR level = ? AND tile > ?) "
        level, tile = 0, -1
        while rows := self._tables.select(
            sql + "ORDER BY level, tile LIMIT ?", (self.origin, level, level, tile, CHECKPOINTS_PER_PAGE)
        ):
            yield from ((row[0], row[1], row[2]) for row in rows)
            level, tile = rows[-1][0], rows[-1][1]

    def save(self, size: int, note: str, changed: Mapping[tuple[int, int], bytes]) -> None:
        """Seal up to `size`, atomically and durably."""
        now, origin = self._tables.now_micros(), self.origin
        tiles = [(_PUT_TILE, (origin, *place, hashes)) for place, hashes in sorted(changed.items())]
        self._tables.change(
            (_GROW_TREE, (origin, size)),
            *tiles,
            (_THIN, (origin, size, now - now % HOUR_MICROS, origin)),
            (_ADD_CHECKPOINT, (origin, size, origin, note, now, origin, size)),
        )

    def save_cosigned(self, size: int, note: str, witnesses: int, *, before: str | None) -> None:
        """Store a cosigned checkpoint of a size that the tree has, unless the stored note is no longer `before`."""
        now, origin = self._tables.now_micros(), self.origin
        self._tables.change(
            (_GROW_TREE, (origin, size)),
            (_PUT_COSIGNED, (origin, size, origin, size, note, now, witnesses, before or "")),
            (_LINK_NEXT, (size, origin, origin, size)),
        )

    def _one(self, clause: str, *parameters: Any) -> KeptCheckpoint | None:
        rows = self._rows(clause, *parameters)
        return rows[0] if rows else None

    def _rows(self, clause: str, *parameters: Any) -> Sequence[KeptCheckpoint]:
        return [KeptCheckpoint(*row) for row in self._tables.select(_KEPT + clause, (self.origin, *parameters))]
