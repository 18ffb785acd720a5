"""A source yields every fact of a span of positions, or none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.exports.kinds import encoder_for, export_spec
from app.exports.run import chunks
from app.exports.source import OneAccount, Source, WholeLog, position_before, span_of
from app.ledger.codec import Codec
from projections.exports.contract import ExportStopped
from projections.runner import Runner
from tests.support.ledger.stages import ENGINES, Stage, drain, staged
from tests.support.ledger.trading import Trade

ACCOUNT = "acme"


@pytest.fixture(params=ENGINES)
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """A short log whose events may be deleted."""
    with staged(request, tmp_path) as stage:
        Trade(stage.book, seed=5).run(40)
        drain(Runner(stage.log, stage.shown))
        stage.drop_triggers()
        yield stage


def exported(stage: Stage, account_id: str | None = None, from_micros: int | None = None) -> bytes:
    asked = export_spec("csv", "journal", account_id=account_id, from_micros=from_micros)
    source: Source = WholeLog(stage.ledger, Codec())
    if account_id is not None:
        source = OneAccount(stage.ledger, Codec(), stage.shown, account_id)
    encoder = encoder_for(asked, provider="p", name_of=str)
    return b"".join(chunk.data for chunk in chunks(source, encoder, span_of(stage.ledger, source, asked, None)))


@pytest.mark.parametrize("account_id", [None, ACCOUNT])
def test_a_missing_event_stops_an_export(stage: Stage, account_id: str | None) -> None:
    """One of the account's own: its last, then one before, then its first."""
    moved = stage.shown.moved_positions(ACCOUNT, after=0, until=10_000, limit=1_000)
    assert exported(stage, account_id).count(b"\n") > 20
    for position in (moved[-1], moved[len(moved) // 2], moved[0]):
        stage.sql(f"DELETE FROM stored_events WHERE notification_id = {position}")
        with pytest.raises(ExportStopped, match=f"position {position} is missing"):
            exported(stage, account_id)


def test_an_end_that_was_deleted_stops_an_export_of_a_period(stage: Stage) -> None:
    head = stage.log.head()
    stage.sql(f"DELETE FROM stored_events WHERE notification_id > {head.position - 5}")
    with pytest.raises(ExportStopped, match="is missing"):
        exported(stage, from_micros=head.recorded_at_micros + 1)
    with pytest.raises(ExportStopped, match=f"position {head.position - 4} is missing"):
        exported(stage)


def test_an_instant_is_not_sought_past_a_missing_event(stage: Stage) -> None:
    head = stage.log.head()
    middle = (head.position + 1) // 2
    stage.sql(f"DELETE FROM stored_events WHERE notification_id = {middle}")
    with pytest.raises(ExportStopped, match=f"position {middle} is missing"):
        position_before(stage.ledger, head.recorded_at_micros, head.position)
