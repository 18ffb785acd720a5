"""The parts that all requests of a process share: the offered models and their prices, the upstreams, the terms, and the callback
for the end of each request.

Rule: a process does not serve models at prices that the ledger does not have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from app.accounts.commands import unlisted
from app.faults import (
    PricesDiffer,
    UpstreamBroken,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from app.instance.lease import Lease
from app.ledger.codec import Codec
from app.ledger.store import Ledger
from app.requests.attempts import Offer
from app.requests.carrying import Terms
from app.requests.completion import Runtime
from app.requests.opening import Upstreams
from app.requests.plan import Offering
from app.requests.request_log import RequestLog, observe
from app.settings import Settings
from app.telemetry.metrics import Metrics
from app.upstream.base import Upstream
from domain.buckets import MICROS_PER_SECOND
from domain.catalog import Catalog
from domain.events import price_stream

_NAMED_MAX = 5
_ERROR_KINDS = {
    UpstreamUnreachable: "unreachable",
    UpstreamTimeout: "timeout",
    UpstreamBroken: "broken",
    UpstreamRefused: "refused",
}
_log = structlog.get_logger("services")


@dataclass(frozen=True, slots=True)
class Listed:
    """A model's newest price listing: its version, and when the model was first listed (seconds since 1970)."""

    version: int
    created: int


@dataclass(frozen=True, slots=True)
class Serving:
    """`listings` by model. Requests are planned against `offering` and run with `runtime`."""

    listings: Mapping[str, Listed]
    offering: Offering
    runtime: Runtime


def open_serving(
    settings: Settings,
    catalog: Catalog,
    listings: Mapping[str, Listed],
    upstreams: Mapping[str, Upstream],
    lease: Lease,
    metrics: Metrics,
    on_end: Callable[[RequestLog], None],
) -> Serving:
    """`on_end` is called after the request is logged and counted."""
    attempts = settings.limits.attempts
    return Serving(
        listings,
        Offering(
            catalog,
            price_versions={model: listed.version for model, listed in listings.items()},
            upstreams={
                upstream.name: Offer(upstream.protocol, upstream.request_bytes_max, upstream.fetches_urls)
                for upstream in settings.upstreams
            },
            default_max_output_tokens=settings.billing.default_max_output_tokens,
        ),
        Runtime(
            _terms(settings),
            lease,
            Upstreams(upstreams, attempts=attempts, on_error=lambda error: _upstream_failed(error, metrics)),
            on_end=lambda request_log: _observe(request_log, metrics, on_end),
        ),
    )


def check_prices(ledger: Ledger, codec: Codec, catalog: Catalog) -> dict[str, Listed]:
    """The newest listing of each model. Blocks. Raises PricesDiffer if the configuration has other prices, StoreUnavailable."""
    if differing := unlisted(ledger, codec, catalog):
        names = ", ".join(model.id for model, _listing in differing[:_NAMED_MAX])
        raise PricesDiffer(
            f"The configured prices of {names} differ from those in the ledger. `realrouter prices list` compares them; "
            "`realrouter prices apply` records the configured ones."
        )
    return {model.id: _listed(ledger, model.id) for model in catalog.models()}


def _listed(ledger: Ledger, model: str) -> Listed:
    recorded = ledger.stream(price_stream(model))
    return Listed(len(recorded), recorded[0].recorded_at_micros // MICROS_PER_SECOND)


def _terms(settings: Settings) -> Terms:
    limits = settings.limits
    return Terms(
        first_byte=limits.first_byte,
        idle=limits.idle,
        total=limits.total,
        settle=limits.settle,
        send_stall=limits.send_stall,
        free_limit_nanos=settings.billing.cancelled_free_limit_nanos,
    )


def _observe(request_log: RequestLog, metrics: Metrics, then: Callable[[RequestLog], None]) -> None:
    observe(request_log, metrics)
    then(request_log)


def _upstream_failed(error: UpstreamError, metrics: Metrics) -> None:
    """Count the error. If a vendor rejects the gateway's account, the log has the reason; clients do not see it."""
    metrics.upstream_error(error.upstream, _kind(error))
    if isinstance(error, UpstreamRefused) and error.status in (401, 403):
        _log.warning(
            "an upstream rejects our credentials",
            upstream=error.upstream,
            status=error.status,
            code=error.code,
            message=error.message,
        )


def _kind(error: UpstreamError) -> str:
    return next((kind for cause, kind in _ERROR_KINDS.items() if isinstance(error, cause)), "other")
