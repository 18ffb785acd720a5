"""What accounts have now, from the ledger's own buckets."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from app.ledger.store import Ledger
from domain import buckets


@dataclass(frozen=True, slots=True)
class Figures:
    """An account's money, with all events up to `position`, which were recorded until `at_micros`, and perhaps a few more."""

    position: int
    at_micros: int
    available_nanos: int
    held_nanos: int
    frozen: bool

    @property
    def standing(self) -> tuple[int, int, bool]:
        """What makes one balance differ from another."""
        return self.available_nanos, self.held_nanos, self.frozen


def figures_of(ledger: Ledger, account_ids: Collection[str]) -> dict[str, Figures]:
    """The head is read first: the figures have all that is up to it. Blocks. Raises StoreUnavailable."""
    head = ledger.head()
    names = {each: (buckets.available(each), buckets.held(each), buckets.frozen(each)) for each in account_ids}
    values = ledger.bucket_values([name for three in names.values() for name in three])
    return {
        each: Figures(head.position, head.recorded_at_micros, values[available], values[held], values[frozen] > 0)
        for each, (available, held, frozen) in names.items()
    }
