"""The figures of one request: its phases, its outcome, and what the metrics count of it."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from app.requests.request_log import RequestLog, observe
from app.telemetry.metrics import Metrics
from domain.events import RequestAdmitted, RequestDebited, RequestReleased
from domain.pricing import parse_prices
from domain.request import AnswerSource, Hold, debit, release
from domain.usage import Usage

PRICES = parse_prices({"input": "1", "output": "2"})
USAGE = Usage(input=3, output=5)
COST_NANOS = 13_000


def request_log(*, started: float = 0.0, hold_nanos: int = 0) -> RequestLog:
    return RequestLog("req_1", "acct", "key", "m", "chat", stream=True, started=started, hold_nanos=hold_nanos)


def held(hold_nanos: int = 20_000) -> Hold:
    return Hold(RequestAdmitted("req_1", "acct", "key", "m", "chat", 1, hold_nanos, 10, "inst", 1), 0)


def charged(hold: Hold, outcome: str = "completed") -> RequestDebited:
    return debit(hold, prices=PRICES, usage=USAGE, source=AnswerSource("up"), finish="stop", outcome=outcome)


def given_back(hold: Hold) -> RequestReleased:
    return release(hold, reason="cancelled", upstream="up", delivered=USAGE, prices=PRICES)


def counted(log: RequestLog) -> dict[str, float]:
    """The counters of the process after this one request, those that are not zero."""
    metrics = Metrics(["m"], ["up"])
    observe(log, metrics)
    lines = [line for line in metrics.render()[0].decode().splitlines() if line.startswith("realrouter_")]
    figures = {
        name: float(value) for name, _, value in (line.rpartition(" ") for line in lines) if "_created" not in name
    }
    return {name: value for name, value in figures.items() if value and "phase" not in name}


async def test_a_phase_is_the_time_since_the_one_before_and_adds_up(autojump_clock: MockClock) -> None:
    log = request_log(started=trio.current_time())
    await trio.sleep(1)
    log.phase("parse")
    await trio.sleep(2)
    log.phase("settle")
    await trio.sleep(4)
    log.phase("settle")
    assert (log.phases.parse, log.phases.admit, log.phases.settle, log.phases.total) == (1, None, 6, 7)


@pytest.mark.parametrize(("outcome", "shown"), [("completed", "debited"), ("cancelled", "debited:cancelled")])
def test_a_debit_is_the_outcome_with_its_figures(outcome: str, shown: str) -> None:
    log = request_log()
    log.settled(charged(held(10_000), outcome))
    assert (log.outcome, log.usage, log.cost_nanos, log.overrun_nanos) == (shown, USAGE, COST_NANOS, 3_000)


def test_a_release_is_the_outcome_with_what_was_delivered_and_costs_nothing() -> None:
    log = request_log()
    log.settled(given_back(held()))
    assert (log.outcome, log.usage, log.cost_nanos) == ("released:cancelled", USAGE, 0)


def test_a_debit_counts_as_charged() -> None:
    log = request_log(hold_nanos=10_000)
    log.settled(charged(held(10_000)))
    assert counted(log) == {
        'realrouter_requests_total{endpoint="chat",model="m",status="2xx"}': 1,
        "realrouter_held_nanos_total": 10_000,
        "realrouter_charged_nanos_total": COST_NANOS,
        "realrouter_overrun_total": 1,
        "realrouter_overrun_nanos_total": 3_000,
        'realrouter_tokens_total{kind="input",model="m"}': 3,
        'realrouter_tokens_total{kind="output",model="m"}': 5,
    }


def test_a_release_counts_as_given_back() -> None:
    log = request_log(hold_nanos=20_000)
    log.settled(given_back(held()))
    log.client_left, log.unbilled_nanos = True, 7
    assert counted(log) == {
        'realrouter_requests_total{endpoint="chat",model="m",status="2xx"}': 1,
        "realrouter_held_nanos_total": 20_000,
        "realrouter_released_nanos_total": 20_000,
        "realrouter_cancelled_total": 1,
        "realrouter_unbilled_total": 1,
        "realrouter_unbilled_nanos_total": 7,
    }


def test_a_refusal_counts_by_its_bucket() -> None:
    log = request_log()
    log.status, log.outcome, log.refused_by = 402, "refused:insufficient_quota", "available"
    assert counted(log) == {
        'realrouter_requests_total{endpoint="chat",model="m",status="4xx"}': 1,
        'realrouter_ledger_refusals_total{bucket="available"}': 1,
    }


@pytest.mark.parametrize(("outcome", "times"), [("debited", 1), ("released:upstream_error", 1), ("refused:no", None)])
def test_unknown_members_count_once_a_request_is_admitted(outcome: str, times: int | None) -> None:
    log = request_log()
    log.unknown_members, log.outcome = True, outcome
    assert counted(log).get('realrouter_unknown_members_total{endpoint="chat"}') == times
