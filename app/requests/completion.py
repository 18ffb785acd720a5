"""One request from admission to settlement: plan -> opening -> completion -> carrying -> settlement.

Rule 1: no upstream is called before RequestAdmitted is durable, and every admission ends in exactly one debit or release. The table
of states and moves in between is states.py.
Rule 2: a completion runs in a task of the process. The client's handler only waits for the outbox to open and takes from it. When
the client leaves, the handler calls `client_left`, and the upstream is cancelled at once.
Rule 3: from the first closing frame on, nothing is forwarded before RequestDebited is durable. From then on it makes no difference
whether the client leaves: the answer is complete, and the debit remains.
Rule 4: every other exit releases the hold. settlement.py retries the release until it is recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.edge.body import Reservation
from app.errors import message_of, problem_of
from app.faults import IdempotencyKeyUsed, RequestTooSlow, ShuttingDown, UpstreamError
from app.instance.lease import Lease, Slot
from app.ledger.store import CommandFailed, StoreUnavailable
from app.requests.carrying import Carrying, Stopped, Terms
from app.requests.opening import Upstreams
from app.requests.outbox import Outbox
from app.requests.plan import Plan
from app.requests.request_log import RequestLog
from app.requests.settlement import Settlement, Unsettled, charge, delivered_usage, usage_of
from app.requests.states import Move, Progress, State
from domain.buckets import MICROS_PER_SECOND
from domain.errors import DomainError
from domain.rates import Rate
from domain.request import Hold, admit, free_cancellation_guard, release


@dataclass(frozen=True, slots=True)
class Runtime:
    """The parts that all requests of a process share. `on_end` is called once for each request, when it ends."""

    terms: Terms
    lease: Lease
    upstreams: Upstreams
    on_end: Callable[[RequestLog], None]


@dataclass(frozen=True, slots=True)
class Occupied:
    """The resources that one request occupies in the process: a slot, and memory for its body."""

    slot: Slot
    body: Reservation

    def give_back(self) -> None:
        """Free both. Calling it again has no effect."""
        self.slot.give_back()
        self.body.release()


class Completion:
    """One request. `run` is its task. Once `outbox.opened` is set, either `error` is set or the outbox has bytes."""

    def __init__(
        self, plan: Plan, request_log: RequestLog, runtime: Runtime, *, settlement: Settlement, occupied: Occupied
    ) -> None:
        self.error: Exception | None = None
        self.outbox = Outbox()
        self._plan = plan
        self._request_log = request_log
        self._runtime = runtime
        self._settlement = settlement
        self._occupied = occupied
        self._progress = Progress()
        self._carrying = Carrying(
            plan,
            request_log,
            terms=runtime.terms,
            upstreams=runtime.upstreams,
            outbox=self.outbox,
            progress=self._progress,
        )

    @property
    def rates(self) -> tuple[Rate, ...]:
        """The key's rate limits, as of the ledger's verdict on the admission."""
        return self._settlement.rates

    async def client_left(self) -> None:
        """The client reads nothing more. Called on every exit of its handler. Has no effect if the client has taken everything."""
        if not self.outbox.drained:
            self._request_log.client_left = True
            self.stop("cancelled")

    def stop(self, reason: str) -> None:
        """Cancel the upstream and release the hold for `reason`, unless the answer is complete already."""
        self._carrying.stop(reason)

    async def run(self) -> None:
        """From admission to settlement. Expected errors end in the outbox or in `error`; only bugs are raised."""
        with self._runtime.lease.registered(self):
            try:
                hold = await self._admit()
                if hold is not None:
                    await self._carry_and_settle(hold)
            except Exception as error:
                self._report(error)
                raise
            finally:
                self._occupied.give_back()
                self.outbox.end()
                try:
                    self._runtime.on_end(self._request_log)
                finally:
                    await self._carrying.let_go()

    async def _admit(self) -> Hold | None:
        """The hold, or None if the admission failed. The failure has then been reported to the client."""
        plan, request_log = self._plan, self._request_log
        admitted, guards = admit(
            request_id=request_log.request_id,
            payer=plan.payer,
            quote=plan.quote,
            endpoint=plan.endpoint,
            instance_id=self._runtime.lease.instance_id,
            deadline_at_micros=self._settlement.now_micros() + int(self._runtime.terms.total * MICROS_PER_SECOND),
        )
        try:
            hold = await self._settlement.admit(admitted, guards, plan.payer.limits)
        except (DomainError, IdempotencyKeyUsed, StoreUnavailable, CommandFailed) as error:
            self._progress.move(Move.REFUSED)
            request_log.outcome = f"refused:{problem_of(error).code}"
            request_log.refused_by = self._settlement.refused_by
            self._report(error)
            return None
        finally:
            request_log.phase("admit")
        self._progress.move(Move.ADMITTED)
        request_log.hold_nanos = admitted.hold_nanos
        return hold

    async def _carry_and_settle(self, hold: Hold) -> None:
        failure: UpstreamError | Stopped | None = None
        try:
            await self._carrying.run()
        except (UpstreamError, Stopped) as error:
            failure = error
        except BaseException:
            # The failure may be in the code that counts usage, so nothing is counted here: the hold must be released in any case.
            self._progress.move(Move.STOP)
            event = release(hold, reason="internal_error", upstream=self._carrying.upstream)
            self._request_log.settled(event)
            await self._settlement.release(event)
            self._progress.move(Move.RELEASED)
            raise
        self._request_log.phase("stream")
        try:
            if failure is None or self._progress.state is State.COMPLETE:
                await self._debit(hold)
            else:
                self._progress.move(Move.STOP)
                self._report(failure)
                await self._release(hold, failure.reason if isinstance(failure, Stopped) else "upstream_failed")
        except Exception:
            await self._settlement.release(release(hold, reason="internal_error"))
            self._progress.move(Move.RELEASED)
            raise

    async def _debit(self, hold: Hold) -> None:
        """Charge the complete answer, then forward its end."""
        opened = self._carrying.opened
        assert opened is not None, "a complete answer was opened"
        relay = opened.relay
        if not relay.finished:
            relay.cut()
        billed = usage_of(self._plan, relay)
        self._request_log.contradictions = billed.contradictions
        event = charge(hold, self._plan, opened, billed.usage, finish=relay.finish)
        rest = relay.tail(event.usage)
        try:
            await self._settlement.debit(event)
        except Unsettled as unsettled:
            self._request_log.unbilled_nanos = event.cost_nanos
            self._report(StoreUnavailable(str(unsettled)))
            await self._release(hold, "settle_timeout")
            return
        finally:
            self._request_log.phase("settle")
        self._request_log.settled(event)
        self.outbox.put(rest)
        self._progress.move(Move.DEBITED)

    async def _release(self, hold: Hold, reason: str) -> None:
        """Release the hold. The delivered part of a cancelled answer counts against the account's free limit for the day."""
        opened, plan, upstream = self._carrying.opened, self._plan, self._carrying.upstream
        delivered = delivered_usage(plan, opened.relay) if opened is not None else None
        event = release(hold, reason=reason, upstream=upstream, delivered=delivered, prices=plan.quote.model.prices)
        self._request_log.settled(event)
        if reason == "cancelled" and delivered is not None and opened is not None:
            guard = free_cancellation_guard(hold, self._runtime.terms.free_limit_nanos)
            settled = await self._settlement.release(
                event,
                guards=(guard,),
                instead=lambda: charge(hold, plan, opened, delivered, finish="cancelled", outcome="cancelled"),
            )
            self._request_log.settled(settled)
        else:
            await self._settlement.release(event)
        self._request_log.phase("settle")
        self._progress.move(Move.RELEASED)

    def _report(self, error: Exception) -> None:
        """Send the error to the client, unless its answer has already ended.

        If nothing has been sent yet, the error is an HTTP response with a status; otherwise, frames of the client's protocol.
        """
        if self.outbox.ended:
            return
        error = _for_client(error)
        problem = problem_of(error, endpoint=self._plan.endpoint)
        if not self.outbox.opened.is_set():
            self.error = error
            self._request_log.status = problem.status
        elif (opened := self._carrying.opened) is not None:
            message = message_of(error, problem)
            self.outbox.put(opened.relay.failure(message=message, type=problem.type, code=problem.code))
        self.outbox.end()


def _for_client(error: Exception) -> Exception:
    """Our own reasons to stop, in the client's terms."""
    if not isinstance(error, Stopped):
        return error
    if error.reason == "cancelled":
        return RequestTooSlow("The response was cut off because the client stopped reading it for too long.")
    return StoreUnavailable(error.reason) if error.reason == "lease_lost" else ShuttingDown()
