"""What tests change in an audited ledger, and how they ask whether it is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from app.replay.replay import Report, replay
from domain.events import Event
from projections.runner import Runner
from tests.support.ledger.stages import Stage, drain, staged

TEXT = st.text(alphabet="az09-é", min_size=1, max_size=6)
MOVED = st.integers(-(10**12), 10**12).filter(bool)
FAR = st.sampled_from([10**30, -(10**30), 2**63])
"""No column takes it, and an event may say it."""
many = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Later(Event, frozen=True):
    """Of a topic that this version does not know."""

    TOPIC = "checkout.later.v1"


@contextmanager
def busy_stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """A ledger with rows in every table, some requests open; the database's own guard of events is gone."""
    with staged(request, tmp_path) as stage:
        stage.book.busy(60)
        stage.book.say("checkout:1", Later())
        drain(Runner(stage.log, stage.shown))
        stage.drop_triggers()
        yield stage


def report(stage: Stage) -> Report:
    return replay(stage.ledger, stage.shown, differences_max=100)
