"""The current balances of accounts, from the ledger's own buckets."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from app.ledger.store import Ledger
from domain import buckets


@dataclass(frozen=True, slots=True)
class Balance:
    """An account's money after exactly the events up to `position`, recorded at `at_micros`."""

    position: int
    at_micros: int
    available_nanos: int
    held_nanos: int
    frozen: bool

    @property
    def amounts(self) -> tuple[int, int, bool]:
        """Two balances differ only if these do."""
        return self.available_nanos, self.held_nanos, self.frozen


def balances_of(ledger: Ledger, account_ids: Collection[str]) -> dict[str, Balance]:
    """The balances at one instant. Blocks. Raises StoreUnavailable."""
    names = {each: (buckets.available(each), buckets.held(each), buckets.frozen(each)) for each in account_ids}
    head, values = ledger.bucket_values_at_head([name for three in names.values() for name in three])
    return {
        each: Balance(head.position, head.recorded_at_micros, values[available], values[held], values[frozen] > 0)
        for each, (available, held, frozen) in names.items()
    }
