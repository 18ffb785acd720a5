"""Replay: recomputes every stored figure from the events and compares.

Rule 1: the log is read in one snapshot, the read models in another taken just before, so running gateways do not affect the result.
Rule 2: nothing is repaired. A difference states what differs and where, and the expected and the found value.
Rule 3: events with unknown topics are reported. If they moved anything, the buckets show it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime

import msgspec

from app.ledger.codec import Codec, UndecodableEvent
from app.ledger.store import WINDOWS_KEPT_DAYS, Ledger, LogReader, RecordedEvent
from app.read_models import ReadModels
from app.replay.findings import DIFFERENCES_MAX, Difference, Findings
from app.replay.ledger import LedgerCheck, stream_of
from app.replay.read_models import Step, ViewsCheck
from domain.buckets import MICROS_PER_SECOND
from domain.events import Event, UnknownEvent
from domain.postings import movements
from projections.contract import Tracked

PAGE_EVENTS = 2_000
MINUTES_KEPT = WINDOWS_KEPT_DAYS * 1_440
"""The store may have deleted minute windows older than this."""
EXPLAINED_MAX = 1_000


class OpenAdmission(msgspec.Struct, frozen=True):
    """A request that is admitted but not settled."""

    request_id: str
    account_id: str
    position: int
    hold_nanos: int
    deadline_at_micros: int


class Report(msgspec.Struct, frozen=True):
    """The result of replaying `events` events. `differences` are the first of `differences_count`; `unknown_topics` is by topic
    (number of events, first position); `projections` has each read model's position when it was compared."""

    events: int
    differences_count: int
    differences: tuple[Difference, ...]
    open_requests: tuple[OpenAdmission, ...]
    unknown_topics: dict[str, tuple[int, int]]
    projections: dict[str, int]

    @property
    def ok(self) -> bool:
        return self.differences_count == 0


class Explanation(msgspec.Struct, frozen=True):
    """An event that moved a balance: the movement in nanos, and the balance after it."""

    position: int
    recorded_at_micros: int
    topic: str
    stream: str
    available_moved_nanos: int
    held_moved_nanos: int
    available_nanos: int
    held_nanos: int


class ExplainedBalance(msgspec.Struct, frozen=True):
    """An account's balance as of `position`, and the last events that changed it, newest first. `differences` between the read
    model and the events."""

    account_id: str
    position: int
    available_nanos: int
    held_nanos: int
    events: tuple[Explanation, ...]
    differences: tuple[Difference, ...]


def replay(
    ledger: Ledger,
    read_models: ReadModels | None,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
    *,
    codec: Codec | None = None,
    differences_max: int = DIFFERENCES_MAX,
    minutes_kept: int = MINUTES_KEPT,
) -> Report:
    """Replay the whole log. If `read_models` is None, they are not compared. Blocks. Raises StoreUnavailable."""
    findings, codec, now = Findings(differences_max), codec or Codec(), ledger.now_micros()
    with ExitStack() as stack:
        shown = stack.enter_context(read_models.snapshot()) if read_models is not None else None
        tracked: dict[str, Tracked] = dict(shown.tracked) if shown is not None else {}
        log = stack.enter_context(ledger.snapshot())
        of_ledger = LedgerCheck(findings, dict(log.buckets()), now_micros=now, minutes_kept=minutes_kept)
        of_views = ViewsCheck(findings, tracked)
        _feed(log, codec, findings, of_ledger, of_views if shown is not None else None, progress)
        of_ledger.compare(log.head(), log.open_requests())
        if shown is not None:
            of_views.compare(shown, lambda: _steps(log, codec))
    return Report(
        of_ledger.position,
        findings.count,
        tuple(findings.first),
        tuple(
            OpenAdmission(request_id, event.account_id, position, event.hold_nanos, event.deadline_at_micros)
            for request_id, (event, position, _) in of_ledger.open.items()
        ),
        of_ledger.unknown,
        {name: at.position for name, at in tracked.items()},
    )


