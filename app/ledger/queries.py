"""What both engines ask in the same words.

SQL here is written once, with `?` for a parameter and the tables of schema/. An engine supplies `_fetch`, which runs one
statement and returns all of its rows as tuples, raising StoreUnavailable where the database is out of reach.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

from app.ledger.store import Head, OpenRequest, RecordedEvent
from domain.buckets import MICROS_PER_SECOND

Row = tuple[Any, ...]
Fetch = Callable[[str, Sequence[Any]], Sequence[Row]]
BUCKETS_PER_PAGE = 5_000
_EVENT = (
    "SELECT notification_id, originator_id, originator_version, topic, state, command_id, recorded_at_micros "
    "FROM stored_events "
)
_KEY_TOPICS = "topic >= 'account.key_' AND topic < 'account.key`' "


class LogQueries:
    """Ordered reading, over any `_fetch`."""

    @abstractmethod
    def _fetch(self, sql: str, parameters: Sequence[Any] = ()) -> Sequence[Row]: ...

    def read(self, after: int, limit: int) -> Sequence[RecordedEvent]:
        rows = self._fetch(_EVENT + "WHERE notification_id > ? ORDER BY notification_id LIMIT ?", (after, limit))
        return [_recorded(row) for row in rows]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[RecordedEvent]:
        """The notification log as `eventsourcing` reads it."""
        after = (start or 0) - 1 if inclusive_of_start else (start or 0)
        clause, parameters = "WHERE notification_id > ? ", [after, *([] if stop is None else [stop]), *topics, limit]
        clause += "" if stop is None else "AND notification_id <= ? "
        clause += f"AND topic IN ({', '.join('?' * len(topics))}) " if topics else ""
        rows = self._fetch(_EVENT + clause + "ORDER BY notification_id LIMIT ?", parameters)
        return [_recorded(row) for row in rows]

    def read_keys(self, after: int, limit: int) -> Sequence[RecordedEvent]:
        sql = _EVENT + f"WHERE {_KEY_TOPICS}AND notification_id > ? ORDER BY notification_id LIMIT ?"
        return [_recorded(row) for row in self._fetch(sql, (after, limit))]

    def stream(self, name: str) -> Sequence[RecordedEvent]:
        rows = self._fetch(_EVENT + "WHERE originator_id = ? ORDER BY originator_version", (name,))
        return [_recorded(row) for row in rows]

    def select(self, sql: str, parameters: Sequence[Any] = ()) -> Sequence[Row]:
        return self._fetch(sql, parameters)

    def head(self) -> Head:
        [(position, recorded_at)] = self._fetch("SELECT position, recorded_at_micros FROM log_head")
        return Head(position, recorded_at)

    def buckets(self) -> Iterator[tuple[str, int]]:
        after = ""
        while rows := self._fetch(
            "SELECT name, value FROM buckets WHERE name > ? ORDER BY name LIMIT ?", (after, BUCKETS_PER_PAGE)
        ):
            yield from cast(Sequence[tuple[str, int]], rows)
            after = rows[-1][0]

    def open_requests(self) -> Sequence[OpenRequest]:
        rows = self._fetch(
            "SELECT request_id, position, instance_id, deadline_at_micros FROM open_requests ORDER BY position"
        )
        return [OpenRequest(*row) for row in rows]


class LedgerQueries(LogQueries):
    """The rest of the contract that is plain SQL. `_run` runs statements in one transaction and returns the rows changed."""

    @abstractmethod
    def _run(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> int: ...

    @abstractmethod
    def now_micros(self) -> int: ...

    def change(self, *statements: tuple[str, Sequence[Any]]) -> int:
        return self._run(statements)

    def renew_lease(self, instance_id: str, seconds: float) -> None:
        expires_at = self.now_micros() + int(seconds * MICROS_PER_SECOND)
        sql = (
            "INSERT INTO instances (instance_id, expires_at_micros) VALUES (?, ?) "
            "ON CONFLICT (instance_id) DO UPDATE SET expires_at_micros = excluded.expires_at_micros "
            "WHERE instances.expires_at_micros <> 0 AND excluded.expires_at_micros > instances.expires_at_micros"
        )
        self._run([(sql, (instance_id, expires_at))])

    def end_lease(self, instance_id: str) -> None:
        self._run([("UPDATE instances SET expires_at_micros = 0 WHERE instance_id = ?", (instance_id,))])

    def live_instances(self) -> Sequence[str]:
        """Instances whose lease is not over."""
        sql = "SELECT instance_id FROM instances WHERE expires_at_micros > ? ORDER BY instance_id"
        return [row[0] for row in self._fetch(sql, (self.now_micros(),))]

    def orphans(self, *, margin_seconds: float, grace_seconds: float, limit: int) -> Sequence[OpenRequest]:
        now = self.now_micros()
        rows = self._fetch(
            "SELECT o.request_id, o.position, o.instance_id, o.deadline_at_micros FROM open_requests o "
            "LEFT JOIN instances i ON i.instance_id = o.instance_id "
            "WHERE coalesce(i.expires_at_micros, 0) < ? OR o.deadline_at_micros < ? ORDER BY o.position LIMIT ?",
            (now - int(margin_seconds * MICROS_PER_SECOND), now - int(grace_seconds * MICROS_PER_SECOND), limit),
        )
        return [OpenRequest(*row) for row in rows]

    def prune(self, *, minutes_before: str) -> int:
        window = "DELETE FROM buckets WHERE name >= ? AND name < ? AND substr(name, length(name) - 15) < ?"
        gone = (
            "DELETE FROM instances WHERE expires_at_micros < ? AND NOT EXISTS "
            "(SELECT 1 FROM open_requests o WHERE o.instance_id = instances.instance_id)"
        )
        a_day_ago = self.now_micros() - 86_400_000_000
        return self._run(
            [
                (window, ("requests:", "requests;", minutes_before)),
                (window, ("tokens:", "tokens;", minutes_before)),
                (gone, (a_day_ago,)),
            ]
        )


def _recorded(row: Row) -> RecordedEvent:
    position, stream, version, topic, state, command_id, recorded_at = row
    return RecordedEvent(
        originator_id=stream,
        originator_version=version,
        topic=topic,
        state=bytes(state),
        id=position,
        command_id=command_id,
        recorded_at_micros=recorded_at,
    )
