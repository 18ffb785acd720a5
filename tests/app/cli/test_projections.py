"""`projections status` and `projections rebuild`."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app.ledger.codec import Codec
from app.read_models import DecodedLog
from app.services import open_ledger, open_read_models
from app.settings import load
from projections.runner import ALL, Runner
from tests.support.cli.commands import answer, run
from tests.support.gateway.gateway import configuration, prepare
from tests.support.ledger.stages import drain

EVERY = sorted(projection.name for projection in ALL)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Of a ledger with events that no projection has seen."""
    path = tmp_path / "realrouter.toml"
    path.write_text(configuration(tmp_path), encoding="utf-8")
    prepare(load(path))
    return path


def test_a_rebuild_brings_each_projection_to_the_head(config: Path) -> None:
    before = answer(config, "projections", "status")["projections"]
    assert sorted(one["name"] for one in before) == EVERY
    [head] = {one["head"] for one in before}
    assert head > 0
    assert {(one["position"], one["lag_events"]) for one in before} == {(0, head)}
    assert answer(config, "projections", "rebuild") == {"position": head}
    after = answer(config, "projections", "status")["projections"]
    assert {(one["position"], one["lag_events"], one["error"]) for one in after} == {(head, 0, None)}


def test_named_projections_are_rebuilt_alone(config: Path) -> None:
    answer(config, "projections", "rebuild", "balances")
    status = answer(config, "projections", "status")["projections"]
    assert {one["name"] for one in status if one["position"]} == {"balances"}


def test_the_table_for_people_has_a_line_for_each(config: Path) -> None:
    shown = run(config, "projections", "status").stdout
    assert all(any(line.startswith(name) for line in shown.splitlines()) for name in EVERY)


def test_an_unknown_projection_is_wrong_usage(config: Path) -> None:
    result = run(config, "projections", "rebuild", "fortunes")
    assert result.exit_code == 2
    assert "fortunes" in result.stderr


def test_an_event_that_cannot_be_read_stops_a_rebuild_and_is_named(config: Path) -> None:
    answer(config, "projections", "rebuild")
    _spoil_the_newest_event(config)
    result = run(config, "projections", "rebuild")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "adjustment_posted" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_stopped_projection_is_shown_and_exits_1(config: Path) -> None:
    _spoil_the_newest_event(config)
    settings, codec = load(config), Codec()
    ledger, views = open_ledger(settings, codec), open_read_models(settings)
    drain(Runner(DecodedLog(ledger, codec=codec), views))
    views.close()
    ledger.close()
    stopped = [one for one in answer(config, "projections", "status", code=1)["projections"] if one["error"]]
    assert "balances" in {one["name"] for one in stopped}


def _spoil_the_newest_event(config: Path) -> None:
    with closing(sqlite3.connect(config.parent / "realrouter.db")) as connection, connection:
        connection.execute("DROP TRIGGER stored_events_no_update")
        newest = "(SELECT max(notification_id) FROM stored_events)"
        connection.execute(f"UPDATE stored_events SET state = X'7b7d' WHERE notification_id = {newest}")
