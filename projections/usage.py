"""Each account's usage by hour, key and model.

Rule 1: a request counts in the UTC hour in which the store recorded its settlement.
Rule 2: requests = completed + released + answers cancelled by their client and charged for the delivered part.
Rule 3: tokens, calls and images are those that were charged; a release adds none.
"""

from __future__ import annotations

from collections.abc import Sequence

from domain.buckets import MICROS_PER_MINUTE
from domain.events import RequestDebited, RequestReleased
from projections.contract import Fact, Read
from projections.tables import Change, Key, Table, integer, text
from projections.transactions import counts

MICROS_PER_HOUR = 60 * MICROS_PER_MINUTE
USAGE = Table(
    "usage",
    4,
    (
        text("account_id"),
        integer("hour"),
        text("key_id"),
        text("model"),
        integer("requests"),
        integer("completed"),
        integer("released"),
        integer("input_tokens"),
        integer("cached_tokens"),
        integer("output_tokens"),
        integer("reasoning_tokens"),
        integer("web_search_calls"),
        integer("images"),
        integer("cost_nanos"),
    ),
)
"""`hour`: whole hours since 1970 UTC."""


class Usages:
    name = "usage"
    version = 1
    tables = (USAGE,)
    families = frozenset({"request.debited", "request.released"})

    def apply(self, facts: Sequence[Fact], read: Read) -> list[Change]:
        sums: dict[Key, list[int]] = {}
        for _position, recorded_at, event in facts:
            if isinstance(event, RequestDebited):
                added = (1, int(event.outcome == "completed"), 0, *counts(event.usage), event.cost_nanos)
            elif isinstance(event, RequestReleased):
                added = _RELEASED
            else:
                continue
            key = (event.account_id, recorded_at // MICROS_PER_HOUR, event.key_id, event.model)
            there = sums.get(key)
            sums[key] = list(added) if there is None else [a + b for a, b in zip(there, added, strict=True)]
        return [Change(USAGE, "add", [(*key, *values) for key, values in sums.items()])] if sums else []


_RELEASED = (1, 0, 1, 0, 0, 0, 0, 0, 0, 0)
