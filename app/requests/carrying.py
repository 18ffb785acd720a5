"""Carrying one answer from an upstream to the outbox, under its deadlines.

Rule 1: an upstream may be replaced until its first bytes are forwarded (opening.py), never after.
Rule 2: one deadline at a time is set, and it never lies past the whole request's: `first_byte` while an upstream is opened, `idle`
while it is read, TAIL_SECONDS once the answer is complete, `send_stall` while the client does not read.
Rule 3: a client that reads too slowly is treated as one that left. Otherwise reading most of an answer and stopping there would be
free service.
Rule 4: no answer stays open, however it ends. An unfinished answer is closed at once, a finished one after the end of its framing,
so that its connection can serve another request.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import trio

from app.faults import UpstreamError, UpstreamTimeout
from app.requests.opening import Opened, Upstreams, answer_fault
from app.requests.outbox import Outbox
from app.requests.plan import Plan
from app.requests.request_log import RequestLog
from app.requests.states import Move, Progress, State
from app.wire.exchange import AnswerError

TAIL_SECONDS = 30.0
"""How long the rest of an answer (its usage) may take to arrive after the closing frame."""
LINGER_SECONDS = 0.05
"""How long to wait for the end of a finished answer's framing. Once it has arrived, the connection can serve another request."""
LINGER_READS_MAX = 8
CLIENT_SHARE = 0.1
"""If an answer runs out of time after waiting for the client for more than this share of it, the client counts as having left."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The deadlines of a request, in seconds, and the value of cancelled answers that an account is not charged for per day."""

    first_byte: float
    idle: float
    total: float
    settle: float
    send_stall: float
    free_limit_nanos: int


class Stopped(Exception):
    """The answer was stopped by the gateway. `reason` is the reason of the release."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Carrying:
    """The answer of one request. `opened` is the upstream's side of the answer, or None until an upstream has begun to answer."""

    def __init__(
        self,
        plan: Plan,
        request_log: RequestLog,
        *,
        terms: Terms,
        upstreams: Upstreams,
        outbox: Outbox,
        progress: Progress,
    ) -> None:
        self.opened: Opened | None = None
        self._plan = plan
        self._request_log = request_log
        self._terms = terms
        self._upstreams = upstreams
        self._outbox = outbox
        self._progress = progress
        self._scope = trio.CancelScope()
        self._stop_reason = ""
        self._total_at = 0.0
        self._waited_for_client = 0.0

    @property
    def upstream(self) -> str | None:
        """The name of the upstream that has begun to answer."""
        return self.opened.upstream if self.opened is not None else None

    def stop(self, reason: str) -> None:
        """Cancel the upstream, for `reason`. Has no effect once the answer is complete or has been stopped."""
        if self._progress.move(Move.STOP):
            self._stop_reason = reason
            self._scope.cancel()

    async def run(self) -> None:
        """Carry the answer until it is complete, then to its end if the end arrives in time. Raises Stopped, UpstreamError."""
        if self._progress.state is State.STOPPED:
            raise Stopped(self._stop_reason)
        self._total_at = self._scope.deadline = trio.current_time() + self._terms.total
        try:
            with self._scope:
                await self._carry()
        except AnswerError as error:
            raise answer_fault(self.upstream or "upstream", error) from error
        if self._progress.state is not State.COMPLETE:
            raise self._cut_short()

    async def let_go(self) -> None:
        """Close the upstream's answer, after the end of its framing if it is finished."""
        if self.opened is None:
            return
        answer, relay = self.opened.answer, self.opened.relay
        with trio.CancelScope(shield=True):
            if relay.finished:
                with trio.move_on_after(LINGER_SECONDS), contextlib.suppress(UpstreamError):
                    for _ in range(LINGER_READS_MAX):
                        if not await answer.receive():
                            break
            await answer.aclose()

    async def _carry(self) -> None:
        """Open an upstream and forward what it sends, up to the end of its answer. Closes the answer unless it is finished."""
        self.opened = opened = await self._upstreams.open(
            self._plan, self._request_log.request_id, self._terms.first_byte
        )
        try:
            self._request_log.upstream = opened.upstream
            self._request_log.phase("first_byte")
            self._outbox.put(opened.first)
            await self._pump(opened)
        finally:
            if not opened.relay.finished:
                with trio.CancelScope(shield=True):
                    await opened.answer.aclose()

    async def _pump(self, opened: Opened) -> None:
        """Forward frames until the answer ends. From the first closing frame on, the relay holds everything back."""
        relay, outbox = opened.relay, self._outbox
        if complete := relay.closing:
            self._progress.move(Move.COMPLETED)
        while not relay.finished:
            silence = TAIL_SECONDS if complete else self._terms.idle
            self._scope.deadline = min(self._total_at, trio.current_time() + silence)
            data = await opened.answer.receive()
            if not data:
                if await opened.over():
                    break
                continue
            outbox.put(relay.feed(data))
            if relay.closing and not complete:
                complete = True
                self._progress.move(Move.COMPLETED)
            if outbox.full and not complete:
                await self._wait_for_client()
        if not complete:
            self._progress.move(Move.COMPLETED)

    async def _wait_for_client(self) -> None:
        """The client does not read, so the upstream waits too, for a limited time. Raises Stopped."""
        self._scope.deadline = self._total_at
        since = trio.current_time()
        try:
            with trio.move_on_after(self._terms.send_stall) as stalled:
                await self._outbox.space()
        finally:
            self._waited_for_client += trio.current_time() - since
        if stalled.cancelled_caught:
            self._request_log.client_left = True
            raise Stopped("cancelled")

    def _cut_short(self) -> Stopped | UpstreamTimeout:
        """Why the scope was cancelled before the answer was complete."""
        if self._progress.state is State.STOPPED:
            return Stopped(self._stop_reason)
        slow_client = self._waited_for_client > CLIENT_SHARE * self._terms.total
        if slow_client and trio.current_time() >= self._total_at:
            return Stopped("cancelled")
        return UpstreamTimeout(
            self.upstream or "upstream", "The upstream stopped sending, or its answer took too long as a whole."
        )
