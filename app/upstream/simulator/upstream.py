"""The simulator as an upstream: the I/O around stream.plan. It waits, sends bytes, breaks off and counts.

Rule 1: the answer depends only on the request; only its `created` timestamps come from the given clock.
Rule 2: frames are due on a schedule that starts with the first one, so that a slow reader does not prolong a stream.
Rule 3: every answer that was opened counts in `open_answers` until it is closed, even if its reader was cancelled.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

import trio

from app.faults import UpstreamBroken, UpstreamUnreachable
from app.upstream.base import UpstreamCall
from app.upstream.simulator.stream import Fault, Plan, plan

# Reading a large body (base64, PDF objects) takes milliseconds of CPU, so above this size it is done in a thread.
INLINE_BYTES_MAX = 256 * 1024
PACE_SECONDS = 0.02


class SimulatorUpstream:
    """An in-process upstream that speaks both protocols, and misbehaves if `metadata.simulator` says so.

    `open_answers` is the number of answers open now, `opened` the number opened so far, `closed_early` the number closed
    before their end.
    """

    def __init__(
        self,
        name: str,
        *,
        pace_seconds: float = PACE_SECONDS,
        frames_per_receive: int = 1,
        now: Callable[[], float] = time.time,
    ) -> None:
        assert pace_seconds >= 0
        assert frames_per_receive >= 1
        self._name = name
        self._pace_seconds = pace_seconds
        self._frames_per_receive = frames_per_receive
        self._now = now
        self.open_answers = 0
        self.opened = 0
        self.closed_early = 0

    @property
    def name(self) -> str:
        return self._name

    async def open(self, call: UpstreamCall) -> SimulatorAnswer:
        await trio.lowlevel.checkpoint()
        planned = await self._plan(call)
        if planned.first_byte:
            await trio.sleep(planned.first_byte)
        if planned.unreachable:
            raise UpstreamUnreachable(self._name, "the simulated upstream is unreachable, as requested")
        gap = self._pace_seconds if planned.gap is None else planned.gap
        self.open_answers += 1
        self.opened += 1
        return SimulatorAnswer(planned, gap, self._frames_per_receive, self._name, self._answer_closed)

    async def _plan(self, call: UpstreamCall) -> Plan:
        created = int(self._now())
        assert call.dialect in ("responses", "chat"), "the simulator speaks OpenAI's two protocols"
        if len(call.body) <= INLINE_BYTES_MAX:
            return plan(call.dialect, call.body, self._name, call.request_id, created)
        return await trio.to_thread.run_sync(plan, call.dialect, call.body, self._name, call.request_id, created)

    def _answer_closed(self, *, early: bool) -> None:
        self.open_answers -= 1
        self.closed_early += early


class SimulatorAnswer:
    """An open answer. One task reads it; any task may close it, which wakes the reader with UpstreamBroken."""

    def __init__(
        self, planned: Plan, gap: float, frames_each: int, upstream: str, on_close: Callable[..., None]
    ) -> None:
        self._plan = planned
        self._gap = gap
        self._frames_each = frames_each
        self._upstream = upstream
        self._on_close = on_close
        self._closed = trio.Event()
        self._ended = False
        self._due: float | None = None
        self._fault: Fault | None = None

    @property
    def status(self) -> int:
        return self._plan.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._plan.headers

    async def receive(self) -> bytes:
        if self._closed.is_set():
            raise trio.ClosedResourceError
        if self._ended:
            await trio.lowlevel.checkpoint()
            return b""
        await self._wait_turn()
        if self._fault is None:
            data = self._next_bytes()
            if data or self._fault is None:
                return data
        return await self._break_off(self._fault)

    def _next_bytes(self) -> bytes:
        """The next frames; b"" at the end, or if a failure is next."""
        parts: list[bytes] = []
        for _ in range(self._frames_each):
            step = next(self._plan.steps, None)
            if isinstance(step, Fault):
                self._fault = step
                break
            if step is None:
                self._ended = True
                break
            parts.append(step)
        return b"".join(parts)

    async def aclose(self) -> None:
        if not self._closed.is_set():
            self._closed.set()
            self._on_close(early=not self._ended)
        await trio.lowlevel.checkpoint()

    async def _wait_turn(self) -> None:
        """Return when the next frame is due; the first one is due at once."""
        if self._gap and self._due is not None:
            # Assigned after the wait, so that a reader that is cancelled and comes back continues on the same schedule.
            due = self._due + self._gap
            await self._wait_until(due)
            self._due = due
            return
        self._due = trio.current_time()
        await trio.lowlevel.checkpoint()

    async def _wait_until(self, deadline: float) -> None:
        with trio.move_on_at(deadline):
            await self._closed.wait()
            raise UpstreamBroken(self._upstream, "the answer was closed while it was being read")

    async def _break_off(self, fault: Fault) -> bytes:
        if fault is Fault.STALL:
            await self._wait_until(math.inf)
        self._ended = True
        raise UpstreamBroken(self._upstream, "the simulated connection was lost, as requested")
