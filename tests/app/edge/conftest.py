"""A server of a test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio

from app.edge.limits import ServerLimits
from app.edge.server import serve
from tests.support.edge.api import Api
from tests.support.edge.world import Start, World


@pytest.fixture
async def start(nursery: trio.Nursery) -> AsyncIterator[Start]:
    """Starts a server with the limits that a test names."""

    async def start(**limits: Any) -> World:
        world = World()

        async def run(task_status: trio.TaskStatus[list[int]]) -> None:
            await serve(
                world.app,
                bind=["127.0.0.1:0"],
                limits=ServerLimits(**limits),
                shutdown=world.shutdown,
                task_status=task_status,
            )

        (world.port,) = await nursery.start(run)
        return world

    yield start
    nursery.cancel_scope.cancel()


@pytest.fixture
async def api(nursery: trio.Nursery) -> AsyncIterator[Api]:
    api = Api()

    async def run(task_status: trio.TaskStatus[list[int]]) -> None:
        limits = ServerLimits(grace_seconds=1)
        await serve(api.app, bind=["127.0.0.1:0"], limits=limits, shutdown=api.shutdown, task_status=task_status)

    (api.port,) = await nursery.start(run)
    yield api
    nursery.cancel_scope.cancel()
