"""Background work: its pauses, and what a turn that fails changes."""

from __future__ import annotations

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from app.faults import StorageUnavailable
from app.instance.turns import RETRY_SECONDS, Turn, repeat
from app.ledger.store import StoreUnavailable

PAUSE = 5.0


async def times_of(failures: list[Exception]) -> list[float]:
    """When the turns began, the first ones failing, up to the third that did not fail."""
    times: list[float] = []
    enough = trio.Event()
    left = len(failures) + 3

    async def take() -> None:
        nonlocal left
        times.append(trio.current_time())
        left -= 1
        if not left:
            enough.set()
        if failures:
            raise failures.pop(0)

    begun = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(repeat, Turn("the test", PAUSE, take))
        await enough.wait()
        nursery.cancel_scope.cancel()
    return [at - begun for at in times]


async def test_a_pause_comes_before_each_turn(autojump_clock: MockClock) -> None:
    assert await times_of([]) == pytest.approx([PAUSE, 2 * PAUSE, 3 * PAUSE])


async def test_a_turn_that_fails_is_logged_and_followed_by_another_after_a_longer_pause(
    autojump_clock: MockClock,
) -> None:
    with capture_logs() as lines:
        times = await times_of([StoreUnavailable("down"), StorageUnavailable("full"), ZeroDivisionError("a bug")])
    longer = PAUSE + RETRY_SECONDS
    assert times[:4] == pytest.approx([PAUSE, PAUSE + longer, PAUSE + 2 * longer, PAUSE + 3 * longer])
    assert [(line["log_level"], line["event"]) for line in lines] == [
        ("warning", "the test: the store is unavailable"),
        ("warning", "the test: the file storage is unavailable"),
        ("error", "unexpected error in the test"),
    ]
