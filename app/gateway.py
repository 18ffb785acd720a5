"""One gateway process: its services, its application, its sockets, and its orderly shutdown.

Rule: on shutdown nothing new is accepted, and running requests may finish within the grace period. The rest are released and their
clients are informed. Only then are connections closed.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Sequence

import structlog
import trio

from app.edge.limits import ServerLimits
from app.edge.server import serve
from app.feed.feed import STREAMS_MAX
from app.requests.request_log import RequestLog
from app.routes import application
from app.services import Services, open_services
from app.settings import Settings
from app.website.site import Site

TELL_SECONDS = 2.0
"""How long the last clients have to read that their answers were cut short."""
_log = structlog.get_logger("gateway")


async def run_gateway(
    settings: Settings,
    *,
    sockets: Sequence[socket.socket],
    shutdown: trio.Event,
    site: Callable[[], Site] | None = None,
    on_record: Callable[[RequestLog], None] = lambda _record: None,
    on_services: Callable[[Services], None] = lambda _services: None,
    task_status: trio.TaskStatus[list[int]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve on listening `sockets` until `shutdown`. Reports the ports once it accepts requests. `site` opens the website, after
    everything else.

    Raises StoreUnavailable, SchemaMismatch, PricesDiffer, LedgerInUse, LogDiffers, SiteUnfit.
    """
    async with open_services(settings, on_record=on_record) as services:
        on_services(services)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_drain, services, shutdown)
            limits = ServerLimits(
                connections=settings.limits.concurrency * 2 + 256 + STREAMS_MAX,
                idle_seconds=settings.limits.connection_idle,
                send_stall_seconds=settings.limits.send_stall,
                grace_seconds=settings.limits.grace + settings.limits.settle + TELL_SECONDS,
            )
            app = application(services, None if site is None else site())
            await serve(app, sockets=sockets, limits=limits, shutdown=shutdown, task_status=task_status)


async def stop_on_signals(shutdown: trio.Event) -> None:
    """Set `shutdown` at the first SIGTERM or SIGINT. A second signal exits at once; the reaper then releases the open requests."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            if shutdown.is_set():
                os._exit(128 + number)
            _log.info("shutting down", signal=signal.Signals(number).name)
            shutdown.set()


async def _drain(services: Services, shutdown: trio.Event) -> None:
    await shutdown.wait()
    services.feed.close()
    limits = services.settings.limits
    await services.instance.lease.drain(limits.grace, limits.settle)
