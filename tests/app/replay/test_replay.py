"""Replay agrees with an untouched store, and reports every change."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from app.ledger.store import Append
from app.read_models.answers import NotYetProjected
from app.replay.derive import DERIVATIONS
from app.replay.replay import Report, balance_explained, parse_at, replay
from domain.buckets import MICROS_PER_DAY, minute_of
from domain.events import Event, KeyCreated, KeyLimits, PriceListed, RequestDebited, price_stream, request_stream
from domain.request import AnswerSource, Hold, debit
from projections.runner import ALL, Runner
from projections.tables import Change
from tests.support.ledger.histories import PRICES, USD, admission, use
from tests.support.ledger.stages import ENGINES, Stage, drain, staged


@pytest.fixture(params=ENGINES)
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    with staged(request, tmp_path) as stage:
        yield stage


@pytest.fixture
def audited(stage: Stage) -> Stage:
    """A busy ledger whose read models have caught up, with requests still open."""
    stage.book.busy(60)
    drain(Runner(stage.log, stage.shown))
    return stage


class Later(Event, frozen=True):
    """Of a topic that this version does not know."""

    TOPIC = "checkout.later.v1"


def report(stage: Stage) -> Report:
    return replay(stage.ledger, stage.shown)


def found(stage: Stage) -> list[tuple[str, str, str, str]]:
    result = report(stage)
    assert not result.ok
    assert result.differences_count == len(result.differences)
    return [(one.what, one.where, one.expected, one.found) for one in result.differences]


def test_every_projection_has_its_own_derivation() -> None:
    assert {item.name: item.tables for item in ALL} == {name: tables for name, (_, tables) in DERIVATIONS.items()}


def test_an_honest_ledger_has_no_difference(audited: Stage) -> None:
    seen: list[tuple[int, int]] = []
    result = replay(audited.ledger, audited.shown, lambda done, of: seen.append((done, of)))
    head = audited.log.head().position
    assert result.differences == ()
    assert result.ok
    assert result.events == head
    assert seen[-1] == (head, head)
    assert result.projections == dict.fromkeys((item.name for item in ALL), head)
    assert len(result.open_requests) == 5
    assert {one.request_id for one in result.open_requests} == {
        one.request_id for one in audited.ledger.open_requests()
    }


def test_read_models_are_compared_where_they_stand(audited: Stage) -> None:
    behind = audited.log.head().position
    audited.book.busy(40, seed=2, accounts=("late",))
    result = report(audited)
    assert result.differences == ()
    assert set(result.projections.values()) == {behind}
    assert result.events > behind


def test_an_empty_ledger_is_in_order(stage: Stage) -> None:
    Runner(stage.log, stage.shown).prepare()
    assert report(stage).ok


def test_a_flipped_bucket_is_named(audited: Stage) -> None:
    value = audited.ledger.bucket_values(["available:acme"])["available:acme"]
    audited.sql("UPDATE buckets SET value = value + 1 WHERE name = 'available:acme'")
    assert found(audited) == [("bucket", "available:acme", str(value), str(value + 1))]


def test_a_missing_bucket_is_named(audited: Stage) -> None:
    audited.sql("DELETE FROM buckets WHERE name = 'held:bob'")
    [(what, where, _, value)] = found(audited)
    assert (what, where, value) == ("bucket", "held:bob", "missing")


def test_a_pruned_minute_is_no_difference_but_a_wrong_one_is(audited: Stage) -> None:
    now = audited.ledger.now_micros()
    assert audited.ledger.prune(minutes_before=minute_of(now + MICROS_PER_DAY)) > 0
    later = replay(audited.ledger, audited.shown, minutes_kept=-10)
    assert later.differences == ()
    missing = replay(audited.ledger, audited.shown)
    assert {one.what for one in missing.differences} == {"bucket"}
    audited.sql(f"INSERT INTO buckets VALUES ('requests:bob-1:{minute_of(now)}', 999999)")
    wrong = replay(audited.ledger, audited.shown, minutes_kept=-10)
    assert [one.found for one in wrong.differences] == ["999999"]


def test_a_missing_open_request_is_named(audited: Stage) -> None:
    gone = audited.ledger.open_requests()[0].request_id
    audited.sql(f"DELETE FROM open_requests WHERE request_id = '{gone}'")
    [(what, where, _, value)] = found(audited)
    assert (what, where, value) == ("open request", gone, "missing")


def test_an_open_request_too_many_is_named(audited: Stage) -> None:
    audited.sql("INSERT INTO open_requests VALUES ('ghost', 3, 'nobody', 5)")
    [(what, where, expected, _)] = found(audited)
    assert (what, where, expected) == ("open request", "ghost", "none")


@pytest.mark.parametrize("table", [table for item in ALL for table in item.tables], ids=lambda table: table.name)
def test_a_changed_row_of_a_read_model_is_named(audited: Stage, table: object) -> None:
    [projection, table] = next((item, t) for item in ALL for t in item.tables if t is table)
    audited.book.say("checkout:1", Later())
    drain(Runner(audited.log, audited.shown))
    with audited.shown.snapshot() as snapshot:
        rows = list(snapshot.rows(table))
    row = rows[len(rows) // 2]
    column = next(n for n in range(len(row) - 1, table.key - 1, -1) if isinstance(row[n], int))
    changed = (*row[:column], row[column] + 1, *row[column + 1 :])
    with audited.shown.batch([projection.name]) as batch:
        assert batch is not None
        batch.write(Change(table, "put", [changed]))
    name = table.names[column]
    assert found(audited) == [
        (f"row of {table.name}", str(row[: table.key]), f"{name}={row[column]!r}", f"{name}={row[column] + 1!r}")
    ]


def test_a_row_too_many_and_a_row_too_few_are_named(audited: Stage) -> None:
    table = ALL[1].tables[0]
    with audited.shown.snapshot() as snapshot:
        rows = [row for row in snapshot.rows(table) if row[0] == "bob"]
    audited.views_sql(f"DELETE FROM transactions WHERE account_id = 'bob' AND position = {rows[3][1]}")
    with audited.shown.batch(["transactions"]) as batch:
        assert batch is not None
        batch.write(Change(table, "insert", [("bob", 1, *rows[0][2:])]))
    differences = found(audited)
    assert [(where, expected == "none", value == "missing") for _, where, expected, value in differences] == [
        ("('bob', 1)", True, False),
        (f"('bob', {rows[3][1]})", False, True),
    ]


def _doctor(stage: Stage, position: int, **fields: object) -> None:
    """Changes an event in place, past the store."""
    row = stage.ledger.read(position - 1, 1)[0]
    state = msgspec.json.encode(msgspec.json.decode(row.state) | fields).hex()
    literal = f"X'{state}'" if stage.engine == "sqlite" else f"'\\x{state}'"
    stage.drop_triggers()
    stage.sql(f"UPDATE stored_events SET state = {literal} WHERE notification_id = {position}")


def _first(stage: Stage, topic: str) -> int:
    return next(row.id for row in stage.ledger.read(0, 10_000) if row.topic == topic)


def test_a_doctored_cost_is_named(audited: Stage) -> None:
    position = _first(audited, "request.debited.v1")
    _doctor(audited, position, cost_nanos=1)
    differences = replay(audited.ledger, audited.shown, differences_max=100).differences
    assert differences[0].what == "cost_nanos"
    assert f"event {position}," in differences[0].where
    assert differences[0].found == "1"
    assert {"bucket", "row of transactions", "row of usage", "row of balances"} <= {one.what for one in differences}


def test_a_doctored_grant_is_named_by_what_it_moved(audited: Stage) -> None:
    position = _first(audited, "account.adjustment_posted.v1")
    _doctor(audited, position, amount_nanos=1)
    assert "available after an admission" in {one[0] for one in found_any(audited)}


def found_any(stage: Stage) -> list[tuple[str, str]]:
    result = report(stage)
    assert not result.ok
    return [(one.what, one.where) for one in result.differences]


def test_an_event_that_cannot_be_read_is_named(audited: Stage) -> None:
    position = _first(audited, "request.released.v1")
    _doctor(audited, position, hold_nanos="none")
    assert found_any(audited)[0] == ("event", f"event {position}, {_stream(audited, position)}")


def _stream(stage: Stage, position: int) -> str:
    return str(stage.ledger.read(position - 1, 1)[0].originator_id)


def test_a_removed_event_leaves_a_gap(audited: Stage) -> None:
    audited.drop_triggers()
    audited.sql("DELETE FROM stored_events WHERE notification_id = 12")
    assert found_any(audited)[0] == ("gap in positions", "after 11")


def test_an_instant_that_decreases_is_reported(audited: Stage) -> None:
    audited.drop_triggers()
    audited.sql("UPDATE stored_events SET recorded_at_micros = 5 WHERE notification_id = 12")
    assert ("instant goes back", "event 12") in found_any(audited)


def _open(stage: Stage) -> Hold:
    stage.book.list_prices()
    stage.book.open("acme", "acme-1", "acme-2", grant_nanos=USD)
    [hold] = stage.book.admit(admission("req", "acme", random.Random(1)))
    return hold


def _debit(hold: Hold) -> RequestDebited:
    usage = use(random.Random(2))
    return debit(hold, prices=PRICES, usage=usage, source=AnswerSource("openai"), finish="stop")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hold_nanos", 7),
        ("account_id", "bob"),
        ("key_id", "other"),
        ("model", "medium"),
        ("endpoint", "chat"),
        ("price_version", 9),
        ("reserved_tokens", 7),
        ("admitted_at_micros", 7),
        ("overrun_nanos", 7),
        ("lines", ()),
    ],
)
def test_a_settlement_that_does_not_fit_its_admission_is_named(stage: Stage, field: str, value: object) -> None:
    hold = _open(stage)
    wrong = msgspec.structs.replace(_debit(hold), **{field: value})
    assert getattr(wrong, field) != getattr(_debit(hold), field)
    stage.book.settle(wrong)
    drain(Runner(stage.log, stage.shown))
    assert (field, f"event {stage.log.head().position}, request:req") in found_any(stage)


def test_a_second_settlement_is_named(stage: Stage) -> None:
    hold = _open(stage)
    stage.book.settle(_debit(hold))
    stage.book.settle(_debit(hold))
    drain(Runner(stage.log, stage.shown))
    assert {"settlement", "version of the stream"} <= {what for what, _ in found_any(stage)}


def test_an_admission_without_the_money_for_it_is_named(stage: Stage) -> None:
    _open(stage)
    unguarded = msgspec.structs.replace(admission("big", "acme", random.Random(1)), hold_nanos=2 * USD)
    stage.book.admit(unguarded)
    drain(Runner(stage.log, stage.shown))
    assert [what for what, _ in found_any(stage)] == ["available after an admission"]


@pytest.mark.parametrize("key_id", ["ghost", "bob-1"], ids=["nobody's", "another account's"])
def test_an_admission_by_a_key_that_its_account_does_not_have_is_named(stage: Stage, key_id: str) -> None:
    _open(stage)
    stage.book.open("bob", "bob-1")
    strange = msgspec.structs.replace(admission("strange", "acme", random.Random(1)), key_id=key_id)
    stage.book.admit(strange)
    drain(Runner(stage.log, stage.shown))
    [told] = report(stage).differences
    assert (told.what, told.expected, told.found) == ("admission", "a key that was created for this account", key_id)
    assert told.where == f"event {stage.log.head().position}, account acme"


def test_a_key_that_a_later_version_may_have_made_is_no_difference(stage: Stage) -> None:
    _open(stage)
    stage.book.say("account:acme", Later())
    stage.book.admit(msgspec.structs.replace(admission("later", "acme", random.Random(1)), key_id="later"))
    drain(Runner(stage.log, stage.shown))
    assert report(stage).differences == ()


def test_an_account_that_was_never_opened_is_named(stage: Stage) -> None:
    stage.book.say("account:ghost", KeyCreated("ghost", "ghost-1", "n", "digest-ghost", "sk-..", KeyLimits()))
    drain(Runner(stage.log, stage.shown))
    assert ("account", f"event {stage.log.head().position}, account:ghost") in found_any(stage)


def test_an_event_in_a_foreign_stream_and_an_unlisted_price_are_named(stage: Stage) -> None:
    hold = _open(stage)
    other = msgspec.structs.replace(hold.admitted, request_id="req-2", price_version=5)
    stage.book.append(Append("c", request_stream("req-3"), 0, (other,)))
    stage.book.append(Append("d", price_stream("odd"), 0, (PriceListed("odd", {"input": "no"}),)))
    drain(Runner(stage.log, stage.shown))
    assert [what for what, _ in found_any(stage)] == ["stream", "price version", "price list"]


def test_an_unknown_topic_is_reported_and_is_no_difference(audited: Stage) -> None:
    first = audited.book.say("checkout:1", Later(), Later()).position
    drain(Runner(audited.log, audited.shown))
    result = report(audited)
    assert result.differences == ()
    assert result.unknown_topics == {"checkout.later.v1": (2, first)}


def test_a_balance_is_explained_by_its_last_events(stage: Stage) -> None:
    hold = _open(stage)
    settled = _debit(hold)
    stage.book.settle(settled)
    drain(Runner(stage.log, stage.shown))
    told = balance_explained(stage.ledger, stage.shown, "acme", last=2)
    cost = settled.cost_nanos
    assert (told.available_nanos, told.held_nanos) == (USD - cost, 0)
    assert told.position == stage.log.head().position
    assert [one.stream for one in told.events] == ["request:req", "request:req"]
    assert [(one.available_moved_nanos, one.held_moved_nanos) for one in told.events] == [
        (hold.admitted.hold_nanos - cost, -hold.admitted.hold_nanos),
        (-hold.admitted.hold_nanos, hold.admitted.hold_nanos),
    ]
    assert told.differences == ()
    admitted_at = told.events[1].position
    before = balance_explained(stage.ledger, stage.shown, "acme", position=admitted_at - 1)
    assert (before.available_nanos, before.held_nanos, len(before.events)) == (USD, 0, 1)
    then = balance_explained(stage.ledger, stage.shown, "acme", micros=hold.recorded_at_micros)
    assert then.held_nanos == hold.admitted.hold_nanos
    with pytest.raises(NotYetProjected):
        balance_explained(stage.ledger, stage.shown, "acme", position=told.position + 1)


def test_an_instant_or_a_position_is_parsed() -> None:
    assert parse_at("17") == {"position": 17}
    assert parse_at("1970-01-02T00:00:00.5") == {"micros": 86_400_500_000}
    assert parse_at("1970-01-02T02:00:00+02:00") == {"micros": 86_400_000_000}
    with pytest.raises(ValueError, match="yesterday"):
        parse_at("yesterday")
