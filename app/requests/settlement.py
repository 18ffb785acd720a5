"""The ledger's side of one request: its hold, and the one settlement that ends it.

Rule 1: if the outcome of an admission is unknown, its client gets 503, and the append is repeated until the outcome is known. If a
hold was placed, it is then released.
Rule 2: a debit is attempted for the settle time. After that the hold is released, and the answer counts as unbilled.
Rule 3: a release is repeated until it is in the log, even after the request itself has ended. Repeating a debit or a release is
safe: the store recognises the command, and the stream has one place for a settlement.
Rule 4: the reaper may take that place first. Then this settlement does nothing.
Rule 5: if a debit is recorded after its client was sent an error, a correction reverses the charge.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
import trio
from msgspec.structs import replace

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
from app.requests.opening import Opened
from app.requests.plan import Plan
from app.wire.exchange import Relay
from app.wire.usage import JudgedUsage
from domain.account import Account, post_adjustment
from domain.buckets import Guard
from domain.events import Event, KeyLimits, RequestAdmitted, RequestDebited, RequestReleased, request_stream
from domain.rates import Rate, rates
from domain.request import AnswerSource, Hold, debit, refusal, release
from domain.usage import Usage, estimate_tokens

RETRY_SECONDS_FIRST, RETRY_SECONDS_MAX = 0.05, 2.0
TEXT_KEPT_MAX = 200
"""Characters of an upstream's own text that go into an event."""
_STATES = {RequestAdmitted.TOPIC: "open", RequestDebited.TOPIC: "debited", RequestReleased.TOPIC: "released"}
_log = structlog.get_logger("settlement")


class Unsettled(Exception):
    """The debit is not in the ledger: the store was unavailable for the settle time, or the hold had been released."""


def charge(
    hold: Hold, plan: Plan, opened: Opened, usage: Usage, *, finish: str, outcome: str = "completed"
) -> RequestDebited:
    """The debit for an answer, with the upstream's own text shortened to TEXT_KEPT_MAX."""
    source = AnswerSource(
        opened.upstream,
        upstream_request_id=(opened.upstream_request_id or "")[:TEXT_KEPT_MAX] or None,
        response_id=(opened.relay.response_id or "")[:TEXT_KEPT_MAX] or None,
    )
    prices = plan.quote.model.prices
    return debit(hold, prices=prices, usage=usage, source=source, finish=finish[:TEXT_KEPT_MAX], outcome=outcome)


@dataclass(frozen=True, slots=True)
class Billed:
    """The usage that an answer is billed by. `contradictions` are those of telemetry's CONTRADICTIONS
    that the upstream's figures show."""

    usage: Usage
    contradictions: tuple[str, ...] = ()


def usage_of(plan: Plan, relay: Relay) -> Billed:
    """The usage of a complete answer: the upstream's figures, and an estimate for each part that it did not report, or reported as
    zero although the answer shows otherwise: no answer is made from nothing, and text is output. Reported figures are billed even
    above the bounds of the hold; inferred and estimated ones are not."""
    reported, estimate = relay.usage, _estimated(plan, relay)
    if reported is None:
        return Billed(estimate, ("missing",))
    found = ["faulty"] if reported.estimated else []
    usage = reported
    bounds = plan.quote.bounds
    output_max = bounds.choices * bounds.output_tokens
    if isinstance(reported, JudgedUsage):
        usage = reported.within(bounds.input_tokens, output_max)
        if usage.total_tokens < reported.total_tokens:
            found.append("inferred_above_bound")
        if reported.partial:
            usage = _at_least(usage, estimate)
            found.append("partial")
    if not usage.input_tokens:
        usage = replace(usage, input=estimate.input, estimated=True)
        found.append("no_input")
    if not usage.output_tokens and estimate.output:
        usage = replace(usage, output=estimate.output, estimated=True)
        found.append("no_output")
    if usage.input_tokens > bounds.input_tokens:
        found.append("input_above_bound")
    if usage.output_tokens > output_max:
        found.append("output_above_bound")
    return Billed(usage, tuple(found))


def _at_least(usage: Usage, estimate: Usage) -> Usage:
    """`usage`, with its input and output raised to those of the estimate."""
    missing_input = max(0, estimate.input_tokens - usage.input_tokens)
    missing_output = max(0, estimate.output_tokens - usage.output_tokens)
    return replace(usage, input=usage.input + missing_input, output=usage.output + missing_output)


def delivered_usage(plan: Plan, relay: Relay) -> Usage | None:
    """An estimate of the delivered part of an incomplete answer, or None if nothing was delivered."""
    items = relay.items
    if relay.delivered.output_bytes or items.images or items.web_search_calls or items.calls:
        return _estimated(plan, relay)
    return None


def _estimated(plan: Plan, relay: Relay) -> Usage:
    """Our own count of the delivered part: the text of the request and of the answer, images and files, and the answer's items."""
    items, bounds = relay.items, plan.quote.bounds
    return Usage(
        input=min(plan.demand.estimated_tokens, bounds.input_tokens),
        output=min(estimate_tokens(relay.delivered.output_bytes), bounds.choices * bounds.output_tokens),
        web_search_calls=items.web_search_calls,
        images=items.images,
        calls=items.calls,
        estimated=True,
    )


