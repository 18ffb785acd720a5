"""Prometheus metrics of one process.

Rule 1: one `Metrics` is built and passed around. It has its own registry; nothing here is global.
Rule 2: label values come from the configuration or the code, never from a client, so clients cannot create series.
Rule 3: money here is floating point and for monitoring only. The ledger is for accounting.
Rule 4: updates are a few method calls on children that are bound in advance. They may come from any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from app.telemetry.phases import Phases
from domain.usage import Usage

OTHER = "other"
ENDPOINTS = ("responses", "chat", "models", "files", "api", "web", OTHER)
UPSTREAM_ERRORS = ("unreachable", "timeout", "broken", "refused", OTHER)
CONTRADICTIONS = (
    *("missing", "faulty", "no_input", "no_output", "input_above_bound", "output_above_bound"),
    *("inferred_above_bound", "partial"),
    OTHER,
)
"""What may be wrong with an upstream's usage: none was sent, a figure is not a count, the answer contradicts a zero, a figure
exceeds the bounds of the hold (an inferred one is lowered to them), or one of several turns reported none."""
BUCKETS_MAX = 32
PROJECTIONS_MAX = 32
PAYMENT_OUTCOMES_MAX = 16
_TOKENS = (
    "input",
    "cached_input",
    "cache_write",
    "cache_write_1h",
    "image_input",
    "output",
    "image_output",
    "reasoning",
)
_PHASES = ("admit", "first_byte", "stream", "settle", "total")
_FAST = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0)
_SLOW = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
_SIZES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)


Child = TypeVar("Child", Counter, Gauge)


class _Family(Generic[Child]):
    """The children of one metric, bound once per label value. Once there are `most` values, any further value counts as "other"."""

    def __init__(self, metric: Child, most: int) -> None:
        self._metric: Child = metric
        self._children: dict[str, Child] = {OTHER: metric.labels(OTHER)}
        self._most = most

    def __getitem__(self, value: str) -> Child:
        child = self._children.get(value)
        if child is None:
            if len(self._children) > self._most:
                return self._children[OTHER]
            child = self._children[value] = self._metric.labels(value)
        return child


class Metrics:
    """All metrics of the process. `models` and `upstreams` are the names in the configuration."""

    def __init__(self, models: Iterable[str], upstreams: Iterable[str]) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._models = frozenset(models)
        self._upstreams = frozenset(upstreams)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._define_requests()
        self._define_money()
        self._define_ledger()
        self._define_payments()

    def _define_requests(self) -> None:
        self._requests = Counter(
            "realrouter_requests", "Requests answered.", ("endpoint", "model", "status"), registry=self.registry
        )
        self._request_children: dict[tuple[str, str | None, int], Counter] = {}
        self.in_flight = Gauge("realrouter_requests_in_flight", "Requests being served now.", registry=self.registry)
        self.event_streams = Gauge("realrouter_event_streams", "Streams of account events.", registry=self.registry)
        phases = Histogram(
            "realrouter_phase_seconds",
            "Duration of the phases of a request.",
            ("phase",),
            buckets=_SLOW,
            registry=self.registry,
        )
        self._admit, self._first_byte, self._stream, self._settle, self._total = (
            phases.labels(phase) for phase in _PHASES
        )
        self._tokens = Counter("realrouter_tokens", "Tokens used.", ("kind", "model"), registry=self.registry)
        self._token_children: dict[str, tuple[tuple[str, Counter], ...]] = {}
        unknown = Counter(
            "realrouter_unknown_members",
            "Requests passed on with members that the gateway does not know.",
            ("endpoint",),
            registry=self.registry,
        )
        self._unknown_members = {name: unknown.labels(name) for name in ("responses", "chat")}
        self._upstream_errors = Counter(
            "realrouter_upstream_errors", "Upstream errors.", ("upstream", "kind"), registry=self.registry
        )
        self._contradictions = Counter(
            "realrouter_usage_contradictions",
            "Answers whose usage was missing or contradictory.",
            ("upstream", "kind"),
            registry=self.registry,
        )

    def _define_money(self) -> None:
        registry = self.registry
        self.held_nanos = Counter("realrouter_held_nanos", "Nano-USD held by admissions.", registry=registry)
        self.charged_nanos = Counter("realrouter_charged_nanos", "Nano-USD charged.", registry=registry)
        self.released_nanos = Counter(
            "realrouter_released_nanos", "Nano-USD released without a charge.", registry=registry
        )
        self.open_holds = Gauge("realrouter_open_holds", "Admissions without a debit or release.", registry=registry)
        self.cancelled = Counter(
            "realrouter_cancelled", "Requests whose client disconnected before the end.", registry=registry
        )
        self._unbilled = Counter("realrouter_unbilled", "Answers that could not be charged.", registry=registry)
        self._unbilled_nanos = Counter(
            "realrouter_unbilled_nanos", "Nano-USD that those answers would have cost.", registry=registry
        )
        self._overrun = Counter("realrouter_overrun", "Debits above their hold.", registry=registry)
        self._overrun_nanos = Counter(
            "realrouter_overrun_nanos", "Nano-USD by which debits exceeded their holds.", registry=registry
        )

    def _define_ledger(self) -> None:
        registry = self.registry
        self._batch_size = Histogram(
            "realrouter_commit_batch_size", "Commands in one commit.", buckets=_SIZES, registry=registry
        )
        self._commit_wait = Histogram(
            "realrouter_commit_wait_seconds",
            "Time from a command's arrival to its verdict.",
            buckets=_FAST,
            registry=registry,
        )
        self._commit = Histogram("realrouter_commit_seconds", "Duration of a commit.", buckets=_FAST, registry=registry)
        self._refusals = _Family(
            Counter(
                "realrouter_ledger_refusals",
                "Commands refused, by the bucket that refused.",
                ("bucket",),
                registry=registry,
            ),
            most=BUCKETS_MAX,
        )
        self.unsealed = Gauge(
            "realrouter_log_unsealed_events", "Events after the newest checkpoint.", registry=registry
        )
        self.sealing_refused = Gauge("realrouter_log_sealing_refused", "1 while sealing is refused.", registry=registry)
        self.unknown_topics = Gauge(
            "realrouter_unknown_topics", "Stored events with an unknown topic.", registry=registry
        )
        self._lag_positions = _Family(
            Gauge("realrouter_projection_lag_positions", "Events not yet applied.", ("projection",), registry=registry),
            most=PROJECTIONS_MAX,
        )
        self._lag_seconds = _Family(
            Gauge(
                "realrouter_projection_lag_seconds",
                "Age of the oldest event not yet applied.",
                ("projection",),
                registry=registry,
            ),
            most=PROJECTIONS_MAX,
        )

    def _define_payments(self) -> None:
        registry = self.registry
        self._webhooks = _Family(
            Counter("realrouter_webhooks", "Webhooks received, by outcome.", ("outcome",), registry=registry),
            most=PAYMENT_OUTCOMES_MAX,
        )
        self._payments = _Family(
            Counter("realrouter_payments", "Payments settled, by outcome.", ("outcome",), registry=registry),
            most=PAYMENT_OUTCOMES_MAX,
        )
        self.inbox_waiting = Gauge(
            "realrouter_payment_inbox_waiting", "Webhooks stored but not processed yet.", registry=registry
        )

    def request_done(self, *, endpoint: str, model: str | None, status: int, phases: Phases) -> None:
        """Called once per request, at its end. A model that is not in the catalog counts as "other", none as ""."""
        key = (endpoint, model, status // 100)
        child = self._request_children.get(key)
        (child or self._request_child(*key)).inc()
        if phases.admit is not None:
            self._admit.observe(phases.admit)
        if phases.first_byte is not None:
            self._first_byte.observe(phases.first_byte)
        if phases.stream is not None:
            self._stream.observe(phases.stream)
        if phases.settle is not None:
            self._settle.observe(phases.settle)
        if phases.total is not None:
            self._total.observe(phases.total)

    def _request_child(self, endpoint: str, model: str | None, hundreds: int) -> Counter:
        child = self._requests.labels(
            endpoint if endpoint in ENDPOINTS else OTHER,
            self._model_label(model) if model else "",
            f"{hundreds}xx" if 1 <= hundreds <= 5 else OTHER,
        )
        if endpoint in ENDPOINTS and (model is None or model in self._models) and 1 <= hundreds <= 5:
            self._request_children[endpoint, model, hundreds] = child
        return child

    def _model_label(self, model: str) -> str:
        return model if model in self._models else OTHER

    def used(self, model: str, usage: Usage) -> None:
        """The tokens of one billed answer."""
        label = self._model_label(model)
        children = self._token_children.get(label)
        if children is None:
            children = tuple((kind, self._tokens.labels(kind, label)) for kind in _TOKENS)
            self._token_children[label] = children
        for kind, child in children:
            if count := getattr(usage, kind):
                child.inc(count)

    def unbilled(self, nanos: int) -> None:
        """An answer was produced but cannot be charged."""
        self._unbilled.inc()
        self._unbilled_nanos.inc(nanos)

    def overrun(self, nanos: int) -> None:
        """A debit was `nanos` above its hold."""
        self._overrun.inc()
        self._overrun_nanos.inc(nanos)

    def unknown_members(self, endpoint: str) -> None:
        """A request to `endpoint` (responses or chat) was admitted and passed on with members that the gateway does not know."""
        self._unknown_members[endpoint].inc()

    def upstream_error(self, upstream: str, kind: str) -> None:
        """`kind` is one of UPSTREAM_ERRORS."""
        self._upstream_errors.labels(
            upstream if upstream in self._upstreams else OTHER, kind if kind in UPSTREAM_ERRORS else OTHER
        ).inc()

    def contradiction(self, upstream: str, kind: str) -> None:
        """The figures of a complete answer were missing or contradictory. `kind` is one of CONTRADICTIONS."""
        self._contradictions.labels(
            upstream if upstream in self._upstreams else OTHER, kind if kind in CONTRADICTIONS else OTHER
        ).inc()

    def watch(self, *, open_holds: Callable[[], float], in_flight: Callable[[], float]) -> None:
        """Both functions are called at each scrape, and must not block."""
        self.open_holds.set_function(open_holds)
        self.in_flight.set_function(in_flight)

    def watch_log(self, *, unsealed: Callable[[], float], refused: Callable[[], float]) -> None:
        """Like `watch`."""
        self.unsealed.set_function(unsealed)
        self.sealing_refused.set_function(refused)

    def committed(self, *, size: int, seconds: float) -> None:
        """One batch is durable."""
        self._batch_size.observe(size)
        self._commit.observe(seconds)

    def commit_waited(self, seconds: float) -> None:
        """One command has its verdict."""
        self._commit_wait.observe(seconds)

    def refused(self, bucket_kind: str) -> None:
        """A guard refused a command; `bucket_kind` is the bucket's name up to the colon."""
        self._refusals[bucket_kind].inc()

    def projection_lag(self, projection: str, *, positions: int, seconds: float) -> None:
        """How far a projection lags behind the log, as last seen by the runner."""
        self._lag_positions[projection].set(positions)
        self._lag_seconds[projection].set(seconds)

    def webhook(self, outcome: str) -> None:
        """`outcome` is kept, repeated or bad_signature."""
        self._webhooks[outcome].inc()

    def payment(self, outcome: str) -> None:
        """The outcome of settling a payment or a checkout, such as credited, returned or refused."""
        self._payments[outcome].inc()

    def render(self) -> tuple[bytes, str]:
        """The body and the content type of /metrics."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST
