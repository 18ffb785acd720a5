"""Everything that a gateway process runs, built once from the settings and owned by one nursery.

Rule 1: what is built here is closed here, in reverse order; nothing else opens a store, an upstream or a pool.
Rule 2: a process does not start over a schema of another version, or over prices that the ledger does not have.
Rule 3: background work (writer, lease, key cache, reaper, projections) ends when the services do; the writer last.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass

import structlog
import trio

from app.accounts.auth import FOLLOW_SECONDS, KeyCache
from app.accounts.commands import unlisted
from app.accounts.links import Links
from app.accounts.passwords import Passwords
from app.accounts.people import People
from app.accounts.sessions import Sessions
from app.accounts.throttle import Throttle
from app.edge.body import BodyBudget
from app.faults import (
    PricesDiffer,
    StorageUnavailable,
    UpstreamBroken,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from app.feed.feed import CHECK_SECONDS, PACE_SECONDS, Feed
from app.files.opening import open_storage
from app.files.service import Files
from app.files.sweep import SWEEP_SECONDS, FileSweep
from app.instance.lease import Lifetime, Slots
from app.instance.reaper import INTERVAL_SECONDS, Reaper
from app.instance.trim import TRIM_SECONDS, Trimmer
from app.ledger.codec import Codec
from app.ledger.exclusive import served_alone
from app.ledger.group_commit import GroupCommit
from app.ledger.postgres import PostgresLedger
from app.ledger.sqlite import SQLiteLedger
from app.ledger.store import Ledger, StoreUnavailable
from app.payments.automatic import TURN_SECONDS, AutomaticTopUps
from app.payments.opening import open_payments
from app.payments.processing import Processing
from app.payments.service import Payments
from app.payments.sweep import TURN_SECONDS as PAYMENTS_SECONDS
from app.payments.sweep import PaymentSweep
from app.read_models import DecodedLog, PostgresReadModels, ReadModels, SQLiteReadModels
from app.requests.attempts import Offer
from app.requests.completion import Terms
from app.requests.opening import Upstreams
from app.requests.request_log import RequestLog, observe
from app.settings import Settings, UpstreamSettings
from app.telemetry.metrics import Metrics
from app.transparency.opening import open_sealing
from app.transparency.receipts import Receipts
from app.transparency.sealer import SEAL_SECONDS, Sealer
from app.upstream.base import Upstream
from app.upstream.http import HttpUpstream, UpstreamTimeouts
from app.upstream.http1.transport import PoolLimits, TrioTransport
from app.upstream.simulator import SimulatorUpstream
from domain.buckets import MICROS_PER_SECOND
from domain.catalog import Catalog
from domain.events import price_stream
from domain.file import Room
from projections.runner import Runner

LAG_SECONDS = 2.0
PURGE_SECONDS = 3_600.0
RETRY_SECONDS = 1.0
"""After a step that failed, however soon the next one would be due."""
_ERROR_KINDS = {
    UpstreamUnreachable: "unreachable",
    UpstreamTimeout: "timeout",
    UpstreamBroken: "broken",
    UpstreamRefused: "refused",
}
_log = structlog.get_logger("services")


@dataclass(frozen=True, slots=True)
class Listed:
    """The newest listing of a model: its version, and when its first one was recorded (seconds since 1970)."""

    version: int
    created: int


@dataclass(frozen=True, slots=True)
class Services:
    """The process's parts, as routes and commands use them."""

    settings: Settings
    catalog: Catalog
    listings: dict[str, Listed]
    ledger: Ledger
    codec: Codec
    writer: GroupCommit
    keys: KeyCache
    lifetime: Lifetime
    slots: Slots
    upstreams: Upstreams
    offers: Mapping[str, Offer]
    terms: Terms
    body_budget: BodyBudget
    parsing: trio.CapacityLimiter
    views: ReadModels
    runner: Runner
    feed: Feed
    files: Files
    people: People
    passwords: Passwords
    sessions: Sessions
    links: Links
    throttle: Throttle
    payments: Payments | None
    """None: nothing is sold."""
    sealer: Sealer | None
    receipts: Receipts | None
    """None, both: the log is not sealed."""
    metrics: Metrics
    on_record: Callable[[RequestLog], None]
    """Told of every request once, at its end."""


def open_ledger(settings: Settings, codec: Codec | None = None) -> Ledger:
    """The store that the settings name. Nothing is connected yet."""
    path = settings.store.sqlite_path
    return PostgresLedger(settings.store.url, codec=codec) if path is None else SQLiteLedger(str(path), codec=codec)


def open_read_models(settings: Settings) -> ReadModels:
    """The read models beside that store."""
    path = settings.store.sqlite_path
    return PostgresReadModels(settings.store.url) if path is None else SQLiteReadModels(str(path))


