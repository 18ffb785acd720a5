"""The answers of read models, compared with a naive model, on both engines."""

from __future__ import annotations

import itertools
import random
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from eventsourcing.sqlite import SQLiteDatastore, SQLiteTrackingRecorder
from hypothesis import given, settings
from hypothesis import strategies as st

from app.faults import ReadModelsUnavailable
from app.read_models.answers import NotYetProjected
from app.read_models.queries import By
from app.replay.replay import replay
from domain.events import (
    AdjustmentPosted,
    FundsReinstated,
    FundsWithdrawn,
    KeyLimits,
    RefundFailed,
    RefundPosted,
    RequestAdmitted,
    RequestDebited,
    RequestReleased,
    TopUpSettled,
)
from domain.request import Hold
from projections.balances import BALANCES, BALANCES_NOW, INSTANTS, Balances
from projections.contract import Fact, Read
from projections.runner import Runner
from projections.tables import Key, Row, Table
from projections.usage import MICROS_PER_HOUR, Usages
from tests.support.ledger.histories import USD, admission, settlement
from tests.support.ledger.stages import ENGINES, Stage, drain, staged

DAY_MICROS = 24 * MICROS_PER_HOUR
ACCOUNTS = ("acme", "bob", "zoë")


@pytest.fixture(params=ENGINES)
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    with staged(request, tmp_path) as stage:
        yield stage


@pytest.fixture
def busy(stage: Stage) -> Stage:
    stage.book.busy(80)
    drain(Runner(stage.log, stage.shown, batch_events=13))
    return stage


def facts(stage: Stage) -> list[Fact]:
    return list(stage.log.read(0, 10_000))


def naive(stage: Stage, account_id: str) -> list[tuple[int, int, int, int]]:
    """(position, instant, available, held) after every event that moves the account's money, from the events' fields."""
    available = held = 0
    standings = []
    for position, at, event in facts(stage):
        if getattr(event, "account_id", None) != account_id:
            continue
        before = (available, held)
        if isinstance(event, AdjustmentPosted):
            available += event.amount_nanos
        elif isinstance(event, TopUpSettled | RefundFailed | FundsReinstated):
            available += event.credit_nanos
        elif isinstance(event, RefundPosted | FundsWithdrawn):
            available -= event.credit_nanos
        elif isinstance(event, RequestAdmitted):
            available, held = available - event.hold_nanos, held + event.hold_nanos
        elif isinstance(event, RequestDebited):
            available, held = available + event.hold_nanos - event.cost_nanos, held - event.hold_nanos
        elif isinstance(event, RequestReleased):
            available, held = available + event.hold_nanos, held - event.hold_nanos
        if before != (available, held):
            standings.append((position, at, available, held))
    return standings


