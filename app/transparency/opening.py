"""Opens sealing from the settings, if it is configured."""

from __future__ import annotations

import structlog
import trio

from app.ledger.store import Ledger
from app.settings import Settings
from app.telemetry.metrics import Metrics
from app.transparency.file import CheckpointFile
from app.transparency.receipts import Receipts
from app.transparency.sealer import Sealer

_log = structlog.get_logger("sealing")


async def open_sealing(
    settings: Settings, ledger: Ledger, metrics: Metrics
) -> tuple[Sealer, Receipts] | tuple[None, None]:
    """The sealer and the maker of receipts. Raises LogDiffers if the log is not the one that was signed."""
    if settings.log is None:
        _log.info("the log is not sealed and there are no receipts: [log] is not configured")
        return None, None
    keys, alone = settings.log.keys(), settings.store.sqlite_path is not None
    sealer = Sealer(ledger, keys, CheckpointFile(settings.checkpoint_path), alone=alone)
    await trio.to_thread.run_sync(sealer.check)
    metrics.watch_log(unsealed=lambda: sealer.unsealed, refused=lambda: sealer.refused is not None)
    return sealer, Receipts(ledger, keys)
