"""A server process's CPU time by stage: an instrument of the event loop, and clocks around functions in threads.

Rule 1: a task's time counts for its current stage, which ends when the function it wraps returns. Time outside of any stage counts
for the task's kind, which is determined by the module of the function that the task runs.
Rule 2: only CPU time counts (thread_time), so waiting costs nothing.
Rule 3: measuring costs about a microsecond per step and stage: use the shares, and take totals from runs without a meter.
"""

from __future__ import annotations

import functools
import json
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any, ParamSpec, TypeVar

import trio

P = ParamSpec("P")
R = TypeVar("R")

EDGE, CARRYING, LOOP, BACKGROUND = "edge", "carrying", "event loop", "background"


class Meter(trio.abc.Instrument):
    """CPU seconds per stage. `kinds`: the stage of a task by a prefix of its name."""

    def __init__(self, kinds: Mapping[str, str], otherwise: str) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._kinds = dict(kinds)
        self._otherwise = otherwise
        self._stages: dict[trio.lowlevel.Task, str] = {}
        self._stage = LOOP
        self._since = time.thread_time()

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        stage = self._stages.get(task)
        if stage is None:
            stage = self._stages[task] = self._kind(task.name)
        self._book(stage)

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self._book(LOOP)

    def task_exited(self, task: trio.lowlevel.Task) -> None:
        self._stages.pop(task, None)

    def around(self, stage: str, function: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
        """Wraps `function` so that its time counts for `stage`."""

        @functools.wraps(function)
        async def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
            with self._in(stage):
                return await function(*args, **kwargs)

        return wrapped

    def around_plain(self, stage: str, function: Callable[P, R]) -> Callable[P, R]:
        """The same for a synchronous function."""

        @functools.wraps(function)
        def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
            with self._in(stage):
                return function(*args, **kwargs)

        return wrapped

    def in_thread(self, stage: str, function: Callable[P, R]) -> Callable[P, R]:
        """The same for a function that runs in a worker thread."""

        @functools.wraps(function)
        def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
            started = time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds[stage] += time.thread_time() - started

        return wrapped

    def start(self) -> None:
        """Start measuring, inside a Trio run. SIGUSR1 prints the figures and the process's total as a line of JSON."""
        trio.lowlevel.add_instrument(self)
        signal.signal(signal.SIGUSR1, self._print)

    def _print(self, _number: int, _frame: FrameType | None) -> None:
        print(json.dumps({**self.seconds, "process": time.process_time()}), flush=True)

    @contextmanager
    def _in(self, stage: str) -> Iterator[None]:
        task = trio.lowlevel.current_task()
        before = self._stage
        self._stages[task] = stage
        self._book(stage)
        try:
            yield
        finally:
            self._stages[task] = before
            self._book(before)

    def _book(self, following: str) -> None:
        now = time.thread_time()
        self.seconds[self._stage] += now - self._since
        self._stage, self._since = following, now

    def _kind(self, name: str) -> str:
        return next((stage for prefix, stage in self._kinds.items() if name.startswith(prefix)), self._otherwise)


def relay_meter() -> Meter:
    """A meter for the relay that is built from the gateway's own parts."""
    from app.upstream.http import HttpUpstream, _Answer

    meter = Meter({"app.edge": EDGE}, BACKGROUND)
    HttpUpstream.open = meter.around(CARRYING, HttpUpstream.open)  # type: ignore[method-assign]
    _Answer.receive = meter.around(CARRYING, _Answer.receive)  # type: ignore[method-assign]
    return meter


def gateway_meter() -> Meter:
    """A meter with the stages of a paid request. Call this before the services are opened."""
    import app.routes.completions as routes
    from app.ledger.sqlite import SQLiteLedger
    from app.requests import serving
    from app.requests.completion import Completion
    from projections.runner import Runner

    meter = Meter(
        {
            "app.edge": EDGE,
            "app.instance.lease.Lease._tracked": CARRYING,
            "app.ledger.group_commit": "writer",
            "projections": "projections",
        },
        BACKGROUND,
    )
    routes._begin = meter.around("authentication, parsing", routes._begin)
    Completion._admit = meter.around("admission", Completion._admit)  # type: ignore[method-assign]
    Completion._debit = meter.around("settlement", Completion._debit)  # type: ignore[method-assign]
    serving._observe = meter.around_plain("observation", serving._observe)
    SQLiteLedger.append = meter.in_thread("commit", SQLiteLedger.append)  # type: ignore[method-assign]
    Runner.step = meter.in_thread("projections", Runner.step)  # type: ignore[method-assign]
    return meter
