"""/healthz, /readyz and /metrics, for load balancers, orchestrators and Prometheus."""

from __future__ import annotations

from quart import Request, Response

from app.edge.application import EdgeApplication
from app.routes.openapi import Operation, describe
from app.routes.route import Route
from app.services import Services

_PROBES = {
    "healthz": Operation("Whether the process is alive", tag="server", answers={200: str}, media_type="text/plain"),
    "readyz": Operation(
        "Whether it accepts requests", tag="server", answers={200: str, 503: str}, media_type="text/plain"
    ),
}


async def ready(services: Services) -> str | None:
    """Why the process accepts no requests, or None if it does."""
    lease = services.instance.lease
    if lease.draining:
        return "shutting down"
    return None if lease.good else "the ledger is unavailable"


def describe_probes(app: EdgeApplication) -> None:
    """The edge itself answers the two probes; they only need their place in the document."""
    for name, operation in _PROBES.items():
        describe(app.view_functions[name], operation)


async def metrics(services: Services, _request: Request) -> Response:
    body, content_type = services.metrics.render()
    return Response(body, content_type=content_type)


ROUTES = (Route("GET", "/metrics", metrics),)
