"""What a verdict tells of the guarded buckets, and which windows they are of; on both engines.

The instants are of the future, which a store that has seen one does not go back behind: no minute turns in between.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.ledger.store import Append, Committed, Conflict, GuardRefused, Ledger
from domain import buckets
from domain.events import KeyLimits
from domain.request import Hold
from tests.support.ledger.ledgers import admission, admitted, check_log, debit, fund, one, released, stamp

MINUTE = "2099-12-31T23:59"
LAST_SECONDS_OF_A_MONTH = 4_102_444_790 * buckets.MICROS_PER_SECOND
"""2099-12-31T23:59:50Z."""
ALL_LIMITS = KeyLimits(budget_nanos_per_month=30, requests_per_minute=9, tokens_per_minute=20, concurrency=9)


def test_a_verdict_tells_the_guarded_buckets_as_they_are_after_it(ledger: Ledger) -> None:
    fund(ledger, nanos=100)
    stamp(ledger, LAST_SECONDS_OF_A_MONTH)
    admissions = [admission(f"r{n}", hold_nanos=10, tokens=7, limits=ALL_LIMITS) for n in range(3)]
    first, second, third = ledger.append(admissions)
    # In the order of the guards: frozen, revoked, available, spend, requests, tokens, open.
    assert first == Committed(3, LAST_SECONDS_OF_A_MONTH, guarded=(0, 0, 90, 10, 1, 7, 1))
    assert second == Committed(4, LAST_SECONDS_OF_A_MONTH, guarded=(0, 0, 80, 20, 2, 14, 2))
    assert isinstance(third, GuardRefused)
    assert (third.bucket, third.value, third.delta) == (f"tokens:k:{MINUTE}", 14, 7)
    assert third.guarded == (0, 0, 80, 20, 2, 14, 2)
    check_log(ledger)


def test_a_verdict_without_guards_and_a_repeated_one_tell_no_buckets(ledger: Ledger) -> None:
    fund(ledger)
    request = admission("r", limits=ALL_LIMITS)
    first, again, settled = ledger.append([request, request, released(admitted(request, Committed(3, 2**50)))])
    assert isinstance(first, Committed)
    assert len(first.guarded) == len(request.guards)
    assert again == Committed(first.position, first.recorded_at_micros, repeated=True)
    assert isinstance(settled, Conflict)
    hold = admitted(request, first)
    assert one(ledger, released(hold)) == Committed(4, ledger.head().recorded_at_micros)


def _charged(hold: Hold) -> Append:
    return debit(hold, cost_nanos=4)


@pytest.mark.parametrize(
    ("settled", "tokens", "nanos"), [(_charged, 3, 4), (released, 0, 0)], ids=["debited", "released"]
)
@pytest.mark.parametrize("later_seconds", [0, 20], ids=["in the same minute", "in the next one"])
def test_what_was_reserved_and_not_used_goes_back_to_the_window_it_came_from(
    ledger: Ledger, settled: Callable[[Hold], Append], tokens: int, nanos: int, later_seconds: int
) -> None:
    """A request of the last seconds of a month, that ends then or in the first ones of the next."""
    fund(ledger, nanos=1_000)
    stamp(ledger, LAST_SECONDS_OF_A_MONTH)
    request = admission("r", hold_nanos=10, tokens=15, limits=ALL_LIMITS)
    hold = admitted(request, one(ledger, request))
    assert isinstance(one(ledger, admission("none", tokens=15, limits=ALL_LIMITS)), GuardRefused)

    ended_at = LAST_SECONDS_OF_A_MONTH + later_seconds * buckets.MICROS_PER_SECOND
    stamp(ledger, ended_at)
    assert one(ledger, settled(hold)) == Committed(4, ended_at)
    left = {f"tokens:k:{MINUTE}": tokens, "spend:k:2099-12": nanos, f"requests:k:{MINUTE}": 1}
    new = {"tokens:k:2100-01-01T00:00": 0, "spend:k:2100-01": 0, "requests:k:2100-01-01T00:00": 0}
    assert ledger.bucket_values([*left, *new]) == {**left, **new}

    after = one(ledger, admission("after", hold_nanos=20, tokens=17, limits=ALL_LIMITS))
    assert isinstance(after, Committed)
    before = (0, 0, 0) if later_seconds else (nanos, 1, tokens)
    assert after.guarded[3:6] == (before[0] + 20, before[1] + 1, before[2] + 17)
    check_log(ledger)
