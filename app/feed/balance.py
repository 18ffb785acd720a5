"""The current balances of accounts, from the ledger's own buckets."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from app.ledger.store import Ledger
from domain import buckets


@dataclass(frozen=True, slots=True)
class Balance:
    """An account's money. It includes every event up to `position`, recorded at `at_micros`, and perhaps a few later ones."""

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
    """The head is read before the buckets, so the balances include everything up to it. Blocks. Raises StoreUnavailable."""
    head = ledger.head()
    names = {each: (buckets.available(each), buckets.held(each), buckets.frozen(each)) for each in account_ids}
    values = ledger.bucket_values([name for three in names.values() for name in three])
    return {
        each: Balance(head.position, head.recorded_at_micros, values[available], values[held], values[frozen] > 0)
        for each, (available, held, frozen) in names.items()
    }
