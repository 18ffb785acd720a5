"""Processes that follow one log are killed in the middle of batches; the processes after them continue from the stored rows and
positions.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pytest

from app.replay.replay import replay
from tests.support.ledger.stages import ENGINES, Stage, staged
from tests.support.paths import ROOT

KILLS = 6
_FOLLOW = """
import sys
import trio
from app.ledger.postgres import PostgresLedger
from app.ledger.sqlite import SQLiteLedger
from app.read_models import DecodedLog, PostgresReadModels, SQLiteReadModels
from projections.runner import Runner

engine, place = sys.argv[1:]
sqlite = engine == "sqlite"
ledger = SQLiteLedger(place) if sqlite else PostgresLedger(place)
views = SQLiteReadModels(place) if sqlite else PostgresReadModels(place)

class Watched(Runner):
    def step(self):
        if events := super().step():
            print(events, flush=True)
        return events

trio.run(Watched(DecodedLog(ledger), views, batch_events=3, idle_seconds=0.01).run)
"""


@pytest.fixture(params=ENGINES)
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    with staged(request, tmp_path) as stage:
        yield stage


@contextmanager
def _followers(stage: Stage, count: int) -> Iterator[TextIO]:
    """So many processes that follow the log, and one line for each batch of any of them; killed at the end."""
    reading, writing = os.pipe()
    command = [sys.executable, "-c", _FOLLOW, stage.engine, stage.place]
    followers = [subprocess.Popen(command, stdout=writing, cwd=ROOT) for _ in range(count)]
    os.close(writing)
    with open(reading) as lines:  # noqa: PTH123 - a descriptor has no path
        try:
            yield lines
        finally:
            for follower in followers:
                follower.kill()
            for follower in followers:
                follower.wait(120)


@pytest.mark.long
def test_killed_followers_leave_read_models_that_replay_agrees_with(stage: Stage) -> None:
    stage.book.busy(1_200)
    head = stage.log.head().position
    draw = random.Random(1)
    positions = []
    for _ in range(KILLS):
        with _followers(stage, 2) as batches:
            for _ in range(draw.randrange(1, 40)):
                assert batches.readline(), "the followers ended by themselves"
        positions.append(stage.shown.tracked()["balances"].position)
    assert positions == sorted(positions)
    assert positions[-1] < head, "killed too late to show anything"
    assert replay(stage.ledger, stage.shown).differences == ()
    left = head - positions[-1]
    with _followers(stage, 1) as batches:
        while left > 0:
            left -= int(batches.readline())
    report = replay(stage.ledger, stage.shown)
    assert report.differences == ()
    assert set(report.projections.values()) == {head}