def balance_explained(
    ledger: Ledger,
    read_models: ReadModels,
    account_id: str,
    *,
    position: int | None = None,
    micros: int | None = None,
    last: int = 10,
) -> ExplainedBalance:
    """An account's balance, now or as of a position or an instant, with the `last` events that explain it. Raises NotYetProjected,
    StoreUnavailable."""
    answer = (
        read_models.balance(account_id)
        if position is None and micros is None
        else read_models.balance_at(account_id, position=position, micros=micros)
    )
    limit = max(1, min(last, EXPLAINED_MAX))
    # One more than is shown: the balance before the oldest.
    standings = read_models.balance_moves(account_id, at_position=answer.position, limit=limit + 1).value
    findings, codec, events = Findings(), Codec(), []
    for index, at in enumerate(standings[:limit]):
        before = standings[index + 1] if index + 1 < len(standings) else None
        available = at.available_nanos - (before.available_nanos if before else 0)
        held = at.held_nanos - (before.held_nanos if before else 0)
        row = ledger.read(at.moved_at_position - 1, 1)[0]
        findings.compare(
            "movement of the balance", f"event {row.id}", _moved(row, codec, account_id), (available, held)
        )
        figures = (available, held, at.available_nanos, at.held_nanos)
        events.append(Explanation(row.id, row.recorded_at_micros, row.topic, stream_of(row), *figures))
    balance = answer.value
    return ExplainedBalance(
        account_id,
        answer.position,
        balance.available_nanos,
        balance.held_nanos,
        tuple(events),
        tuple(findings.first),
    )


def parse_at(text: str) -> dict[str, int]:
    """The command line's `--at`: a position, or an ISO 8601 instant (UTC if it has no time zone). Raises ValueError."""
    if text.isascii() and text.isdigit():
        return {"position": int(text)}
    instant = datetime.fromisoformat(text)
    aware = instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
    since = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return {"micros": (since.days * 86_400 + since.seconds) * MICROS_PER_SECOND + since.microseconds}


def _feed(
    log: LogReader,
    codec: Codec,
    findings: Findings,
    of_ledger: LedgerCheck,
    of_views: ViewsCheck | None,
    progress: Callable[[int, int], None],
) -> None:
    head = log.head().position
    for row in _rows(log, lambda done: progress(done, max(done, head))):
        of_ledger.order(row)
        try:
            event = codec.decode(row.topic, row.state)
        except UndecodableEvent as error:
            findings.differ("event", f"event {row.id}, {row.originator_id}", "one that can be decoded", error)
            continue
        moves = () if isinstance(event, UnknownEvent) else movements(event, row.recorded_at_micros)
        if isinstance(event, UnknownEvent):
            of_ledger.skip(row, event.topic)
        else:
            of_ledger.feed(row, event, moves)
        if of_views is not None:
            of_views.feed((row.id, row.recorded_at_micros, event, moves))


def _steps(log: LogReader, codec: Codec) -> Iterator[Step]:
    """The events again, without those that cannot be decoded, which are already reported."""
    for row in _rows(log, lambda _done: None):
        try:
            event = codec.decode(row.topic, row.state)
        except UndecodableEvent:
            continue
        moves = movements(event, row.recorded_at_micros) if isinstance(event, Event) else ()
        yield row.id, row.recorded_at_micros, event, moves


def _rows(log: LogReader, progress: Callable[[int], None]) -> Iterator[RecordedEvent]:
    after = 0
    while page := log.read(after, PAGE_EVENTS):
        yield from page
        after = page[-1].id
        progress(after)


def _moved(row: RecordedEvent, codec: Codec, account_id: str) -> tuple[int, int]:
    """An event's movement of an account's balance: (available, held)."""
    event = codec.decode(row.topic, row.state)
    moves: Sequence[tuple[str, int]] = movements(event, row.recorded_at_micros) if isinstance(event, Event) else ()
    return (
        sum(moved for name, moved in moves if name == f"available:{account_id}"),
        sum(moved for name, moved in moves if name == f"held:{account_id}"),
    )
