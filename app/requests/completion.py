"""THE SPINE: one request from admission to settlement.

Rule 1: no upstream is called before RequestAdmitted is durable, and every admission ends in exactly one debit or release.
Rule 2: a completion runs in a task of the process. The client's handler only waits for `opened` and takes from the outbox;
when it goes, it says so (`client_left`), and the upstream is cancelled at once.
Rule 3: from the first closing frame on nothing is forwarded before RequestDebited is durable. From then on a client that goes
changes nothing: the answer is complete, and the debit stands.
Rule 4: every other exit releases the hold (settlement.py sees to it, however long that takes).
Rule 5: an upstream may be changed until its first bytes were forwarded, never after (upstream/calls.py).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import structlog
import trio

from app.edge.body import Reservation
from app.errors import message_of, problem_of
from app.faults import IdempotencyKeyUsed, RequestTooSlow, ShuttingDown, UpstreamError, UpstreamTimeout
from app.instance.lease import Lease, Slot
from app.ledger.store import CommandFailed, StoreUnavailable
from app.requests.opening import Opened, Upstreams, answer_fault
from app.requests.outbox import Outbox
from app.requests.plan import Plan
from app.requests.request_log import RequestLog
from app.requests.settlement import Settlement, Unsettled
from app.wire.exchange import AnswerError, Relay
from domain.buckets import MICROS_PER_SECOND
from domain.errors import DomainError
from domain.events import KeyLimits, RequestDebited
from domain.rates import Rate
from domain.request import Hold, admit, debit, free_cancellation_guard, release
from domain.usage import Usage, estimate_read, estimate_tokens

TAIL_SECONDS = 30.0
"""How long the rest of an answer (its usage) may take to follow the closing frame."""
LINGER_SECONDS = 0.05
"""How long the end of a finished answer's framing is waited for: with it, the connection serves the next request."""
LINGER_READS_MAX = 8
CLIENT_SHARE = 0.1
"""Of an answer that ran into its whole deadline: past this share spent waiting for the client, it is the client that left."""
TEXT_KEPT_MAX = 200
"""Of an upstream's own words that go into an event."""
_log = structlog.get_logger("completion")


@dataclass(frozen=True, slots=True)
class Terms:
    """What is the same for every request of the process. Seconds, nanos."""

    first_byte: float
    idle: float
    total: float
    settle: float
    send_stall: float
    free_limit_nanos: int


