"""Everything that a gateway process runs: opened once from the settings, owned by one nursery.

Rule 1: everything that is opened here is closed here, in reverse order. No other code opens a store, an upstream or a pool.
Rule 2: a process does not start on a schema of another version, or with prices that the ledger does not have.
Rule 3: background work (lease, key cache, reaper, projections) ends with the services; the ledger's writer ends last.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar, TypeVarTuple

import trio

from app.accounts.auth import FOLLOW_SECONDS
from app.accounts.opening import Accounts, open_accounts
from app.exports.download import Downloads
from app.feed.feed import CHECK_SECONDS, PACE_SECONDS, Feed
from app.files.opening import open_storage
from app.files.service import Files, Records
from app.files.storage import Storage
from app.files.sweep import SWEEP_SECONDS, FileSweep
from app.instance.opening import Instance, open_instance
from app.instance.reaper import INTERVAL_SECONDS, Reaper
from app.instance.trim import TRIM_SECONDS, Trimmer
from app.instance.turns import Turn, repeat
from app.ledger.codec import Codec
from app.ledger.exclusive import served_alone
from app.ledger.group_commit import GroupCommit
from app.ledger.postgres import PostgresLedger
from app.ledger.sqlite import SQLiteLedger
from app.ledger.store import Ledger
from app.payments.automatic import TURN_SECONDS, AutomaticTopUps
from app.payments.opening import open_payments
from app.payments.processing import Processing
from app.payments.service import Payments
from app.payments.sweep import TURN_SECONDS as PAYMENTS_SECONDS
from app.payments.sweep import PaymentSweep
from app.read_models import DecodedLog, PostgresReadModels, ReadModels, SQLiteReadModels
from app.requests.request_log import RequestLog
from app.requests.serving import Serving, check_prices, open_serving
from app.settings import Settings
from app.telemetry.metrics import Metrics
from app.transparency.opening import Transparency, open_transparency
from app.transparency.sealer import SEAL_SECONDS
from app.upstream.opening import open_upstreams
from domain.file import Room
from projections.runner import Runner

MEASURE_SECONDS = 2.0
PURGE_SECONDS = 3_600.0
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


@dataclass(frozen=True, slots=True)
class Services:
    """The process's parts, as routes and commands use them."""

    settings: Settings
    ledger: Ledger
    codec: Codec
    writer: GroupCommit
    instance: Instance
    accounts: Accounts
    serving: Serving
    read_models: ReadModels
    runner: Runner
    feed: Feed
    files: Files
    downloads: Downloads
    payments: Payments | None
    """None if nothing is for sale."""
    transparency: Transparency | None
    """None if the log is not sealed."""
    metrics: Metrics

    def now_micros(self) -> int:
        """The store's time, as this process knows it: the one clock by which routes judge expiry. Never blocks."""
        return self.ledger.estimated_now_micros()

    async def in_thread(self, work: Callable[[*Ts], T], *args: *Ts, abandon_on_cancel: bool = False) -> T:
        """Run blocking work on the store, in one of the threads that requests share. Raises the errors of `work`."""
        limiter = self.instance.lease.reading
        return await trio.to_thread.run_sync(work, *args, abandon_on_cancel=abandon_on_cancel, limiter=limiter)


def open_ledger(settings: Settings, codec: Codec | None = None) -> Ledger:
    """The store named by the settings. It is not connected yet."""
    path = settings.store.sqlite_path
    return PostgresLedger(settings.store.url, codec=codec) if path is None else SQLiteLedger(str(path), codec=codec)


def open_read_models(settings: Settings) -> ReadModels:
    """The read models in the same database."""
    path = settings.store.sqlite_path
    return PostgresReadModels(settings.store.url) if path is None else SQLiteReadModels(str(path))


@asynccontextmanager
async def open_services(
    settings: Settings, *, on_record: Callable[[RequestLog], None] = lambda _record: None
) -> AsyncIterator[Services]:
    """Run a gateway's parts. On leaving, requests that still run are released and the writer is drained.

    Raises StoreUnavailable, SchemaMismatch, PricesDiffer, LedgerInUse, LogDiffers.
    """
    async with AsyncExitStack() as closing:
        services = await _open(settings, on_record, closing)
        async with _running(services):
            yield services


