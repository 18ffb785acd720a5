"""The contract of the store, on both engines: guards, and settlements, which are never refused."""

from __future__ import annotations

import pytest

from app.ledger.store import (
    Append,
    Committed,
    Conflict,
    GuardRefused,
    Ledger,
)
from domain.buckets import Guard
from domain.events import AdjustmentPosted, KeyLimits, PriceListed
from domain.request import free_cancellation_guard
from tests.support.ledger.ledgers import (
    Engine,
    admission,
    admitted,
    check_log,
    concurrently,
    debit,
    frozen,
    fund,
    one,
    released,
    revoked,
)


def test_a_hold_is_refused_where_it_does_not_fit(ledger: Ledger) -> None:
    fund(ledger, nanos=10)
    verdict = one(ledger, admission("r", hold_nanos=11))
    assert isinstance(verdict, GuardRefused)
    assert (verdict.bucket, verdict.value, verdict.delta) == ("available:a", 10, -11)
    assert verdict.at_micros >= ledger.head().recorded_at_micros
    assert len(check_log(ledger)) == 2


def test_each_command_of_a_batch_sees_those_before_it(ledger: Ledger) -> None:
    fund(ledger, nanos=50)
    verdicts = ledger.append([admission(f"r{n}", hold_nanos=10) for n in range(8)])
    assert [type(verdict) for verdict in verdicts] == [Committed] * 5 + [GuardRefused] * 3
    assert ledger.bucket_values(["available:a", "held:a", "open:k"]) == {"available:a": 0, "held:a": 50, "open:k": 5}
    check_log(ledger)


def test_a_smaller_command_may_pass_where_a_larger_one_was_refused(ledger: Ledger) -> None:
    fund(ledger, nanos=10)
    large, small = ledger.append([admission("l", hold_nanos=11), admission("s", hold_nanos=10)])
    assert isinstance(large, GuardRefused)
    assert isinstance(small, Committed)


def test_a_frozen_account_and_a_revoked_key_admit_nothing(ledger: Ledger) -> None:
    fund(ledger)
    one(ledger, frozen(version=2))
    verdict = one(ledger, admission("r"))
    assert isinstance(verdict, GuardRefused)
    assert verdict.bucket == "frozen:a"
    fund(ledger, "b")
    one(ledger, revoked("b", "kb", version=2))
    verdict = one(ledger, admission("r", account_id="b", key_id="kb"))
    assert isinstance(verdict, GuardRefused)
    assert verdict.bucket == "revoked:kb"


@pytest.mark.parametrize(
    ("limits", "kind"),
    [
        (KeyLimits(budget_nanos_per_month=25), "spend:k:"),
        (KeyLimits(requests_per_minute=2), "requests:k:"),
        (KeyLimits(tokens_per_minute=20), "tokens:k:"),
        (KeyLimits(concurrency=2), "open:k"),
    ],
)
def test_a_limit_of_a_key_admits_two_of_three(
    ledger: Ledger, limits: KeyLimits, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fund(ledger, nanos=1_000)
    verdicts = ledger.append([admission(f"r{n}", limits=limits) for n in range(3)])
    assert [type(verdict) for verdict in verdicts] == [Committed, Committed, GuardRefused]
    refused = verdicts[2]
    assert isinstance(refused, GuardRefused)
    assert refused.bucket.startswith(kind)
    check_log(ledger)


def test_a_guard_is_judged_in_the_window_of_its_instant(ledger: Ledger) -> None:
    fund(ledger)
    at = ledger.head().recorded_at_micros
    for window in ("minute", "day", "month"):
        guard = Guard("requests:k", window, ceiling=-1)
        verdict = one(ledger, Append(f"c{window}", "price:m", 0, (PriceListed("m", {}),), (guard,)))
        assert isinstance(verdict, GuardRefused)
        assert verdict.bucket in (guard.name(at), guard.name(verdict.at_micros))


def test_a_floor_and_a_ceiling_are_inclusive(ledger: Ledger) -> None:
    fund(ledger, nanos=10)
    event = AdjustmentPosted("a", "x", "correction", -4, "why", None)

    def corrected(guard: Guard) -> type:
        return type(one(ledger, Append("x", "account:a", 2, (event,), (guard,))))

    assert corrected(Guard("available:a", floor=7)) is GuardRefused
    assert corrected(Guard("available:a", ceiling=5)) is GuardRefused
    assert corrected(Guard("available:a", floor=6, ceiling=6)) is Committed


def test_settlements_are_judged_before_admissions(ledger: Ledger) -> None:
    fund(ledger, nanos=10)
    first = admission("r1", hold_nanos=10)
    hold = admitted(first, one(ledger, first))
    admission_verdict, settlement_verdict = ledger.append([admission("r2", hold_nanos=10), released(hold)])
    assert isinstance(admission_verdict, Committed)
    assert isinstance(settlement_verdict, Committed)
    assert settlement_verdict.position < admission_verdict.position
    assert [request.request_id for request in ledger.open_requests()] == ["r2"]
    check_log(ledger)


def test_a_debit_charges_in_full_and_may_take_the_account_below_zero(ledger: Ledger) -> None:
    fund(ledger, nanos=10)
    request = admission("r", hold_nanos=10)
    hold = admitted(request, one(ledger, request))
    assert isinstance(one(ledger, debit(hold, cost_nanos=25)), Committed)
    assert ledger.bucket_values(["available:a", "held:a"]) == {"available:a": -15, "held:a": 0}
    verdict = one(ledger, admission("r2", hold_nanos=0))
    assert isinstance(verdict, GuardRefused)
    check_log(ledger)


def test_a_request_is_settled_once(ledger: Ledger) -> None:
    fund(ledger)
    request = admission("r")
    hold = admitted(request, one(ledger, request))
    won, lost = ledger.append([released(hold), debit(hold)])
    assert isinstance(won, Committed)
    assert lost == Conflict("request:r", 2, "release-r")
    assert one(ledger, debit(hold)) == Conflict("request:r", 2, "release-r")
    check_log(ledger)


def test_free_cancellations_are_refused_past_the_limit_of_the_day(ledger: Ledger) -> None:
    fund(ledger)
    for name, verdict_type in [("r1", Committed), ("r2", GuardRefused)]:
        request = admission(name)
        hold = admitted(request, one(ledger, request))
        guard = free_cancellation_guard(hold, 10)
        verdict = one(ledger, released(hold, "cancelled", (guard,), delivered_nanos=6))
        assert isinstance(verdict, verdict_type)
    assert [request.request_id for request in ledger.open_requests()] == ["r2"]
    check_log(ledger)


def test_nobody_spends_more_than_there_is_however_many_ask_at_once(engine: Engine, ledger: Ledger) -> None:
    fund(ledger, nanos=500)
    batches = [[admission(f"r{b}-{n}", hold_nanos=10) for n in range(10)] for b in range(20)]
    verdicts = concurrently(engine, 4, batches)
    assert sum(isinstance(verdict, Committed) for verdict in verdicts) == 50
    assert sum(isinstance(verdict, GuardRefused) for verdict in verdicts) == 150
    assert ledger.bucket_values(["available:a", "held:a"]) == {"available:a": 0, "held:a": 500}
    check_log(ledger)
