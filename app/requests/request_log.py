"""The figures of one request, for its log line, the metrics and the demo. Never content, never a secret."""

from __future__ import annotations

from dataclasses import dataclass, field

import trio

from app.telemetry.logs import RequestLine
from app.telemetry.metrics import Metrics
from app.telemetry.phases import Phases
from domain.events import RequestDebited, RequestReleased
from domain.usage import Usage


@dataclass(slots=True)
class RequestLog:
    """One request. `outcome`: debited, released:reason, refused:code, or failed. Seconds, nanos.

    `refused_by` is the kind of the bucket whose guard refused the admission.
    """

    request_id: str
    account_id: str
    key_id: str
    model: str
    endpoint: str
    stream: bool
    started: float
    upstream: str | None = None
    outcome: str = "failed"
    status: int = 200
    usage: Usage = field(default_factory=Usage)
    hold_nanos: int = 0
    cost_nanos: int = 0
    overrun_nanos: int = 0
    unbilled_nanos: int | None = None
    """The cost of a complete answer that could not be charged."""
    contradictions: tuple[str, ...] = ()
    """What was wrong with the upstream's figures for a complete answer (metrics.CONTRADICTIONS)."""
    client_left: bool = False
    unknown_members: bool = False
    """The request went upstream with members that the gateway does not know."""
    refused_by: str = ""
    phases: Phases = field(default_factory=Phases)
    last: float = 0.0

    def phase(self, name: str) -> None:
        """Record the end of phase `name`, which began when the previous one ended. If reported twice, its times are added."""
        now = trio.current_time()
        setattr(self.phases, name, (getattr(self.phases, name) or 0.0) + now - (self.last or self.started))
        self.phases.total = now - self.started
        self.last = now

    def settled(self, event: RequestDebited | RequestReleased) -> None:
        """The settlement, as the ledger has it."""
        if isinstance(event, RequestDebited):
            self.outcome = "debited" if event.outcome == "completed" else f"debited:{event.outcome}"
            self.usage = event.usage
            self.cost_nanos = event.cost_nanos
            self.overrun_nanos = event.overrun_nanos
        else:
            self.outcome = f"released:{event.reason}"
            self.usage = event.delivered


def observe(request_log: RequestLog, metrics: Metrics) -> None:
    """Write the request's one log line, and count it in the metrics."""
    RequestLine(
        request_id=request_log.request_id,
        account_id=request_log.account_id or None,
        key_id=request_log.key_id or None,
        model=request_log.model or None,
        upstream=request_log.upstream,
        endpoint=request_log.endpoint,
        stream=request_log.stream,
        status=request_log.status,
        outcome=request_log.outcome,
        phases=request_log.phases,
        input_tokens=request_log.usage.input_tokens,
        output_tokens=request_log.usage.output_tokens,
        hold_nanos=request_log.hold_nanos,
        cost_nanos=request_log.cost_nanos,
    ).write()
    metrics.request_done(
        endpoint=request_log.endpoint,
        model=request_log.model or None,
        status=request_log.status,
        phases=request_log.phases,
    )
    metrics.held_nanos.inc(request_log.hold_nanos)
    if request_log.outcome.startswith("debited"):
        metrics.charged_nanos.inc(request_log.cost_nanos)
        metrics.used(request_log.model, request_log.usage)
        if request_log.overrun_nanos:
            metrics.overrun(request_log.overrun_nanos)
    elif request_log.hold_nanos:
        metrics.released_nanos.inc(request_log.hold_nanos)
    if request_log.unbilled_nanos is not None:
        metrics.unbilled(request_log.unbilled_nanos)
    if request_log.unknown_members and not request_log.outcome.startswith("refused"):
        metrics.unknown_members(request_log.endpoint)
    for kind in request_log.contradictions:
        metrics.contradiction(request_log.upstream or "", kind)
    if request_log.client_left:
        metrics.cancelled.inc()
    if request_log.refused_by:
        metrics.refused(request_log.refused_by)
