"""A bad command fails alone, on both engines."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.ledger.store import (
    STREAM_LENGTH_MAX,
    Append,
    Committed,
    Failed,
    Ledger,
)
from domain.buckets import Guard
from domain.events import AccountOpened, AdjustmentPosted, PriceListed
from domain.money import AMOUNT_NANOS_MAX
from tests.support.ledger.ledgers import (
    admission,
    admitted,
    check_log,
    frozen,
    fund,
    granted,
    one,
    opened,
    released,
)


def overflow(account_id: str) -> list[Append]:
    """Ten grants of the most that one may be: their sum passes 64 bits at the tenth."""
    return [granted(account_id, AMOUNT_NANOS_MAX, version=n + 1, command_id=f"g{n}") for n in range(10)]


POISON: dict[str, Callable[[], Append]] = {
    "a lone surrogate in the stream": lambda: Append("p", "account:\ud800", 0, (AccountOpened("p", "n"),)),
    "a lone surrogate in the command id": lambda: Append("\udfff", "account:p", 0, (AccountOpened("p", "n"),)),
    "a lone surrogate in the event": lambda: Append("p", "account:p", 0, (AccountOpened("p", "\ud800"),)),
    "a lone surrogate in a bucket": lambda: frozen("\ud800", version=0),
    "a lone surrogate in a guard": lambda: Append(
        "p", "account:p", 0, (AccountOpened("p", "n"),), (Guard("available:\ud800"),)
    ),
    "a zero byte in the stream": lambda: Append("p", "account:p\0", 0, (AccountOpened("p", "n"),)),
    "an empty stream": lambda: Append("p", "", 0, (AccountOpened("p", "n"),)),
    "an endless stream": lambda: Append("p", "a" * (STREAM_LENGTH_MAX + 1), 0, (AccountOpened("p", "n"),)),
    "an amount past 64 bits": lambda: Append(
        "p", "account:p", 0, (AdjustmentPosted("p", "x", "grant", 2**63, "why", None),)
    ),
    "an amount far past 64 bits": lambda: Append(
        "p", "account:p", 0, (AdjustmentPosted("p", "x", "grant", 2**200, "why", None),)
    ),
    "a value that is no JSON": lambda: Append("p", "price:p", 0, (PriceListed("p", {"input": object()}),)),
    "a deadline past 64 bits": lambda: admission("p", account_id="rich", deadline_at_micros=2**63),
    "a request that is open already": lambda: Append(
        "p", "request:other", 0, (admission("open", account_id="rich").events[0],)
    ),
    "a version past 64 bits": lambda: Append("p", "account:p", 2**63, (AccountOpened("p", "n"),)),
}


@pytest.mark.parametrize("poison", POISON)
def test_a_poisoned_command_fails_alone(ledger: Ledger, poison: str) -> None:
    fund(ledger, "rich", 1_000)
    one(ledger, admission("open", account_id="rich"))
    batch = [opened("a"), POISON[poison](), opened("b"), admission("r", account_id="rich"), granted("a")]
    verdicts = ledger.append(batch)
    assert [type(verdict) for verdict in verdicts] == [Committed, Failed, Committed, Committed, Committed]
    failed = verdicts[1]
    assert isinstance(failed, Failed)
    assert failed.message
    assert len(check_log(ledger)) == 7
    assert all(isinstance(verdict, Committed) for verdict in ledger.append([batch[0], *batch[2:]]))


def test_a_bucket_that_overflows_fails_the_command_that_did_it(ledger: Ledger) -> None:
    one(ledger, opened("rich"))
    verdicts = ledger.append(overflow("rich"))
    assert [type(verdict) for verdict in verdicts] == [Committed] * 9 + [Failed]
    check_log(ledger)


def test_settlements_come_first_even_beside_a_poisoned_command(ledger: Ledger) -> None:
    fund(ledger, nanos=10)
    first = admission("r1", hold_nanos=10)
    hold = admitted(first, one(ledger, first))
    poison = POISON["an amount past 64 bits"]()
    verdicts = ledger.append([admission("r2", hold_nanos=10), poison, released(hold)])
    assert [type(verdict) for verdict in verdicts] == [Committed, Failed, Committed]
    check_log(ledger)