def check_prices(ledger: Ledger, codec: Codec, catalog: Catalog) -> dict[str, Listed]:
    """The version of each model's newest prices. Raises PricesDiffer where the configuration has others."""
    if differing := unlisted(ledger, codec, catalog):
        names = ", ".join(model.id for model, _listing in differing[:5])
        raise PricesDiffer(
            f"The configured prices of {names} are not those in the ledger. `realrouter prices list` compares them; "
            "`realrouter prices apply` lists the configured ones."
        )
    return {model.id: _listed(ledger, model.id) for model in catalog.models()}


def _listed(ledger: Ledger, model: str) -> Listed:
    recorded = ledger.stream(price_stream(model))
    return Listed(len(recorded), recorded[0].recorded_at_micros // MICROS_PER_SECOND)


@asynccontextmanager
async def open_services(
    settings: Settings, *, on_record: Callable[[RequestLog], None] = lambda _record: None
) -> AsyncIterator[Services]:
    """Run a gateway's parts. On leaving, what still runs is released, and the writer drained.

    Raises StoreUnavailable, SchemaMismatch, PricesDiffer, LedgerInUse, LogDiffers.
    """
    path = settings.store.sqlite_path
    with nullcontext() if path is None else served_alone(path):
        async with _open(settings, on_record) as services:
            yield services


@asynccontextmanager
async def _open(settings: Settings, on_record: Callable[[RequestLog], None]) -> AsyncIterator[Services]:
    codec = Codec()
    catalog = settings.catalog()
    metrics = Metrics((model.id for model in catalog.models()), (upstream.name for upstream in settings.upstreams))
    ledger, views = open_ledger(settings, codec), open_read_models(settings)
    storage = open_storage(settings.files)
    transport = TrioTransport(limits=PoolLimits(connections_max=settings.limits.concurrency + 16))
    payments: Payments | None = None
    try:
        await trio.to_thread.run_sync(ledger.check_schema)
        listings = await trio.to_thread.run_sync(check_prices, ledger, codec, catalog)
        sealer, receipts = await open_sealing(settings, ledger, metrics)
        keys, sessions, log = KeyCache(ledger, codec), Sessions(ledger), DecodedLog(ledger, codec=codec)
        feed = Feed(ledger, log, sessions=sessions, keys=keys)
        writer = GroupCommit(ledger, watch=metrics, poke=feed.poke)
        lifetime = Lifetime(ledger, lease_seconds=settings.limits.lease)
        services = Services(
            settings=settings,
            catalog=catalog,
            listings=listings,
            ledger=ledger,
            codec=codec,
            writer=writer,
            keys=keys,
            lifetime=lifetime,
            slots=Slots(settings.limits.concurrency, settings.limits.key_concurrency),
            upstreams=_upstreams(settings, transport, lambda error: _upstream_failed(error, metrics)),
            offers={upstream.name: _offer(upstream) for upstream in settings.upstreams},
            terms=_terms(settings),
            body_budget=BodyBudget(settings.limits.body_bytes_in_flight),
            parsing=trio.CapacityLimiter(1),
            metrics=metrics,
            views=views,
            runner=(runner := Runner(log, views)),
            feed=feed,
            files=Files(
                storage,
                ledger=ledger,
                codec=codec,
                writer=writer,
                views=views,
                room=Room(settings.files.account_files, settings.files.account_bytes),
                reading=lifetime.reading,
                poke=runner.poke,
            ),
            people=People(ledger, codec),
            passwords=Passwords(),
            sessions=sessions,
            links=Links(ledger),
            throttle=Throttle(ledger),
            payments=(payments := open_payments(settings, ledger, codec, poke=runner.poke, on_outcome=metrics.payment)),
            sealer=sealer,
            receipts=receipts,
            on_record=lambda record: _observe(record, metrics, on_record),
        )
        metrics.watch(open_holds=lambda: lifetime.running, in_flight=lambda: services.slots.running)
        metrics.event_streams.set_function(lambda: feed.streams)
        await services.keys.load()
        async with _running(services):
            yield services
    finally:
        with trio.CancelScope(shield=True):
            await transport.aclose()
            if payments is not None:
                await payments.vendor.aclose()
            await trio.to_thread.run_sync(storage.close)
            await trio.to_thread.run_sync(views.close)
            await trio.to_thread.run_sync(ledger.close)


@asynccontextmanager
async def _running(services: Services) -> AsyncIterator[None]:
    async with trio.open_nursery() as writing:
        writing.start_soon(services.writer.run)
        try:
            async with trio.open_nursery() as background:
                await background.start(services.lifetime.run)
                reaper = Reaper(services.ledger, services.writer, services.codec, services.lifetime)
                background.start_soon(_forever, "the key cache", FOLLOW_SECONDS, services.keys.load)
                background.start_soon(services.runner.run)
                background.start_soon(_forever, "the feed of events", PACE_SECONDS, services.feed.turn)
                background.start_soon(_forever, "the watch on streams of events", CHECK_SECONDS, services.feed.check)
                background.start_soon(_forever, "the watch on projections", LAG_SECONDS, lambda: _watch_lag(services))
                background.start_soon(_forever, "the reaper", INTERVAL_SECONDS, reaper.turn)
                trimmer = Trimmer(services.body_budget)
                background.start_soon(_forever, "giving memory back", TRIM_SECONDS, trimmer.turn)
                sweep = FileSweep(services.files, services.views, services.lifetime.reading)
                background.start_soon(_forever, "the sweep of files", SWEEP_SECONDS, sweep.turn)
                background.start_soon(_forever, "the purge of sessions", PURGE_SECONDS, lambda: _purge(services))
                if services.sealer is not None:
                    background.start_soon(_forever, "sealing the log", SEAL_SECONDS, services.sealer.turn)
                if services.payments is not None:
                    _start_payments(background, services, services.payments)
                try:
                    yield
                finally:
                    services.feed.close()
                    with trio.CancelScope(shield=True):
                        limits = services.settings.limits
                        await services.lifetime.drain(0, limits.settle)
                    background.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):
                await services.lifetime.end_lease()
            services.writer.close()


