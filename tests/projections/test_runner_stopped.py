"""The runner's handling of events that it cannot apply, on both engines."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from domain.events import AccountOpened, Event, KeyRevoked
from projections.contract import Fact, Read
from projections.runner import ALL, RebuildFailed, Runner
from projections.tables import Change, Table
from tests.support.ledger.histories import USD
from tests.support.ledger.stages import Stage, drain


def test_an_event_that_cannot_be_read_stops_whom_it_concerns_and_is_seen(stage: Stage) -> None:
    stage.book.list_prices()
    stage.book.open("acme", "k1", grant_nanos=USD)
    stage.drop_triggers()
    nothing = "X'7b7d'" if stage.engine == "sqlite" else "'{}'"
    stage.sql(f"UPDATE stored_events SET state = {nothing} WHERE notification_id = 4")
    stage.book.open("bob")
    views = stage.views()
    runner = Runner(stage.log, views)
    drain(runner)
    head = stage.log.head().position
    status = {one.name: one for one in runner.status()}
    assert {name: one.position for name, one in status.items()} == {
        "balances": 3,
        "transactions": 3,
        "usage": head,
        "keys": 3,
        "files": head,
        "payments": head,
        "unknown_topics": head,
    }
    for name in ("balances", "transactions", "keys"):
        assert "event 4 cannot be decoded" in (status[name].error or "")
        assert status[name].lag_events == head - 3
        assert status[name].lag_seconds >= 0
    assert status["usage"].error is None
    with pytest.raises(RebuildFailed, match="event 4"):
        runner.rebuild(["balances"])
    assert runner.rebuild(["usage"]) == head


def test_a_change_of_a_key_that_no_event_made_stops_keys_by_name(stage: Stage) -> None:
    stage.book.open("acme", grant_nanos=USD)
    stage.book.say("account:acme", KeyRevoked("acme", "never"))
    runner = Runner(stage.log, stage.shown)
    drain(runner)
    errors = {one.name: one.error for one in runner.status()}
    assert "event 3 changes something that no event has created" in (errors.pop("keys") or "")
    assert set(errors.values()) == {None}


def test_a_projection_that_fails_stops_alone(stage: Stage) -> None:
    stage.book.busy(5)

    class Failing:
        name, version, families = "failing", 1, None
        tables: tuple[Table, ...] = ()

        def apply(self, facts: Sequence[Fact], read: Read) -> list[Change]:
            raise ArithmeticError("no such sum")

    views = stage.views()
    runner = Runner(stage.log, views, [*ALL, Failing()])
    drain(runner)
    head = stage.log.head().position
    for one in runner.status():
        if one.name == "failing":
            assert one.position == 0
            assert "no such sum" in (one.error or "")
        else:
            assert (one.position, one.error) == (head, None)


def test_an_unknown_topic_is_counted_and_the_rest_continues(stage: Stage) -> None:
    class Later(Event, frozen=True):
        TOPIC = "account.later.v1"
        account_id: str

    stage.book.say("account:acme", Later("acme"), Later("acme"), AccountOpened("acme", "Acme"))
    views = stage.views()
    drain(Runner(stage.log, views))
    assert [(one.topic, one.events, one.first_position) for one in views.unknown_topics().value] == [
        ("account.later.v1", 2, 1)
    ]
    assert views.accounts().value[0].name == "Acme"
