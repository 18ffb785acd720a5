"""What somebody has just done is in what they look at next: read models are waited for, for a moment."""

from __future__ import annotations

import trio

from app.faults import ReadModelsUnavailable
from app.read_models.fresh import freshen
from app.services import Services


async def caught_up(services: Services, projection: str) -> None:
    """Until this read model has seen what the ledger holds now; for a while at most. Raises StoreUnavailable."""
    reading = services.lifetime.reading

    def seen() -> int:
        try:
            return services.views.tracked()[projection].position
        except (ReadModelsUnavailable, KeyError):
            return -1  # its tables are being made

    async def ask() -> int:
        return await trio.to_thread.run_sync(seen, abandon_on_cancel=True, limiter=reading)

    head = await trio.to_thread.run_sync(services.ledger.head, limiter=reading)
    await freshen(head.position, ask, services.runner.poke)
