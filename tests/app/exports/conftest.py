from __future__ import annotations

from collections.abc import Iterator

import pytest

from projections.runner import Runner
from tests.support.ledger.stages import Stage, drain
from tests.support.ledger.trading import Trade


@pytest.fixture(scope="package")
def trade(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Some 3,000 events: a few pages."""
    stage = Stage("sqlite", str(tmp_path_factory.mktemp("exports") / "ledger.db"))
    Trade(stage.book, seed=5).run(1_500)
    drain(Runner(stage.log, stage.shown))
    yield stage
    stage.close()