async def _open(settings: Settings, on_record: Callable[[RequestLog], None], closing: AsyncExitStack) -> Services:
    """Open everything, the store first. `closing` closes it again, also if a later step fails."""
    codec, catalog = Codec(), settings.catalog()
    metrics = Metrics((model.id for model in catalog.models()), (upstream.name for upstream in settings.upstreams))
    ledger, read_models, storage = _open_stores(settings, codec, closing)
    upstreams = await closing.enter_async_context(open_upstreams(settings))
    await trio.to_thread.run_sync(ledger.check_schema)
    listings = await trio.to_thread.run_sync(check_prices, ledger, codec, catalog)
    accounts, instance = open_accounts(ledger, codec), open_instance(ledger, settings.limits)
    log = DecodedLog(ledger, codec=codec)
    feed, runner = Feed(ledger, log, sessions=accounts.sessions, keys=accounts.keys), Runner(log, read_models)
    writer = GroupCommit(ledger, watch=metrics, poke=feed.poke)
    payments = open_payments(settings, ledger, codec, poke=runner.poke, on_outcome=metrics.payment)
    if payments is not None:
        closing.push_async_callback(_shielded, payments.vendor.aclose)
    services = Services(
        settings=settings,
        ledger=ledger,
        codec=codec,
        writer=writer,
        instance=instance,
        accounts=accounts,
        serving=open_serving(settings, catalog, listings, upstreams, instance.lease, metrics, on_record),
        read_models=read_models,
        runner=runner,
        feed=feed,
        files=Files(
            storage,
            Records(ledger, codec, writer, read_models, instance.lease.reading, runner.poke),
            Room(settings.files.account_files, settings.files.account_bytes),
        ),
        downloads=Downloads(),
        payments=payments,
        transparency=await open_transparency(settings, ledger, metrics),
        metrics=metrics,
    )
    metrics.watch(open_holds=lambda: instance.lease.running, in_flight=lambda: instance.slots.running)
    metrics.event_streams.set_function(lambda: feed.streams)
    await accounts.keys.load()
    return services


def _open_stores(settings: Settings, codec: Codec, closing: AsyncExitStack) -> tuple[Ledger, ReadModels, Storage]:
    """A SQLite file is locked first: one process serves it. Raises LedgerInUse."""
    if (path := settings.store.sqlite_path) is not None:
        closing.enter_context(served_alone(path))
    ledger = open_ledger(settings, codec)
    _close_in_thread(closing, ledger.close)
    read_models = open_read_models(settings)
    _close_in_thread(closing, read_models.close)
    storage = open_storage(settings.files)
    _close_in_thread(closing, storage.close)
    return ledger, read_models, storage


def _close_in_thread(closing: AsyncExitStack, close: Callable[[], None]) -> None:
    closing.push_async_callback(_shielded, partial(trio.to_thread.run_sync, close))


async def _shielded(close: Callable[[], Awaitable[None]]) -> None:
    with trio.CancelScope(shield=True):
        await close()


@asynccontextmanager
async def _running(services: Services) -> AsyncIterator[None]:
    """Run the background work. On leaving, requests settle first, then the background ends, then the writer."""
    lease = services.instance.lease
    async with trio.open_nursery() as writing:
        writing.start_soon(services.writer.run)
        try:
            async with trio.open_nursery() as background:
                await background.start(lease.run)
                background.start_soon(services.runner.run)
                for turn in _turns(services):
                    background.start_soon(repeat, turn)
                try:
                    yield
                finally:
                    services.feed.close()
                    with trio.CancelScope(shield=True):
                        await lease.drain(0, services.settings.limits.settle)
                    background.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):
                await lease.end()
            services.writer.close()


def _turns(services: Services) -> Iterator[Turn]:
    """The background work that is done in turns."""
    instance, read_models = services.instance, services.read_models
    reaper = Reaper(services.ledger, services.writer, services.codec, instance.lease)
    yield Turn("the key cache", FOLLOW_SECONDS, services.accounts.keys.load)
    yield Turn("the event feed", PACE_SECONDS, services.feed.turn)
    yield Turn("the check of event streams", CHECK_SECONDS, services.feed.check)
    yield Turn("the lag metrics", MEASURE_SECONDS, partial(_measure, services))
    yield Turn("the reaper", INTERVAL_SECONDS, reaper.turn)
    yield Turn("the memory trimmer", TRIM_SECONDS, Trimmer(instance.body_budget).turn)
    yield Turn("the file sweep", SWEEP_SECONDS, FileSweep(services.files, read_models, instance.lease.reading).turn)
    yield Turn("the purge of sessions", PURGE_SECONDS, partial(services.in_thread, services.accounts.purge))
    if services.transparency is not None:
        yield Turn("log sealing", SEAL_SECONDS, services.transparency.sealer.turn)
    if (payments := services.payments) is not None:
        yield Turn("the payment inbox", 0, Processing(payments).turn)
        yield Turn("automatic top-ups", TURN_SECONDS, AutomaticTopUps(payments).turn)
        yield Turn("the payment sweep", PAYMENTS_SECONDS, PaymentSweep(payments, read_models).turn)


async def _measure(services: Services) -> None:
    """Update the metrics of work that waits: projections, the payment inbox, events of topics that this version does not know."""
    metrics, payments = services.metrics, services.payments
    for status in await services.in_thread(services.runner.status):
        metrics.projection_lag(status.name, positions=status.lag_events, seconds=status.lag_seconds)
    if payments is not None:
        metrics.inbox_waiting.set(await payments.in_thread(payments.inbox.waiting))
    unknown = await services.in_thread(services.read_models.unknown_topics)
    metrics.unknown_topics.set(sum(topic.events for topic in unknown.value))
