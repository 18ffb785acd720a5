"""The SQL that both engines share.

A statement is written once, with `?` for a parameter and the tables of schema/. An engine supplies `_fetch`, which runs one
statement and returns all of its rows as tuples, and raises StoreUnavailable if it cannot reach the database.
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
SELECT_EVENTS = (
    "SELECT notification_id, originator_id, originator_version, topic, state, command_id, recorded_at_micros "
    "FROM stored_events "
)
_KEY_TOPICS = "topic >= 'account.key_' AND topic < 'account.key`' "


class LogQueries:
    """Reads the log in order, over any `_fetch`."""

    @abstractmethod
    def _fetch(self, sql: str, parameters: Sequence[Any] = ()) -> Sequence[Row]: ...

    def read(self, after: int, limit: int) -> Sequence[RecordedEvent]:
        rows = self._fetch(SELECT_EVENTS + "WHERE notification_id > ? ORDER BY notification_id LIMIT ?", (after, limit))
        return [recorded_event(row) for row in rows]

    def read_keys(self, after: int, limit: int) -> Sequence[RecordedEvent]:
        sql = SELECT_EVENTS + f"WHERE {_KEY_TOPICS}AND notification_id > ? ORDER BY notification_id LIMIT ?"
        return [recorded_event(row) for row in self._fetch(sql, (after, limit))]

    def stream(self, name: str) -> Sequence[RecordedEvent]:
        rows = self._fetch(SELECT_EVENTS + "WHERE originator_id = ? ORDER BY originator_version", (name,))
        return [recorded_event(row) for row in rows]

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
    """Adds the methods of `Ledger` that need only plain SQL: changes, leases, orphans, pruning, and buckets with the head.

    `_run` runs statements in one transaction and returns how many rows they changed. `_among` is a condition with one parameter,
    which `_listed` makes from the names: the value is one of them.
    """

    _among: str

    @abstractmethod
    def _listed(self, names: Sequence[str]) -> Any: ...

    @abstractmethod
    def _run(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> int: ...

    @abstractmethod
    def now_micros(self) -> int: ...

    def bucket_values(self, names: Sequence[str]) -> dict[str, int]:
        return self.bucket_values_at_head(names)[1]

    def bucket_values_at_head(self, names: Sequence[str]) -> tuple[Head, dict[str, int]]:
        wanted = list(names)
        sql = (
            "SELECT h.position, h.recorded_at_micros, b.name, b.value "  # noqa: S608 - only our own words
            f"FROM log_head h LEFT JOIN buckets b ON b.name {self._among}"
        )
        rows = self._fetch(sql, (self._listed(wanted),))  # one statement, so one snapshot on both engines
        found = {name: value for *_, name, value in rows if name is not None}
        return Head(*rows[0][:2]), {**dict.fromkeys(wanted, 0), **found}

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
        """Instances whose lease has not expired."""
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


def recorded_event(row: Row) -> RecordedEvent:
    """A row of SELECT_EVENTS."""
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


def as_postgres(sql: str) -> str:
    """The statement with psycopg's placeholders."""
    return sql.replace("?", "%s")
