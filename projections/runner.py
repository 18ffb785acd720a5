"""Keeps every read model up to date with the log.

Rule 1: a batch is one transaction: events are read in order after the tracked position; rows and position are written together.
Rule 2: projections at the same position are fed together, so that an event is read and decoded once for all of them. Projections
that lag go first, and join the others when they have caught up.
Rule 3: with several processes, exactly one runs a batch at a time, and any process may run the next one. Nothing is kept in memory
between batches.
Rule 4: an event that cannot be applied stops its projection, with the reason in its status and in the log. The other projections
continue. The next process that starts retries it; it is never skipped.
Rule 5: a rebuild fills tables next to the live ones and replaces them when it has caught up. Readers never see partial tables, and
a failed rebuild changes nothing.
Blocking parts run in a worker thread. No transaction lasts longer than one batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

import structlog
import trio

from domain.errors import Fault
from projections.balances import Balances
from projections.contract import (
    Batch,
    Fact,
    Log,
    Projection,
    TakenOver,
    Tracked,
    Unavailable,
    Undecodable,
    Views,
)
from projections.files import Files
from projections.keys import Keys
from projections.payments import Payments
from projections.transactions import Transactions
from projections.unknown import UnknownTopics
from projections.usage import Usages

ALL: tuple[Projection, ...] = (Balances(), Transactions(), Usages(), Keys(), Files(), Payments(), UnknownTopics())
BATCH_EVENTS = 5_000
IDLE_SECONDS = 0.2
RETRY_SECONDS = 1.0
"""The pause after the log or the views were unreachable."""
FINISH_ATTEMPTS = 1_000
"""The number of attempts of a rebuild to catch up with a live runner at its end."""
_log = structlog.get_logger("projections.runner")


class RebuildFailed(Fault):
    """The rebuild found an event that it cannot apply. The live tables are unchanged."""


class _Stopped(Exception):
    """A projection cannot apply a batch. The batch's transaction is rolled back, then the reason is recorded."""

    def __init__(self, name: str, position: int, reason: str) -> None:
        super().__init__(f"{name} after position {position}: {reason}")
        self.name, self.position, self.reason = name, position, reason


@dataclass(frozen=True, slots=True)
class Status:
    """A projection's progress. `lag_seconds`: the age of the first event that is not applied."""

    name: str
    position: int
    head: int
    lag_events: int
    lag_seconds: float
    error: str | None


