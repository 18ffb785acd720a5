"""Deliveries duplicated, reordered, lost and forged, gateways side by side that die between any two steps: every paid session is
credited exactly once, nothing else is, the books balance, and after the sweep our totals are the processor's."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.payments.paying import House
from tests.support.payments.schedules import ACTS, Act, Story, play

SCHEDULES_LONG = 10_000
acts: st.SearchStrategy[list[Act]] = st.lists(
    st.tuples(st.sampled_from(ACTS), st.integers(0, 1_000)), min_size=15, max_size=60
)
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def street() -> Iterator[Path]:
    """A folder in memory with an empty ledger, which each schedule gets a copy of."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="realrouter-paying-", dir=memory))
    (folder / "empty").mkdir()
    House(folder / "empty").close()
    yield folder
    shutil.rmtree(folder)


def run(street: Path, seed: int, schedule: list[Act]) -> Story:
    folder = street / str(next(_numbers))
    shutil.copytree(street / "empty", folder)
    house = House(folder)
    try:
        with structlog.testing.capture_logs():
            story = trio.run(play, house, seed, schedule)
        assert house.replayed().differences == ()
    finally:
        house.close()
        shutil.rmtree(folder)
    return story


@settings(max_examples=150)
@given(seed=st.integers(0, 2**32), schedule=acts)
def test_any_schedule_of_deliveries_credits_once(street: Path, seed: int, schedule: list[Act]) -> None:
    run(street, seed, schedule)


@pytest.mark.long
def test_ten_thousand_schedules(street: Path) -> None:
    stories: list[Story] = []
    began = time.monotonic()

    @settings(max_examples=SCHEDULES_LONG)
    @given(seed=st.integers(0, 2**32), schedule=acts)
    def schedules(seed: int, schedule: list[Act]) -> None:
        stories.append(run(street, seed, schedule))

    schedules()
    credited, begun = sum(story.credited for story in stories), sum(story.begun for story in stories)
    print(
        f"{len(stories)} schedules in {time.monotonic() - began:.0f} s: {begun} checkouts begun, {credited} credited, each once, "
        f"{sum(story.returned for story in stories)} returns, {sum(story.deaths for story in stories)} deaths"
    )
    assert len(stories) >= SCHEDULES_LONG
    assert credited
