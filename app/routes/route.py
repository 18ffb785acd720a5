"""A route: a method, a path, the handler that answers, and its entry in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from quart import Response, request

from app.edge.application import EdgeApplication
from app.routes.openapi import Operation, describe
from app.services import Services

Handler = Callable[..., Awaitable[Response]]
"""`handler(services, request, **variables)`: `variables` are those of the path, by name."""


@dataclass(frozen=True, slots=True)
class Route:
    """One row of a module's ROUTES. The operation's id is the method and the handler's name.

    If `operation` is None, the route is not documented.
    """

    method: str
    path: str
    handler: Handler
    operation: Operation | None = None


def register(app: EdgeApplication, services: Services, route: Route) -> None:
    """Add a route to the application."""

    async def view(**variables: str) -> Response:
        return await route.handler(services, request, **variables)

    view.__name__ = route.handler.__name__
    if route.operation is not None:
        describe(view, route.operation)
    app.add_url_rule(route.path, view_func=view, methods=[route.method])
