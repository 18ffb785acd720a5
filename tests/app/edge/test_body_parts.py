"""A body that is taken part by part: bounded in length, in silence and in time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio
from quart.wrappers import Request
from trio.testing import MockClock

from app.edge.body import BodyParts
from app.edge.intake import Intake
from app.faults import BodyTooLarge, RequestTooSlow


def parts(limit: int = 100, *, declared: int | None = None, **more: float) -> tuple[BodyParts, Intake]:
    intake = Intake(65_536)
    request: Any = SimpleNamespace(content_length=declared, body=SimpleNamespace(intake=intake))
    return BodyParts(cast(Request, request), limit, **{"seconds": 900.0, **more}), intake


async def whole(body: BodyParts) -> bytes:
    return b"".join([part async for part in body])


async def test_parts_come_as_they_arrive_and_end_with_the_body() -> None:
    body, intake = parts()
    intake.push(b"one")
    assert await anext(body) == b"one"
    intake.push(b"two")
    intake.finish()
    assert await whole(body) == b"two"


async def test_a_declared_length_past_the_limit_is_refused_at_once() -> None:
    with pytest.raises(BodyTooLarge):
        parts(100, declared=101)
    parts(100, declared=100)


async def test_a_body_past_the_limit_is_refused_as_it_comes() -> None:
    body, intake = parts(100)
    intake.push(b"x" * 100)
    assert len(await anext(body)) == 100
    intake.push(b"x")
    with pytest.raises(BodyTooLarge):
        await anext(body)


async def test_silence_is_too_slow(autojump_clock: MockClock) -> None:
    body, intake = parts(idle_seconds=60)
    intake.push(b"x")
    await anext(body)
    began = trio.current_time()
    with pytest.raises(RequestTooSlow):
        await anext(body)
    assert trio.current_time() - began == 60


async def test_a_body_that_drips_ends_at_its_deadline(autojump_clock: MockClock) -> None:
    body, intake = parts(10_000, seconds=900, idle_seconds=60)

    async def drip() -> None:
        while True:
            intake.push(b"x")
            await trio.sleep(50)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(drip)
        with pytest.raises(RequestTooSlow):
            await whole(body)
        assert trio.current_time() == pytest.approx(900, abs=1)
        nursery.cancel_scope.cancel()
