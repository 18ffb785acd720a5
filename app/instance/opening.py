"""This process: its lease in the ledger, and the limits on its concurrent work."""

from __future__ import annotations

from dataclasses import dataclass

import trio

from app.edge.body import BodyBudget
from app.instance.lease import Lease, Slots
from app.ledger.store import Ledger
from app.settings.shape import LimitSettings


@dataclass(frozen=True, slots=True)
class Instance:
    """`slots` bounds the running requests, `body_budget` the body bytes in memory, `parsing` the large bodies being parsed."""

    lease: Lease
    slots: Slots
    body_budget: BodyBudget
    parsing: trio.CapacityLimiter


def open_instance(ledger: Ledger, limits: LimitSettings) -> Instance:
    """A new instance, with a new ID. `lease.run` takes its lease."""
    return Instance(
        lease=Lease(ledger, lease_seconds=limits.lease),
        slots=Slots(limits.concurrency, limits.key_concurrency),
        body_budget=BodyBudget(limits.body_bytes_in_flight),
        parsing=trio.CapacityLimiter(1),
    )
