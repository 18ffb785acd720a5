"""What is known of one request when it is over: for the log line, the metrics and the demo. Never content, never a secret."""

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
    """One request that reached the ledger. `outcome`: debited, released:reason, refused:code, or failed. Seconds, nanos.

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
    """What a complete answer would have cost that could not be charged."""
    client_left: bool = False
    refused_by: str = ""
    phases: Phases = field(default_factory=Phases)
    last: float = 0.0

    def phase(self, name: str) -> None:
        """What went by since the phase before this one was `name`. A phase that is told twice is added up."""
        now = trio.current_time()
        setattr(self.phases, name, (getattr(self.phases, name) or 0.0) + now - (self.last or self.started))
        self.phases.total = now - self.started
        self.last = now

    def settled(self, event: RequestDebited | RequestReleased) -> None:
        """The settlement as it stands in the ledger."""
        if isinstance(event, RequestDebited):
            self.outcome = "debited" if event.outcome == "completed" else f"debited:{event.outcome}"
            self.usage = event.usage
            self.cost_nanos = event.cost_nanos
            self.overrun_nanos = event.overrun_nanos
        else:
            self.outcome = f"released:{event.reason}"
            self.usage = event.delivered


def observe(record: RequestLog, metrics: Metrics) -> None:
    """The request's one log line, and its share of the figures."""
    RequestLine(
        request_id=record.request_id,
        account_id=record.account_id or None,
        key_id=record.key_id or None,
        model=record.model or None,
        upstream=record.upstream,
        endpoint=record.endpoint,
        stream=record.stream,
        status=record.status,
        outcome=record.outcome,
        phases=record.phases,
        input_tokens=record.usage.input_tokens,
        output_tokens=record.usage.output_tokens,
        hold_nanos=record.hold_nanos,
        cost_nanos=record.cost_nanos,
    ).write()
    metrics.request_done(
        endpoint=record.endpoint, model=record.model or None, status=record.status, phases=record.phases
    )
    metrics.held_nanos.inc(record.hold_nanos)
    if record.outcome.startswith("debited"):
        metrics.charged_nanos.inc(record.cost_nanos)
        metrics.used(record.model, record.usage)
        if record.overrun_nanos:
            metrics.overrun(record.overrun_nanos)
    elif record.hold_nanos:
        metrics.released_nanos.inc(record.hold_nanos)
    if record.unbilled_nanos is not None:
        metrics.unbilled(record.unbilled_nanos)
    if record.client_left:
        metrics.cancelled.inc()
    if record.refused_by:
        metrics.refused(record.refused_by)
