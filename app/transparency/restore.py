"""Restores a ledger from an exported copy, for auditors without access to the operator's database.

Rule 1: the restored events are the hashed ones: `verify` reads them, and they are inserted on the way. The ledger is moved into
place only if the whole copy leads to the signed root.
Rule 2: the result is a complete ledger or none: it is built in a separate folder and renamed. An existing one is not touched.
Rule 3: data derived from events (buckets, open requests, the head) is computed as in the store itself. Copies contain only events:
no people, sessions, leases or webhooks.
Rule 4: events are restored as they were signed. One that this version cannot decode is inserted, and a replay reports it. One that
a ledger cannot store is refused, with its position.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.faults import RestoreRefused
from app.ledger.codec import Codec, UndecodableEvent
from app.ledger.sqlite import SQLiteLedger
from app.ledger.store import WINDOWS_KEPT_DAYS
from app.replay.findings import DIFFERENCES_MAX
from app.transparency.copies import PAGE_EVENTS, FolderCopy, Page
from app.transparency.verify import Progress, Report, verify
from domain.buckets import MICROS_PER_DAY, minute_of
from domain.events import Event, RequestAdmitted, RequestDebited, RequestReleased, UnknownEvent
from domain.postings import movements
from projections.proofs.errors import ProofInvalid
from projections.proofs.leaf import Entry, parse_leaf
from projections.proofs.note import Verifier

_INSERT_EVENT = (
    "INSERT INTO stored_events (notification_id, originator_id, originator_version, topic, state, command_id, "
    "recorded_at_micros) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_MOVE = "INSERT INTO buckets (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = buckets.value + excluded.value"
_OPEN = "INSERT INTO open_requests (request_id, position, instance_id, deadline_at_micros) VALUES (?, ?, ?, ?)"
_CLOSE = "DELETE FROM open_requests WHERE request_id = ?"
_HEAD = "UPDATE log_head SET position = ?, recorded_at_micros = ?"
_DATA_ERRORS = (sqlite3.DataError, sqlite3.IntegrityError, OverflowError, ValueError)
"""Errors for values that the database or the calendar does not accept."""
Statement = tuple[str, Sequence[Any]]


def restore(
    folder: Path,
    keys: Sequence[Verifier],
    path: Path,
    progress: Progress = lambda _done, _of: None,
    *,
    differences_max: int = DIFFERENCES_MAX,
) -> Report:
    """Create a SQLite ledger at `path` from the copy in `folder`. Returns the report of `verify`; if it is not ok, nothing was
    created. Raises RestoreRefused, ProofInvalid, StoreUnavailable, OSError."""
    for there in (path, path.with_name(f"{path.name}-wal")):
        if there.exists():
            raise RestoreRefused(f"{there} already exists. Name a new file in store.url.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as temporary:
        made = Path(temporary) / path.name
        report, problem = _load(folder, keys, made, progress, differences_max)
        if report.ok and problem is not None:
            raise RestoreRefused(f"The copy is correctly signed, but it is not a valid ledger: {problem}")
        if report.ok:
            made.replace(path)
    return report


def _load(
    folder: Path, keys: Sequence[Verifier], made: Path, progress: Progress, differences_max: int
) -> tuple[Report, str | None]:
    """The report of the copy, and why it is not a valid ledger, if so."""
    ledger = SQLiteLedger(str(made))
    try:
        ledger.migrate()
        copy = _Loading(folder, ledger)
        report = verify(copy, keys, progress, differences_max=differences_max)
        ledger.prune(minutes_before=minute_of(ledger.now_micros() - WINDOWS_KEPT_DAYS * MICROS_PER_DAY))
        return report, copy.problem
    finally:
        ledger.close()


class _Loading(FolderCopy):
    """A copy whose events are inserted into a ledger while they are read. `problem`: why that stopped."""

    def __init__(self, path: Path, ledger: SQLiteLedger) -> None:
        super().__init__(path)
        self.problem: str | None = None
        self._ledger, self._codec = ledger, Codec()
        self._waiting: list[Entry] = []

    def leaves(self, until: int) -> Iterator[Page]:
        for page in super().leaves(until):
            self._take(page)
            if len(self._waiting) >= PAGE_EVENTS:
                self._put()
            yield page
        self._put()

    def _take(self, page: Page) -> None:
        for position, leaf in page if self.problem is None else ():
            try:
                self._waiting.append(parse_leaf(leaf))
            except ProofInvalid as error:
                return self._stop(position, error)
        return None

    def _put(self) -> None:
        """Insert the events together or, if that fails, one by one, to identify the culprit."""
        entries, self._waiting = self._waiting, []
        if not entries or self.problem is not None:
            return
        try:
            self._ledger.change(*self._statements(entries))
        except _DATA_ERRORS:
            self._put_singly(entries)

    def _put_singly(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            try:
                self._ledger.change(*self._statements([entry]))
            except _DATA_ERRORS as error:
                return self._stop(entry.position, error)
        return None

    def _stop(self, position: int, why: object) -> None:
        self.problem = f"event {position}: {why}"

    def _statements(self, entries: Sequence[Entry]) -> list[Statement]:
        """The statements that insert events and the data derived from them."""
        statements: list[Statement] = []
        moved: Counter[str] = Counter()
        for entry in entries:
            statements.append((_INSERT_EVENT, entry))
            event = self._event(entry)
            if event is None:
                continue
            for name, delta in movements(event, entry.recorded_at_micros):
                moved[name] += delta
            if isinstance(event, RequestAdmitted):
                opened = (event.request_id, entry.position, event.instance_id, event.deadline_at_micros)
                statements.append((_OPEN, opened))
            elif isinstance(event, RequestDebited | RequestReleased):
                statements.append((_CLOSE, (event.request_id,)))
        statements += [(_MOVE, move) for move in moved.items()]
        return [*statements, (_HEAD, (entries[-1].position, entries[-1].recorded_at_micros))]

    def _event(self, entry: Entry) -> Event | None:
        """The decoded event, or None if this version cannot decode it."""
        try:
            event = self._codec.decode(entry.topic, entry.state)
        except UndecodableEvent:
            return None
        return None if isinstance(event, UnknownEvent) else event