class Stopped(Exception):
    """The answer was stopped from our side: `reason` is the release's."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Completion:
    """One request. `run` is its task. `opened` is set when there is something to tell: `error`, or bytes in the outbox."""

    def __init__(
        self,
        order: Plan,
        record: RequestLog,
        *,
        limits: KeyLimits,
        price_version: int,
        settlement: Settlement,
        terms: Terms,
        lifetime: Lease,
        upstreams: Upstreams,
        slot: Slot,
        body: Reservation,
        on_end: Callable[[RequestLog], None],
    ) -> None:
        self.record = record
        self.opened = trio.Event()
        self.error: Exception | None = None
        self.outbox = Outbox()
        self.rates: tuple[Rate, ...] = ()
        self._order = order
        self._limits = limits
        self._price_version = price_version
        self._settlement = settlement
        self._terms = terms
        self._lifetime = lifetime
        self._upstreams = upstreams
        self._slot = slot
        self._body = body
        self._on_end = on_end
        self._scope = trio.CancelScope()
        self._stopped: str | None = None
        self._complete = False
        self._total_at = 0.0
        self._waited_for_client = 0.0
        self._told = False
        self._opened: Opened | None = None

    async def client_left(self) -> None:
        """The client reads nothing more. Called on every exit of its handler; without effect once all was taken."""
        if not self.outbox.drained:
            self.record.client_left = True
            self.stop("cancelled")

    def stop(self, reason: str) -> None:
        """Cancel the upstream and release the hold for `reason`, unless the answer is complete already."""
        if self._stopped is None and not self._complete:
            self._stopped = reason
            self._scope.cancel()

    async def run(self) -> None:
        """From admission to settlement. What a request can bring about ends in the outbox or in `error`, not here."""
        with self._lifetime.registered(self):
            try:
                hold = await self._admit()
                if hold is not None:
                    await self._carry_and_settle(hold)
            except Exception as error:
                self._tell(error)
                raise
            finally:
                self._slot.give_back()
                self._body.release()
                self.outbox.end()
                self.opened.set()
                try:
                    self._on_end(self.record)
                finally:
                    await self._let_go()

    async def _admit(self) -> Hold | None:
        """The hold; None where there is none, and the client has been told why."""
        order, record = self._order, self.record
        admitted, guards = admit(
            request_id=record.request_id,
            account_id=record.account_id,
            key_id=record.key_id,
            limits=self._limits,
            model=order.model,
            price_version=self._price_version,
            endpoint=order.request.endpoint,
            bounds=order.bounds,
            instance_id=self._lifetime.instance_id,
            deadline_at_micros=self._settlement.now_micros() + int(self._terms.total * MICROS_PER_SECOND),
        )
        try:
            hold = await self._settlement.admit(admitted, guards, self._limits)
        except (DomainError, IdempotencyKeyUsed, StoreUnavailable, CommandFailed) as error:
            record.outcome = f"refused:{problem_of(error).code}"
            record.refused_by = self._settlement.refused_by
            self._tell(error)
            return None
        finally:
            self.rates = self._settlement.rates
            record.phase("admit")
        record.hold_nanos = admitted.hold_nanos
        return hold

    async def _carry_and_settle(self, hold: Hold) -> None:
        failure: UpstreamError | Stopped | None = None
        try:
            await self._carry_bounded()
        except AnswerError as error:
            failure = answer_fault(self._upstream or "upstream", error)
        except (UpstreamError, Stopped) as error:
            failure = error
        except BaseException:
            # What broke may be what counts: nothing is counted here, so that nothing keeps the hold.
            event = release(hold, reason="internal_error", upstream=self._upstream)
            self.record.settled(event)
            await self._settlement.release(event)
            raise
        self.record.phase("stream")
        try:
            if failure is None or self._complete:
                await self._debit(hold)
            else:
                self._tell(failure)
                await self._release(hold, failure.reason if isinstance(failure, Stopped) else "upstream_failed")
        except Exception:
            await self._settlement.release(release(hold, reason="internal_error"))
            raise

    # -- The answer --------------------------------------------------------------------------------------------------

    async def _carry_bounded(self) -> None:
        """Carry under the deadlines and `stop`. Raises Stopped or UpstreamTimeout where they cut it."""
        if self._stopped is not None:
            raise Stopped(self._stopped)
        self._total_at = self._scope.deadline = trio.current_time() + self._terms.total
        with self._scope:
            await self._carry()
        if self._scope.cancelled_caught and not self._complete:
            if self._stopped is not None:
                raise Stopped(self._stopped)
            slow_client = self._waited_for_client > CLIENT_SHARE * self._terms.total
            if slow_client and trio.current_time() >= self._total_at:
                raise Stopped("cancelled")  # it was the client that took all the time, and had the most of the answer
            raise UpstreamTimeout(
                self._upstream or "upstream", "The upstream fell silent, or took too long as a whole."
            )

    async def _carry(self) -> None:
        """Open an upstream and forward what it sends, up to the end of its answer. Closes it unless it is finished."""
        self._opened = opened = await self._upstreams.open(self._order, self.record.request_id, self._terms.first_byte)
        try:
            self.record.upstream = opened.upstream
            self.record.phase("first_byte")
            self._forward(opened.first)
            await self._pump(opened)
        finally:
            if not opened.relay.finished:
                with trio.CancelScope(shield=True):
                    await opened.answer.aclose()

    async def _let_go(self) -> None:
        """Close the upstream's answer. The end of a finished one came while the debit was made: its connection is kept."""
        if self._opened is None:
            return
        answer, relay = self._opened.answer, self._opened.relay
        with trio.CancelScope(shield=True):
            if relay.finished:
                with trio.move_on_after(LINGER_SECONDS), contextlib.suppress(UpstreamError):
                    for _ in range(LINGER_READS_MAX):
                        if not await answer.receive():
                            break
            await answer.aclose()

    async def _pump(self, opened: Opened) -> None:
        relay, outbox = opened.relay, self.outbox
        self._complete = relay.closing
        while not relay.finished:
            silence = TAIL_SECONDS if self._complete else self._terms.idle
            self._scope.deadline = min(self._total_at, trio.current_time() + silence)
            data = await opened.answer.receive()
            if not data:
                if await opened.over():
                    self._complete = True
                    return
                continue
            self._forward(relay.feed(data))
            self._complete = relay.closing
            if outbox.full and not self._complete:
                await self._wait_for_client()
        self._complete = True

    def _forward(self, data: bytes) -> None:
        if data:
            self.outbox.put(data)
            if not self.opened.is_set():
                self.opened.set()

    async def _wait_for_client(self) -> None:
        """The client does not read: the upstream waits with us, but not for ever."""
        self._scope.deadline = self._total_at
        since = trio.current_time()
        try:
            with trio.move_on_after(self._terms.send_stall) as stalled:
                await self.outbox.space()
        finally:
            self._waited_for_client += trio.current_time() - since
        if stalled.cancelled_caught:
            # As good as gone, and billed as such: else reading most of an answer and stopping there would be free service.
            self.record.client_left = True
            raise Stopped("cancelled")

    def _tell(self, error: Exception) -> None:
        """Let the client know: as a status while nothing was sent, as frames of its protocol after that."""
        if self._told:
            return
        self._told = True
        error = _for_client(error)
        if not self.opened.is_set():
            self.error = error
            self.record.status = problem_of(error, endpoint=self._order.request.endpoint).status
        elif self._relay is not None:
            problem = problem_of(error, endpoint=self._order.request.endpoint)
            frames = self._relay.failure(message=message_of(error, problem), type=problem.type, code=problem.code)
            self.outbox.put(frames)
        self.outbox.end()
        self.opened.set()

    # -- The settlement ----------------------------------------------------------------------------------------------

    async def _debit(self, hold: Hold) -> None:
        """Charge the complete answer, then let its end through."""
        relay, opened = self._relay, self._opened
        assert relay is not None
        assert opened is not None, "a complete answer was opened"
        if not relay.finished:
            relay.cut()
        event = self._charge(hold, opened, relay.usage or self._estimated(relay), relay.finish)
        try:
            await self._settlement.debit(event)
        except Unsettled as unsettled:
            self.record.unbilled_nanos = event.cost_nanos
            self._tell(StoreUnavailable(str(unsettled)))
            await self._release(hold, "settle_timeout")
            return
        finally:
            self.record.phase("settle")
        self.record.settled(event)
        self._forward(relay.tail())

    async def _release(self, hold: Hold, reason: str) -> None:
        """Give the hold back. What was delivered of a cancelled answer counts against the account's free limit of the day."""
        relay, opened = self._relay, self._opened
        delivered = self._estimated(relay) if relay is not None and _has_delivered(relay) else None
        event = release(
            hold, reason=reason, upstream=self._upstream, delivered=delivered, prices=self._order.model.prices
        )
        self.record.settled(event)
        if reason == "cancelled" and delivered is not None and opened is not None:
            guard = free_cancellation_guard(hold, self._terms.free_limit_nanos)
            settled = await self._settlement.release(
                event, guards=(guard,), instead=lambda: self._charge(hold, opened, delivered, "cancelled", "cancelled")
            )
            self.record.settled(settled)
        else:
            await self._settlement.release(event)
        self.record.phase("settle")

    def _charge(
        self, hold: Hold, opened: Opened, usage: Usage, finish: str, outcome: str = "completed"
    ) -> RequestDebited:
        return debit(
            hold,
            prices=self._order.model.prices,
            usage=usage,
            upstream=opened.upstream,
            upstream_request_id=(opened.upstream_request_id or "")[:TEXT_KEPT_MAX] or None,
            response_id=(opened.relay.response_id or "")[:TEXT_KEPT_MAX] or None,
            finish=finish[:TEXT_KEPT_MAX],
            outcome=outcome,
        )

    def _estimated(self, relay: Relay) -> Usage:
        """What was delivered, counted by us: bytes of text either way, images and files, and the answer's own items."""
        items, order = relay.items, self._order
        asked = order.request
        read = estimate_read(asked.text_bytes, images=asked.images, files=asked.files, pages=order.pages)
        return Usage(
            input=min(read, order.bounds.input_tokens),
            output=estimate_tokens(relay.delivered.output_bytes),
            web_search_calls=items.web_search_calls,
            images=items.images,
            calls=items.calls,
            estimated=True,
        )

    @property
    def _relay(self) -> Relay | None:
        return self._opened.relay if self._opened is not None else None

    @property
    def _upstream(self) -> str | None:
        return self._opened.upstream if self._opened is not None else None


def _has_delivered(relay: Relay) -> bool:
    items = relay.items
    return bool(relay.delivered.output_bytes or items.images or items.web_search_calls or items.calls)


def _for_client(error: Exception) -> Exception:
    """Our own reasons to stop, as a client may read them."""
    if not isinstance(error, Stopped):
        return error
    if error.reason == "cancelled":
        return RequestTooSlow("The answer was not read for too long, and was cut off.")
    return StoreUnavailable(error.reason) if error.reason == "lease_lost" else ShuttingDown()