class Settlement:
    """One request's access to the log. Every method may be cancelled; the required work then continues in the background."""

    def __init__(self, request_id: str, *, writer: GroupCommit, lease: Lease, settle_seconds: float) -> None:
        self._request_id = request_id
        self._stream = request_stream(request_id)
        self._writer = writer
        self._lease = lease
        self._settle_seconds = settle_seconds
        self.refused_by = ""
        self.rates: tuple[Rate, ...] = ()
        """The key's rate limits, as of the ledger's verdict on the admission."""

    def now_micros(self) -> int:
        """The store's clock, as an estimate that is close enough to set a deadline by."""
        return self._writer.ledger.estimated_now_micros()

    async def admit(self, admitted: RequestAdmitted, guards: tuple[Guard, ...], limits: KeyLimits) -> Hold:
        """Place the hold. Raises a DomainError, StoreUnavailable, CommandFailed, and IdempotencyKeyUsed if another request has this
        id."""
        append = Append(f"admit_{secrets.token_hex(12)}", self._stream, 0, (admitted,), guards)
        try:
            verdict = await self._writer.append(append)
        except StoreBusy:
            raise
        except StoreUnavailable:
            self._lease.start(lambda: self._release_once_known(append, admitted))
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
                    self._request_id, await trio.to_thread.run_sync(self._state, limiter=self._lease.reading)
                )

    async def debit(self, event: RequestDebited) -> None:
        """Charge. Raises Unsettled if the hold was already released, or if the caller must `release` it."""
        verdict = None
        with trio.move_on_after(self._settle_seconds, shield=True):
            verdict = await self._append_until_known(
                Append(f"debit_{self._request_id}", self._stream, 1, (event,), first=True)
            )
        if isinstance(verdict, Committed):
            return
        raise Unsettled(
            "the ledger did not accept the charge in time" if verdict is None else "the hold was already released"
        )

    async def release(
        self,
        event: RequestReleased,
        *,
        guards: tuple[Guard, ...] = (),
        instead: Callable[[], RequestDebited] | None = None,
    ) -> RequestReleased | RequestDebited:
        """Release the hold. If a guard refuses the release, post the debit `instead`. Returns the event that was posted, or `event`
        if the outcome is not known yet.

        Waits at most for the settle time, then continues in the background.
        """
        done = trio.Event()
        result: list[RequestReleased | RequestDebited] = [event]

        async def until_known() -> None:
            try:
                verdict = await self._append_until_known(
                    Append(f"release_{self._request_id}", self._stream, 1, (event,), guards, first=True)
                )
                if isinstance(verdict, GuardRefused) and instead is not None:
                    result[0] = charge = instead()
                    await self._append_until_known(
                        Append(f"debit_{self._request_id}", self._stream, 1, (charge,), first=True)
                    )
                if isinstance(verdict, Conflict) and verdict.command_id == f"debit_{self._request_id}":
                    await self._give_back()
            finally:
                done.set()  # also if the process is torn down: the reaper releases the holds that were not settled

        self._lease.start(until_known)
        with trio.move_on_after(self._settle_seconds, shield=True):
            await done.wait()
        return result[0]

    def _state(self) -> str:
        newest = self._writer.ledger.stream(self._stream)[-1]
        return _STATES.get(newest.topic, "known")

    async def _give_back(self) -> None:
        """Undo this request's own debit: it was not confirmed in time, so the client was sent an error."""
        while True:
            try:
                await trio.to_thread.run_sync(self._correct, limiter=self._lease.reading)
                return
            except (StoreUnavailable, TooManyConflicts) as error:
                _log.warning(
                    "could not give back a late charge; retrying", request_id=self._request_id, error=str(error)
                )
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

    async def _release_once_known(self, append: Append, admitted: RequestAdmitted) -> None:
        verdict = await self._append_until_known(append)
        if isinstance(verdict, Committed):
            event = release(Hold(admitted, verdict.recorded_at_micros), reason="store_unavailable")
            await self._append_until_known(Append(f"release_{self._request_id}", self._stream, 1, (event,), first=True))

    async def _append_until_known(self, append: Append) -> Committed | Conflict | GuardRefused | None:
        """The verdict, however long the store is unavailable. None if the store can never accept the command (logged)."""
        pause = RETRY_SECONDS_FIRST
        while True:
            try:
                return await self._writer.append(append)
            except StoreUnavailable as error:
                _log.warning(
                    "the ledger did not take a command; retrying", request_id=self._request_id, error=str(error)
                )
                await trio.sleep(pause)
                pause = min(RETRY_SECONDS_MAX, pause * 2)
            except CommandFailed as error:
                _log.error("the ledger rejected the data of a command", request_id=self._request_id, error=str(error))
                return None
