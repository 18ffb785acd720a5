"""Lets a plain `eventsourcing` application read the log and follow it with its own projections.

Rule 1: everything here reads. Events enter the log through Ledger.append alone, in the gateway.
Rule 2: followers pull, on both engines: a subscription queries for new events every POLL_SECONDS. The log sends no notifications.
Rule 3: a topic with a colon is the library's own ("module:Class"); every other topic is defined in domain/events.py, or by a newer
version.

An application's environment, given as `env=` or as environment variables, perhaps with the application's name as a prefix:

    PERSISTENCE_MODULE          eventsourcing.sqlite or eventsourcing.postgres, with the variables of that module
    ORIGINATOR_ID_TYPE          text
    MAPPER_TOPIC                app.ledger.following:LedgerMapper
    APPLICATION_RECORDER_TOPIC  app.ledger.following:SQLiteLogRecorder or app.ledger.following:PostgresLogRecorder
"""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from eventsourcing.persistence import (
    ApplicationRecorder,
    Mapper,
    Notification,
    NotSupportedError,
    StoredEvent,
    Subscription,
)
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteDatastore
from psycopg.rows import tuple_row

from app.ledger.codec import Codec
from app.ledger.queries import SELECT_EVENTS, Row, as_postgres, recorded_event
from app.ledger.store import RecordedEvent
from domain.events import Event, UnknownEvent

POLL_SECONDS = 0.5
PAGE = 500
_CODEC = Codec()


@dataclass(frozen=True, slots=True)
class LedgerEvent:
    """An event of the log as a policy or a projection receives it. `originator_id` is the stream, such as `account:acct_1`.

    `recorded_at_micros` is the instant of its batch (UTC, microseconds since 1970), or None if it was read by `select_events`.
    """

    originator_id: str
    originator_version: int
    event: Event | UnknownEvent
    recorded_at_micros: int | None


class LedgerMapper(Mapper[str]):
    """Decodes the log's events to LedgerEvents, older versions upcast. Maps a follower's own events as the library does."""

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        """Raises UndecodableEvent if the state does not fit its topic."""
        if ":" in stored_event.topic:
            return super().to_domain_event(stored_event)
        return LedgerEvent(
            originator_id=str(stored_event.originator_id),
            originator_version=stored_event.originator_version,
            event=_CODEC.decode(stored_event.topic, stored_event.state),
            recorded_at_micros=stored_event.recorded_at_micros if isinstance(stored_event, RecordedEvent) else None,
        )


class PullingSubscription(Subscription[ApplicationRecorder]):
    """Iterates over the notifications after `gt`, waiting for new ones, until it is stopped from another thread."""

    def __init__(self, recorder: ApplicationRecorder, gt: int | None = None, topics: Sequence[str] = ()) -> None:
        super().__init__(recorder, gt, topics)
        self._after = gt or 0
        self._page: list[Notification] = []
        self._stopping = threading.Event()

    def stop(self) -> None:
        super().stop()
        self._stopping.set()

    def __next__(self) -> Notification:
        while not self._page:
            if self._stopping.is_set():
                raise StopIteration
            page = self._recorder.select_notifications(self._after, PAGE, None, self._topics, inclusive_of_start=False)
            self._page = list(reversed(page))
            if not page:
                self._stopping.wait(POLL_SECONDS)
        notification = self._page.pop()
        self._after = notification.id
        return notification


class _LogRecorder(ApplicationRecorder):
    """The common part of both engines' recorders. They differ only in how they run a statement."""

    @abstractmethod
    def _fetch(self, sql: str, parameters: Sequence[Any]) -> Sequence[Row]:
        """The rows of a statement with `?` for a parameter."""

    def create_table(self) -> None:
        """Does nothing: `realrouter migrate` creates the tables."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **_kwargs: Any) -> NoReturn:
        raise NotSupportedError("The ledger's log is read-only here: the gateway alone appends to it.")

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[RecordedEvent]:
        after = (start or 0) - 1 if inclusive_of_start else (start or 0)
        clause, parameters = "WHERE notification_id > ? ", [after, *([] if stop is None else [stop]), *topics, limit]
        clause += "" if stop is None else "AND notification_id <= ? "
        clause += f"AND topic IN ({', '.join('?' * len(topics))}) " if topics else ""
        rows = self._fetch(SELECT_EVENTS + clause + "ORDER BY notification_id LIMIT ?", parameters)
        return [recorded_event(row) for row in rows]

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        return PullingSubscription(self, gt, topics)


class SQLiteLogRecorder(_LogRecorder, SQLiteApplicationRecorder):
    """Reads a SQLite ledger. Open the file read-only: `SQLITE_DBNAME=file:/path/to/realrouter.db?mode=ro`."""

    def __init__(self, datastore: SQLiteDatastore) -> None:
        super().__init__(datastore)

    def _fetch(self, sql: str, parameters: Sequence[Any]) -> Sequence[Row]:
        with self.datastore.transaction(commit=False) as cursor:
            cursor.execute(sql, parameters)
            return [tuple(row) for row in cursor.fetchall()]


class PostgresLogRecorder(_LogRecorder, PostgresApplicationRecorder):
    """Reads a PostgreSQL ledger. Connect with a role that may only read stored_events (ops/runbook.md creates one)."""

    def __init__(self, datastore: PostgresDatastore, **_kwargs: Any) -> None:
        """The library names the table after the application; the ledger's is always stored_events."""
        super().__init__(datastore)

    def _fetch(self, sql: str, parameters: Sequence[Any]) -> Sequence[Row]:
        with self.datastore.get_connection() as connection, connection.cursor(row_factory=tuple_row) as cursor:
            return cursor.execute(as_postgres(sql), parameters).fetchall()
