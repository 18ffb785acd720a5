"""A ledger made of an exported copy, for whoever audits without the operator's database.

Rule 1: what goes in is what was hashed: events enter the ledger on their way through `verify`, and it is put in its place only when
all of the copy led to the signed root.
Rule 2: there is a whole ledger or none: it is made in a folder of its own and renamed. One that is there already is left alone.
Rule 3: what stands beside the events (buckets, open requests, the head) follows from them, as in the store itself. What is no
event is in no copy: people, sessions, leases, webhooks.
Rule 4: events are taken as they were signed: one that cannot be read goes in, and a replay names it. What no ledger can hold is
refused, by its position.
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
"""Of values that the database or the calendar does not take."""
Statement = tuple[str, Sequence[Any]]


def restore(
    folder: Path,
    keys: Sequence[Verifier],
    path: Path,
    progress: Progress = lambda _done, _of: None,
    *,
    differences_max: int = DIFFERENCES_MAX,
) -> Report:
    """A new SQLite ledger at `path`, of the copy in `folder`. Returns what `verify` found: where it is not ok, nothing was made.
    Raises RestoreRefused, ProofInvalid, StoreUnavailable, OSError."""
    for there in (path, path.with_name(f"{path.name}-wal")):
        if there.exists():
            raise RestoreRefused(f"{there} is there already: name a new file in store.url.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as beside:
        made = Path(beside) / path.name
        report, problem = _load(folder, keys, made, progress, differences_max)
        if report.ok and problem is not None:
            raise RestoreRefused(f"All of it is signed, and it is no ledger: {problem}")
        if report.ok:
            made.replace(path)
    return report


def _load(
    folder: Path, keys: Sequence[Verifier], made: Path, progress: Progress, differences_max: int
) -> tuple[Report, str | None]:
    """What was found in the copy, and why it cannot be a ledger."""
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
    """A copy whose events enter a ledger as they are read. `problem`: why they do so no more."""

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
        """Together; where that fails one by one, to know which."""
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
        """Events, and what they do beside them."""
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
        """None where this version cannot read it."""
        try:
            event = self._codec.decode(entry.topic, entry.state)
        except UndecodableEvent:
            return None
        return None if isinstance(event, UnknownEvent) else event