def _start_payments(background: trio.Nursery, services: Services, payments: Payments) -> None:
    """What is announced, what is due, what differs."""
    processing, automatic = Processing(payments), AutomaticTopUps(payments)
    background.start_soon(_forever, "the inbox of payments", 0, processing.turn)
    background.start_soon(_forever, "automatic top-ups", TURN_SECONDS, automatic.turn)
    background.start_soon(
        _forever, "the sweep of payments", PAYMENTS_SECONDS, PaymentSweep(payments, services.views).turn
    )


async def _purge(services: Services) -> None:
    await trio.to_thread.run_sync(services.sessions.purge, limiter=services.lifetime.reading)
    await trio.to_thread.run_sync(services.links.purge, limiter=services.lifetime.reading)
    await trio.to_thread.run_sync(services.throttle.purge, limiter=services.lifetime.reading)


async def _forever(name: str, pause_seconds: float, step: Callable[[], Awaitable[None]]) -> None:
    """Take a step again and again. What goes wrong in one is logged: it does not end the process that money moves in."""
    while True:
        await trio.sleep(pause_seconds)
        try:
            await step()
        except StoreUnavailable as error:
            _log.warning(f"{name}: the store is out of reach", error=str(error))
        except StorageUnavailable as error:
            _log.warning(f"{name}: the storage of files is out of reach", error=str(error))
        except Exception:  # noqa: BLE001 - see above
            _log.exception(f"{name} failed in a way that has no name")
        else:
            continue
        await trio.sleep(RETRY_SECONDS)


async def _watch_lag(services: Services) -> None:
    for status in await trio.to_thread.run_sync(services.runner.status, limiter=services.lifetime.reading):
        services.metrics.projection_lag(status.name, positions=status.lag_events, seconds=status.lag_seconds)
    if services.payments is not None:
        waiting = await services.payments.in_thread(services.payments.inbox.waiting)
        services.metrics.inbox_waiting.set(waiting)
    unknown = await trio.to_thread.run_sync(services.views.unknown_topics, limiter=services.lifetime.reading)
    services.metrics.unknown_topics.set(sum(topic.events for topic in unknown.value))


def _upstreams(settings: Settings, transport: TrioTransport, on_error: Callable[[UpstreamError], None]) -> Upstreams:
    made = {upstream.name: _upstream(upstream, settings, transport) for upstream in settings.upstreams}
    return Upstreams(made, attempts=settings.limits.attempts, on_error=on_error)


def _offer(upstream: UpstreamSettings) -> Offer:
    return Offer(upstream.protocol, upstream.request_bytes_max, upstream.fetches_urls)


def _upstream(upstream: UpstreamSettings, settings: Settings, transport: TrioTransport) -> Upstream:
    if upstream.protocol == "simulator":
        return SimulatorUpstream(upstream.name, pace_seconds=upstream.pace)
    limits = settings.limits
    return HttpUpstream(
        upstream.name,
        upstream.base_url,
        upstream.api_key.reveal(),
        transport=transport,
        protocol=upstream.protocol,
        # No idle timeout: the completion moves one deadline of its own.
        timeouts=UpstreamTimeouts(connect=limits.connect, first_byte=limits.first_byte, idle=None),
        allow_insecure=upstream.allow_insecure,
    )


def _observe(record: RequestLog, metrics: Metrics, then: Callable[[RequestLog], None]) -> None:
    observe(record, metrics)
    then(record)


def _upstream_failed(error: UpstreamError, metrics: Metrics) -> None:
    """Count it. What a vendor says of our own account there is shown to no client: the operator reads it in the log."""
    metrics.upstream_error(error.upstream, _kind(error))
    if isinstance(error, UpstreamRefused) and error.status in (401, 403):
        _log.warning(
            "an upstream refuses us", upstream=error.upstream, status=error.status, code=error.code, said=error.message
        )


def _kind(error: UpstreamError) -> str:
    return next((kind for cause, kind in _ERROR_KINDS.items() if isinstance(error, cause)), "other")


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
