"""Decides one batch of commands, for both engines: pure, under the engine's write lock.

Rule 1: commands whose place in their stream is already taken are answered first. If the same command took it, the verdict is
Committed; if another command did, it is a Conflict.
Rule 2: the other commands run in order of arrival, but settlements first. Each sees the effects of the commands before it.
Rule 3: a refused command has no effect: no event, no movement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.ledger.codec import Codec
from app.ledger.store import Append, Committed, Conflict, GuardRefused, Verdict
from domain.buckets import Movement, minute_of
from domain.events import RequestAdmitted, RequestDebited, RequestReleased
from domain.postings import movements

Place = tuple[str, int]
"""(stream, version)"""
Logged = tuple[str, int, int]
"""(command id, position, recorded at) of an event in the log"""
EventRow = tuple[int, str, int, str, bytes, str, int]
"""(position, stream, version, topic, state, command id, recorded at), in the order of the table's columns"""


@dataclass(slots=True)
class Outcome:
    """The decision that the engine writes: verdicts in batch order, rows in order of position, new bucket values."""

    verdicts: list[Verdict]
    rows: list[EventRow] = field(default_factory=list)
    buckets: dict[str, int] = field(default_factory=dict)
    opened: list[tuple[str, int, str, int]] = field(default_factory=list)
    """(request id, position, instance id, deadline) of admissions"""
    closed: list[str] = field(default_factory=list)
    """request ids of settlements"""


class BatchPlan:
    """A batch with its movements at an instant, and the names of everything that must be read to decide it."""

    def __init__(self, batch: Sequence[Append], at_micros: int) -> None:
        self.batch = batch
        self.at_micros = at_micros
        self.moves = [_moves(append, at_micros) for append in batch]
        self.guards = [[(guard.name(at_micros), guard) for guard in append.guards] for append in batch]
        self.bucket_names = {name for moves in self.moves for name, _ in moves}
        self.bucket_names.update(name for guards in self.guards for name, _ in guards)

    @property
    def places(self) -> list[Place]:
        """The place of each command's first event, and the preceding place, which the command expects to be taken."""
        places = [(append.stream, append.expected_version + 1) for append in self.batch]
        places.extend((append.stream, append.expected_version) for append in self.batch if append.expected_version)
        return places

    def at(self, at_micros: int) -> BatchPlan:
        """This plan, moved to another instant: the timestamp that the store assigns. Cheap within the same minute."""
        if minute_of(at_micros) == minute_of(self.at_micros):
            self.at_micros = at_micros
            return self
        return BatchPlan(self.batch, at_micros)


def arbitrate(
    plan: BatchPlan, *, logged: Mapping[Place, Logged], buckets: Mapping[str, int], position: int, codec: Codec
) -> Outcome:
    """Decide a batch. `buckets`: the nonzero values of the plan's bucket names. `position`: the log's last."""
    run = _Run(plan, dict(logged), buckets, position, codec)
    for index in settlements_first(plan.batch):
        run.judge(index)
    return run.outcome


class _Run:
    def __init__(
        self, plan: BatchPlan, logged: dict[Place, Logged], buckets: Mapping[str, int], position: int, codec: Codec
    ) -> None:
        self.plan = plan
        self.logged = logged
        self.before = buckets
        self.position = position
        self.codec = codec
        unjudged: Verdict = Conflict("", 0, None)
        self.outcome = Outcome([unjudged] * len(plan.batch))

    def judge(self, index: int) -> None:
        append = self.plan.batch[index]
        self.outcome.verdicts[index] = self._repeat(append) or self._ruling(index, append)

    def _repeat(self, append: Append) -> Verdict | None:
        version = append.expected_version + 1
        there = self.logged.get((append.stream, version))
        if there is not None:
            command_id, position, recorded_at = there
            if command_id == append.command_id:
                return Committed(position, recorded_at, repeated=True)
            return Conflict(append.stream, version, command_id)
        if append.expected_version and (append.stream, append.expected_version) not in self.logged:
            return Conflict(append.stream, append.expected_version, None)
        return None

    def _ruling(self, index: int, append: Append) -> Committed | GuardRefused:
        moves, guards = self.plan.moves[index], self.plan.guards[index]
        deltas, after = dict(moves), []
        for name, guard in guards:
            value, floor, ceiling = self._value(name), guard.floor, guard.ceiling
            delta = deltas.get(name, 0)
            moved = value + delta
            if (floor is not None and moved < floor) or (ceiling is not None and moved > ceiling):
                values = tuple(self._value(each) for each, _ in guards)
                return GuardRefused(name, value, delta, self.plan.at_micros, values)
            after.append(moved)
        return self._commit(append, moves, tuple(after))

    def _commit(self, append: Append, moves: Sequence[Movement], guarded: tuple[int, ...]) -> Committed:
        outcome, at, first = self.outcome, self.plan.at_micros, self.position + 1
        for offset, event in enumerate(append.events, 1):
            self.position += 1
            version = append.expected_version + offset
            state = self.codec.encode(event)
            outcome.rows.append((self.position, append.stream, version, event.TOPIC, state, append.command_id, at))
            self.logged[append.stream, version] = (append.command_id, self.position, at)
            if isinstance(event, RequestAdmitted):
                outcome.opened.append((event.request_id, self.position, event.instance_id, event.deadline_at_micros))
            elif isinstance(event, RequestDebited | RequestReleased):
                outcome.closed.append(event.request_id)
        for name, delta in moves:
            outcome.buckets[name] = self._value(name) + delta
        return Committed(first, at, False, guarded)

    def _value(self, name: str) -> int:
        value = self.outcome.buckets.get(name)
        return self.before.get(name, 0) if value is None else value


def _moves(append: Append, at_micros: int) -> Sequence[Movement]:
    """The buckets that the command moves, each listed once, and the amounts."""
    if len(append.events) == 1:
        return movements(append.events[0], at_micros)
    moves: dict[str, int] = {}
    for event in append.events:
        for name, delta in movements(event, at_micros):
            moves[name] = moves.get(name, 0) + delta
    return list(moves.items())


def settlements_first(batch: Sequence[Append]) -> list[int]:
    """The order in which a batch's commands are judged, as indices: settlements, then the others, both as they arrived."""
    return sorted(range(len(batch)), key=lambda index: not batch[index].first)