class Runner:
    """Feeds projections. `run` is started once per process; `step`, `status` and `rebuild` block and may be called anywhere."""

    def __init__(
        self,
        log: Log,
        read_models: Views,
        projections: Sequence[Projection] = ALL,
        *,
        batch_events: int = BATCH_EVENTS,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._source = log
        self._read_models = read_models
        self._projections = {projection.name: projection for projection in projections}
        self._batch_events = batch_events
        self._idle_seconds = idle_seconds
        self._thread = trio.CapacityLimiter(1)
        self._poked = trio.Event()
        self._stopped: dict[str, int] = {}

    async def run(self) -> NoReturn:
        """Prepare the views, then follow the log until cancelled; a batch that has started is finished. If another version
        takes over the views, stop following and wait to be cancelled."""
        try:
            await self._persist(self.prepare)
            while True:
                await self._turn()
        except TakenOver as error:
            # The newer version's process follows the log now; this one keeps serving until it is replaced.
            _log.error("stopped updating the read models: another version has taken them over", reason=str(error))
            await trio.sleep_forever()

    def poke(self) -> None:
        """Look for new events now, because something was committed. Must be called on the Trio thread."""
        self._poked.set()

    def prepare(self) -> None:
        """Create or recreate the tables. Several processes may call this at once."""
        self._read_models.prepare(list(self._projections.values()), self._source.identity())

    def step(self) -> int:
        """Run a batch of the projections that lag most. Returns the number of events; 0 if none, or if another process runs one."""
        if not self._behind(self._read_models.tracked(), self._source.head().position):
            return 0
        try:
            with self._read_models.batch(list(self._projections)) as batch:
                return 0 if batch is None else self._feed_hindmost(batch)
        except _Stopped as stopped:
            self._note(stopped)
            return 1

    def status(self) -> list[Status]:
        """The progress of each projection. Can be called from any process."""
        tracked, head = self._read_models.tracked(), self._source.head().position
        return [self._status(name, tracked.get(name, Tracked(0, 0)), head) for name in self._projections]

    def rebuild(self, names: Iterable[str] = (), progress: Callable[[int, int], None] = lambda _done, _of: None) -> int:
        """Rebuild the named projections (default: all) from event 1, then replace the live ones. Returns their position.

        Readers and a running Runner, of any process, are not disturbed. Raises RebuildFailed, TakenOver, KeyError."""
        chosen = [self._projections[name] for name in (list(names) or self._projections)]
        self.prepare()
        rebuild = self._read_models.begin_rebuild(chosen)
        for _attempt in range(FINISH_ATTEMPTS):
            position = self._catch_up(chosen, rebuild, progress)
            if self._read_models.finish_rebuild(chosen, rebuild, self._source.head().position):
                self._stopped.clear()
                return position
        raise RebuildFailed(f"could not catch up with the live tables in {FINISH_ATTEMPTS} attempts")

    def _status(self, name: str, at: Tracked, head: int) -> Status:
        waiting = self._source.read(at.position, 1) if at.position < head else ()
        error = _ends_before(head) if at.position > head else at.error
        lag_micros = self._source.now_micros() - waiting[0].recorded_at_micros if waiting else 0
        return Status(name, at.position, head, max(0, head - at.position), max(0, lag_micros) / 1_000_000, error)

    def _catch_up(self, chosen: Sequence[Projection], rebuild: str, progress: Callable[[int, int], None]) -> int:
        names = [projection.name for projection in chosen]
        position = 0
        while True:
            head = self._source.head().position
            try:
                with self._read_models.batch(names, rebuild) as batch:
                    if batch is None:
                        raise TakenOver("another rebuild is using the same tables")
                    position = self._feed(batch, names, self._batch_events, strict=True)
            except _Stopped as stopped:
                raise RebuildFailed(str(stopped)) from stopped
            progress(position, max(head, position))
            if position >= head:
                return position

    def _feed_hindmost(self, batch: Batch) -> int:
        head = self._source.head().position
        behind = self._behind(batch.tracked, head)
        if not behind:
            return 0
        after = min(behind.values())
        group = [name for name, position in behind.items() if position == after]
        meet = min((position for position in behind.values() if position > after), default=head)
        return self._feed(batch, group, min(self._batch_events, meet - after)) - after

    def _behind(self, tracked: Mapping[str, Tracked], head: int) -> dict[str, int]:
        """The projections with work to do, and their positions. A stopped projection is skipped while it is where it stopped."""
        behind = {}
        for name in self._projections:
            position = tracked[name].position if name in tracked else 0
            if position > head:
                self._stop(_Stopped(name, position, _ends_before(head)))
            elif position < head and self._stopped.get(name) != position:
                behind[name] = position
        return behind

    def _feed(self, batch: Batch, names: Sequence[str], limit: int, *, strict: bool = False) -> int:
        """Feed projections that are at the same position. Returns the position of the last event read."""
        at = batch.tracked[names[0]]
        facts = self._read(names[0], at, limit)
        if not facts:
            return at.position
        if at.position == 0:
            batch.identify(self._source.identity())
        poisons = [fact for fact in facts if isinstance(fact.event, Undecodable)]
        for name in names:
            self._apply(batch, self._projections[name], facts, poisons, at.position, strict=strict)
        return facts[-1].position

    def _read(self, name: str, at: Tracked, limit: int) -> Sequence[Fact]:
        """The events after `at`. The event at `at` is read too, to check its timestamp: if the log was restored from a copy and
        continued, a different event may be at that position."""
        before = min(at.position, 1)
        facts = self._source.read(at.position - before, limit + before)
        if before and (not facts or facts[0].recorded_at_micros != at.recorded_at_micros):
            raise _Stopped(name, at.position, f"event {at.position} differs from the one that was applied. Rebuild.")
        facts = facts[before:]
        if facts and (facts[0].position != at.position + 1 or facts[-1].position != at.position + len(facts)):
            raise _Stopped(name, at.position, f"the log has a gap between {at.position} and {facts[-1].position}")
        return facts

    def _apply(
        self,
        batch: Batch,
        projection: Projection,
        facts: Sequence[Fact],
        poisons: Sequence[Fact],
        after: int,
        *,
        strict: bool,
    ) -> None:
        poison = next((fact for fact in poisons if _concerns(projection, fact)), None)
        if poison is not None:
            facts = facts[: poison.position - after - 1]
            if strict or not facts:
                raise _Stopped(projection.name, poison.position - 1, _problem(poison))
        try:
            for change in projection.apply(facts, batch.read):
                batch.write(change)
        except (Unavailable, TakenOver):
            raise
        except Exception as error:
            reason = f"{type(error).__name__} within {facts[0].position}..{facts[-1].position}: {error}"
            raise _Stopped(projection.name, after, reason) from error
        batch.advance(projection.name, Tracked(facts[-1].position, facts[-1].recorded_at_micros))

    def _note(self, stopped: _Stopped) -> None:
        """Store the reason with the position, for the status of every process."""
        self._stop(stopped)
        with self._read_models.batch([stopped.name]) as batch:
            if batch is not None and batch.tracked[stopped.name].position == stopped.position:
                at = batch.tracked[stopped.name].recorded_at_micros
                batch.advance(stopped.name, Tracked(stopped.position, at, stopped.reason))

    def _stop(self, stopped: _Stopped) -> None:
        if self._stopped.get(stopped.name) != stopped.position:
            self._stopped[stopped.name] = stopped.position
            _log.error(
                "projection stopped", projection=stopped.name, after_position=stopped.position, reason=stopped.reason
            )

    async def _turn(self) -> None:
        """A batch, or the wait for something to do."""
        if not await self._persist(self.step):
            with trio.move_on_after(self._idle_seconds):
                await self._poked.wait()
        self._poked = trio.Event()

    async def _persist(self, work: Callable[[], int | None]) -> int | None:
        """Run `work` in the worker thread, and retry while what it needs is unreachable."""
        while True:
            try:
                return await trio.to_thread.run_sync(work, limiter=self._thread)
            except Unavailable as error:
                _log.warning("read models are waiting", reason=str(error))
            except TakenOver:
                raise
            except Exception:  # noqa: BLE001 - requests are served and billed while the read models do not advance
                _log.exception("unexpected error in the read models; trying again")
            await trio.sleep(RETRY_SECONDS)


def _concerns(projection: Projection, poison: Fact) -> bool:
    """Whether a projection may need an event that cannot be decoded. The version of its topic does not matter."""
    assert isinstance(poison.event, Undecodable)
    return projection.families is None or poison.event.topic.rpartition(".")[0] in projection.families


def _problem(poison: Fact) -> str:
    assert isinstance(poison.event, Undecodable)
    return f"event {poison.position} cannot be decoded: {poison.event.problem}"


def _ends_before(head: int) -> str:
    return f"the log ends before, at {head}: it may have been restored from a copy. Rebuild."
