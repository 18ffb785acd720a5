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
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.app.payments.schedules import ACTS, Act, Story, play
from tests.support.paying import House

SCHEDULES_LONG = 10_000
HOUSE_SCHEDULES = 200
"""A fresh ledger after so many: reading a log back must not take longer and longer."""
acts: st.SearchStrategy[list[Act]] = st.lists(
    st.tuples(st.sampled_from(ACTS), st.integers(0, 1_000)), min_size=5, max_size=40
)
_numbers = itertools.count(1)


class Street:
    """Houses in memory-backed folders, one after the other."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._house: House | None = None
        self._played = 0

    def house(self) -> House:
        if self._house is None or self._played % HOUSE_SCHEDULES == 0:
            self.close()
            memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
            self._folder = Path(tempfile.mkdtemp(prefix="realrouter-paying-", dir=memory))
            self._house = House(self._folder)
        self._played += 1
        return self._house

    def close(self) -> None:
        if self._house is not None:
            assert self._house.replayed().differences == ()
            self._house.close()
        if self._folder is not None:
            shutil.rmtree(self._folder)


@pytest.fixture(scope="module")
def street() -> Iterator[Street]:
    street = Street()
    yield street
    street.close()


def run(street: Street, seed: int, schedule: list[Act]) -> Story:
    return trio.run(play, street.house(), next(_numbers), seed, schedule)


@settings(max_examples=150)
@given(seed=st.integers(0, 2**32), schedule=acts)
def test_any_schedule_of_deliveries_credits_once(street: Street, seed: int, schedule: list[Act]) -> None:
    run(street, seed, schedule)


@pytest.mark.long
def test_ten_thousand_schedules(street: Street) -> None:
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
        f"{stories[-1].deaths} deaths in the last house"
    )
    assert len(stories) >= SCHEDULES_LONG
    assert credited
