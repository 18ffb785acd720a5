"""The ledger's side of one request: its hold, and the one settlement that ends it.

Rule 1: an admission whose fate is unknown is asked for again until it is known, and released; its client was told 503.
Rule 2: a debit is insisted on for the settle time. Past that the hold is released, and the answer counts as unbilled.
Rule 3: a release is insisted on until it is in the log, beyond the request's own life where need be. Repeating either is safe:
the store knows the command, and the stream has one place for a settlement.
Rule 4: the place may be taken by the reaper. Whoever comes second does nothing.
Rule 5: a debit that lands after its client was told that nothing was charged is given back by a correction.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

import structlog
import trio

from app.accounts.commands import known, on_account
from app.faults import IdempotencyKeyUsed, TooManyConflicts
from app.instance.lease import Lease
from app.ledger.codec import Codec
from app.ledger.group_commit import GroupCommit
from app.ledger.store import (
    Append,
    CommandFailed,
    Committed,
    Conflict,
    GuardRefused,
    StoreBusy,
    StoreUnavailable,
)
from domain.account import Account, post_adjustment
from domain.buckets import Guard
from domain.events import Event, KeyLimits, RequestAdmitted, RequestDebited, RequestReleased, request_stream
from domain.rates import Rate, rates
from domain.request import Hold, refusal, release

RETRY_SECONDS_FIRST, RETRY_SECONDS_MAX = 0.05, 2.0
_STATES = {RequestAdmitted.TOPIC: "open", RequestDebited.TOPIC: "debited", RequestReleased.TOPIC: "released"}
_log = structlog.get_logger("settlement")


class Unsettled(Exception):
    """The debit is not in the ledger: the store was out of reach for the settle time, or the hold was released before."""


class Settlement:
    """One request's way into the log. Every method may be cancelled; what must happen then happens in the background."""

    def __init__(self, request_id: str, *, writer: GroupCommit, lifetime: Lease, settle_seconds: float) -> None:
        self._request_id = request_id
        self._stream = request_stream(request_id)
        self._writer = writer
        self._lifetime = lifetime
        self._settle_seconds = settle_seconds
        self.refused_by = ""
        self.rates: tuple[Rate, ...] = ()
        """The rates of the key as the ledger's verdict on the admission saw them."""

    def now_micros(self) -> int:
        """The store's clock, near enough to set a deadline by."""
        return self._writer.ledger.estimated_now_micros()

    async def admit(self, admitted: RequestAdmitted, guards: tuple[Guard, ...], limits: KeyLimits) -> Hold:
        """Place the hold. Raises a DomainError, IdempotencyKeyUsed (another request stands at this
        id), StoreUnavailable, CommandFailed."""
        append = Append(f"admit_{secrets.token_hex(12)}", self._stream, 0, (admitted,), guards)
        try:
            verdict = await self._writer.append(append)
        except StoreBusy:
            raise
        except StoreUnavailable:
            self._lifetime.start(lambda: self._find_out(append, admitted))
            raise
        match verdict:
            case Committed():
                self.rates = rates(limits, guards, verdict.guarded, verdict.recorded_at_micros)
                return Hold(admitted, verdict.recorded_at_micros)
            case GuardRefused():
                self.rates = rates(limits, guards, verdict.guarded, verdict.at_micros)
                self.refused_by = verdict.bucket.partition(":")[0]
                raise refusal(admitted, limits, verdict.bucket, verdict.value, verdict.at_micros)
            case Conflict():
                raise IdempotencyKeyUsed(
                    self._request_id, await trio.to_thread.run_sync(self._state, limiter=self._lifetime.reading)
                )

    async def debit(self, event: RequestDebited) -> None:
        """Charge. Raises Unsettled: then the hold is released already, or `release` is to be called."""
        verdict = None
        with trio.move_on_after(self._settle_seconds, shield=True):
            verdict = await self._insist(Append(f"debit_{self._request_id}", self._stream, 1, (event,), first=True))
        if isinstance(verdict, Committed):
            return
        raise Unsettled(
            "the ledger did not take the charge in time" if verdict is None else "the hold was released already"
        )

    async def release(
        self,
        event: RequestReleased,
        *,
        guards: tuple[Guard, ...] = (),
        instead: Callable[[], RequestDebited] | None = None,
    ) -> RequestReleased | RequestDebited:
        """Give the hold back; where a guard objects, post the debit `instead`. Returns what was asked for or done.

        Waits for the settle time at most; then it goes on in the background.
        """
        done = trio.Event()
        result: list[RequestReleased | RequestDebited] = [event]

        async def until_known() -> None:
            try:
                verdict = await self._insist(
                    Append(f"release_{self._request_id}", self._stream, 1, (event,), guards, first=True)
                )
                if isinstance(verdict, GuardRefused) and instead is not None:
                    result[0] = charge = instead()
                    await self._insist(Append(f"debit_{self._request_id}", self._stream, 1, (charge,), first=True))
                if isinstance(verdict, Conflict) and verdict.command_id == f"debit_{self._request_id}":
                    await self._give_back()
            finally:
                done.set()  # also where the process is torn down: what was not written is the reaper's

        self._lifetime.start(until_known)
        with trio.move_on_after(self._settle_seconds, shield=True):
            await done.wait()
        return result[0]

    def _state(self) -> str:
        newest = self._writer.ledger.stream(self._stream)[-1]
        return _STATES.get(newest.topic, "known")

    async def _give_back(self) -> None:
        """Undo this request's own debit: it was not known in time, and its client was told that nothing was charged."""
        while True:
            try:
                await trio.to_thread.run_sync(self._correct, limiter=self._lifetime.reading)
                return
            except (StoreUnavailable, TooManyConflicts) as error:
                _log.warning("a late charge is not given back yet", request_id=self._request_id, error=str(error))
                await trio.sleep(RETRY_SECONDS_MAX)

    def _correct(self) -> None:
        ledger, codec, correction = self._writer.ledger, Codec(), f"undo_{self._request_id}"
        [charge] = [event for event in known(codec, ledger.stream(self._stream)) if isinstance(event, RequestDebited)]

        def decide(account: Account) -> Sequence[Event]:
            if correction in account.adjustments or not charge.cost_nanos:
                return ()
            return post_adjustment(
                account,
                adjustment_id=correction,
                kind="correction",
                amount_nanos=charge.cost_nanos,
                reason="charged too late: the answer had ended in an error",
                reference=self._request_id,
            )

        on_account(ledger, codec, charge.account_id, decide)

    async def _find_out(self, append: Append, admitted: RequestAdmitted) -> None:
        verdict = await self._insist(append)
        if isinstance(verdict, Committed):
            event = release(Hold(admitted, verdict.recorded_at_micros), reason="store_unavailable")
            await self._insist(Append(f"release_{self._request_id}", self._stream, 1, (event,), first=True))

    async def _insist(self, append: Append) -> Committed | Conflict | GuardRefused | None:
        """The verdict, however long the store is out of reach. None where the store can never take it (logged)."""
        pause = RETRY_SECONDS_FIRST
        while True:
            try:
                return await self._writer.append(append)
            except StoreUnavailable as error:
                _log.warning(
                    "the ledger did not take a command; asking again", request_id=self._request_id, error=str(error)
                )
                await trio.sleep(pause)
                pause = min(RETRY_SECONDS_MAX, pause * 2)
            except CommandFailed as error:
                _log.error("the ledger refuses a command's data", request_id=self._request_id, error=str(error))
                return None
