"""The gateway as a plain ASGI application, for any ASGI server on Trio: `hypercorn --worker-class trio app.asgi:app`.

Rule 1: the lifespan owns the services: they open at lifespan.startup, and drain and close at lifespan.shutdown. If they cannot
    open, the server gets lifespan.startup.failed with the reason, and takes no request. If they end before lifespan.shutdown, the
    process gets a SIGTERM: a server without services must not go on answering.
Rule 2: the configuration is $REALROUTER_CONFIG, else realrouter.toml, as for the command line. Addresses, TLS, connection limits
    and the grace period are the server's own; `server.bind` and `limits.grace` do not apply.
Rule 3: only HTTP. A WebSocket is closed before it is accepted.
"""

from __future__ import annotations

import os
import signal
from contextlib import AsyncExitStack
from typing import cast

import structlog
from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGISendCallable,
    LifespanShutdownCompleteEvent,
    LifespanStartupCompleteEvent,
    LifespanStartupFailedEvent,
    Scope,
    WebsocketCloseEvent,
)

from app.routes import application
from app.services import open_services
from app.settings import load
from app.settings.load import CONFIG_DEFAULT, CONFIG_VARIABLE
from app.telemetry import logs
from app.website.opening import open_site
from domain.errors import Fault

_log = structlog.get_logger("asgi")


class Gateway:
    """An ASGI application whose services live as long as its lifespan. One per process; several may share one ledger."""

    def __init__(self) -> None:
        self._app: ASGIFramework | None = None

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            await send(WebsocketCloseEvent(type="websocket.close", code=1008, reason=None))
        elif self._app is None:
            raise RuntimeError("the services are not open: this application needs a server that speaks ASGI's lifespan")
        else:
            await self._app(scope, receive, send)

    async def _lifespan(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        await receive()  # lifespan.startup
        try:
            async with AsyncExitStack() as stack:
                reason = await self._start(stack)
                if reason is not None:
                    await send(LifespanStartupFailedEvent(type="lifespan.startup.failed", message=reason))
                    return
                await send(LifespanStartupCompleteEvent(type="lifespan.startup.complete"))
                await receive()  # lifespan.shutdown: the server has ended all requests
                self._app = None
        except Exception:
            _log.exception("the gateway's services ended; the process stops")
            os.kill(os.getpid(), signal.SIGTERM)
            raise
        finally:
            self._app = None
        await send(LifespanShutdownCompleteEvent(type="lifespan.shutdown.complete"))

    async def _start(self, stack: AsyncExitStack) -> str | None:
        """Open the services. Returns the reason if they cannot be opened."""
        try:
            logs.configure()
            settings = load(os.environ.get(CONFIG_VARIABLE, CONFIG_DEFAULT))
            services = await stack.enter_async_context(open_services(settings))
            app = application(services, open_site(settings.server))
        except Exception as error:  # noqa: BLE001 - the server reports every failure the same way; bugs are logged
            cause = _first_cause(error)
            if not isinstance(cause, Fault | OSError):
                _log.exception("the gateway cannot start")
            return str(cause) or type(cause).__name__
        app.on_cut = lambda: services.instance.lease.stop_all("shutdown")
        self._app = cast(ASGIFramework, app)
        return None


def _first_cause(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


app = Gateway()
