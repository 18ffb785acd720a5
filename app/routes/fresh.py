"""Read your writes: waits briefly until a read model includes the caller's latest changes."""

from __future__ import annotations

from app.faults import ReadModelsUnavailable
from app.read_models.fresh import freshen
from app.services import Services


async def caught_up(services: Services, projection: str) -> None:
    """Wait, up to a limit, until this read model has applied everything that is in the ledger now. Raises StoreUnavailable."""

    def applied() -> int:
        try:
            return services.read_models.tracked()[projection].position
        except (ReadModelsUnavailable, KeyError):
            return -1  # its tables are being created

    async def look() -> int:
        return await services.in_thread(applied, abandon_on_cancel=True)

    head = await services.in_thread(services.ledger.head)
    await freshen(head.position, look, services.runner.poke)
