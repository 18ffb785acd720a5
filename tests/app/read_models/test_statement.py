"""Pages of a statement compared with a naive reading of the log's rows, on both engines, for any filter."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from app.read_models.answers import Transaction
from app.read_models.statement import Filter
from projections.runner import Runner
from tests.support.ledger.stages import ENGINES, Stage, drain, staged

ACCOUNT = "zoë"
KINDS: tuple[tuple[str, ...], ...] = (
    (),
    ("debit",),
    ("release", "grant"),
    ("grant", "grant"),
    ("top_up", "refund", "refund_failed", "dispute", "dispute_won", "debit"),
    ("none",),
)
MODELS = (None, "small", "none")
KEYS = (None, "zoë-1", "none")


@pytest.fixture(params=ENGINES)
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    with staged(request, tmp_path) as stage:
        stage.book.busy(120)
        drain(Runner(stage.log, stage.shown))
        yield stage


def wanted_of(rows: list[Transaction], wanted: Filter) -> list[Transaction]:
    """Whether a row matches a filter."""
    return [
        row
        for row in rows
        if (not wanted.kinds or row.kind in wanted.kinds)
        and (wanted.name is None or wanted.name in (row.id, row.response_id, row.reference))
        and wanted.key_id in (None, row.key_id)
        and wanted.model in (None, row.model)
        and (wanted.from_micros is None or row.recorded_at_micros >= wanted.from_micros)
        and (wanted.to_micros is None or row.recorded_at_micros < wanted.to_micros)
    ]


def pages(stage: Stage, wanted: Filter, limit: int) -> list[Transaction]:
    """Every page, the newest row first."""
    found: list[Transaction] = []
    more = True
    while more:
        before = found[-1].position if found else None
        rows, more = stage.shown.statement(ACCOUNT, wanted, before_position=before, limit=limit).value
        assert len(rows) == limit or not more
        found += [row for row, _ in rows]
    return found


def test_pages_have_the_requested_rows_and_no_others(stage: Stage) -> None:
    rows = stage.shown.transactions(ACCOUNT, limit=1_000).value
    assert {"debit", "release", "grant", "top_up", "refund"} <= {row.kind for row in rows}
    middle = rows[len(rows) // 2].recorded_at_micros
    spans = ((None, None), (middle, None), (None, middle), (middle, rows[3].recorded_at_micros), (middle, middle))
    for kinds, key_id, model, (since, until) in product(KINDS, KEYS, MODELS, spans):
        wanted = Filter(kinds=kinds, key_id=key_id, model=model, from_micros=since, to_micros=until)
        assert pages(stage, wanted, 7) == wanted_of(rows, wanted), wanted


def test_any_id_of_a_row_finds_it_and_every_row_that_it_is_of(stage: Stage) -> None:
    rows = stage.shown.transactions(ACCOUNT, limit=1_000).value
    middle = rows[len(rows) // 2].recorded_at_micros
    names = {name for row in rows for name in (row.id, row.response_id, row.reference) if name is not None}
    shared = {row.reference for row in rows if row.reference is not None and row.kind == "refund"}
    assert shared
    for name, kinds, limit in product(sorted(names), KINDS[:3], (1, 7)):
        wanted = Filter(name=name, kinds=kinds)
        assert pages(stage, wanted, limit) == wanted_of(rows, wanted), wanted
    for name, key_id, model, since in product(sorted(shared), KEYS, MODELS, (None, middle)):
        wanted = Filter(name=name, key_id=key_id, model=model, from_micros=since)
        assert pages(stage, wanted, 7) == wanted_of(rows, wanted), wanted
    elsewhere = stage.shown.transactions("bob", limit=1).value[0]
    for name in ("none", "", "'", elsewhere.id):
        assert pages(stage, Filter(name=name), 7) == []


def test_a_row_comes_with_the_balance_after_it(stage: Stage) -> None:
    for row, balance_nanos in stage.shown.statement(ACCOUNT, Filter(), limit=1_000).value[0]:
        there = stage.shown.balance_at(ACCOUNT, position=row.position).value
        assert balance_nanos == there.available_nanos + there.held_nanos


def test_a_response_leads_to_its_own_accounts_request(stage: Stage) -> None:
    answered = [row for row in stage.shown.transactions(ACCOUNT, limit=1_000).value if row.response_id is not None]
    assert answered
    for row in answered:
        assert row.response_id is not None
        assert stage.shown.request_of_response(ACCOUNT, row.response_id).value == row.id
        assert stage.shown.request_of_response("bob", row.response_id).value is None
    assert stage.shown.request_of_response(ACCOUNT, "resp_none").value is None