def test_balances_as_of_any_position_and_instant(busy: Stage) -> None:
    check_as_of(busy)


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), requests=st.integers(0, 60), batch_events=st.integers(1, 40))
def test_balances_as_of_any_history(seed: int, requests: int, batch_events: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage("sqlite", f"{folder}/ledger.db")
        stage.book.busy(requests, seed=seed)
        drain(Runner(stage.log, stage.shown, batch_events=batch_events))
        check_as_of(stage)
        assert replay(stage.ledger, stage.shown).ok
        stage.close()


def check_as_of(busy: Stage) -> None:
    head = busy.log.head()
    instants = sorted({fact.recorded_at_micros for fact in facts(busy)})
    for account_id in ACCOUNTS:
        standings = naive(busy, account_id)
        for position in range(head.position + 1):
            _, _, available, held = next((s for s in reversed(standings) if s[0] <= position), (0, 0, 0, 0))
            answer = busy.shown.balance_at(account_id, position=position)
            assert answer.position == position
            assert (answer.value.available_nanos, answer.value.held_nanos) == (available, held)
        for micros in [near for at in instants for near in (at - 1, at, at + 1)]:
            _, _, available, held = next((s for s in reversed(standings) if s[1] <= micros), (0, 0, 0, 0))
            value = busy.shown.balance_at(account_id, micros=micros).value
            assert (value.available_nanos, value.held_nanos) == (available, held)
        now = busy.shown.balance(account_id)
        assert now.position == head.position
        assert (now.value.available_nanos, now.value.held_nanos) == standings[-1][2:]
    with pytest.raises(NotYetProjected):
        busy.shown.balance_at("acme", position=head.position + 1)


def test_an_unknown_account_has_nothing(busy: Stage) -> None:
    assert busy.shown.balance("nobody").value.available_nanos == 0
    assert busy.shown.transactions("nobody").value == []
    assert busy.shown.usage("nobody", by="day").value == []
    assert busy.shown.account("nobody").value is None


def test_balances_agree_with_the_buckets(busy: Stage) -> None:
    for account_id in ACCOUNTS:
        stored = busy.ledger.bucket_values([f"available:{account_id}", f"held:{account_id}"])
        value = busy.shown.balance(account_id).value
        assert [value.available_nanos, value.held_nanos] == list(stored.values())


@pytest.mark.parametrize("account_id", ["acme", "zoë"])
@pytest.mark.parametrize("limit", [1, 7, 1_000])
def test_pages_of_a_statement_hold_every_row_once_and_sum_to_the_balance(
    busy: Stage, limit: int, account_id: str
) -> None:
    rows = []
    before = None
    while page := busy.shown.transactions(account_id, before_position=before, limit=limit).value:
        assert len(page) <= limit
        rows += page
        before = page[-1].position
    assert [row.position for row in rows] == sorted({row.position for row in rows}, reverse=True)
    balance = busy.shown.balance(account_id).value
    assert sum(row.amount_nanos for row in rows) == balance.available_nanos + balance.held_nanos
    bought = {"top_up", "refund", "refund_failed", "dispute", "dispute_won"}
    kinds = {"grant", "debit", "release"} | (bought if account_id == "zoë" else {"correction"})
    assert {row.kind for row in rows} == kinds


def test_a_statement_shows_the_charges_and_their_reasons(busy: Stage) -> None:
    rows = {row.position: row for row in busy.shown.transactions("bob", limit=1_000).value}
    seen = set()
    for position, at, event in facts(busy):
        if isinstance(event, RequestDebited | RequestReleased) and event.account_id == "bob":
            row = rows[position]
            assert (row.recorded_at_micros, row.id, row.model, row.key_id) == (
                at,
                event.request_id,
                event.model,
                event.key_id,
            )
            if isinstance(event, RequestDebited):
                assert (row.kind, row.cost_nanos, row.amount_nanos) == ("debit", event.cost_nanos, -event.cost_nanos)
                assert (row.overrun_nanos, row.lines, row.finish) == (event.overrun_nanos, event.lines, event.finish)
                assert row.estimated is event.usage.estimated
                assert sum(line.amount_picos for line in row.lines) == 1_000 * row.cost_nanos
            else:
                assert (row.kind, row.amount_nanos, row.cost_nanos) == ("release", 0, 0)
                assert (row.reason, row.delivered_nanos) == (event.reason, event.delivered_nanos)
            seen.add(row.kind)
    assert seen == {"debit", "release"}


@pytest.mark.parametrize("by", ["hour", "day", "key", "model"])
def test_usage_sums_to_the_events_by(busy: Stage, by: By) -> None:
    expected: dict[str | int, list[int]] = {}
    for _, at, event in facts(busy):
        if isinstance(event, RequestDebited | RequestReleased) and event.account_id == "acme":
            groups: dict[By, str | int] = {
                "hour": at - at % MICROS_PER_HOUR,
                "day": at - at % DAY_MICROS,
                "key": event.key_id,
                "model": event.model,
            }
            sums = expected.setdefault(groups[by], [0, 0, 0, 0, 0, 0])
            sums[0] += 1
            if isinstance(event, RequestReleased):
                sums[2] += 1
                continue
            sums[1] += int(event.outcome == "completed")
            sums[3] += event.cost_nanos
            sums[4] += event.usage.total_tokens
            sums[5] += sum(image.count for image in event.usage.images)
    answer = busy.shown.usage("acme", by=by)
    assert answer.position == busy.log.head().position
    assert {
        one.group: [
            *(one.requests, one.completed, one.released, one.cost_nanos),
            one.input_tokens + one.cached_tokens + one.output_tokens,
            one.images,
        ]
        for one in answer.value
    } == expected


def test_usage_takes_whole_hours_between_its_bounds(busy: Stage) -> None:
    at = facts(busy)[-1].recorded_at_micros
    hour = at - at % MICROS_PER_HOUR
    whole = busy.shown.usage("acme", by="model").value
    until = hour + MICROS_PER_HOUR
    assert busy.shown.usage("acme", by="model", from_micros=hour - MICROS_PER_HOUR + 1, to_micros=until).value == whole
    assert busy.shown.usage("acme", by="model", to_micros=hour - MICROS_PER_HOUR).value == []
    assert busy.shown.usage("acme", by="model", from_micros=hour + MICROS_PER_HOUR).value == []


@pytest.mark.parametrize("cut", [0, 1, MICROS_PER_HOUR // 2, MICROS_PER_HOUR - 1, MICROS_PER_HOUR])
def test_neighbouring_windows_count_each_request_once(busy: Stage, cut: int) -> None:
    at = facts(busy)[-1].recorded_at_micros
    until = at - at % MICROS_PER_HOUR + cut

    def counted(from_micros: int | None, to_micros: int | None) -> int:
        answer = busy.shown.usage("acme", by="hour", from_micros=from_micros, to_micros=to_micros)
        return sum(one.requests for one in answer.value)

    assert counted(None, until) + counted(until, None) == counted(None, None) > 0


def test_keys_and_accounts_are_as_their_events_left_them(busy: Stage) -> None:
    keys = {key.key_id: key for key in busy.shown.keys("acme").value}
    assert set(keys) == {"acme-1", "acme-2", "gone"}
    assert keys["gone"].limits == KeyLimits(requests_per_minute=3)
    assert keys["gone"].revoked_at_micros is not None
    assert keys["acme-1"].revoked_at_micros is None
    assert keys["acme-1"].digest == "digest-acme-1"
    assert [one.account_id for one in busy.shown.accounts().value] == sorted(ACCOUNTS)
    assert [one.account_id for one in busy.shown.accounts(after="acme", limit=1).value] == ["bob"]
    account = busy.shown.account("acme").value
    assert account is not None
    assert (account.name, account.freezes) == ("name of acme", ())


def test_totals_are_over_all_accounts(busy: Stage) -> None:
    totals = busy.shown.totals()
    balances = [busy.shown.balance(account_id).value for account_id in ACCOUNTS]
    assert totals.position == busy.log.head().position
    assert totals.value.accounts == len(ACCOUNTS)
    assert totals.value.available_nanos == sum(one.available_nanos for one in balances)
    assert totals.value.held_nanos == sum(one.held_nanos for one in balances)
    assert totals.value.cost_nanos == sum(
        event.cost_nanos for _, _, event in facts(busy) if isinstance(event, RequestDebited)
    )
    bought = 20 * USD - 1_111_111_111
    assert 3_000 * USD - 5 + bought - totals.value.cost_nanos == totals.value.available_nanos + totals.value.held_nanos


def test_unprepared_views_are_unavailable(stage: Stage) -> None:
    with pytest.raises(ReadModelsUnavailable):
        stage.shown.balance("acme")


def test_the_librarys_recorder_reads_our_tracking(tmp_path: Path) -> None:
    stage = Stage("sqlite", str(tmp_path / "ledger.db"))
    stage.book.busy(5)
    drain(Runner(stage.log, stage.shown))
    datastore = SQLiteDatastore(f"{stage.place}.views", single_row_tracking=True)
    recorder = SQLiteTrackingRecorder(datastore)
    assert recorder.max_tracking_id("balances") == stage.log.head().position
    datastore.close()
    stage.close()


def test_views_never_touch_the_ledgers_write_lock(tmp_path: Path) -> None:
    stage = Stage("sqlite", str(tmp_path / "ledger.db"))
    stage.book.busy(5)
    writer = sqlite3.connect(stage.place, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    drain(Runner(stage.log, stage.shown))
    writer.execute("ROLLBACK")
    writer.close()
    assert stage.shown.tracked()["balances"].position == stage.log.head().position
    stage.close()


class Rows:
    """Tables as dicts: the rows that `apply` gets and changes, without an engine."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[Key, Row]] = {}

    def read(self, table: Table, keys: object) -> dict[Key, Row]:
        return {key: row for key, row in self.tables.get(table.name, {}).items() if key in keys}  # type: ignore[operator]

    def apply(self, projection: Balances | Usages, batch: list[Fact]) -> None:
        read: Read = self.read
        for change in projection.apply(batch, read):
            rows = self.tables.setdefault(change.table.name, {})
            for row in change.rows:
                key, values = row[: change.table.key], row[change.table.key :]
                assert change.how != "insert" or key not in rows
                there = rows.get(key, (0,) * len(row))[change.table.key :] if change.how == "add" else ()
                added = tuple(a + b for a, b in zip(there, values, strict=True)) if there else values
                rows[key] = (*key, *added)


@settings(max_examples=60)
@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(0, 60), max_size=6))
def test_where_batches_are_cut_changes_no_row(seed: int, cuts: list[int]) -> None:
    history = made_up(random.Random(seed))
    whole, cut = Rows(), Rows()
    for projection in (Balances(), Usages()):
        whole.apply(projection, history)
        edges = sorted({0, *cuts, len(history)})
        for start, end in itertools.pairwise(edges):
            if history[start:end]:
                cut.apply(projection, history[start:end])
    assert whole.tables == cut.tables
    for (account_id,), newest in whole.tables[BALANCES_NOW.name].items():
        mine = [row for row in whole.tables[BALANCES.name].values() if row[0] == account_id]
        assert newest == max(mine, key=lambda row: row[1])
    assert whole.tables[INSTANTS.name][(history[-1].recorded_at_micros,)][1] == len(history)


def made_up(draw: random.Random) -> list[Fact]:
    """A history in memory: admissions and their settlements over a few hours, several events to an instant."""
    history: list[Fact] = []
    opened: list[Hold] = []
    at = 1_700_000_000_000_000
    for number in range(60):
        at += draw.choice((0, 1, MICROS_PER_HOUR // 3))
        if opened and draw.random() < 0.5:
            history.append(Fact(number + 1, at, settlement(opened.pop(draw.randrange(len(opened))), draw)))
        else:
            admitted = admission(f"req-{number}", draw.choice(ACCOUNTS), draw)
            opened.append(Hold(admitted, at))
            history.append(Fact(number + 1, at, admitted))
    return history
