"""realrouter serve: the gateway, in one process or several."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Sequence
from functools import partial

import click
import structlog
import trio

from app.cli.common import Context, command
from app.edge.server import open_sockets
from app.gateway import run_gateway, stop_on_signals
from app.requests.request_log import RequestLog
from app.services import Services
from app.settings import Settings
from app.telemetry import logs
from app.website.opening import open_site

WORKERS_MAX = 256
RESTART_SECONDS = 1.0
_WORKER = "REALROUTER_WORKER"
_log = structlog.get_logger("serve")


@click.command("serve")
@command
@click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(1, WORKERS_MAX), help="The number of processes."
)
def serve(context: Context, workers: int) -> None:
    """Serve the API. On SIGTERM or SIGINT, finish open requests within the grace period, then exit.

    Migrate the database first (`realrouter migrate`). More than one worker requires PostgreSQL, because SQLite
    supports only one process.
    """
    settings = context.settings()
    if workers > 1 and settings.store.sqlite_path is not None:
        raise click.ClickException(
            '--workers above 1 requires PostgreSQL: set [store] url = "postgresql://user@host/db". '
            "SQLite supports only one process."
        )
    if workers > 1 and _WORKER not in os.environ:
        logs.configure()
        _supervise(context.config, workers)
        return
    logs.configure()
    sockets = open_sockets(settings.server.bind, reuse_port=_WORKER in os.environ)
    url = settings.server.public_url
    serve_sockets(
        settings, sockets, on_ready=lambda ports: _log.info("serving", ports=ports, public_url=url, pid=os.getpid())
    )


def serve_sockets(
    settings: Settings,
    sockets: Sequence[socket.socket],
    *,
    on_record: Callable[[RequestLog, Services], None] = lambda _record, _services: None,
    on_ready: Callable[[list[int]], None] = lambda _ports: None,
) -> None:
    """Serve until a signal. `on_ready` is called with the ports once requests are accepted."""

    async def main() -> None:
        shutdown = trio.Event()
        running: list[Services] = []
        async with trio.open_nursery() as signals:
            signals.start_soon(stop_on_signals, shutdown)
            async with trio.open_nursery() as gateway:
                run = partial(
                    run_gateway,
                    settings,
                    sockets=sockets,
                    shutdown=shutdown,
                    site=partial(open_site, settings.server),
                    on_record=lambda record: on_record(record, running[0]),
                    on_services=running.append,
                )
                on_ready(await gateway.start(run))
            signals.cancel_scope.cancel()

    try:
        trio.run(main)
    except BaseExceptionGroup as group:
        raise _innermost(group) from None
    finally:
        for listening in sockets:
            listening.close()


def _innermost(error: BaseException) -> BaseException:
    """The first error in nested exception groups, which a command line can report."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _supervise(config: str, workers: int) -> None:
    """Keep `workers` processes running, restart those that die, and stop all of them on shutdown."""

    async def main() -> None:
        shutdown = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stop_on_signals, shutdown)
            async with trio.open_nursery() as working:
                for _ in range(workers):
                    working.start_soon(_keep_running, config, workers, shutdown)
            nursery.cancel_scope.cancel()

    trio.run(main)


async def _keep_running(config: str, workers: int, shutdown: trio.Event) -> None:
    arguments = [sys.executable, "-m", "app.cli", "serve", "--config", config, "--workers", str(workers)]
    while not shutdown.is_set():
        process = await trio.lowlevel.open_process(arguments, env={**os.environ, _WORKER: "1"})
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_end_on, shutdown, process)
            code = await process.wait()
            nursery.cancel_scope.cancel()
        if not shutdown.is_set():
            _log.error("a worker died; starting another", pid=process.pid, code=code)
            with trio.move_on_after(RESTART_SECONDS):
                await shutdown.wait()


async def _end_on(shutdown: trio.Event, process: trio.Process) -> None:
    await shutdown.wait()
    process.terminate()
