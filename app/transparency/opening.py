"""Sealing and receipts, if the settings configure them."""

from __future__ import annotations

from dataclasses import dataclass

import structlog
import trio

from app.ledger.store import Ledger
from app.settings import Settings
from app.telemetry.metrics import Metrics
from app.transparency.file import CheckpointFile
from app.transparency.receipts import Receipts
from app.transparency.sealer import Sealer

_log = structlog.get_logger("sealing")


@dataclass(frozen=True, slots=True)
class Transparency:
    """The sealer of the log, and the maker of receipts."""

    sealer: Sealer
    receipts: Receipts


async def open_transparency(settings: Settings, ledger: Ledger, metrics: Metrics) -> Transparency | None:
    """None if [log] is not set. Raises LogDiffers if the ledger's log is not the one that was signed."""
    if settings.log is None:
        _log.info("the log is not sealed and no receipts are made: [log] is not set")
        return None
    keys, alone = settings.log.keys(), settings.store.sqlite_path is not None
    sealer = Sealer(ledger, keys, CheckpointFile(settings.checkpoint_path), alone=alone)
    await trio.to_thread.run_sync(sealer.check)
    metrics.watch_log(unsealed=lambda: sealer.unsealed, refused=lambda: sealer.refused is not None)
    return Transparency(sealer, Receipts(ledger, keys))
