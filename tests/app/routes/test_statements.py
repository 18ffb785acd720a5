"""/api/statements: a month that adds up, and a page of it that is safe to open and to print."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.faults import ReadModelsUnavailable
from app.statements import month as figures
from app.statements.page import POLICY, page
from domain.events import AdjustmentPosted, RequestDebited, account_stream
from domain.request import AnswerSource, debit
from projections.contract import Fact, Read
from projections.runner import ALL, Runner
from projections.tables import Change
from projections.transactions import Transactions
from projections.usage import Usages
from tests.app.routes.test_exports import trading
from tests.support.gateway.customers import caught_up, with_key
from tests.support.gateway.gateway import chat, running
from tests.support.ledger.histories import PRICES, USD, admission, use
from tests.support.ledger.stages import ENGINES, Stage, drain, staged
from tests.support.ledger.trading import Trade

DAY = 86_400_000_000


@pytest.fixture(params=ENGINES)
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    with staged(request, tmp_path) as stage:
        yield stage


def this_month() -> str:
    return f"{datetime.now(UTC):%Y-%m}"


def of_this_month(stage: Stage, *, needed: int = 0) -> figures.Figures:
    span = figures.bounds(this_month())
    assert span is not None
    return figures.figures(stage.shown, "acme", this_month(), span, needed=needed)


def charge(stage: Stage, *outcomes: str) -> list[RequestDebited]:
    """Requests of acme, from admission to charge."""
    draw, first = random.Random(3), stage.ledger.head().position
    holds = stage.book.admit(*(admission(f"r-{first}-{n}", "acme", draw) for n in range(len(outcomes))))
    debits = [
        debit(
            hold,
            prices=PRICES,
            usage=use(draw),
            source=AnswerSource("openai"),
            finish="stop",
            outcome=outcome,
        )
        for hold, outcome in zip(holds, outcomes, strict=True)
    ]
    stage.book.settle(*debits)
    return debits


def test_months_add_up_and_follow_each_other(stage: Stage) -> None:
    """A third of the log each, a month or two ago, and now."""
    Trade(stage.book, seed=9).run(300)
    head = stage.log.head().position
    stage.drop_triggers()
    for ago, until in ((62, head // 3), (31, 2 * head // 3)):
        before = f"notification_id <= {until} AND recorded_at_micros > {(time.time_ns() // 1000) - 20 * DAY}"
        stage.sql(f"UPDATE stored_events SET recorded_at_micros = recorded_at_micros - {ago * DAY} WHERE {before}")
    drain(Runner(stage.log, stage.shown))
    facts = stage.log.read(0, 100_000)
    months = sorted({f"{datetime.fromtimestamp(fact.recorded_at_micros / 1e6, UTC):%Y-%m}" for fact in facts})
    assert len(months) == 3
    for account_id in ("acme", "bob_2", "zoë"):
        closing, used = 0, 0
        for month in months:
            span = figures.bounds(month)
            assert span is not None
            told = figures.figures(stage.shown, account_id, month, span)
            assert told.opening_nanos == closing
            assert told.rows_count == len(told.rows)
            closing, used = told.closing_nanos, used + told.used_nanos
        balance = stage.shown.balance(account_id).value
        assert closing == balance.available_nanos + balance.held_nanos
        assert used > 0


def test_rows_are_bounded_and_sums_are_not(stage: Stage) -> None:
    trade = Trade(stage.book, seed=9, accounts=("acme",))
    for number in range(figures.ROWS_SHOWN_MAX + 700):
        trade.book.say(account_stream("acme"), AdjustmentPosted("acme", f"a{number}", "correction", 3, "w", None))
    drain(Runner(stage.log, stage.shown))
    month = this_month()
    told = figures.figures(stage.shown, "acme", month, figures.bounds(month) or (0, 0))
    assert (len(told.rows), told.rows_count) == (figures.ROWS_SHOWN_MAX, figures.ROWS_SHOWN_MAX + 701)
    assert told.sums["correction"] == 3 * (figures.ROWS_SHOWN_MAX + 700)
    shown = page(told, name="n", account_id="acme", seller="s", made_at_micros=0, complete=True)
    assert "701 older rows" in shown


class StoppedUsages(Usages):
    def apply(self, facts: Sequence[Fact], read: Read) -> list[Change]:
        raise ValueError("stopped")


class StoppedTransactions(Transactions):
    def apply(self, facts: Sequence[Fact], read: Read) -> list[Change]:
        raise ValueError("stopped")


@pytest.mark.parametrize("stopped", [StoppedUsages(), StoppedTransactions()], ids=lambda each: each.name)
def test_a_read_model_that_lags_makes_no_statement(stopped: Usages | Transactions, stage: Stage) -> None:
    stage.book.list_prices()
    stage.book.open("acme", "acme-1", "acme-2", grant_nanos=1_000 * USD)
    drain(Runner(stage.log, stage.shown))
    before = of_this_month(stage)
    charge(stage, "completed", "completed")
    head = stage.log.head().position
    drain(Runner(stage.log, stage.shown, [stopped if each.name == stopped.name else each for each in ALL]))
    with pytest.raises(ReadModelsUnavailable, match=f"{stopped.name} is at position {before.position}, but {head}"):
        of_this_month(stage, needed=head)
    drain(Runner(stage.log, stage.shown))
    after = of_this_month(stage, needed=head)
    assert (before.position, after.position) == (head - 4, head)
    assert after.closing_nanos == before.closing_nanos - after.used_nanos < before.closing_nanos


def test_read_models_that_do_not_agree_make_no_statement(stage: Stage) -> None:
    stage.book.list_prices()
    stage.book.open("acme", "acme-1", "acme-2", grant_nanos=1_000 * USD)
    charge(stage, "completed")
    drain(Runner(stage.log, stage.shown))
    stage.views_sql("UPDATE usage SET cost_nanos = cost_nanos - 1")
    with pytest.raises(figures.Unbalanced, match="acme"):
        of_this_month(stage)


def test_a_charge_is_a_request_whatever_became_of_it(stage: Stage) -> None:
    stage.book.list_prices()
    stage.book.open("acme", "acme-1", "acme-2", grant_nanos=1_000 * USD)
    debits = charge(stage, "completed", "cancelled", "cancelled")
    drain(Runner(stage.log, stage.shown))
    assert sum(each.requests for each in of_this_month(stage).usage) == len(debits)


async def test_a_statement_must_be_retried_until_its_read_model_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as gateway:
        head = await caught_up(gateway)
        told = (await with_key(gateway, f"/api/statements/{this_month()}")).json()
        assert (told["position"], told["complete"]) == (head, False)
        page_of_it = (await with_key(gateway, f"/api/statements/{this_month()}", format="html")).text
        assert f"up to log position {head}" in page_of_it
        monkeypatch.setattr("app.read_models.fresh.FRESH_SECONDS", 0.05)
        monkeypatch.setattr(Usages, "apply", StoppedUsages.apply)
        await gateway.post("chat/completions", chat())
        await gateway.only_debit()
        answer = await with_key(gateway, f"/api/statements/{this_month()}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "store_unavailable")
        assert answer.headers["retry-after"] == "1"
        assert (await with_key(gateway, "/api/statements/2020-02")).json()["closing"] == "0.00"  # that one is all there


@pytest.mark.parametrize("month", ["2026-13", "2026-00", "0000-01", "26-01", "2026-1", "٢٠٢٦-01", "9999-12", ""])
def test_an_invalid_month_is_none(month: str) -> None:
    assert figures.bounds(month) is None


async def test_a_statement_is_what_happened(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        await gateway.post("chat/completions", chat())
        debit = await gateway.only_debit()
        await caught_up(gateway)
        told = (await with_key(gateway, f"/api/statements/{this_month()}")).json()
        assert (told["opening"], told["complete"], told["rows_count"]) == ("0.00", False, 1)
        assert told["used_nanos"] == str(debit.cost_nanos)
        assert int(told["closing_nanos"]) == int(told["sums"][0]["amount_nanos"]) - debit.cost_nanos
        assert [(use["model"], use["requests"]) for use in told["usage"]] == [(debit.model, 1)]
        assert told["rows"][0]["kind"] == "grant"


async def test_a_month_before_there_was_anything_is_empty_and_over(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        await caught_up(gateway)
        told = (await with_key(gateway, "/api/statements/2020-02")).json()
        assert (told["from_at"], told["to_at"]) == ("2020-02-01T00:00:00Z", "2020-03-01T00:00:00Z")
        assert (told["complete"], told["closing"], told["sums"], told["usage"]) == (True, "0.00", [], [])


@pytest.mark.parametrize("asked", ["2199-01", "2026-13", "now", "2026-11?format=pdf"])
async def test_a_statement_that_does_not_exist_is_refused(asked: str, tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        headers = {"authorization": f"Bearer {gateway.key}"}
        answer = await gateway.http.get(f"{gateway.origin}/api/statements/{asked}", headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_value")


async def test_a_page_shows_the_same_figures_and_runs_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        _, owner = await trading(gateway, 200)
        told = await owner.shown(f"/api/statements/{this_month()}")
        answer = await owner.get(f"/api/statements/{this_month()}", format="html")
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["cache-control"] == "no-store"
        assert "name of acme" in answer.text
        for nanos in (told["closing_nanos"], *(row["cost_nanos"] for row in told["usage"])):
            shown = f"{int(nanos) // 10**9}.{int(nanos) % 10**9:09d}" if int(nanos) >= 0 else ""
            assert shown in answer.text
        assert "<script" not in answer.text
        assert re.search(r"@media print", answer.text)
        # Text chosen by others stays text: HOSTILE reasons are among the corrections.
        assert 'HYPERLINK("http' not in answer.text
